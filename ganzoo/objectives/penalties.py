"""Penalties on the discriminator's input gradient and weights: pure functions of a critic and samples, and the classes that the registry makes.

A penalty returns its term without the weight λ, but with the factors of its own equation: R1 is ½E‖∇D(x)‖², so its
weight is the γ of the papers that write γ/2. Gradients are taken with torch.func.grad, so that one piece of code runs
eagerly, compiled and nested, and second derivatives reach the critic's parameters whichever way they are held.

A critic maps samples to one number each, x (B, ...) to (B,). Its gradient is one per sample as long as samples do not
meet in it: with batch normalisation in the critic, the penalties are not what their papers define.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ganzoo.models.context import StepContext
from ganzoo.models.inputs import Critic, PenaltyInputs
from ganzoo.models.layers import piecewise
from ganzoo.models.layers.maps import grey_in_order

EPSILON = 1e-12  # added to ‖∇D‖² below the root, whose derivative is infinite at 0; moves a norm of 1 by 5e-13


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """∇D(x) of each sample, (B, F) with F the numbers of a sample; in closed form where the critic is a chain that allows it."""
    chain = getattr(critic, "chain", None)
    x = grey_in_order(x)
    if chain is not None:
        gradient = piecewise.input_gradient(chain, x)
    else:
        gradient = torch.func.grad(lambda x: critic(x).sum())(x)
    # Norms are sums over thousands of numbers: never in half precision.
    gradient = gradient if gradient.dtype == torch.float64 else gradient.float()
    if gradient.ndim == 4 and gradient.is_contiguous(memory_format=torch.channels_last):
        gradient = gradient.permute(
            0, 2, 3, 1
        )  # the order of the numbers means nothing to a norm, and so none is copied
    return gradient.flatten(1)


def gradient_norm(critic: Critic, x: Tensor) -> Tensor:
    """‖∇D(x)‖ of each sample, (B,), with finite derivatives where it is 0."""
    return (input_gradient(critic, x).square().sum(1) + EPSILON).sqrt()


def squared_gradient(critic: Critic, x: Tensor) -> Tensor:
    """E‖∇D(x)‖², exact."""
    return input_gradient(critic, x).square().sum(1).mean()


def interpolate(real: Tensor, fake: Tensor, mix_B: Tensor) -> Tensor:
    """x̂ = εx + (1 - ε)Gz with one ε a sample (1704.00028, algorithm 1).

    Raises:
        ValueError: real, fake and mix do not have one batch size, or the samples differ in shape.
    """
    if real.shape != fake.shape or mix_B.shape != real.shape[:1]:
        raise ValueError(
            f"mixing wants real and fake samples of one shape and one number a sample, given real {tuple(real.shape)}, "
            f"fake {tuple(fake.shape)} and mix {tuple(mix_B.shape)}"
        )
    mix = _per_sample(mix_B, real)
    return mix * real + (1 - mix) * fake


def gradient_penalty(critic: Critic, x: Tensor, target: float = 1.0) -> Tensor:
    """Two-sided: E(‖∇D(x)‖ - target)² (1704.00028, equation 3)."""
    return (gradient_norm(critic, x) - target).square().mean()


def one_sided_gradient_penalty(critic: Critic, x: Tensor, target: float = 1.0) -> Tensor:
    """One-sided: E relu(‖∇D(x)‖ - target)², the Lipschitz penalty (1709.08894)."""
    return torch.relu(gradient_norm(critic, x) - target).square().mean()


def r1(critic: Critic, real: Tensor) -> Tensor:
    """½E‖∇D(x)‖² at real samples (1801.04406, equation 9)."""
    return squared_gradient(critic, real) / 2


def r2(critic: Critic, fake: Tensor) -> Tensor:
    """½E‖∇D(Gz)‖² at fake samples (1801.04406, equation 10)."""
    return squared_gradient(critic, fake.detach()) / 2


def dragan_samples(real: Tensor, noise: Tensor, mix_B: Tensor, std: Tensor) -> Tensor:
    """X + α(X_p - X) with X_p = X + ½ std(X) U[0, 1), one α ~ U[0, 1) a sample (1705.07215).

    That is the noise of the paper's own code. Others under the same name: noise centred at 0 and clipped to the images'
    range (std(X)(U - ½)), normal noise as the paper's text has it, the mixing left out. Their figures do not compare.
    """
    return real + _per_sample(mix_B, real) * (0.5 * std * noise)


def batch_std(x: Tensor, world: int = 1) -> Tensor:
    """The standard deviation of all numbers of the batch (divisor n), over all processes where there are several.

    With `world` above 1 every process has to call it at the same point.
    """
    if world == 1:
        return x.std(correction=0)
    total = torch.stack([x.sum(), x.new_tensor(float(x.numel()))])
    torch.distributed.all_reduce(total)
    mean = total[0] / total[1]
    squares = (x - mean).square().sum()
    torch.distributed.all_reduce(squares)
    return (squares / total[1]).sqrt()


class Penalty:
    """A further term of a player's objective, or a projection of the discriminator's weights.

    is_projection: it is no term: `project` is called after each update of the discriminator instead.
    separates: a batch's term is the mean of its samples' terms, or is made exact over processes.
    """

    is_projection: ClassVar[bool] = False
    separates: ClassVar[bool] = True

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The term, one number, without its weight."""
        raise TypeError(f"{type(self).__name__} has no term" + (": it is a projection" if self.is_projection else ""))

    def after_phase(self, context: StepContext) -> None:
        """Called after each update of the discriminator, without gradients: for a penalty with a state, which is an nn.Module
        too and keeps it in buffers. `context.notes` has the mean scores "real" and "fake" of the whole batch."""

    def project(self, module: nn.Module) -> None:
        """Change the module's parameters in place."""
        raise TypeError(f"{type(self).__name__} is a term of the objective, not a projection")


class GradientPenalty(Penalty):
    """WGAN-GP: E(‖∇D(x̂)‖ - target)² at random mixes x̂ of a real and a fake sample (1704.00028, equation 3).

    Args:
        target: the norm that is wanted.
    """

    def __init__(self, target: float = 1.0) -> None:
        self.target = _not_negative("target", target)

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E(‖∇D(x̂)‖ - target)²."""
        return gradient_penalty(inputs.critic, _mixed(inputs), self.target)


class OneSidedGradientPenalty(Penalty):
    """WGAN-LP: E relu(‖∇D(x̂)‖ - target)² at random mixes x̂ (1709.08894).

    Args:
        target: the largest norm that costs nothing.
    """

    def __init__(self, target: float = 1.0) -> None:
        self.target = _not_negative("target", target)

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E relu(‖∇D(x̂)‖ - target)²."""
        return one_sided_gradient_penalty(inputs.critic, _mixed(inputs), self.target)


class ZeroCentredGradientPenalty(Penalty):
    """WGAN-GP-0: E‖∇D(x̂)‖² at random mixes x̂; no ½, as in WGAN-GP (1801.04406; 1902.03984)."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E‖∇D(x̂)‖²."""
        return squared_gradient(inputs.critic, _mixed(inputs))


class R1(Penalty):
    """½E‖∇D(x)‖² at real samples; its weight is γ (1801.04406, equation 9)."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """½E‖∇D(x)‖²."""
        return r1(inputs.critic, inputs.real)


class R2(Penalty):
    """½E‖∇D(Gz)‖² at fake samples; its weight is γ (1801.04406, equation 10)."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """½E‖∇D(Gz)‖²."""
        return r2(inputs.critic, inputs.fake)


class Dragan(Penalty):
    """E(‖∇D(x̃)‖ - target)² around real samples, with the noise of `dragan_samples` (1705.07215).

    The noise follows the standard deviation of the whole batch, which is made exact over processes; micro-batches each
    have their own.

    Args:
        target: the norm that is wanted.
    """

    def __init__(self, target: float = 1.0) -> None:
        self.target = _not_negative("target", target)

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E(‖∇D(x̃)‖ - target)²."""
        real, draws = inputs.real, inputs.draws
        noise = draws.uniform(*real.shape, stream="penalty").to(real.dtype)
        mix_B = draws.uniform(real.shape[0], stream="penalty").to(real.dtype)
        near = dragan_samples(real, noise, mix_B, batch_std(real, draws.world))
        return gradient_penalty(inputs.critic, near, self.target)


class Drift(Penalty):
    """E D(x)², which keeps the critic's outputs near 0; its weight is ε (1710.10196, appendix A.1)."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E D(x)²."""
        scores_B = inputs.critic(inputs.real) if inputs.real_scores is None else inputs.real_scores
        return scores_B.to(torch.promote_types(scores_B.dtype, torch.float32)).square().mean()


class WeightClip(Penalty):
    """w ← clip(w, -limit, limit) for every parameter (1701.07875, algorithm 1).

    Args:
        limit: the largest absolute value of a weight.
    """

    is_projection = True

    def __init__(self, limit: float = 0.01) -> None:
        if not limit > 0:
            raise ValueError(f"limit is {limit}, wanted a number above 0")
        self.limit = limit

    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        """Clip every parameter in place."""
        parameters: list[Tensor] = list(module.parameters())
        if parameters:
            torch._foreach_clamp_min_(parameters, -self.limit)
            torch._foreach_clamp_max_(parameters, self.limit)


def _mixed(inputs: PenaltyInputs) -> Tensor:
    mix_B = inputs.draws.uniform(inputs.real.shape[0], stream="penalty").to(inputs.real.dtype)
    return interpolate(inputs.real, inputs.fake, mix_B)


def _per_sample(numbers_B: Tensor, like: Tensor) -> Tensor:
    return numbers_B.view(-1, *[1] * (like.ndim - 1))


def _not_negative(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"{name} is {value}, wanted 0 or more")
    return value
