"""What several feeds hand out, as one batch: the x of each under the feed's name, beside what the first of them has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import Tensor

from ganzoo.models.batch import Batch

F = TypeVar("F")
_DOT = "."  # between a feed's name and that of its tensor


def seed_of(seed: int, name: str) -> int:
    """The seed of a further set's order, which has nothing to do with that of the first."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "little") >> 1


def with_samples(batch: Batch, feeds: Mapping[str, F], of: Callable[[F], Batch]) -> Batch:
    """The batch, and in it the samples x of each feed under its name."""
    return Batch({**batch, **{name: of(feed).x for name, feed in feeds.items()}}) if feeds else batch


def with_parts(own: Mapping[str, Tensor], feeds: Mapping[str, F], of: Callable[[F], Mapping[str, Tensor]]) -> Batch:
    """What batches will be made of, that of the feeds under names with a dot: "other.numbers"."""
    parts = {f"{name}{_DOT}{key}": value for name, feed in feeds.items() for key, value in of(feed).items()}
    return Batch({**own, **parts})


def part_of(parts: Mapping[str, Tensor], name: str = "") -> Batch:
    """The part that `with_parts` put under a feed's name, or that without one."""
    if not name:
        return Batch({key: value for key, value in parts.items() if _DOT not in key})
    start = f"{name}{_DOT}"
    return Batch({key.removeprefix(start): value for key, value in parts.items() if key.startswith(start)})
