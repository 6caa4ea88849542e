"""The order in which samples are handed out: a function of a seed, an epoch and a position, and of nothing else.

Batches run on over the end of an epoch, so every batch is full. Under several processes each takes its rows of one
global order, so the samples of a step do not depend on how many processes share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.errors import GanzooError

Order = NDArray[np.int64]

_KEY = 2**64 - 1


def permutation(count: int, seed: int, epoch: int) -> Order:
    """The order of the samples 0 .. count-1 in one epoch.

    It sorts raw Philox numbers rather than calling numpy's own shuffle: numpy promises the raw stream for all its
    versions, but not the shuffle's, and a resumed run must see the same order. Peak memory is 16 bytes a sample.
    """
    if count == 1:
        return np.zeros(1, np.int64)
    keys = np.random.Philox(key=np.array([seed & _KEY, epoch & _KEY], np.uint64)).random_raw(count)
    # A sample's number in the low bits makes every key different, so that any sorting algorithm gives the same order.
    low = np.uint64((1 << (count - 1).bit_length()) - 1)
    keys &= ~low
    keys |= np.arange(count, dtype=np.uint64)
    keys.sort()
    keys &= low
    return keys.view(np.int64)


class Sampler:
    """Numbers of samples in an order that can be stopped and continued anywhere.

    Args:
        count: number of samples, at least 1.
        seed: of the order; the same on every rank.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        if count < 1:
            raise ValueError(f"{count} samples cannot be put in order")
        self.count, self.seed = count, seed
        self.epoch, self.position = 0, 0
        self._orders: dict[int, Order] = {}

    @property
    def left(self) -> int:
        """Samples of this epoch that have not been handed out."""
        return self.count - self.position

    def peek(self, n: int) -> Order:
        """The next n numbers, (n,) int64, without going on. Read-only: it may be a view of the epoch's order."""
        epoch, position = self.epoch, self.position
        pieces = []
        while n > 0:
            piece = self._order(epoch)[position : position + n]
            pieces.append(piece)
            n -= len(piece)
            epoch, position = epoch + 1, 0
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces or [np.zeros(0, np.int64)])

    def advance(self, n: int) -> None:
        """Count n samples as handed out."""
        epochs, self.position = divmod(self.position + n, self.count)
        if epochs:
            self.epoch += epochs
            self._orders = {epoch: order for epoch, order in self._orders.items() if epoch >= self.epoch}

    def next(self, batch: int, rank: int = 0, world: int = 1) -> Order:
        """Rank's rows of the next global batch.

        Args:
            batch: samples over all processes; a multiple of `world`.
        """
        part = batch // world
        rows = self.peek(batch)[rank * part : (rank + 1) * part]
        self.advance(batch)
        return rows

    def state_dict(self) -> dict[str, int]:
        """Three whole numbers, which say what has been handed out."""
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            GanzooError: the position lies beyond this sampler's samples; nothing is changed.
        """
        seed, epoch, position = int(state["seed"]), int(state["epoch"]), int(state["position"])
        if not (epoch >= 0 and 0 <= position < self.count):
            raise GanzooError(
                f"the checkpoint stands at sample {position} of an epoch, and these data have {self.count} samples: "
                "continue with the data that the run began with"
            )
        self.seed, self.epoch, self.position = seed, epoch, position
        self._orders.clear()

    def _order(self, epoch: int) -> Order:
        if epoch not in self._orders:
            # A batch may reach over many small epochs; this epoch's order and the latest are kept.
            self._orders = {known: order for known, order in self._orders.items() if known == self.epoch}
            order = permutation(self.count, self.seed, epoch)
            order.flags.writeable = False
            self._orders[epoch] = order
        return self._orders[epoch]
