"""Sources with two pictures a sample: pairs that belong together, and two sets that have nothing to do with each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from ganzoo.data.digest import digest_of
from ganzoo.data.geometry import Size
from ganzoo.data.source import Indices, Source, refuse_outside
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.plugin import SECOND


class _Twofold(Source):
    """Pictures x, and second ones under the layout's name."""

    layout: ClassVar[str]

    def __init__(self, x: Source, second: Source, name: str) -> None:
        self.x, self.second, self.name = x, second, name
        self._at: dict[Size, Source] = {}

    @property
    def spec(self) -> DataSpec:
        """The spec of x, and the shape of the second pictures."""
        fields = {**self.x.spec.fields, SECOND[self.layout]: self.second.spec.shape}
        return DataSpec(**{**vars(self.x.spec), "fields": fields, "name": self.name})

    @cached_property
    def digest(self) -> str:
        """Of both sides."""
        return digest_of([f"{self.layout} {self.x.digest} {self.second.digest}".encode()])

    def at(self, resolution: Size) -> Source:
        """As Source.at: both sides are changed alike."""
        size = (int(resolution[0]), int(resolution[1]))
        if size == self.spec.shape[1:]:
            return self
        if size not in self._at:
            self._at[size] = type(self)(self.x.at(size), self.second.at(size), self.name)
        return self._at[size]


class Pairs(_Twofold):
    """Pictures x, and beside each as `source` the picture that it is to be made of.

    Args:
        x, second: as many pictures, those of one number belong together. Of one height and width.
        name: for messages.

    Raises:
        ValueError: their numbers or sizes differ.
    """

    layout = "pairs"

    def __init__(self, x: Source, second: Source, name: str) -> None:
        if len(x) != len(second) or x.spec.shape[1:] != second.spec.shape[1:]:
            raise ValueError(
                f"{name} has {len(x)} pictures of shape {x.spec.shape} and {len(second)} of {second.spec.shape}: "
                "wanted as many, of one height and width"
            )
        super().__init__(x, second, name)

    def gather(self, indices: Indices) -> Batch:
        """As Source.gather, with `source` uint8 (B, C, H, W)."""
        batch = self.x.gather(indices)
        batch[SECOND[self.layout]] = self.second.gather(indices).x
        return batch

    def apart(self) -> Domains:
        """The two sides as sets that have nothing to do with each other."""
        return Domains(self.x, self.second, self.name)


class Domains(_Twofold):
    """Pictures x of one domain, and as `other` pictures of a second one: two sets, which need not be of one length.

    A feed hands out each set in an order of its own. Asked by number, each x comes with the other of that number, which begin
    again where there are fewer.

    Args:
        x, second: of one height and width.
        name: for messages.

    Raises:
        ValueError: their sizes differ.
    """

    layout = "domains"

    def __init__(self, x: Source, second: Source, name: str) -> None:
        if x.spec.shape[1:] != second.spec.shape[1:]:
            raise ValueError(
                f"{name} has pictures of shape {x.spec.shape} and {second.spec.shape}: wanted one height and width"
            )
        super().__init__(x, second, name)

    @property
    def alone(self) -> Source:
        """x."""
        return self.x

    @property
    def others(self) -> Mapping[str, Source]:
        """The second set."""
        return {SECOND[self.layout]: self.second}

    def gather(self, indices: Indices) -> Batch:
        """As Source.gather, with `other` uint8 (B, C, H, W)."""
        refuse_outside(indices, len(self), self.name)
        batch = self.x.gather(indices)
        batch[SECOND[self.layout]] = self.second.gather(indices % len(self.second)).x
        return batch
