"""Mirrored and brightened pictures, and the faults that augmentations have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ganzoo.models import Draws


def per_sample(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.to(x.dtype).view(-1, *[1] * (x.dim() - 1))


class Whole:
    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def mirrored(self, x: Tensor, draws: Draws) -> Tensor:
        due = draws.uniform(len(x), stream="augment") < self.p
        return torch.where(due.view(-1, *[1] * (x.dim() - 1)), x.flip(-1), x)

    def brightness(self, x: Tensor, draws: Draws) -> Tensor:
        due = draws.uniform(len(x), stream="augment") < self.p
        return per_sample(draws.uniform(len(x), low=-0.5, high=0.5, stream="augment") * due, x)

    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        return self.mirrored(x, draws) + self.brightness(x, draws)


class Always(Whole):
    def brightness(self, x: Tensor, draws: Draws) -> Tensor:
        return per_sample(draws.uniform(len(x), low=-0.5, high=0.5, stream="augment"), x)


class Rounding(Whole):
    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        return (super().__call__(x, draws) * 127.5).round() / 127.5


class GlobalChance(Whole):
    def brightness(self, x: Tensor, draws: Draws) -> Tensor:
        return per_sample(torch.rand(len(x), device=x.device) * self.p, x)


class DrawsByValue(Whole):
    def brightness(self, x: Tensor, draws: Draws) -> Tensor:
        dark = x.flatten(1).mean(1) < 0
        change = torch.zeros(len(x), device=x.device)
        change[dark] = draws.uniform(int(dark.sum()), stream="augment", batched=False) * self.p
        return per_sample(change, x)


class InPlace(Whole):
    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        with torch.no_grad():
            x.clamp_(-0.9, 0.9)
        return super().__call__(x, draws)


class SingleAlways(Whole):
    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        return super().__call__(x, draws).float()


class AboutTheBatch(Whole):
    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        mean = x.mean()
        return (super().__call__(x, draws) - mean) * (1 + self.p * 0.1) + mean


class Waiting(Whole):
    def mirrored(self, x: Tensor, draws: Draws) -> Tensor:
        due = draws.uniform(len(x), stream="augment") < self.p
        return torch.stack([one.flip(-1) if bool(now) else one for one, now in zip(x, due, strict=True)])


class Squeezing(Whole):
    def brightness(self, x: Tensor, draws: Draws) -> Tensor:
        return super().brightness(x, draws).squeeze(0)

    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        return (self.mirrored(x, draws).squeeze(0) + self.brightness(x, draws)).contiguous()


class Mirror(torch.autograd.Function):
    """With a backward of its own, which cannot be differentiated."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.flip(-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.flip(-1)


class OnceAlone(Whole):
    def mirrored(self, x: Tensor, draws: Draws) -> Tensor:
        due = draws.uniform(len(x), stream="augment") < self.p
        return torch.where(due.view(-1, *[1] * (x.dim() - 1)), Mirror.apply(x), x)


class NotCalled:
    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def apply(self, x: Tensor, draws: Draws) -> Tensor:
        return x


class Cropping(Whole):
    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        return super().__call__(x, draws)[..., 1:]
