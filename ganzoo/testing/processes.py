"""Two processes against one: the gradients of a step are those of the joined batch."""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.engine.processes import Processes, filled
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.subject import ArchSubject, double_precision

PROCESSES = Checks("processes")
WORLD = 2
STEPS = 2
PATIENCE = 120.0  # seconds without an answer
EXACT = 1e-6  # of the largest gradient of the player in that step


@PROCESSES.check(
    "joined",
    why="A run on several GPUs would train something else than the same run on one.",
    hint="Draw from the context, use layers that see_joined_batches knows, and name in notes_on_processes() what cannot be joined.",
)
def joined(subject: ArchSubject) -> str:
    """Two gloo processes give one process's gradients to 1e-6, unless the game says why they do not."""
    world = subject.trained_world()
    if not torch.distributed.is_available():
        raise Skipped("this torch has no torch.distributed")
    notes = world.game.notes_on_processes()
    if notes:
        raise Skipped(f"it says so itself: {'; '.join(notes)}")
    want(world.stepper.batch % WORLD == 0, f"the smallest batch is {world.stepper.batch}, wanted an even number")
    there = start().ask(subject.id, subject.data)
    left = there.pop("left", None)
    if isinstance(left, list) and left:
        raise Failed(f"not named in notes_on_processes(): {'; '.join(left)}")
    here = recorded(subject, Processes())
    want(here.keys() == there.keys(), "two processes take other steps than one")
    worst, where = 0.0, ""
    largest: dict[str, float] = {}
    for key, gradient in here.items():
        step = key.rpartition("/")[0]
        largest[step] = max(largest.get(step, 0.0), float(gradient.abs().max()))
    for key, gradient in here.items():
        apart = float((there[key] - gradient).abs().max()) / max(largest[key.rpartition("/")[0]], 1e-30)
        if apart > worst:
            worst, where = apart, key
    want(worst < EXACT, f"gradients of two processes differ by {worst:.1e} from one's, first in {where}")
    return f"{worst:.1e}"


def recorded(subject: ArchSubject, processes: Processes) -> dict[str, Tensor]:
    """The gradients that each optimiser is given in the first steps, by player, number of the update, and parameter."""
    seen: dict[str, Tensor] = {}
    with double_precision():
        world = subject.world(dtype=torch.float64, processes=processes)
        torch.manual_seed(1)
        for name, seat in world.stepper.seats.items():
            _spy(name, seat, seen)
        for _ in range(STEPS):
            world.stepper.step()
    return seen


def _spy(name: str, seat: Any, seen: dict[str, Tensor]) -> None:
    original, count = seat.optimizer.step, 0

    def step() -> None:
        nonlocal count
        found = filled(seat.parameters, [p.grad for p in seat.parameters])
        seen.update({f"{name}/{count}/{i}": gradient.clone() for i, gradient in enumerate(found)})
        count += 1
        original()

    seat.optimizer.step = step


class _Pair:
    """Two processes that wait for names of architectures, started once, since most of their time is importing torch."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self._folder = tempfile.TemporaryDirectory(prefix="ganzoo-check-")
        shared = {
            "WORLD_SIZE": str(WORLD),
            "LOCAL_WORLD_SIZE": str(WORLD),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),  # they see what this process sees
        }
        self._errors = [Path(self._folder.name) / f"errors-{rank}" for rank in range(WORLD)]
        self.started: list[subprocess.Popen[str]] = []
        for rank, path in enumerate(self._errors):
            with path.open("w") as errors:
                self.started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "ganzoo.testing.worker"],
                        env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        text=True,
                    )
                )

    def ask(self, arch: str, data: str) -> dict[str, Any]:
        """What the two recorded of an architecture.

        Raises:
            Failed: one of them ended.
        """
        out = Path(self._folder.name) / "gradients.pt"
        out.unlink(missing_ok=True)
        with selectors.DefaultSelector() as waiting:
            for process in self.started:
                assert process.stdin is not None
                assert process.stdout is not None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(f"{arch}\t{data}\t{out}\n")
                    process.stdin.flush()
                waiting.register(process.stdout, selectors.EVENT_READ, process.stdout)
            while waiting.get_map():
                ready = waiting.select(PATIENCE)
                for key, _ in ready:
                    answer = key.data.readline().strip()
                    if answer != "done":  # the other may wait for it for ever
                        self.end()
                        raise Failed(f"one of two processes ended: {answer or self._said()}")
                    waiting.unregister(key.fileobj)
                if not ready:
                    self.end()
                    raise Failed(f"two processes gave no answer in {PATIENCE:.0f} s")
        return dict(torch.load(out, weights_only=True))

    def _said(self) -> str:
        for path in self._errors:
            lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return lines[-1][:300]
        return "without a word"

    def end(self) -> None:
        """Both end; their folder goes with this object."""
        for process in self.started:
            process.kill()
            process.wait()


_pairs: list[_Pair] = []


def start() -> _Pair:
    """The two, started if they are not there: a while before the first check wants them, since that takes seconds."""
    if not _pairs or any(process.poll() is not None for process in _pairs[-1].started):
        _pairs.append(_Pair())
        atexit.register(_pairs[-1].end)
    return _pairs[-1]
