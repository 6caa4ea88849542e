"""One of several gloo processes: steps games and saves the gradients that each optimiser was given.

Run as `python -m tests.engine.process_worker OUT KIND`, KIND "tiny" or "zoo", with the environment that torchrun sets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import torch

from ganzoo.engine.processes import Processes
from ganzoo.engine.step import Stepper
from ganzoo.testing.subject import double_precision
from tests.engine.tiny_games import GAMES
from tests.engine.worlds import stepper, zoo_names, zoo_stepper

STEPS = 2


def gradients(engine: Stepper, steps: int = STEPS) -> dict[str, torch.Tensor]:
    """What each optimiser was given in each of its steps, by player, step and parameter."""
    seen: dict[str, torch.Tensor] = {}

    def spy(name: str, seat: Any) -> None:
        original: Callable[[], None] = seat.optimizer.step
        count = 0

        def step() -> None:
            nonlocal count
            for i, parameter in enumerate(seat.parameters):
                gradient = parameter.grad
                seen[f"{name}.{count}.{i}"] = torch.zeros_like(parameter) if gradient is None else gradient.clone()
            count += 1
            original()

        seat.optimizer.step = step

    for name, seat in engine.seats.items():
        spy(name, seat)
    for _ in range(steps):
        engine.step()
    return seen


def engines(kind: str, processes: Processes) -> dict[str, Callable[[], Stepper]]:
    """A way to make each engine, by name."""
    if kind == "tiny":
        names = [name for name in GAMES if name != "fit and sample only"]
        return {name: lambda name=name: stepper(name, dtype=torch.float64, processes=processes) for name in names}
    return {name: lambda name=name: zoo_stepper(name, dtype=torch.float64, processes=processes) for name in zoo_names()}


def main(out: str, kind: str) -> None:
    torch.set_num_threads(1)
    processes = Processes.from_environment()
    processes.join(torch.device("cpu"))
    with double_precision():
        found = {name: gradients(make()) for name, make in engines(kind, processes).items()}
    if processes.leads:
        torch.save(found, out)
    processes.leave()


if __name__ == "__main__":
    assert "RANK" in os.environ
    main(*sys.argv[1:])
    os._exit(0)  # as ganzoo.__main__ does, and for its reason
