"""How a run takes its steps: one by one, compiled, or captured; chosen by what the planned length pays for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from ganzoo.engine.settings import TrainSettings

Kind = Literal["eager", "traced", "compiled", "graph"]
"""One by one; a trace of whole steps that is run as it is, for several seeds; the trace compiled; the trace in a CUDA graph."""

PAYS_ONE = 20_000  # steps of a small game on a CPU that pay for compiling it (10 to 20 s), one step a call
PAYS_SEVERAL = 60_000  # likewise for several steps a call (20 to 40 s)
SEVERAL = 4  # steps a call: more compile for longer, and save less than 5 % of the time of a step
STEP_SECONDS = 1e-3  # of a small game's step that is not compiled, for runs that are limited by time


@dataclass(frozen=True)
class Way:
    """How steps are taken, how many a call, and why."""

    kind: Kind
    steps: int
    reason: str


def choose_way(
    settings: TrainSettings,
    device: torch.device,
    modality: str,
    batch: int,
    total: int | None,
    *,
    world: int = 1,
    seeds: int = 1,
    able: bool = True,
) -> Way:
    """The way for a run.

    Args:
        total: images of the run, None where the time alone is limited.
        world: processes. seeds: runs that are stepped together.
        able: whether there is a compiler for the device's code.
    """
    way = _way(settings, device, modality, batch, total, world, seeds, able)
    if way.kind == "eager" and seeds > 1:
        return Way("traced", 1, f"{seeds} seeds at once, uncompiled" + way.reason.removeprefix("steps one by one"))
    return way


def _way(
    settings: TrainSettings,
    device: torch.device,
    modality: str,
    batch: int,
    total: int | None,
    world: int,
    seeds: int,
    able: bool,
) -> Way:
    asked, steps = settings.steps, settings.steps_per_call
    if world > 1:
        return _singly("several processes exchange gradients in them")
    if device.type == "meta":
        return _singly("the meta device has no numbers")
    if asked == "eager":
        return _singly("asked for")
    if asked == "graph" or (asked == "auto" and device.type == "cuda"):
        if device.type != "cuda":
            return _singly(f"there are no CUDA graphs on {device.type}")
        return Way("graph", steps or 1, "steps in a CUDA graph" + (": asked for" if asked == "graph" else ""))
    if not able:
        return _singly("there is no C++ compiler (g++ or clang++)")
    if asked == "compiled":
        return Way("compiled", steps or 1, f"steps compiled, {steps or 1} a call: asked for")
    if modality != "points":
        return _singly("compiling pays for small networks alone here")
    planned = total // batch if total is not None else None
    if settings.minutes is not None:
        by_time = int(settings.minutes * 60 / STEP_SECONDS)
        planned = by_time if planned is None else min(planned, by_time)
    assert planned is not None
    planned *= seeds
    if planned < PAYS_ONE:
        return _singly(f"compiling pays from about {PAYS_ONE:,} steps on, and {planned:,} are planned")
    count = steps or (SEVERAL if planned >= PAYS_SEVERAL else 1)
    return Way("compiled", count, f"steps compiled, {count} a call: {planned:,} planned steps pay for it")


def _singly(why: str) -> Way:
    return Way("eager", 1, f"steps one by one: {why}")
