"""Dropout whose masks come from the step's own random streams, so that a step can be repeated, resumed and divided.

Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout, 2014,
https://jmlr.org/papers/v15/srivastava14a.html
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import dropout

from ganzoo.models import Batch, Draws, Gan, StepContext, Terms


class Dropout(nn.Module):
    """In training sets each number to 0 with the chance `rate`, and divides the others by 1 - rate.

    Args:
        rate: chance that a number is dropped.

    draws: where masks come from, in the stream "dropout"; None: from torch's global generator, as nn.Dropout.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the rate of dropout is {rate}, wanted a number from 0 to below 1")
        self.rate = rate
        self.draws: Draws | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x, of any shape whose first dimension counts samples."""
        if not self.training or self.rate == 0:
            return x
        if self.draws is None:
            return dropout(x, self.rate)
        keep = self.draws.uniform(*x.shape, stream="dropout") >= self.rate
        return x * keep.to(x.dtype) / (1 - self.rate)

    def extra_repr(self) -> str:
        """The rate, for print."""
        return f"rate={self.rate}"


class DropoutGan(Gan):
    """The standard game for networks with `Dropout`: it lends them the step's streams while a phase runs."""

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """As the standard game's."""
        layers = [part for part in self.modules() if isinstance(part, Dropout)]
        for layer in layers:
            layer.draws = context
        try:
            return super().forward(phase, batch, context)
        finally:
            for layer in layers:
                layer.draws = None
