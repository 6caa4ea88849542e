"""A run as a user starts it: interrupted and resumed, loaded from its checkpoint, and loaded by nothing that runs code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import train
from ganzoo.engine import chance, checkpoint
from ganzoo.engine.folder import RunFolder
from ganzoo.runs import Run, load
from ganzoo.testing.check import Checks, want
from ganzoo.testing.subject import ArchSubject, difference

RUNNING = Checks("run")
STEPS = 3  # before the interruption, and again after it
CPU = torch.device("cpu")


@RUNNING.check(
    "resume",
    why="A run that was interrupted would end as another run.",
    hint="Keep everything that changes in parameters, buffers or optimisers: a Python attribute is not in a checkpoint.",
)
def resume(subject: ArchSubject) -> None:
    """A run that is stopped and resumed equals the one that was not, bit for bit: weights, averages, samples."""
    subject.trained_world()
    images = _images_a_step(subject)
    with _folder() as folder, _own_chance():
        whole = _train(subject, folder / "whole", 2 * STEPS * images)
        _train(subject, folder / "parts", STEPS * images)
        parts = train(resume=folder / "parts", images=2 * STEPS * images, trackers=("jsonl",), settings=_settings())
        states = [_state(run) for run in (whole, parts)]
        for part in ("game", "ema", "optimizers"):
            place = difference(_flat(states[0].get(part)), _flat(states[1].get(part)))
            want(place is None, f"after a resume {part} differs at {place}")
        want(torch.equal(_samples(subject, whole), _samples(subject, parts)), "after a resume samples differ")


@RUNNING.check(
    "loads",
    why="A checkpoint from somebody else must not be able to run code.",
    hint="Keep tensors, numbers and texts alone in buffers and in state_dict.",
)
def loads(subject: ArchSubject) -> None:
    """A finished run loads from its folder, with torch's weights_only, and its samples are the same each time."""
    with _folder() as folder, _own_chance():
        run = _train(subject, folder / "run", _images_a_step(subject))
        path = RunFolder.open(folder / "run").checkpoints
        for file in sorted(path.glob("*.pt")):
            torch.load(file, weights_only=True)
        again = load(folder / "run")
        want(torch.equal(_samples(subject, run), _samples(subject, again)), "a loaded run draws other samples")
        x = _samples(subject, again)
        want(tuple(x.shape[1:]) == tuple(subject.spec.shape), f"samples of a run have the shape {tuple(x.shape)}")


def _images_a_step(subject: ArchSubject) -> int:
    world = subject.world()
    return world.stepper.step() if world.stepper.phases else world.stepper.batch


def _train(subject: ArchSubject, out: Path, images: int) -> Run:
    return train(
        subject.id,
        data=subject.data,
        images=images,
        seed=3,
        out=out,
        set=subject.assignments,
        trackers=("jsonl",),
        settings=_settings(),
    )


def _settings() -> dict[str, Any]:
    """A run without choices that depend on the machine's load; the allocator is the process's own."""
    return {
        "device": "cpu",
        "precision": "float32",
        "threads": torch.get_num_threads(),
        "allocator": "system",
        "steps": "eager",
        "pictures": 0,
        "log_images": 1,
    }


def _samples(subject: ArchSubject, run: Run) -> Tensor:
    return run.sample(4, seed=2)


def _state(run: Run) -> dict[str, Any]:
    state, _ = checkpoint.load_newest(RunFolder.open(run.folder).checkpoints, lambda text: None)
    return state


def _flat(value: Any, prefix: str = "") -> dict[str, Tensor]:
    """Every tensor and number below a value, by its place."""
    if isinstance(value, Tensor):
        return {prefix: value}
    if isinstance(value, bool | int | float):
        return {prefix: torch.tensor(value)}
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {place: leaf for key, child in children for place, leaf in _flat(child, f"{prefix}.{key}").items()}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ganzoo-check-") as name:
        yield Path(name)


@contextmanager
def _own_chance() -> Iterator[None]:
    """Training seeds the process's generators; they end as they began."""
    before = chance.read_all(CPU)
    try:
        yield
    finally:
        chance.set_all(before, CPU)
