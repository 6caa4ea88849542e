"""A quick check instead of a measurement: every contender starts, has the right networks, and learns for some steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers.contest import Start
from benchmarks.peers.process import Failed
from benchmarks.peers.workloads import Contender, Workload

CHUNKS = 12  # of training at most, until the discriminator's loss has fallen


def check(
    workloads: Sequence[Workload], start: Start, seconds: float, say: Callable[[str], None] = lambda text: None
) -> list[str]:
    """What is wrong, a line each; nothing if all is well. One contender at a time, in chunks of about so many seconds."""
    faults = []
    for workload in workloads:
        for contender in workload.contenders:
            losses: list[list[float]] = []
            try:
                _train(workload, contender, start, seconds, losses)
                fault = _fault(workload, losses)
            except Failed as error:
                fault = error.reason
            text = (
                f"{workload.id} {contender.name}: losses {' -> '.join(_numbers(each) for each in losses) or 'not told'}"
            )
            say(text + (f"; WRONG: {fault}" if fault else ""))
            faults += [f"{workload.id} {contender.name}: {fault}"] if fault else []
    return faults


def _train(workload: Workload, contender: Contender, start: Start, seconds: float, losses: list[list[float]]) -> None:
    """Train, and add the losses of discriminator and generator after the first steps and after each chunk."""
    process = start(workload, contender, "shipped", None)
    try:
        ready: dict[str, Any] = process.wait_until_ready()
        if tuple(ready["parameters"]) != workload.parameters:
            raise Failed(contender.name, f"{ready['parameters']} parameters, wanted {workload.parameters}")
        losses += [ready["losses"]] if ready.get("losses") else []
        for _ in range(CHUNKS):
            process.chunk(seconds)
            told = process.tell().get("losses")
            losses += [told] if told else []
            if not _fault(workload, losses):
                return
    finally:
        process.close()


def _fault(workload: Workload, losses: Sequence[Sequence[float]]) -> str:
    if not all(math.isfinite(loss) for each in losses for loss in each):
        return "losses are not finite"
    if len(losses) < 2:
        return "it told no losses after a chunk"
    # On random pictures every discriminator soon tells fakes apart, whatever the generator does later. Points, of which
    # it sees few, it need not.
    if len(workload.shape) == 3 and not min(each[0] for each in losses[1:]) < losses[0][0]:
        return "the discriminator's loss did not fall"
    return ""


def _numbers(losses: Sequence[float]) -> str:
    return " / ".join(f"{loss:.3g}" for loss in losses)
