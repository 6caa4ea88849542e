"""A tiny run that trackers are told of: one that is made up, event by event, and one that is trained."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data.points import Ring
from ganzoo.engine.device import Chosen
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.runner import Runner
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.training import Training
from ganzoo.models import Discriminator, Gan, Generator, LatentSpec
from ganzoo.testing.check import Failed
from ganzoo.testing.component import CPU, seeded
from ganzoo.tracking import Progress, Tracker

BATCH, STEPS = 8, 4
NOTHING: dict[str, Any] = {"images": 8, "step": 1, "images_per_second": 0.0}
ROWS: dict[str, dict[str, Any]] = {
    "without any term": NOTHING,
    "with terms and times": {
        "images": 16,
        "step": 2,
        "images_per_second": 1234.5,
        "discriminator.adversarial": 1.386,
        "generator.adversarial": 0.693,
        "discriminator.seconds": 1e-3,
        "generator.seconds": 2e-3,
    },
    "with numbers that are not finite": {
        **NOTHING,
        "discriminator.adversarial": math.nan,
        "discriminator.real": math.inf,
    },
    "with further terms": {**NOTHING, "discriminator/r1.r1": 0.1, "both.generator/adversarial": 0.2, "skipped": 1.0},
}


class TinyGenerator(Generator):
    """Two numbers to a point."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(2)
        self.net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, z: Tensor) -> Tensor:
        """Points."""
        x: Tensor = self.net(z)
        return x


class TinyDiscriminator(Discriminator):
    """A point to a score."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        score: Tensor = self.net(x)
        return score


def tiny_game() -> Gan:
    """The smallest game that can be trained."""
    with seeded(0):
        return Gan(TinyGenerator(), TinyDiscriminator())


@dataclass
class MadeUpRun:
    """What a tracker is shown of a run."""

    folder: Path
    game: Any
    arch: str = "check/tracked"
    reasons: tuple[str, ...] = ("device cpu: asked for", "threads 1: asked for")


class _Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Stage:
    """A run's folder, the folder that the process works in, and what came to the two outputs."""

    run: MadeUpRun
    elsewhere: Path
    out: io.StringIO
    err: io.StringIO

    @property
    def checkpoint(self) -> Path:
        """Of the run."""
        return self.run.folder / "checkpoints" / "step-0000000004.pt"


@contextlib.contextmanager
def stage(*, terminal: bool = False) -> Iterator[Stage]:
    """A run's folder in an empty place of the disk, the working folder in another; afterwards all is as before."""
    out, err = io.StringIO(), _Terminal() if terminal else io.StringIO()
    with tempfile.TemporaryDirectory(prefix="ganzoo-check-") as place:
        run, elsewhere = Path(place) / "run", Path(place) / "elsewhere"
        for folder in (run / "samples", run / "checkpoints", elsewhere):
            folder.mkdir(parents=True)
        (run / "samples" / "images-0000000000.png").write_bytes(b"")
        with contextlib.chdir(elsewhere), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield Stage(MadeUpRun(run, tiny_game()), elsewhere, out, err)


def progress(step: int, *, timed: bool = False) -> Progress:
    """Where a run is after some steps; of one that is limited by its images, or by time."""
    return Progress(
        images=step * BATCH,
        step=step,
        seconds=step * 0.01,
        total=None if timed else STEPS * BATCH,
        limit_seconds=60.0 if timed else None,
    )


def events(tracker: Tracker, on: Stage, *, timed: bool = False) -> Iterator[tuple[str, Callable[[], None]]]:
    """A whole run's, in order, to be called one by one."""
    picture = on.run.folder / "samples" / "images-0000000000.png"
    yield "started", lambda: tracker.started(on.run)
    yield "said", lambda: tracker.said("left out: pictures in [/data], of 3 [bold] channels")
    yield "pictured", lambda: tracker.pictured(picture, 0)
    yield "advanced before any row", lambda: tracker.advanced(progress(0, timed=timed))
    for step, (name, row) in enumerate(ROWS.items(), start=1):
        yield f"logged of a row {name}", lambda row=row: tracker.logged(copy.deepcopy(row))  # type: ignore[misc]
        yield "advanced", lambda step=step: tracker.advanced(progress(step, timed=timed))  # type: ignore[misc]
    yield "saved", lambda: tracker.saved(on.checkpoint)
    yield "ended", lambda: tracker.ended(progress(STEPS, timed=timed), timed, on.checkpoint)
    yield "close", tracker.close


def tell(tracker: Tracker, on: Stage, *, timed: bool = False) -> None:
    """A whole run.

    Raises:
        Failed: an event raises.
    """
    for name, call in events(tracker, on, timed=timed):
        try:
            call()
        except Exception as error:
            raise Failed(f"{name} raises {type(error).__name__}: {error}") from error


def trained(make: Callable[[], Tracker] | None) -> dict[str, Any]:
    """The state of a tiny run after its last step; the tracker that is made is told of it at every step."""
    settings = TrainSettings(
        images=STEPS * BATCH, device="cpu", log_images=BATCH, pictures=1, steps="eager", trackers=()
    )
    with stage() as on, torch.random.fork_rng(), seeded(0):
        folder = RunFolder.create(on.elsewhere.parent / "trained", {"arch": {}})
        chosen = Chosen(CPU, torch.float32, torch.get_num_threads(), ())
        runner = Runner(Training("check/tracked", "0", tiny_game(), Ring(), BATCH, settings, chosen, folder))
        tracker = None if make is None else make()
        runner.trackers = [] if tracker is None else [tracker]
        try:
            for _ in runner.calls():
                if tracker is not None:
                    # By its clock a run of a few steps would not come to this.
                    tracker.advanced(progress(runner.context.step))
        finally:
            if tracker is not None:
                tracker.close()
        return runner.state_dict()


def differing(one: Any, other: Any, name: str = "") -> str | None:
    """The name of the first part that differs by a bit."""
    if isinstance(one, Tensor):
        return None if torch.equal(one, other) else name
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return name
        pairs = [(f"{name}.{key}" if name else str(key), one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            return name
        pairs = [(name, a, b) for a, b in zip(one, other, strict=True)]
    else:
        return None if one == other else name
    return next((found for key, a, b in pairs if (found := differing(a, b, key)) is not None), None)
