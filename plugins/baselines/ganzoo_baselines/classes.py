"""What both baselines do with class labels, with pictures, and with the limits of their values.

N samples, D numbers of a sample, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor

from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Game
from ganzoo.models.guard import checked_labels

LEVELS = 256  # of a pixel


class Fitted(Game):
    """A game that is fitted once and has no phases.

    Everything that `fit` finds is in buffers, so it is in the checkpoint. `shares_K` are the classes' shares of the data, one
    class of share 1 where labels are not looked at.
    """

    shares_K: Tensor

    def __init__(self, data: DataSpec, *, conditional: bool) -> None:
        super().__init__()
        if conditional and not data.classes:
            raise ValueError(f"conditional=true wants class labels, and {data.name} has none: leave it out")
        self.pictures = data.modality == "image"
        self.shape = data.shape
        self.conditional = conditional
        self.classes = data.classes if conditional else 1
        self.register_buffer("shares_K", torch.full((self.classes,), 1 / self.classes))

    @property
    def level(self) -> float:
        """One of the 255 steps of a pixel, in the value range."""
        low, high = self.value_range
        return (high - low) / (LEVELS - 1)

    def of_class(self, batch: Batch) -> Tensor:
        """The classes of a batch's samples, (N,): 0 where labels are not looked at."""
        if not self.conditional:
            return torch.zeros(batch.size, dtype=torch.int64, device=batch.x.device)
        if batch.y is None:
            raise UsageError("conditional=true wants class labels, and the data has none")
        return batch.y

    def count_classes(self, class_N: Tensor) -> None:
        """Takes the classes' shares.

        Raises:
            UsageError: some class has no sample.
        """
        counts_K = torch.bincount(class_N, minlength=self.classes)
        if not bool((counts_K > 0).all()):
            missing = int((counts_K == 0).nonzero()[0])
            raise UsageError(f"class {missing} has no sample, and conditional=true fits each class: leave it out")
        self.shares_K.copy_(counts_K / counts_K.sum())

    def asked(self, n: int, condition: Tensor | None) -> Tensor:
        """The class of each of n samples that are asked for, (n,)."""
        device = self.shares_K.device
        if not self.conditional:
            return torch.zeros(n, dtype=torch.int64, device=device)
        return checked_labels(n, condition, self.classes).to(device)

    def finished(self, x_ND: Tensor) -> Tensor:
        """Samples of the data's shape, float32; pictures are cut off at the value range."""
        x = x_ND.float().view(-1, *self.shape)
        return x.clamp(*self.value_range) if self.pictures else x

    def over_classes(self, log_density_NK: Tensor) -> Tensor:
        """log of the density whatever the class is, (N,)."""
        return torch.logsumexp(log_density_NK + self.shares_K.double().log(), 1)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """The logarithm of the density at samples, in nats, float64 (N,); pictures are taken for points of a continuous space
        (metrics.bits_per_dim makes figures of whole levels of it)."""
        raise NotImplementedError


def gathered(batches: Iterator[Batch], most: int | None) -> Batch:
    """The first samples, up to `most`, as one batch.

    Raises:
        UsageError: there are none.
    """
    parts: list[Batch] = []
    for batch in batches:
        parts.append(batch)
        if most is not None and sum(part.size for part in parts) >= most:
            break
    if not parts:
        raise UsageError("the data holds no samples to fit")
    names = set(chain.from_iterable(part.keys() for part in parts)) & {"x", "y"}
    return Batch({name: torch.cat([part[name] for part in parts])[:most] for name in names})
