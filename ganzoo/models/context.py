"""What the engine lends a game for one step: chance, progress, precision, and a place for notes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ganzoo.config import Schedule, value_at
from ganzoo.models.draws import Draws


class StepContext(Draws):
    """The context of a phase. It is itself the source of random numbers: `context.normal(n, 128)`.

    images: samples seen before this step; step: steps done; both are host integers.
    batch: samples of an update, over all processes and micro-batches.
    shared: values that later phases of this step may use again (fakes, latents); emptied at each step's end.
    lowers_penalties: whether penalties are computed in the networks' precision; None: those in closed form.
    terms: the terms that the phase returned, detached, for `after_phase`: of the whole batch, over micro-batches and processes.
    notes: further statistics of the phase, detached, for `after_phase` and the log; their means, likewise.
    """

    def __init__(self, seed: int = 0, device: torch.device | str = "cpu", *, rank: int = 0, world: int = 1) -> None:
        super().__init__(seed, device, rank=rank, world=world)
        self.images = 0
        self.step = 0
        self.batch = 0
        self.shared: dict[str, Any] = {}
        self.terms: dict[str, Tensor] = {}
        self.notes: dict[str, Tensor] = {}
        self.lowers_penalties: bool | None = None

    def at(self, value: float | Schedule) -> float | Tensor:
        """A number as it is, or what a schedule gives at the images seen: a Python number in single steps, one number on the
        device in steps that were captured. Whatever in a step depends on `images` is asked for here."""
        if not isinstance(value, Schedule):
            return value
        if self.tape is not None:
            self.tape.scheduled.append((value, self.images))
        return value_at(value, self.images)

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
