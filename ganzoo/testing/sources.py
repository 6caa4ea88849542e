"""A data set that is being checked, and some of its samples."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ganzoo.data import Source
from ganzoo.errors import GanzooError
from ganzoo.models import Batch, Draws
from ganzoo.testing.check import Failed, Skipped
from ganzoo.testing.component import Component

BATCH = 16
LARGE_BYTES = 64 * 2**20  # of samples that are looked at at once, or resized


class DatasetSubject(Component):
    """A data set: its source with the default options."""

    @cached_property
    def source(self) -> Source:
        """It.

        Raises:
            Skipped: it does not open, as the check "opens" says.
        """
        try:
            return self.opened()
        except (GanzooError, Failed) as error:
            raise Skipped(f"it does not open: {error}") from error

    def opened(self, **options: Any) -> Source:
        """A new source.

        Raises:
            Failed: the target makes something else.
        """
        source = self.made(**options)
        if not isinstance(source, Source):
            raise Failed(f"it makes a {type(source).__name__}, wanted a ganzoo.data.Source")
        return source

    @property
    def finite(self) -> Source:
        """The source.

        Raises:
            Skipped: it is endless.
        """
        if self.source.endless:
            raise Skipped("it is endless: its samples are drawn and have no numbers")
        return self.source

    @property
    def endless(self) -> Source:
        """The source.

        Raises:
            Skipped: it is finite.
        """
        if not self.source.endless:
            raise Skipped("its samples have numbers, and are not drawn")
        return self.source


def samples(source: Source, n: int = BATCH) -> Batch:
    """n of them, from all over a finite source; of an endless one the first draws of a seed."""
    n = min(n, max(BATCH, LARGE_BYTES // math.prod(source.spec.shape)))
    if source.endless:
        return source.draw(n, Draws(0))
    return source.gather(numbers(source, n))


def numbers(source: Source, n: int) -> Any:
    """n numbers at equal distances, the first and the last among them."""
    return np.unique(np.linspace(0, len(source) - 1, n).round().astype(np.int64))


def equal(one: Batch, other: Batch) -> bool:
    """Bit for bit, by the same names."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )
