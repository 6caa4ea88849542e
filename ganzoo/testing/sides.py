"""A loss that is being checked: its two sides as functions of logits, and the best score that all samples can have."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzoo.models import Scores
from ganzoo.testing.check import Failed
from ganzoo.testing.component import Component, normal

BATCH = 8
REACHES = (4.0, 64.0, 1024.0)  # logits up to which the best common score is looked for

Sides = dict[str, Callable[[Tensor, Tensor], Tensor]]


class LossSubject(Component):
    """A loss, and its two sides as functions of the logits of real and of fake samples."""

    @property
    def sides(self) -> Sides:
        """By player."""
        loss = self.own
        return {
            "discriminator": lambda real, fake: loss.discriminator(Scores(real), Scores(fake)),
            "generator": lambda real, fake: loss.generator(Scores(fake), Scores(real)),
        }

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's side."""
        return self.sides["discriminator"](real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's side."""
        return self.sides["generator"](real, fake)

    def best(self) -> tuple[float, float]:
        """The best score that all samples can have, and the discriminator's loss there; of several the middle one.

        Raises:
            Failed: the loss falls without end.
        """

        def at(score: float) -> float:
            same = torch.full((BATCH,), score, dtype=torch.float64)
            return self.discriminator(same, same).item()

        for reach in REACHES:
            scores = torch.linspace(-reach, reach, 65, dtype=torch.float64).tolist()
            losses = [at(score) for score in scores]
            least = min(losses)
            flat = [s for s, loss in zip(scores, losses, strict=True) if loss <= least + 1e-9 * (1 + abs(least))]
            if len(flat) > 2:  # a plateau: it may reach to the end, where the loss does not depend on the score
                middle = min(flat, key=lambda score: abs(score - (flat[0] + flat[-1]) / 2))
                return middle, at(middle)
            if abs(flat[0]) < reach and abs(flat[-1]) < reach:
                step = scores[1] - scores[0]
                best = round(_golden(at, flat[0] - step, flat[-1] + step), 6)
                return best, at(best)
        raise Failed(
            f"the discriminator's loss falls without end as all scores become {'high' if flat[0] > 0 else 'low'}"
        )


def _golden(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley in (low, high) is least."""
    share = (5**0.5 - 1) / 2
    for _ in range(40):
        left, right = high - share * (high - low), low + share * (high - low)
        if function(left) <= function(right):
            high = right
        else:
            low = left
    return (low + high) / 2


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Those of real and of fake samples."""
    return normal(*shape, seed=1, dtype=dtype) + 0.5, normal(*shape, seed=2, dtype=dtype) - 0.5
