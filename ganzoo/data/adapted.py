"""A source seen differently: grey as RGB, RGB as grey, or without its labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ganzoo.data.digest import digest_of
from ganzoo.data.geometry import Size
from ganzoo.data.resizing import recoloured
from ganzoo.data.source import Indices, Source
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.draws import Draws


class Adapted(Source):
    """A source in other channels or without its labels, changed as batches are made.

    Args:
        channels: 1 grey, 3 RGB, None: as they are.
        drop_labels: whether y and the classes are left away.
    """

    def __init__(self, source: Source, channels: int | None, drop_labels: bool) -> None:
        self.source, self.channels, self.drop_labels = source, channels, drop_labels
        self.endless = source.endless
        self._at: dict[Size, Adapted] = {}

    @property
    def spec(self) -> DataSpec:
        """The inner source's, changed."""
        spec = self.source.spec
        facts = {**vars(spec), "shape": (self.channels, *spec.shape[1:]) if self.channels else spec.shape}
        if self.channels:
            facts["fields"] = {
                name: (self.channels, *shape[1:]) if len(shape) == 3 else shape for name, shape in spec.fields.items()
            }
        if self.drop_labels:
            facts |= {"classes": 0, "class_names": ()}
        return DataSpec(**facts)

    @property
    def digest(self) -> str:
        """Of the inner source's and the change."""
        return digest_of([f"{self.source.digest} {self.channels} {self.drop_labels}".encode()])

    @cached_property
    def others(self) -> Mapping[str, Source]:
        """The inner source's, changed."""
        return {name: Adapted(other, self.channels, self.drop_labels) for name, other in self.source.others.items()}

    @cached_property
    def alone(self) -> Source:
        """The inner source's, changed."""
        inner = self.source.alone
        return self if inner is self.source else Adapted(inner, self.channels, self.drop_labels)

    def gather(self, indices: Indices) -> Batch:
        """As Source.gather."""
        return self._changed(self.source.gather(indices))

    def draw(self, n: int, draws: Draws) -> Batch:
        """As Source.draw."""
        return self._changed(self.source.draw(n, draws))

    def at(self, resolution: Size) -> Source:
        """As Source.at."""
        inner = self.source.at(resolution)
        if inner is self.source:
            return self
        size = (int(resolution[0]), int(resolution[1]))
        if size not in self._at:
            self._at[size] = Adapted(inner, self.channels, self.drop_labels)
        return self._at[size]

    def _changed(self, batch: Batch) -> Batch:
        if self.drop_labels:
            batch = Batch({name: value for name, value in batch.items() if name != "y"})
        return recoloured(batch, self.channels) if self.channels else batch
