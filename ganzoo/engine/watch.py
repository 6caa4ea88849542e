"""Looks at a run while it trains: its health beside a row, its figures now and then, and the best checkpoint by them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganzoo.data import Feed, Source
from ganzoo.engine.diagnosis import Doctor
from ganzoo.engine.ema import Ema
from ganzoo.engine.health import Health
from ganzoo.engine.settings import TrainSettings
from ganzoo.models import Game

Judge = Callable[[Tensor, Tensor | None], dict[str, float]]
"""Figures by name of samples, which are in the game's value range, and of their labels."""


@dataclass(frozen=True)
class Watching:
    """What a run is watched with.

    Args:
        held_out: samples that it is not trained on. judge: computes its figures. lower: whether less of the metric is better.
    """

    held_out: Source | None = None
    judge: Judge | None = None
    lower: bool = True


class Watch:
    """Watches one run."""

    def __init__(self, watching: Watching, settings: TrainSettings, game: Game, feed: Feed, ema: Ema) -> None:
        self._watching, self._settings = watching, settings
        self._health = Health(game, feed, ema, watching.held_out)
        self._doctor = Doctor()
        self._looked: float | None = None
        self._best: float | None = None

    def look(self, row: dict[str, Any], now: float) -> list[str]:
        """Adds the run's health to a row, if it is time, and says what is newly wrong with it."""
        every = self._settings.health_seconds
        if not every or (self._looked is not None and not self._settings.log_images and now - self._looked < every):
            return []
        self._looked = now
        row |= {f"health.{name}": float(f"{value:.6g}") for name, value in self._health.measure().items()}
        return self._diagnosed(row)

    def judge(self, samples: Tensor, labels: Tensor | None, row: dict[str, Any]) -> tuple[bool, list[str]]:
        """Adds the figures of samples to a row; whether they are the best so far, and what is newly wrong."""
        assert self._watching.judge is not None
        figures = self._watching.judge(samples, labels)
        row |= {f"evaluation.{name}": float(f"{value:.6g}") for name, value in figures.items()}
        value = figures.get(self._settings.evaluate_metric, next(iter(figures.values()), math.nan))
        best = math.isfinite(value) and (self._best is None or (value < self._best) == self._watching.lower)
        if best:
            self._best = value
        return best, self._diagnosed(row)

    def _diagnosed(self, row: dict[str, Any]) -> list[str]:
        numbers: Mapping[str, float] = {name: value for name, value in row.items() if isinstance(value, int | float)}
        found, new = self._doctor.look(numbers)
        if found:
            row["diagnosis"] = [diagnosis.name for diagnosis in found]
        return [str(diagnosis) for diagnosis in new]

    def state_dict(self) -> dict[str, Any]:
        """The best value so far."""
        return {"best": self._best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`."""
        self._best = state.get("best")
