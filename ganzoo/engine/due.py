"""What is due before the next step of a run, by the clock and by the images seen."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.engine.settings import TrainSettings


@dataclass
class Marks:
    """When things were last done: seconds of the monotonic clock, and images. `stepped`: whether there was a step since the last
    row, which was written at `row`."""

    start: float
    tick: float
    saved: float
    saved_images: int
    row_images: int
    row: float = 0.0
    judged_images: int = 0
    stepped: bool = False


@dataclass(frozen=True)
class Due:
    """What is due before the next step, and the factor of its learning rates."""

    stop: bool = False
    row: bool = False
    picture: bool = False
    save: bool = False
    judge: bool = False
    rate: float = 1.0


def share_done(settings: TrainSettings, total: int | None, images: int, seconds: float) -> float:
    """Share of the run that is done, 0 to 1: of its images or of its time, whichever is more."""
    by_images = images / total if total else 0.0
    by_time = seconds / (settings.minutes * 60) if settings.minutes else 0.0
    return min(1.0, max(by_images, by_time))


def learning_rate_factor(settings: TrainSettings, share: float) -> float:
    """1, falling linearly to 0 in the last `cooldown` of the run."""
    return min(1.0, (1 - share) / settings.cooldown) if settings.cooldown else 1.0


def what_is_due(
    settings: TrainSettings, total: int | None, images: int, now: float, marks: Marks, pictures: int, stop: bool
) -> Due:
    """What the clock and the images seen ask for before the next step.

    Args:
        pictures: drawn so far. stop: whether the run was told to end.
    """
    seconds = now - marks.start
    share = share_done(settings, total, images, seconds)
    if settings.log_images:
        row = images - marks.row_images >= settings.log_images
    else:
        row = marks.stepped and now - marks.row >= settings.log_seconds
    return Due(
        stop=stop or bool(settings.minutes and seconds >= settings.minutes * 60),
        row=row,
        picture=pictures < settings.pictures and share * (settings.pictures + 1) >= pictures + 1,
        save=now - marks.saved >= settings.checkpoint_minutes * 60
        or bool(settings.checkpoint_images and images - marks.saved_images >= settings.checkpoint_images),
        judge=bool(settings.evaluate_every and images - marks.judged_images >= settings.evaluate_every),
        rate=learning_rate_factor(settings, share),
    )
