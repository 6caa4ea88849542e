"""Times a small real step: the engine's own, on random data, of an installed architecture or of a game made here."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.build import build, configure
from ganzoo.config import GanConfig
from ganzoo.doctor.probe import because
from ganzoo.engine import device
from ganzoo.engine.step import Stepper, move
from ganzoo.models import Batch, DataSpec, Discriminator, Game, Gan, Generator, LatentSpec, StepContext
from ganzoo.plugin import Arch
from ganzoo.registry import registry

WARM_UP = 3  # steps in which libraries choose kernels and allocate
CHUNK = 4  # steps between two looks at the clock, since the device is waited for then; one where steps are slow
OWN = "a two-layer game"


@dataclass(frozen=True)
class Trial:
    """An architecture by its id, and what makes a step of it take milliseconds."""

    arch: str
    settings: tuple[str, ...]
    spec: DataSpec


TRIALS = (
    Trial("classic/dcgan", ("batch=32", "width=16"), DataSpec((3, 32, 32))),
    Trial("classic/gan-2d", (), DataSpec((2,), "points")),
)
"""The first that is installed and can be stepped is taken."""


def time_step(seconds: float = 1.0) -> dict[str, Any]:
    """Milliseconds a step and images a second of the first of `TRIALS` that works here, else of a game made here.

    Args:
        seconds: to time for, after warming up.
    """
    passed_over: dict[str, str] = {}
    installed = {entry.id for entry in registry().entries(Arch)}
    for trial in TRIALS:
        if trial.arch not in installed:
            continue
        try:
            return _timed_arch(trial, seconds) | {"passed_over": passed_over}
        except (Exception, SystemExit) as error:  # whatever a plugin raises; the machine can still be timed
            passed_over[trial.arch] = because(error)
    return _timed(own_game(), OWN, 64, DataSpec((2,), "points"), seconds) | {"passed_over": passed_over}


def _timed_arch(trial: Trial, seconds: float) -> dict[str, Any]:
    entry = registry().find(Arch, trial.arch)
    config = configure(entry, trial.settings)
    with torch.random.fork_rng(devices=[]):
        game = build(entry, config, trial.spec)
    return _timed(game, trial.arch, config.batch, trial.spec, seconds)


def _timed(game: Game, name: str, batch: int, spec: DataSpec, seconds: float) -> dict[str, Any]:
    chosen = device.choose("auto", "auto", None, spec.modality, 0, 1)
    before = torch.get_num_threads()
    device.apply(chosen)
    try:
        move(game, chosen.device)
        data = torch.rand(batch, *spec.shape, device=chosen.device) * 2 - 1
        context = StepContext(0, chosen.device)
        stepper = Stepper(game.train(), lambda n: Batch(x=data[:n]), context, batch=batch, dtype=chosen.dtype)
        for _ in range(WARM_UP):
            start = time.perf_counter()
            stepper.step()
            _wait(chosen.device)
        chunk = CHUNK if (time.perf_counter() - start) * CHUNK < seconds else 1
        images, steps = context.images, 0
        took: list[float] = []
        begun = time.perf_counter()
        while not took or time.perf_counter() - begun < seconds:
            start = time.perf_counter()
            for _ in range(chunk):
                stepper.step()
            _wait(chosen.device)
            took.append((time.perf_counter() - start) / chunk)
            steps += chunk
    finally:
        torch.set_num_threads(before)
    each = statistics.median(took)
    return {
        "arch": name,
        "shape": list(spec.shape),
        "batch": batch,
        "device": str(chosen.device),
        "precision": chosen.precision,
        "threads": chosen.threads,
        "steps": steps,
        "milliseconds": 1000 * each,
        "images_per_second": (context.images - images) / steps / each,
    }


def _wait(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize(place)
    elif place.type == "mps":
        torch.mps.synchronize()


class _Points(Generator):
    """z_BL to x_BF."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(2)
        self.layers = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z_BL: Tensor) -> Tensor:
        """Points."""
        x_BF: Tensor = self.layers(z_BL)
        return x_BF


class _Judge(Discriminator):
    """x_BF to logits (B, 1)."""

    per_sample = True

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x_BF: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BF)
        return logits_B1


def own_game() -> Game:
    """Two networks of two layers, for points in the plane: there when no plugin is."""
    with torch.random.fork_rng(devices=[]):
        return Gan(_Points(), _Judge(), GanConfig())
