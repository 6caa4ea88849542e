"""What is measured: a run as `ganzoo train` makes it, driven call by call. The one place that constructs it.

The construction follows `api.train` for a new run with default settings, the trackers and the plugins' callbacks included.
It differs in three points: the run draws no pictures but the first one, it starts at the first step whose updates are those
of most steps (a WGAN's first steps take twenty times as many), and it goes back to its beginning before it would end.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ganzoo import plugin
from ganzoo.bench.request import Request
from ganzoo.build import build, configure, find_arch
from ganzoo.config import override, validate
from ganzoo.data import DataChoice, Source, open_source
from ganzoo.engine import device
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.runner import Runner
from ganzoo.engine.sampling import evaluating
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.training import Training
from ganzoo.errors import GanzooError
from ganzoo.models import Phase
from ganzoo.registry import Entry, registry
from ganzoo.tracking import Tracker

LOOKED_AT = 256  # steps in which the usual number of updates is looked for
TURN_BACK = 0.8  # share of the planned images after which the run goes back to its beginning


def choose(asked: str, precision: str, threads: int | None, modality: str) -> device.Chosen:
    """The engine's choices for one process.

    Raises:
        UsageError: the device does not exist here, or cannot compute in the precision.
    """
    return device.choose(asked, precision, threads, modality, 0, 1)  # type: ignore[arg-type]


def make_runner(request: Request, folder: Path) -> tuple[Runner, Entry[plugin.Arch], Source, device.Chosen]:
    """A new run in `folder`, as `ganzoo train` makes it, with its trackers.

    Raises:
        UsageError: a name, option or value is wrong. GanzooError: the architecture cannot be built.
    """
    entry = find_arch(request.arch)
    own, data, run = _sorted(request.assignments)
    if request.batch is not None:
        own.append(f"batch={request.batch}")
    asked = {"device": request.device, "precision": request.precision, "threads": request.threads, "pictures": 0}
    settings = override(validate(TrainSettings, asked, "training settings"), run, "training settings")
    config = configure(entry, own)
    options = {"path": request.data} | ({} if request.size is None else {"size": request.size})
    choice = override(validate(DataChoice, options, "data"), data, "data")
    choice = choice.resolved(entry.record.modality, entry.record.layout)
    chosen = choose(settings.device, settings.precision, settings.threads, entry.record.modality)
    device.apply(chosen, settings.allocator)
    native = (entry.record.resolution, entry.record.resolution) if entry.record.resolution else None
    source = open_source(choice, modality=entry.record.modality, resolution=native)
    game = build(entry, config, source.spec, seed=settings.seed)
    settings = settings.model_copy(update={"precision": chosen.precision})
    document = {"arch": {"id": entry.id, "version": entry.version, "config": config.model_dump(mode="json")}}
    where = RunFolder.create(folder, document)
    runner = Runner(Training(entry.id, entry.version, game, source, config.batch, settings, chosen, where))
    runner.trackers = _trackers(runner)
    return runner, entry, source, chosen


def _sorted(assignments: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Those of the architecture, of the data ("data.…") and of the run ("run.…")."""
    kinds: dict[str, list[str]] = {"": [], "data": [], "run": []}
    for assignment in assignments:
        prefix, dot, rest = assignment.partition(".")
        known = bool(dot) and prefix in ("data", "run")
        kinds[prefix if known else ""].append(rest if known else assignment)
    return kinds[""], kinds["data"], kinds["run"]


def _trackers(runner: Runner) -> list[Tracker]:
    trackers: list[Tracker] = [entry for entry in registry().callbacks(runner) if isinstance(entry, Tracker)]
    return trackers + [registry().load(registry().find(plugin.Tracker, name))() for name in runner.tracker_names]


class PhaseTimes(Tracker):
    """Adds up the seconds by phase that the run's rows tell."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._seconds: dict[str, float] = {}
        self._step = runner.context.step

    def logged(self, row: dict[str, Any]) -> None:
        """A row has means a step, over the steps since the row before it."""
        steps = row["step"] - self._step
        self._step = row["step"]
        for name, value in row.items():
            if name.endswith(".seconds"):
                self._add(name.removesuffix(".seconds"), value * steps)

    def take(self) -> dict[str, float]:
        """Seconds by phase since the last time, those included that are in no row yet."""
        for name, value in self._runner.stepper.fetch_phase_seconds().items():
            self._add(name, value)
        taken, self._seconds = self._seconds, {}
        return taken

    def _add(self, name: str, seconds: float) -> None:
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds


class Subject:
    """A run that trains and samples for as long as it is asked to.

    Args:
        request: what to run.
        folder: of the run; it must not exist yet.
    """

    def __init__(self, request: Request, folder: Path) -> None:
        self.request = request
        self.runner, self.entry, self.source, self.chosen = make_runner(request, folder)
        self.device = self.chosen.device
        self.game = self.runner.game
        if not self.runner.stepper.phases:
            raise GanzooError(f"{self.entry.id} takes no training steps, so there is nothing to time")
        self.from_step = usual_step(self.runner.stepper.phases)
        self.runner.context.step = self.from_step
        self.times = PhaseTimes(self.runner)
        self.runner.trackers = [*self.runner.trackers, self.times]
        self._calls: Iterator[int] = self.runner.calls()
        self._seen = self.runner.context.images
        self.train_seconds = 0.0
        self._generator: torch.Generator | None = None

    def first_call(self) -> None:
        """The run's first step with all that comes before it; returns when the device is done."""
        next(self._calls)
        self._seen = self.runner.context.images
        self.wait()

    def train(self, seconds: float) -> tuple[int, float]:
        """Train for so many seconds, one call at least; the images and the seconds that it took."""
        images, took, begun = 0, 0.0, time.perf_counter()
        while not images or took < seconds:
            images += self.call()[0]
            took = time.perf_counter() - begun
        self.wait()
        took = time.perf_counter() - begun
        self.train_seconds += took
        return images, took

    def sample(self, seconds: float) -> tuple[int, float]:
        """Sample batches with the averaged weights for so many seconds; the samples and the seconds that it took."""
        self._generator = self._generator or torch.Generator(device=self.device).manual_seed(0)
        n, classes = self.batch, self.source.spec.classes
        labels = torch.arange(n, device=self.device) % classes if classes else None
        drawn, took = 0, 0.0
        with self.runner.ema.applied(), evaluating(self.game), torch.no_grad():
            self.wait()
            begun = time.perf_counter()
            while not drawn or took < seconds:
                self.game.sample(n, condition=labels, generator=self._generator)
                drawn += n
                took = time.perf_counter() - begun
            self.wait()
            return drawn, time.perf_counter() - begun

    def call(self) -> tuple[int, int]:
        """One call of the run, as the engine takes its steps; the images and the steps in it."""
        context, total = self.runner.context, self.runner.total
        if total is not None and context.images > TURN_BACK * total:
            context.images = self._seen = min(self._seen, total // 4)
        images, steps = context.images, context.step
        next(self._calls)
        return context.images - images, context.step - steps

    def work(self) -> tuple[int, int]:
        """What a profile looks at: a single eager step, which no log falls into, or a call where steps are compiled or
        captured; the images and the steps in it."""
        return (self.step(), 1) if self.eager else self.call()

    @property
    def eager(self) -> bool:
        """Whether the run takes its steps one by one, uncompiled."""
        return self.runner.program.eager

    def step(self) -> int:
        """One eager step of the engine with the average of the weights, for a profile; the images it drew."""
        context = self.runner.context
        images = self.runner.stepper.step()
        self.runner.ema.update(context.images, images)
        return images

    def cycle(self) -> int:
        """Steps after which the pattern of updates repeats; 16 at most."""
        return pattern(self.runner.stepper.phases, 16)

    @property
    def batch(self) -> int:
        """Samples an update."""
        return self.runner.stepper.batch

    @property
    def steps(self) -> int:
        """The number of the present step."""
        return self.runner.context.step

    def wait(self) -> None:
        """Until the device is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def close(self) -> None:
        """End the run without its last checkpoint."""
        close = getattr(self._calls, "close", None)
        if close is not None:
            close()
        for tracker in self.runner.trackers:
            tracker.close()


def pattern(phases: Sequence[Phase], most: int) -> int:
    """Steps after which the phases' intervals repeat, `most` at most."""
    return min(most, math.lcm(*(phase.every for phase in phases)))


def usual_step(phases: Sequence[Phase]) -> int:
    """The first step from which one pattern of steps has as many updates as most patterns have."""
    each = [sum(phase.times(step, 0) for phase in phases) for step in range(LOOKED_AT)]
    width = pattern(phases, 64)
    sums = [sum(each[step : step + width]) for step in range(LOOKED_AT - width + 1)]
    return sums.index(statistics.mode(sums))
