"""Penalties that look at more than an input gradient: averages of earlier scores, features, distances of samples, weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.models.context import StepContext
from ganzoo.models.inputs import PenaltyInputs
from ganzoo.models.layers.orthogonal import orthogonality
from ganzoo.objectives.penalties import Penalty


class LeCam(Penalty, nn.Module):
    """E relu(D(x) - α_F)² + E relu(α_R - D(Gz))², α_R and α_F the moving means of the scores of real and of fake samples
    (2104.03310, equation 5, with the code's relu).

    Both means begin as the first scores after `start` updates of the discriminator; the term is 0 until then.

    Args:
        decay: of the moving means, an update of the discriminator.
        start: updates before it begins.
    """

    anchors: Tensor  # α_R, α_F
    updates: Tensor

    def __init__(self, decay: float = 0.99, start: int = 1000) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}, wanted a number from 0 to below 1")
        if start < 0:
            raise ValueError(f"start is {start}, wanted 0 or more updates")
        self.decay, self.start = decay, start
        self.register_buffer("anchors", torch.zeros(2))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The two terms."""
        real_B = inputs.critic(inputs.real) if inputs.real_scores is None else inputs.real_scores
        fake_B = inputs.critic(inputs.fake) if inputs.fake_scores is None else inputs.fake_scores
        above = torch.relu(_full(real_B) - self.anchors[1]).square().mean()
        below = torch.relu(self.anchors[0] - _full(fake_B)).square().mean()
        return (above + below) * (self.updates > self.start)

    @torch.no_grad()
    def after_phase(self, context: StepContext) -> None:
        """Move the means towards the scores of the update."""
        now = torch.stack([context.notes["real"], context.notes["fake"]]).to(self.anchors)
        kept = torch.where(self.updates > self.start, self.decay, 0.0)
        self.anchors.copy_(kept * self.anchors + (1 - kept) * now)
        self.updates.add_(1)


class FeatureMatching(Penalty):
    """‖E φ(x) - E φ(Gz)‖² of the generator, φ the discriminator's features, summed over its layers (1606.03498, section 3.1)."""

    separates = False

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The squared distance of the means."""
        if inputs.judge is None:
            raise ValueError("feature matching wants a judge, which answers with features, given None")
        real, fake = inputs.judge(inputs.real).features, inputs.judge(inputs.fake).features
        if not real:
            raise ValueError("feature matching wants features of the discriminator's layers, and it gives none")
        apart = [_full(f).mean(0) - _full(r).mean(0).detach() for r, f in zip(real, fake, strict=True)]
        return torch.stack([mean.square().sum() for mean in apart]).sum()


class ModeSeeking(Penalty):
    """1 / (d(Gz, Gz') / d(z, z') + 1e-5) of the generator, d the mean absolute difference over the batch and all numbers
    (1903.05628, equation 4, as its code has it)."""

    separates = False

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The inverse of how far apart samples of different latents are. The other latents are the same ones, in the order that
        one step of a wheel gives: they have the same distribution, and each its own label's samples are made anew."""
        z, generate = inputs.start()
        if isinstance(z, dict):
            other = {name: part.roll(1, 0) for name, part in z.items()}
            apart = torch.cat([(part - other[name]).flatten(1) for name, part in z.items()], 1)
            made = generate(other)
        else:
            apart, made = (z - z.roll(1, 0)).flatten(1), generate(z.roll(1, 0))
        near = (inputs.fake - made.to(inputs.fake.dtype)).abs().mean()
        return 1 / (near / apart.abs().mean().clamp_min(1e-12) + 1e-5)  # one sample alone is no distance away


class Orthogonal(Penalty):
    """½ Σ ‖WWᵀ ⊙ (1 - I)‖² over the generator's weights, W (out, all else); embeddings are left out (1809.11096, section 3.1).
    Its gradient 2(WWᵀ ⊙ (1 - I))W is the one that the paper's code adds."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The sum over layers."""
        if inputs.network is None:
            raise ValueError("orthogonal regularisation wants the player's network, given None")
        embeddings = {id(m.weight) for m in inputs.network.modules() if isinstance(m, nn.Embedding)}
        return orthogonality(w for w in inputs.network.parameters() if w.ndim > 1 and id(w) not in embeddings)


def _full(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
