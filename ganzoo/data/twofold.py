"""Sources with two pictures a sample: pairs that belong together, and two sets that have nothing to do with each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ganzoo.data.digest import digest_of
from ganzoo.data.geometry import Size
from ganzoo.data.source import Indices, Source, refuse_outside
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.plugin import SECOND


class Pairs(Source):
    """Pictures x, and beside each as `source` the picture that it is to be made of.

    Args:
        x, source: as many pictures, those of one number belong together. Of one height and width.
        name: for messages.

    Raises:
        ValueError: their numbers or sizes differ.
    """

    def __init__(self, x: Source, source: Source, name: str) -> None:
        if len(x) != len(source) or x.spec.shape[1:] != source.spec.shape[1:]:
            raise ValueError(
                f"{name} has {len(x)} pictures of shape {x.spec.shape} and {len(source)} of {source.spec.shape}: "
                "wanted as many, of one height and width"
            )
        self.x, self.source, self.name = x, source, name
        self._at: dict[Size, Pairs] = {}

    @property
    def spec(self) -> DataSpec:
        """The spec of x, and the shape of its source."""
        fields = {**self.x.spec.fields, SECOND["pairs"]: self.source.spec.shape}
        return DataSpec(**{**vars(self.x.spec), "fields": fields, "name": self.name})

    @cached_property
    def digest(self) -> str:
        """Of both sides."""
        return digest_of([f"pairs {self.x.digest} {self.source.digest}".encode()])

    def gather(self, indices: Indices) -> Batch:
        """As Source.gather, with `source` uint8 (B, C, H, W)."""
        batch = self.x.gather(indices)
        batch[SECOND["pairs"]] = self.source.gather(indices).x
        return batch

    def at(self, resolution: Size) -> Source:
        """As Source.at: both sides are changed alike."""
        size = (int(resolution[0]), int(resolution[1]))
        if size == self.spec.shape[1:]:
            return self
        if size not in self._at:
            self._at[size] = Pairs(self.x.at(size), self.source.at(size), self.name)
        return self._at[size]

    def apart(self) -> Domains:
        """The two sides as sets that have nothing to do with each other."""
        return Domains(self.x, self.source, self.name)


class Domains(Source):
    """Pictures x of one domain, and as `other` pictures of a second one: two sets, which need not be of one length.

    A feed hands out each set in an order of its own. Asked by number, each x comes with the other of that number, which begin
    again where there are fewer.

    Args:
        x, other: of one height and width.
        name: for messages.

    Raises:
        ValueError: their sizes differ.
    """

    def __init__(self, x: Source, other: Source, name: str) -> None:
        if x.spec.shape[1:] != other.spec.shape[1:]:
            raise ValueError(
                f"{name} has pictures of shape {x.spec.shape} and {other.spec.shape}: wanted one height and width"
            )
        self.x, self.other, self.name = x, other, name
        self._at: dict[Size, Domains] = {}

    @property
    def spec(self) -> DataSpec:
        """The spec of x, and the shape of the others."""
        fields = {**self.x.spec.fields, SECOND["domains"]: self.other.spec.shape}
        return DataSpec(**{**vars(self.x.spec), "fields": fields, "name": self.name})

    @cached_property
    def digest(self) -> str:
        """Of both sets."""
        return digest_of([f"domains {self.x.digest} {self.other.digest}".encode()])

    @property
    def alone(self) -> Source:
        """x."""
        return self.x

    @property
    def others(self) -> Mapping[str, Source]:
        """The second set."""
        return {SECOND["domains"]: self.other}

    def gather(self, indices: Indices) -> Batch:
        """As Source.gather, with `other` uint8 (B, C, H, W)."""
        refuse_outside(indices, len(self), self.name)
        batch = self.x.gather(indices)
        batch[SECOND["domains"]] = self.other.gather(indices % len(self.other)).x
        return batch

    def at(self, resolution: Size) -> Source:
        """As Source.at, of both sets."""
        size = (int(resolution[0]), int(resolution[1]))
        if size == self.spec.shape[1:]:
            return self
        if size not in self._at:
            self._at[size] = Domains(self.x.at(size), self.other.at(size), self.name)
        return self._at[size]
