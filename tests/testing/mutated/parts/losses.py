"""A logistic loss, and the faults that losses have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganzoo.models import Scores
from ganzoo.objectives import Loss


class Whole(Loss):
    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + self.smoothing * real.mean() + softplus(fake).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        return softplus(-fake).mean()


class WholePaired(Loss):
    needs_real = True

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        return softplus(real - fake).mean()


class SignTurned(Whole):
    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        return softplus(fake).mean()


class SidesExchanged(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return super().discriminator_side(fake, real)


class Summed(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).sum() + softplus(fake).sum()


class Overflowing(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 + (-real).exp()).log().mean() + (1 + fake.exp()).log().mean()


class WholeBatch(WholePaired):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake.mean() - real).mean()


class RealMoved(WholePaired):
    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        if real is None:
            raise ValueError("real scores are wanted")
        return torch.stack([softplus(r - f).mean() for r, f in zip(real.heads, fake.heads, strict=True)]).sum()


class Stretched(WholePaired):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake.flatten() - real).mean()


class Half(Whole):
    def discriminator(self, real: Scores, fake: Scores) -> Tensor:
        sides = [self.discriminator_side(r, f) for r, f in zip(real.heads, fake.heads, strict=True)]
        return torch.stack(sides).sum()


class FirstCritic(Whole):
    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        return super().generator(Scores(fake.heads[0]), real)


class CutOff(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake.detach()).mean()


class Remembering(Whole):
    level: Tensor | float = 0.0

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        self.level = 0.9 * self.level + 0.1 * real.mean().detach()
        return super().discriminator_side(real - self.level, fake)


class Waiting(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        side = super().discriminator_side(real, fake)
        return side if side.item() < 1e9 else side * 0


class UnsaidReal(WholePaired):
    """Its record says nothing of real scores."""


class NeedlessReal(Whole):
    needs_real = True


class Swallowing(Whole):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class Ordered(Whole):
    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        weights = torch.linspace(0.5, 1.5, len(real), device=real.device, dtype=real.dtype)
        weights = weights.view(-1, *[1] * (real.dim() - 1))
        return (weights * softplus(-real)).mean() + softplus(fake).mean()


class PerSample(Whole):
    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        return softplus(-fake)
