"""What the engine lends a game for one step: chance, progress, precision, and a place for notes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ganzoo.models.draws import Draws


class StepContext(Draws):
    """The context of a phase. It is itself the source of random numbers: `context.normal(n, 128)`.

    images: samples seen before this step; step: steps done; both are host integers.
    shared: values that later phases of this step may use again (fakes, latents); emptied at each step's end.
    lowers_penalties: whether penalties are computed in the networks' precision; None: those in closed form.
    terms: the terms that the phase returned, detached, for `after_phase`.
    notes: further statistics of the phase, detached, for `after_phase` and the log.
    """

    def __init__(self, seed: int = 0, device: torch.device | str = "cpu", *, rank: int = 0, world: int = 1) -> None:
        super().__init__(seed, device, rank=rank, world=world)
        self.images = 0
        self.step = 0
        self.shared: dict[str, Any] = {}
        self.terms: dict[str, Tensor] = {}
        self.notes: dict[str, Tensor] = {}
        self.lowers_penalties: bool | None = None

    def note(self, name: str, value: Tensor) -> None:
        """Keep a statistic, one number on the device: it is logged, and `after_phase` can read it. No host sync."""
        self.notes[name] = value.detach()

    def full_precision(self, closed: bool = False) -> AbstractContextManager[Any]:
        """Inside it operations run in float32 whatever the phase's precision is, unless the run wants it otherwise.

        Args:
            closed: whether the penalty's input gradient is taken in closed form. Then no derivative is taken twice, and what
                rounding does to it is what it does to every other pass.
        """
        if self.lowers_penalties or (self.lowers_penalties is None and closed):
            return nullcontext()
        kind = "cpu" if self.device.type == "meta" else self.device.type
        return torch.autocast(kind, enabled=False)
