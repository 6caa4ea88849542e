"""The chance of an augmentation: fixed, on a schedule, or moved by how sure the discriminator is of real samples.

Karras et al.: Training Generative Adversarial Networks with Limited Data, 2020, 2006.06676, section 3.2:
r_t = E[sign(D(T(x)))] over real samples is 0 where D knows nothing and 1 where it knows all its samples by heart. Every
`interval` updates p rises by a constant where r_t is above the target, and falls where it is below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.config import Schedule
from ganzoo.models import Draws, StepContext

Chance = float | Schedule | Mapping[str, Any] | None


class Feedback(nn.Module):
    """What has a probability `p`, a buffer, that its game adjusts after each update of the discriminator.

    Args:
        p: a probability, a Schedule of probabilities over images, or None: feedback, from 0.
        target: of r_t.
        speed: images in which p goes from 0 to 1.
        interval: updates from one change of p to the next.

    Raises:
        ValueError: a number is out of its range.
    """

    p: Tensor
    signs: Tensor
    turn: Tensor

    def __init__(self, p: Chance = None, target: float = 0.6, speed: int = 500_000, interval: int = 4) -> None:
        super().__init__()
        self.schedule = Schedule.model_validate(p) if isinstance(p, Schedule | Mapping) else None
        fixed = p if isinstance(p, int | float) else 0.0
        values = [value for _, value in self.schedule.points] if self.schedule else [fixed]
        if not all(0 <= value <= 1 for value in values):
            raise ValueError(f"p is {p}, wanted a probability from 0 to 1, a schedule of such, or none for feedback")
        if not -1 <= target <= 1 or speed < 1 or interval < 1:
            raise ValueError(
                f"target from -1 to 1, speed and interval of 1 or more are wanted, given {target}, {speed} and {interval}"
            )
        self.adapts = p is None
        self.target, self.speed, self.interval = target, speed, interval
        self.register_buffer("p", torch.tensor(self.schedule.at(0) if self.schedule else float(fixed)))
        if self.adapts:
            self.register_buffer("signs", torch.zeros(()))  # their sum since the last change
            self.register_buffer("turn", torch.zeros((), dtype=torch.int64))  # updates since then

    def chance(self, draws: Draws) -> float | Tensor:
        """p, in training that of the schedule at the images seen."""
        if self.schedule is not None and isinstance(draws, StepContext):
            return draws.at(self.schedule)
        return self.p

    @torch.no_grad()
    def adjust(self, context: StepContext) -> None:
        """After an update of the discriminator: move p. The host waits for nothing.

        Args:
            context: whose notes have "real signs", the mean sign of the scores of the real samples, over all processes; and
                which says how many samples an update has.
        """
        if self.schedule is not None:
            self.p.fill_(context.at(self.schedule))
        if not self.adapts:
            return
        self.signs += context.notes["real signs"]
        self.turn += 1
        due = self.turn >= self.interval
        step = torch.sign(self.signs / self.turn - self.target) * (context.batch * self.interval / self.speed)
        self.p.copy_(torch.where(due, (self.p + step).clamp(min=0.0), self.p))
        self.signs.masked_fill_(due, 0.0)
        self.turn.masked_fill_(due, 0)
