"""What a source of samples is, whatever it reads or computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import UsageError
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.draws import Draws

Indices = NDArray[np.int64]


def refuse_outside(indices: Indices, count: int, name: str) -> None:
    """NumPy counts negative numbers from the end, which would be another sample without a word.

    Raises:
        IndexError: a number is none of 0 .. count - 1.
    """
    if indices.size and not (indices.min() >= 0 and indices.max() < count):
        raise IndexError(f"{name} has samples 0 to {count - 1}, asked for {int(indices.min())} to {int(indices.max())}")


class Source(ABC):
    """Samples by number, or, where `endless`, drawn afresh each time.

    A finite source answers `len` and `gather`, an endless one `draw`. Pictures are uint8 until a feed brings them into
    a game's value range.
    """

    endless: bool = False

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """Shape, modality and classes of the samples."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """32 hexadecimal digits that two sources share only if they hold the same samples in the same order."""

    @property
    def others(self) -> Mapping[str, Source]:
        """Sets of other samples, by the name that they have in a batch, of which a feed hands out each in an order of its own."""
        return {}

    @property
    def alone(self) -> Source:
        """The source without `others`; the same object each time."""
        return self

    def __len__(self) -> int:
        """Number of samples.

        Raises:
            TypeError: the source is endless.
        """
        if self.spec.count is None:
            raise TypeError(f"{self.spec.name} has no end, so it has no length")
        return self.spec.count

    def __bool__(self) -> bool:
        """True, also for a source without a length."""
        return True

    def gather(self, indices: Indices) -> Batch:
        """The samples of these numbers on the CPU: images uint8 (B, C, H, W), points float32 (B, F), y int64 (B,).

        Args:
            indices: (B,), each from 0 to len - 1; in any order, also several times the same, also none. Several threads may
                gather at once, and what they get is theirs to write to.

        Raises:
            TypeError: the source is endless.
            IndexError: a number is below 0, or len or more.
        """
        raise TypeError(f"{self.spec.name} cannot gather by number: its samples are drawn")

    def draw(self, n: int, draws: Draws) -> Batch:
        """n new samples, this rank's part of n * world, float32 on the device of `draws`, from its streams "data...".

        Raises:
            TypeError: the source is finite.
        """
        raise TypeError(f"{self.spec.name} cannot draw: its samples have numbers")

    def at(self, resolution: tuple[int, int]) -> Source:
        """The same pictures at (height, width) pixels; the same object for the same resolution.

        Raises:
            UsageError: the samples have no resolution.
        """
        raise UsageError(f"{self.spec.name} holds {self.spec.modality}, which cannot be brought to {resolution} pixels")
