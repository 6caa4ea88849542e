"""What a run tells while it trains: rows of measurements, figures, pictures, and what its user should know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganzoo.engine.gauges import what_was_skipped
from ganzoo.engine.sampling import draw_samples, translate_pictures
from ganzoo.engine.training import Training
from ganzoo.engine.watch import Watch
from ganzoo.engine.whole import Lane
from ganzoo.errors import GanzooError
from ganzoo.tracking import Tracker
from ganzoo.tracking.pictures import write_picture

PICTURE_SEED = 0  # the same latents in every picture of a run, and in every evaluation
PICTURE_SAMPLES = 64


class Telling:
    """Tells the trackers of one run.

    Args:
        lane: its stepper, averages and feed.
    """

    def __init__(self, training: Training, lane: Lane) -> None:
        self._t, self._lane = training, lane
        self.game, self.context, self.stepper = training.game, lane.stepper.context, lane.stepper
        self.trackers: Sequence[Tracker] = ()
        self.watch = Watch(training.watching, training.settings, training.game, lane.feed, lane.ema)
        self.row_at = (0, 0.0)  # step and time of the last row
        self.images_at_row = 0

    def log(self, now: float) -> None:
        """One row of measurements: the only place between two steps that waits for the device."""
        step, then = self.row_at
        means, faults = self.stepper.gauges.fetch()
        seconds = self.stepper.fetch_phase_seconds()
        steps = self.context.step - step
        rate = 0.0
        if self._t.processes.leads:
            shown = self.context.images - self.images_at_row
            rate = shown / (now - then) if now > then else 0.0
            row: dict[str, Any] = {
                "images": self.context.images,
                "step": self.context.step,
                "images_per_second": round(rate, 2),
            }
            row |= {name: float(f"{value:.6g}") for name, value in means.items()}
            row |= {f"{name}.seconds": float(f"{value / max(1, steps):.4g}") for name, value in seconds.items()}
            self._write(row, self.watch.look(row, now))
        self.row_at = (self.context.step, now)
        self.images_at_row = self.context.images
        self._check(means, faults)

    def _write(self, row: dict[str, Any], found: Sequence[str]) -> None:
        for tracker in self.trackers:
            tracker.logged(row)
        for text in found:
            self.say(text)

    def judge(self) -> bool:
        """Figures of samples of the same latents each time; whether they are the best so far."""
        if not self._t.processes.leads or self._t.watching.judge is None:
            return False
        count, classes = self._t.settings.evaluate_samples, self._t.source.spec.classes
        labels = torch.arange(count) % classes if classes else None
        with self._lane.ema.applied():
            samples = self._translated(count)
            if samples is None:
                samples = draw_samples(self.game, count, PICTURE_SEED, labels, classes)
        row: dict[str, Any] = {"images": self.context.images, "step": self.context.step}
        best, found = self.watch.judge(samples, labels, row)
        self._write(row, found)
        return best

    def _translated(self, count: int) -> Tensor | None:
        """Of a game that translates, held-out pictures translated, at most `count`; None of another."""
        if not self.game.directions:
            return None
        second = self._lane.feed.some(count, self._t.watching.held_out).second
        return None if second is None else translate_pictures(self.game, second, "", PICTURE_SEED)

    def _check(self, means: dict[str, float], faults: dict[str, int]) -> None:
        found = what_was_skipped(means, faults)
        if found is None:
            return
        what, everything = found
        if everything:
            raise NotFinite(
                f"every update since the last row was not finite: {what}, at {self.context.images} images. "
                "Lower the learning rate (--set generator.lr=..., --set discriminator.lr=...) or try --precision float32"
            )
        self.say(f"skipped updates that were not finite: {what}")

    def picture(self) -> None:
        if not self._t.processes.leads:
            return
        labels = None
        spec = self._t.source.spec
        if spec.classes:
            labels = torch.arange(PICTURE_SAMPLES) % spec.classes
        with self._lane.ema.applied():
            samples = draw_samples(self.game, PICTURE_SAMPLES, PICTURE_SEED, labels, spec.classes)
        path = self._t.folder.samples / f"images-{self.context.images:010d}.png"
        try:
            write_picture(samples, path, self.game.value_range)
        except OSError as error:  # a picture is no reason to lose the training
            self.say(f"the picture {path} could not be written ({error.strerror})")
            return
        for tracker in self.trackers:
            tracker.pictured(path, self.context.images)

    def say(self, text: str) -> None:
        for tracker in self.trackers:
            tracker.said(text)


class NotFinite(GanzooError):
    """Every update of an interval was not finite: the run cannot go on."""
