"""Penalties on how much the discriminator's scores change when its samples, or the latents behind them, change a little."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.models.inputs import PenaltyInputs
from ganzoo.models.latent import Latent
from ganzoo.objectives.penalties import Penalty
from ganzoo.objectives.views import flipped_and_shifted


class Consistency(Penalty):
    """CR: E(D(x) - D(Tx))² at real samples (1910.12027, equation 3). T mirrors and shifts.

    Args:
        shift: the largest shift in pixels.
    """

    def __init__(self, shift: int = 4) -> None:
        if shift < 0:
            raise ValueError(f"shift is {shift}, wanted 0 or more pixels")
        self.shift = shift

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """E(D(x) - D(Tx))²."""
        return self._change(inputs, inputs.real, inputs.real_scores)

    def _change(self, inputs: PenaltyInputs, x: Tensor, scores_B: Tensor | None) -> Tensor:
        scores_B = inputs.critic(x) if scores_B is None else scores_B
        seen = flipped_and_shifted(x, inputs.draws, self.shift)
        return _squared(scores_B, inputs.critic(seen))


class BalancedConsistency(Consistency):
    """bCR: E(D(x) - D(Tx))² + fake E(D(Gz) - D(TGz))² (2002.04724, algorithm 1). The record's weight is the paper's λ_real.

    Args:
        shift: the largest shift in pixels.
        fake: λ_fake / λ_real.
    """

    def __init__(self, shift: int = 4, fake: float = 1.0) -> None:
        super().__init__(shift)
        if not fake >= 0:
            raise ValueError(f"fake is {fake}, wanted 0 or more")
        self.fake = fake

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The two terms."""
        real = self._change(inputs, inputs.real, inputs.real_scores)
        return real + self.fake * self._change(inputs, inputs.fake, inputs.fake_scores)


class LatentConsistency(Penalty):
    """zCR: for the discriminator E(D(Gz) - D(G(z + δ)))², for the generator -generator·E‖Gz - G(z + δ)‖², δ ~ N(0, std²)
    (2002.04724, algorithm 2). The distance of two samples is the mean over their numbers. The record's weight is λ_dis.

    Categorical parts of a latent stay as they are.

    Args:
        std: of δ.
        generator: λ_gen / λ_dis.
    """

    def __init__(self, std: float = 0.05, generator: float = 0.025) -> None:
        for name, value in (("std", std), ("generator", generator)):
            if not value >= 0:
                raise ValueError(f"{name} is {value}, wanted 0 or more")
        self.std, self.generator = std, generator

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """The term of the inputs' player."""
        z, generate = inputs.start()
        moved = generate(self._moved(z, inputs))
        if inputs.player == "generator":
            return -self.generator * _squared(inputs.fake, moved)
        scores_B = inputs.critic(inputs.fake) if inputs.fake_scores is None else inputs.fake_scores
        return _squared(scores_B, inputs.critic(moved.to(inputs.fake.dtype)))

    def _moved(self, z: Latent, inputs: PenaltyInputs) -> Latent:
        if isinstance(z, dict):
            return {name: part if name in inputs.categorical else self._noisy(part, inputs) for name, part in z.items()}
        return self._noisy(z, inputs)

    def _noisy(self, part: Tensor, inputs: PenaltyInputs) -> Tensor:
        return part + self.std * inputs.draws.normal(*part.shape, stream="penalty").to(part.dtype)


def _squared(one: Tensor, other: Tensor) -> Tensor:
    """The mean squared difference, in float32 at least."""
    dtype = torch.promote_types(torch.promote_types(one.dtype, other.dtype), torch.float32)
    return (one.to(dtype) - other.to(dtype)).square().mean()
