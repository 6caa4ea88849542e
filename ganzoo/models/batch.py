"""A batch of samples by name, and the description of the data that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ganzoo.plugin import SECOND


class Batch(dict[str, Tensor]):
    """Tensors by name with one first dimension: x the samples, y class indices if there are classes, a second picture
    (plugin.SECOND), others as the data names them (a mask, a target)."""

    @property
    def x(self) -> Tensor:
        """The samples, (B, ...)."""
        return self["x"]

    @property
    def y(self) -> Tensor | None:
        """Class indices, (B,) int64, or None."""
        return self.get("y")

    @property
    def second(self) -> Tensor | None:
        """The second pictures, of pairs or domains, (B, C, H, W), or None."""
        return next((self[name] for name in SECOND.values() if name in self), None)

    @property
    def size(self) -> int:
        """Samples in it."""
        return int(next(iter(self.values())).shape[0])

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """A batch of the changed tensors."""
        return Batch({name: change(value) for name, value in self.items()})

    def split(self, parts: int) -> list[Batch]:
        """Micro-batches of nearly equal size."""
        if parts == 1:
            return [self]
        pieces = {name: value.tensor_split(parts) for name, value in self.items()}
        return [Batch({name: piece[i] for name, piece in pieces.items()}) for i in range(parts)]


@dataclass(frozen=True)
class DataSpec:
    """What an architecture is told about the data before it is built.

    Args:
        shape: of one sample: (C, H, W) for images, (F,) for points.
        modality: image, points, ...
        classes: number of classes, 0 where there are no labels.
        class_names: their names in the order of the indices.
        fields: shapes of further named tensors.
        count: number of samples, None for a source without end.
        name: for messages and the run's card.
    """

    shape: tuple[int, ...]
    modality: str = "image"
    classes: int = 0
    class_names: tuple[str, ...] = ()
    fields: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    count: int | None = None
    name: str = "data"

    @property
    def second(self) -> tuple[int, ...] | None:
        """The shape of the second pictures, of pairs or domains, or None."""
        return next((tuple(self.fields[name]) for name in SECOND.values() if name in self.fields), None)

    def image(self) -> tuple[int, int, int]:
        """(C, H, W).

        Raises:
            ValueError: the samples are not images.
        """
        if self.modality != "image" or len(self.shape) != 3:
            raise ValueError(
                f"this architecture makes images, and {self.name} holds {self.modality} of shape {self.shape}"
            )
        channels, height, width = self.shape
        return channels, height, width

    def points(self) -> int:
        """Numbers a sample, where a sample is a vector.

        Raises:
            ValueError: the samples are not vectors.
        """
        if len(self.shape) != 1:
            raise ValueError(
                f"this architecture makes points, and {self.name} holds {self.modality} of shape {self.shape}"
            )
        return self.shape[0]
