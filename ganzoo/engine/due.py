"""What is due before the next step of a run, by the clock and by the images seen."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.engine.settings import TrainSettings


@dataclass
class Marks:
    """When things were last done: seconds of the monotonic clock, and images."""

    start: float
    tick: float
    saved: float
    saved_images: int
    row_images: int


@dataclass(frozen=True)
class Due:
    """What is due before the next step, and the factor of its learning rates."""

    stop: bool = False
    row: bool = False
    picture: bool = False
    save: bool = False
    rate: float = 1.0


def share_done(settings: TrainSettings, total: int | None, images: int, seconds: float) -> float:
    """Share of the run that is done, 0 to 1: of its images or of its time, whichever is more."""
    by_images = images / total if total else 0.0
    by_time = seconds / (settings.minutes * 60) if settings.minutes else 0.0
    return min(1.0, max(by_images, by_time))


def learning_rate_factor(settings: TrainSettings, share: float) -> float:
    """1, falling linearly to 0 in the last `cooldown` of the run."""
    return min(1.0, (1 - share) / settings.cooldown) if settings.cooldown else 1.0
