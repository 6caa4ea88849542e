"""ganzoo as `ganzoo train` runs it with default settings: progress display, rows of measurements, averaged weights.

All that knows how a run is built is in `_runner`, which has it built by what `ganzoo train` calls. The first picture, and the
compilation if there is one, lie before the gate opens. The run is a long one, so that it chooses as a real training would,
and no end comes near. Checkpoints are left out, as of all contenders: the clock that makes them due goes on while the
process stands still for others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganzoo
from benchmarks.peers.data import pictures
from benchmarks.peers.gate import Gate
from benchmarks.peers.workloads import Contender, Workload
from ganzoo import api, plugin
from ganzoo.build import find_arch, parameter_counts
from ganzoo.engine.processes import Processes
from ganzoo.engine.runner import Runner
from ganzoo.registry import registry
from ganzoo.tracking import Tracker

ARCH = {"W1": "dcgan-tf", "W2": "dcgan", "W3": "wgan-gp", "W3b": "wgan-gp", "W4": "gan-2d", "W4b": "gan-2d"}
ASSIGNMENTS = {"W3": ("network=dcgan",), "W3b": ("network=resnet",)}
POINTS = (
    "depth=2",
    *(f"{player}.{rate}" for player in ("generator", "discriminator") for rate in ("lr=2e-4", "beta1=0.5")),
)
LONG = ("run.images=10_000_000_000", "run.checkpoint_minutes=1e6")
SEEDS = 16


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train until the gate has had enough."""
    seeds = SEEDS if contender.kind == "seeds" else 1
    runner = _runner(workload, contender, threads, seeds)
    counts = parameter_counts(runner.game)
    found = (counts["generator"], counts["discriminator"])
    if found != workload.parameters:
        raise ValueError(f"the networks have {found} parameters, and {workload.id} has {workload.parameters}")
    rows = _LastRow()
    runner.trackers = [*runner.trackers, rows]
    facts |= {
        "threads": torch.get_num_threads(),
        "allocator": "ganzoo's own choice",
        "parameters": list(found),
        "versions": {"torch": str(torch.__version__), "ganzoo": ganzoo.__version__},
        "reasons": list(runner.reasons),
        "losses": rows.losses,
    }
    seen = runner.context.images
    for images in runner.calls():
        gate.passed((images - seen) * seeds)
        seen = images


class _LastRow(Tracker):
    """Keeps the run's newest row of measurements."""

    def __init__(self) -> None:
        self.row: dict[str, Any] = {}

    def logged(self, row: dict[str, Any]) -> None:
        self.row = row

    def losses(self) -> list[float]:
        """Of the adversarial terms, by the names of their phases and players; none before the first row."""
        return [value for name, value in sorted(self.row.items()) if name.endswith("adversarial")]


def _runner(workload: Workload, contender: Contender, threads: int | None, seeds: int) -> Runner:
    """The runner of `ganzoo train --arch ... --data ... --precision ...`, with its trackers, in a folder "run" here."""
    assignments = [*ASSIGNMENTS.get(workload.id, ()), f"batch={workload.batch}", *LONG]
    data_options: dict[str, Any] = {}
    if len(workload.shape) == 1:
        data = "ring"
        assignments += [*POINTS, f"width={workload.width}", f"latent={workload.latent}"]
    else:
        np.save("pictures.npy", pictures(workload))
        data = str(Path("pictures.npy").absolute())
        data_options["size"] = "x".join(str(side) for side in workload.shape[1:])
    if contender.kind == "one step":
        assignments.append("run.steps_per_call=1")
    settings = {"threads": threads, "precision": contender.precision if len(workload.shape) == 3 else None}
    runner = api._new(
        entry=find_arch(ARCH[workload.id]),
        data=data,
        out="run",
        loss=None,
        penalty=None,
        augment=None,
        assignments=assignments,
        data_options=data_options,
        own_settings={name: value for name, value in settings.items() if value is not None},
        seeds=seeds,
        processes=Processes.from_environment(),
        say=lambda text: None,
        progress=None,
    )
    for each in runner.together:  # one display, as api._run has it
        names = [name for name in each.tracker_names if name != "console" or each is runner]
        each.trackers = [registry().load(registry().find(plugin.Tracker, name))() for name in names]
    return runner
