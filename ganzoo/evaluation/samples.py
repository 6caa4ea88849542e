"""Sets of samples that figures are measured on: real ones, a model's, and those it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Source
from ganzoo.data.digest import digest_of
from ganzoo.data.source import Indices
from ganzoo.errors import UsageError
from ganzoo.metrics import Mixture
from ganzoo.metrics.modes import mixture_of
from ganzoo.models import Draws

GATHER = 1000  # pictures a piece
DRAWN_SEED = 20_240_607  # of samples from a source without end, so that they are the same each time


@dataclass(frozen=True)
class Samples:
    """Some samples of one kind.

    Args:
        x: pictures, uint8 (N, C, H, W), or points, float64 (N, F).
        labels: class indices, int64 (N,).
        name: what they are, for a reader: fashion-12k (test).
        digest: of the samples themselves, and of the order they are in.
        split: train or test, of a data set; generated, of a model; empty: unknown.
        mixture: what is known of the distribution, of points.
        second: the second pictures of the same numbers, uint8, of data that have them.
    """

    x: Tensor
    labels: Tensor | None
    name: str
    digest: str
    split: str = ""
    mixture: Mixture | None = None
    second: Tensor | None = None

    @property
    def pictures(self) -> bool:
        """Whether they are pictures."""
        return self.x.dim() == 4

    def __len__(self) -> int:
        return len(self.x)


def from_source(source: Source, count: int | None, split: str, progress: Callable[[int, int], None]) -> Samples:
    """Samples of a source: all, or `count` at equal distances over it; from one without end, drawn with a seed of their own.

    Raises:
        UsageError: there are fewer, or a source without end and no number.
    """
    spec = source.spec
    if source.endless:
        if count is None:
            raise UsageError(f"{spec.name} has no end: say how many samples with --real")
        batch = source.draw(count, Draws(DRAWN_SEED))
        mixture = _mixture(source)
        digest = digest_of([f"{source.digest} {count} {DRAWN_SEED}".encode()])
        return Samples(batch.x.double(), batch.y, spec.name, digest, split, mixture)
    total = len(source)
    wanted = total if count is None else count
    if wanted > total:
        raise UsageError(f"{wanted:,} samples of {spec.name} are wanted, and it has {total:,}")
    numbers: Indices = np.linspace(0, total, wanted, endpoint=False).astype(np.int64)
    parts, labels, seconds = [], [], []
    for start in range(0, wanted, GATHER):
        batch = source.gather(numbers[start : start + GATHER])
        parts.append(batch.x)
        if batch.y is not None:
            labels.append(batch.y)
        seconds += [] if batch.second is None else [batch.second]
        progress(min(start + GATHER, wanted), wanted)
    x = torch.cat(parts)
    x = x.contiguous() if x.dim() == 4 else x.double()
    digest = source.digest if wanted == total else digest_of([f"{source.digest} {wanted}".encode()])
    second = torch.cat(seconds) if seconds else None
    return Samples(x, torch.cat(labels) if labels else None, spec.name, digest, split, _mixture(source), second)


def generated(x: Tensor, labels: Tensor | None, value_range: tuple[float, float], name: str) -> Samples:
    """A model's samples: pictures in a value range become bytes, rounded; points stay what they are.

    Raises:
        UsageError: they are not finite.
    """
    bad = int((~torch.isfinite(x).flatten(1).all(1)).sum())
    if bad:
        raise UsageError(
            f"{bad} of {len(x)} samples of {name} are not finite: the run has diverged before this checkpoint"
        )
    if x.dim() == 4:
        low, high = value_range
        x = ((x.float() - low) / (high - low)).mul(255).round().clamp(0, 255).to(torch.uint8)
    else:
        x = x.double()
    return Samples(x, labels, name, digest_of([x.numpy().tobytes()]), "generated")


def _mixture(source: Source) -> Mixture | None:
    """What is known of a source's modes."""
    try:
        return mixture_of(source)
    except ValueError:
        return None
