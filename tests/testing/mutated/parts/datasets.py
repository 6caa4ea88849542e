"""Made-up pictures, points that are drawn, and the faults that data sets have."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
import torch

from ganzoo.data import Source, StoredImages
from ganzoo.data.digest import digest_of
from ganzoo.data.source import Indices
from ganzoo.models import Batch, DataSpec, Draws

CLASSES = 3
SIDE = 8  # pixels


class Whole(StoredImages):
    """Noise with labels."""

    def __init__(self, count: int = 40, tone: Literal["dark", "light"] = "dark") -> None:
        chance = np.random.default_rng(0)
        images = chance.integers(0, 128, (count, SIDE, SIDE, 1)).astype(np.uint8)
        images += 100 if tone == "light" else 0
        super().__init__(images, self.classes_of(count), class_names=("a", "b", "c"), name="noise")

    def classes_of(self, count: int) -> Any:
        return np.arange(count, dtype=np.int64) % CLASSES


class UnseededOrder(Whole):
    def __init__(self, count: int = 40) -> None:
        super().__init__(count)
        order = np.random.default_rng().permutation(count)
        self.images = self.images[order]


class OneLabelTooMany(Whole):
    def classes_of(self, count: int) -> Any:
        return np.arange(count, dtype=np.int64) % CLASSES + 1


class DigestOfTheName(Whole):
    @property
    def digest(self) -> str:  # type: ignore[override]
        return digest_of([b"noise"])


class SharedMemory(Whole):
    def gather(self, indices: Indices) -> Batch:
        super().gather(indices)
        first, last = (int(indices[0]), int(indices[-1])) if len(indices) else (0, -1)
        if not np.array_equal(indices, np.arange(first, last + 1)):
            return super().gather(indices)
        x = torch.from_numpy(self.images[first : last + 1]).permute(0, 3, 1, 2)
        return Batch(x=x, y=torch.from_numpy(self.labels[first : last + 1]))


class FloatPictures(Whole):
    def gather(self, indices: Indices) -> Batch:
        batch = super().gather(indices)
        return Batch(x=batch.x / 255, y=batch["y"])


class CountedFromTheEnd(Whole):
    def gather(self, indices: Indices) -> Batch:
        return super().gather(indices % len(self))


class SharedPlace(Whole):
    def gather(self, indices: Indices) -> Batch:
        self.wanted = indices
        time.sleep(1e-3)  # as a read would take
        return super().gather(self.wanted)


class Sorted(Whole):
    def gather(self, indices: Indices) -> Batch:
        return super().gather(np.sort(indices))


class OtherEveryTime(Whole):
    calls = 0

    def gather(self, indices: Indices) -> Batch:
        self.calls += 1
        batch = super().gather(indices)
        batch["x"] = batch.x + self.calls
        return batch


class OneSize(Whole):
    def at(self, resolution: Any, *rest: Any) -> Any:
        return Source.at(self, resolution)


class OtherOption(Whole):
    """Its record has an option that it does not take."""


class SaidToBePoints(Whole):
    """Its record says points."""


class WholeDrawn(Source):
    """Normal points about (1, 1)."""

    endless = True

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = sigma

    @property
    def spec(self) -> DataSpec:
        return DataSpec((2,), modality="points", name="drawn")

    @property
    def digest(self) -> str:
        return digest_of([f"drawn {self.sigma}".encode()])

    def draw(self, n: int, draws: Draws) -> Batch:
        return Batch(x=draws.normal(n, 2, stream="data") * self.sigma + 1)


class DrawnFromItself(WholeDrawn):
    def __init__(self, sigma: float = 1.0) -> None:
        super().__init__(sigma)
        self.chance = torch.Generator().manual_seed(0)

    def draw(self, n: int, draws: Draws) -> Batch:
        return Batch(x=torch.randn(n, 2, generator=self.chance, device=draws.device) * self.sigma)


class DrawnAndCentred(WholeDrawn):
    def draw(self, n: int, draws: Draws) -> Batch:
        x = super().draw(n, draws).x
        return Batch(x=x - x.mean(0))


class DrawnOnTheHost(WholeDrawn):
    def draw(self, n: int, draws: Draws) -> Batch:
        x = super().draw(n, draws).x
        return Batch(x=x[x.norm(dim=1) < 100])


class DrawnFromLatents(WholeDrawn):
    def draw(self, n: int, draws: Draws) -> Batch:
        return Batch(x=draws.normal(n, 2) * self.sigma)
