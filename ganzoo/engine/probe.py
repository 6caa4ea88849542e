"""A trial of how many threads a game's step runs fastest on: small networks are slower on several.

The trial takes gradients and throws them away. It leaves weights, buffers, the data's order and all streams as they were.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from ganzoo.engine.step import Stepper
from ganzoo.models import Batch, StepContext

REPEATS = 3
MARGIN = 0.95  # a later candidate has to take less than this share of the time: ties would not repeat
ENOUGH = 2.0  # seconds after which a trial stops where it is


def faster_threads(stepper: Stepper, batch: Batch, candidates: Sequence[int]) -> tuple[int, str]:
    """The candidate with the fastest step, and why, in a line. The first is taken where another gains little."""
    buffers = [buffer.clone() for buffer in stepper.game.buffers()]
    before = torch.get_num_threads()
    seconds: dict[int, float] = {}
    began = time.perf_counter()
    try:
        with torch.random.fork_rng(devices=[]):
            for count in candidates:
                torch.set_num_threads(count)
                _gradients(stepper, batch)  # allocates and chooses kernels
                seconds[count] = statistics.median(_timed(lambda: _gradients(stepper, batch)) for _ in range(REPEATS))
                if time.perf_counter() - began > ENOUGH:
                    break
    finally:
        torch.set_num_threads(before)
        with torch.no_grad():
            for buffer, value in zip(stepper.game.buffers(), buffers, strict=True):
                buffer.copy_(value)
        stepper.release()
    best = candidates[0]
    for count in seconds:
        if seconds[count] < MARGIN * seconds[best]:
            best = count
    times = ", ".join(f"{1000 * seconds[count]:.3g} ms on {count}" for count in seconds)
    return best, f"threads {best}: a trial took {times}"


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _gradients(stepper: Stepper, batch: Batch) -> None:
    """The gradients of each phase once, as a step takes them."""
    context = StepContext(0, stepper.context.device)
    context.lowers_penalties = stepper.context.lowers_penalties
    for phase in stepper.phases:
        stepper.enable(phase)
        stepper.compute(phase, batch, context, [stepper.seats[name].parameters for name in phase.players])
    stepper.forget_shared()
