"""The training loop: steps until the planned images or minutes, logs, pictures, checkpoints, and a clean end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganzoo.data import Feed
from ganzoo.engine import chance, checkpoint
from ganzoo.engine.due import Due, Marks, share_done, what_is_due
from ganzoo.engine.ema import Ema
from ganzoo.engine.interrupts import Interrupts
from ganzoo.engine.probe import faster_threads
from ganzoo.engine.processes import see_joined_batches
from ganzoo.engine.program import Program
from ganzoo.engine.step import Stepper, move
from ganzoo.engine.telling import NotFinite, Telling
from ganzoo.engine.training import LOWERS, Training
from ganzoo.engine.whole import Lane
from ganzoo.errors import GanzooError
from ganzoo.models import StepContext
from ganzoo.tracking import Progress, Tracker

TICK_SECONDS = 0.1  # from one look at the display to the next
AGREE_STEPS = 10  # several processes decide together, every so many steps, what is due


class Runner:
    """Trains one game. `interrupted` tells after `run` whether a signal ended it.

    Args:
        beside: runners of the same configuration with other seeds, whose games are trained along with this one.
    """

    def __init__(self, training: Training, beside: Sequence[Runner] = ()) -> None:
        self._t = training
        settings, processes, device = training.settings, training.processes, training.chosen.device
        self.game = training.game
        self.arch = training.arch
        self.folder: Path = training.folder.path
        self.interrupted = False
        self._all: tuple[Runner, ...] = (self, *beside)
        way = training.way(len(self._all))
        self.reasons = training.reasons(way)
        self.warnings: list[str] = [*self.game.notes_on_processes()] if processes.world > 1 else []
        move(self.game, device, settings.memory_format)
        self.warnings += see_joined_batches(self.game, processes)
        self.game.train()
        self.context = StepContext(settings.seed, device, rank=processes.rank, world=processes.world)
        self.context.lowers_penalties = LOWERS[settings.penalty_precision]
        self.feed: Feed = Feed(
            training.source,
            seed=settings.seed,
            device=device,
            value_range=self.game.value_range,
            draws=self.context,
            rank=processes.rank,
            world=processes.world,
            beside=beside[0].feed if beside else None,
        )
        self.stepper = Stepper(
            self.game,
            self.feed.next,
            self.context,
            batch=training.batch,
            dtype=training.chosen.dtype,
            processes=processes,
            micro_batches=settings.micro_batches,
        )
        half_life = self.game.ema_images if settings.ema_images is None else settings.ema_images
        self.ema = Ema(self.game, half_life, settings.ema_ramp)
        self.lane = Lane(self.stepper, self.ema, self.feed)
        self.telling = Telling(training, self.lane)
        self.program = Program([runner.lane for runner in self._all], way, self.telling.say)
        self._threads: int | None = None
        self._fitted = False
        self._chance: dict[str, Any] | None = None
        self._interrupts = Interrupts()

    @property
    def trackers(self) -> Sequence[Tracker]:
        """Who is told of the run."""
        return self.telling.trackers

    @trackers.setter
    def trackers(self, trackers: Sequence[Tracker]) -> None:
        self.telling.trackers = trackers

    @property
    def total(self) -> int | None:
        """Images to train on, None if only the time is limited."""
        return self._t.total

    @property
    def together(self) -> tuple[Runner, ...]:
        """This runner and those beside it."""
        return self._all

    @property
    def tracker_names(self) -> tuple[str, ...]:
        """The trackers that the settings name."""
        return self._t.settings.trackers

    def resume(self, warn: Any) -> Path:
        """Continue from the newest intact checkpoint of the folder.

        Raises:
            GanzooError: there is none, or it belongs to another architecture or configuration.
        """
        state, path = checkpoint.load_newest(self._t.folder.checkpoints, warn)
        self.load_state_dict(state, path)
        if self._t.processes.leads:
            self._t.folder.forget_after(self.context.step)
        return path

    def run(self) -> None:
        """Train to the end. The folder then holds a checkpoint of the last step."""
        for _ in self.calls():
            pass

    def calls(self) -> Iterator[int]:
        """`run`, a call at a time: each item is the images seen after one more call of the stepper, whose rows, pictures and
        checkpoints are written on the way. Who stops asking leaves the run without its last checkpoint."""
        with self._interrupts.noted():
            start = time.monotonic()
            for runner in self._all:
                runner._begin(len(self._all) > 1)
            try:
                yield from self._loop(start)
            finally:
                for runner in self._all:
                    runner.stepper.release()
            for runner in self._all:
                runner._end(start, self.interrupted)

    def _begin(self, together: bool) -> None:
        """What comes before the first step; `together`: of several runs at once."""
        if self._chance is None:
            chance.seed_all(self._t.settings.seed)
        else:
            chance.set_all(self._chance, self.context.device)
        new = not self._fitted
        if new and self.stepper.phases:
            self._fit()
        if self._t.chosen.tries_threads and self.stepper.phases:
            self._try_threads(together)
        for warning in self.warnings:
            self.telling.say(warning)
        for tracker in self.trackers:
            tracker.started(self)
        if not self._fitted:  # a game that is only fitted takes its time here
            self.telling.say("fitting it to the data: this architecture takes no steps")
            self._fit()
        if new:
            self.telling.picture()

    def _fit(self) -> None:
        self.game.fit(self.feed.epoch(self.stepper.batch), self.context)
        self.ema.begin()
        self._fitted = True

    def _try_threads(self, together: bool) -> None:
        """How many threads, by a trial; a run that goes on keeps what it had, since sums over threads round differently."""
        count = self._threads
        if count is not None and count <= self._t.chosen.threads:
            why = f"threads {count}: as before"
        elif together:
            count, why = 1, "threads 1: several small games at once"
        else:
            batch = next(iter(self.feed.epoch(self.stepper.batch)))
            # Where it makes no difference, small games stay on one: compiled, they would pay for every parallel loop.
            candidates = (self._t.chosen.threads, 1)
            small = self._t.source.spec.modality == "points"
            count, why = faster_threads(self.stepper, batch, candidates[::-1] if small else candidates)
        torch.set_num_threads(count)
        self._threads = count
        self.reasons = (*self.reasons, why)

    def _end(self, start: float, interrupted: bool) -> None:
        """What comes after the last step."""
        if self.stepper.phases and self.context.step != self.telling.row_at[0]:
            self._log(time.monotonic())
        if not interrupted:
            self.telling.picture()
            if self.stepper.phases:
                self._judge()
        path = self.save()
        for tracker in self.trackers:
            tracker.ended(self._progress(time.monotonic() - start), interrupted, path)

    def _loop(self, start: float) -> Iterator[int]:
        images = self.context.images
        marks = Marks(start, start, start, images, images, judged_images=images)
        for runner in self._all:
            runner.telling.row_at = (self.context.step, start)
        pictures = int(
            share_done(self._t.settings, self.total, self.context.images, 0.0) * (self._t.settings.pictures + 1)
        )
        due = Due()
        while self.stepper.phases and not (self.total is not None and self.context.images >= self.total):
            now = time.monotonic()
            if self._t.processes.world == 1:
                due = self._due(now, marks, pictures)
            elif self.context.step % AGREE_STEPS == 0:
                stop = self._t.processes.any(self._interrupts.number is not None)
                due = self._t.processes.agree(self._due(now, marks, pictures))
                due = replace(due, stop=due.stop or stop)
                self.interrupted = stop
            else:
                due = replace(due, stop=False, row=False, picture=False, save=False, judge=False)
            for runner in self._all if due.row or due.picture or due.save or due.judge else ():
                if due.row:
                    runner._log(now)
                if due.judge:
                    runner._judge()
                if due.picture:
                    runner.telling.picture()
                if due.save:
                    runner.save()
            if due.row:
                marks.row_images = self.context.images
            if due.judge:
                marks.judged_images = self.context.images
            if due.picture:
                pictures += 1
            if due.save:
                marks.saved, marks.saved_images = now, self.context.images
            if due.stop:
                self.interrupted = self.interrupted or self._interrupts.number is not None
                return
            if now - marks.tick >= TICK_SECONDS:
                marks.tick = now
                for tracker in self.trackers:
                    tracker.advanced(self._progress(now - start))
            self._call(due.rate)
            yield self.context.images

    def _due(self, now: float, marks: Marks, pictures: int) -> Due:
        """What the clock and the images seen ask for before the next step."""
        marks.row, marks.stepped = self.telling.row_at[1], self.context.step > self.telling.row_at[0]
        stop = self._interrupts.number is not None
        return what_is_due(self._t.settings, self.total, self.context.images, now, marks, pictures, stop)

    def _call(self, rate: float) -> None:
        total = self.total
        self.program.call(None if total is None else total - self.context.images, rate)
        for runner in self._all:
            change = runner.game.on_progress(runner.context.images)
            if change is not None:
                runner._follow(change.resolution, change.batch, change.reset)

    def _follow(self, resolution: tuple[int, int] | None, batch: int | None, reset: Sequence[str]) -> None:
        move(self.game, self._t.chosen.device, self._t.settings.memory_format)
        see_joined_batches(self.game, self._t.processes)
        self.game.train()
        if resolution is not None:
            self.feed.resize(resolution)
        if batch is not None:
            self.stepper.batch = batch
        self.stepper.follow(reset)
        self.ema.follow()
        self.program.clear()

    def _progress(self, seconds: float) -> Progress:
        limit = self._t.settings.minutes
        return Progress(
            images=self.context.images,
            step=self.context.step,
            seconds=seconds,
            total=self.total,
            limit_seconds=None if limit is None else limit * 60,
        )

    def _log(self, now: float) -> None:
        try:
            self.telling.log(now)
        except NotFinite:
            self.save()
            raise

    def _judge(self) -> None:
        """Figures of the run; the best checkpoint by them is kept beside the newest."""
        if self.telling.judge():
            checkpoint.save(self._t.folder.best, self.context.step, self.state_dict(), keep=1)

    def save(self) -> Path:
        """Write a checkpoint (rank 0); its path."""
        path = checkpoint.path_of(self._t.folder.checkpoints, self.context.step)
        if self._t.processes.leads:
            checkpoint.save(self._t.folder.checkpoints, self.context.step, self.state_dict(), self._t.settings.keep)
            for tracker in self.trackers:
                tracker.saved(path)
        return path

    def state_dict(self) -> dict[str, Any]:
        """All that changes while training."""
        context = self.context
        return {
            "arch": self.arch,
            "plugin_version": self._t.plugin_version,
            "images": context.images,
            "step": context.step,
            "batch": self.stepper.batch,
            "fitted": self._fitted,
            "threads": self._threads,
            "game": self.game.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizers": self.stepper.state_dict(),
            "draws": context.state_dict(),
            "feed": self.feed.state_dict(),
            "watch": self.telling.watch.state_dict(),
            "chance": chance.read_all(context.device),
        }

    def load_state_dict(self, state: dict[str, Any], path: Path) -> None:
        """Continue from a state; `path` is named in errors."""
        if state["arch"] != self.arch:
            raise GanzooError(f"{path} is a checkpoint of {state['arch']}, and the run's architecture is {self.arch}")
        change = self.game.on_progress(state["images"])
        if change is not None:
            self._follow(change.resolution, None, ())
        try:
            self.game.load_state_dict(state["game"])
            self.stepper.load_state_dict(state["optimizers"])
            self.ema.load_state_dict(state["ema"])
            self.context.load_state_dict(state["draws"])
            self.feed.load_state_dict(state["feed"])
            self.telling.watch.load_state_dict(state.get("watch", {}))
        except (RuntimeError, KeyError, ValueError, GanzooError) as error:
            first = " ".join(str(error).split())[:200]
            raise GanzooError(f"{path} does not fit the run's configuration: {first}") from error
        self.context.images, self.context.step = state["images"], state["step"]
        self.stepper.batch = state["batch"]
        self._fitted = state["fitted"]
        self._threads = state.get("threads")
        self.telling.images_at_row = self.context.images
        self._chance = state["chance"]
