"""A fixed random projection of small pictures, and the faults that feature extractors have."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

WIDTH = 16
SIDE = 8  # pixels


class Whole:
    name = "projection"
    digest = ""

    def __init__(self) -> None:
        self.weights = self.drawn() / SIDE

    def drawn(self) -> Tensor:
        return torch.randn(3 * SIDE * SIDE, WIDTH, generator=torch.Generator().manual_seed(0))

    def checked(self, pictures: Tensor) -> Tensor:
        if pictures.dtype != torch.uint8:
            raise ValueError(f"pictures must be uint8, got {pictures.dtype}")
        if pictures.dim() != 4 or pictures.shape[1] not in (1, 3) or not len(pictures):
            raise ValueError(f"pictures must be (N, 1 or 3, H, W), got {tuple(pictures.shape)}")
        return pictures

    def small(self, pictures: Tensor) -> Tensor:
        return adaptive_avg_pool2d(pictures.float(), SIDE).expand(-1, 3, -1, -1) / 255

    def __call__(self, pictures: Tensor) -> Tensor:
        return self.small(self.checked(pictures)).flatten(1) @ self.weights


class BatchStatistics(Whole):
    def small(self, pictures: Tensor) -> Tensor:
        x = super().small(pictures)
        return x - x.mean(0)


class Double(Whole):
    def drawn(self) -> Tensor:
        return super().drawn().double()

    def small(self, pictures: Tensor) -> Tensor:
        return super().small(pictures).double()


class Unseeded(Whole):
    def drawn(self) -> Tensor:
        return torch.randn(3 * SIDE * SIDE, WIDTH)


class TakesFloats(Whole):
    def checked(self, pictures: Tensor) -> Tensor:
        super().checked(pictures.to(torch.uint8))
        return pictures


class Standardising(Whole):
    def small(self, pictures: Tensor) -> Tensor:
        x = super().small(pictures)
        return (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)


class RgbAlone(Whole):
    def small(self, pictures: Tensor) -> Tensor:
        return adaptive_avg_pool2d(pictures.float(), SIDE) / 255


class OtherWidth(Whole):
    """Its record says twice as many features."""


class WithGraph(Whole):
    def __init__(self) -> None:
        super().__init__()
        self.weights.requires_grad_()


class OneSize(Whole):
    def small(self, pictures: Tensor) -> Tensor:
        return pictures.unfold(2, 4, 4).unfold(3, 4, 4).float().mean((4, 5)).expand(-1, 3, -1, -1) / 255


class Saturated(Whole):
    def __call__(self, pictures: Tensor) -> Tensor:
        return super().__call__(pictures).sign().abs()


class NoDigest(Whole):
    digest = None  # type: ignore[assignment]


class InPlace(Whole):
    def small(self, pictures: Tensor) -> Tensor:
        return super().small(pictures.clamp_(5, 250))
