"""A process that runs one architecture and does what it is told over pipes: `python -m ganzoo.bench.child FOLDER`.

One JSON object a line on stdin, {"do": NAME, ...}, is answered by one on stdout: {"ok": ...}, or {"error": {"kind", "text"}}.
`open` comes first and has the request; `train` and `sample` work for so many seconds and answer [units, seconds].
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo.bench import memory
from ganzoo.bench.request import Request
from ganzoo.errors import GanzooError

PROFILED = 0.5  # seconds of steps under the profiler
CLOCKED = 20  # calls whose time in compiled code is taken


class Server:
    """Answers the requests of one coordinator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._subject: Any = None
        self._request: Request | None = None
        self._before = 0
        self._cold = 0.0

    def answer(self, message: Mapping[str, Any]) -> Any:
        """What a request gives; whatever goes wrong is raised."""
        asked = dict(message)
        doing: Callable[..., Any] = getattr(self, f"do_{asked.pop('do')}")
        return doing(**asked)

    def do_open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build the run and take its first step; what it is."""
        import torch

        import ganzoo.bench.subject  # noqa: F401 - before the memory is read, which is to be the run's alone
        from ganzoo.engine import device

        self._request = Request.from_dict(request)
        _load_libraries()
        gc.collect()
        self._before = memory.resident() or 0
        memory.forget_peak()
        subject = self._subject = self._new()
        on_gpu = subject.device.type == "cuda"
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(subject.device)
        subject.first_call()
        self._cold = time.time() - self._request.spawned if self._request.spawned else 0.0
        return {
            "arch": subject.entry.id,
            "distribution": f"{subject.entry.distribution} {subject.entry.version}",
            "batch": subject.batch,
            "shape": list(subject.source.spec.shape),
            "data": subject.source.spec.name,
            "device": str(subject.device),
            "precision": subject.chosen.precision,
            "threads": torch.get_num_threads(),  # a trial may have chosen fewer than the cores
            "from_step": subject.from_step,
            "reasons": list(subject.runner.reasons),
            "cores": device.available_cores(),
            "cold_start_seconds": self._cold or None,
        }

    def _new(self) -> Any:
        from ganzoo.bench.subject import Subject

        assert self._request is not None
        self._count += 1
        return Subject(self._request, self._folder / f"run-{self._count}")

    def do_train(self, seconds: float) -> list[float]:
        """Train; [images, seconds]."""
        return list(self._subject.train(seconds))

    def do_sample(self, seconds: float) -> list[float]:
        """Sample with the averaged weights; [samples, seconds]."""
        return list(self._subject.sample(seconds))

    def do_marks(self) -> dict[str, Any]:
        """Counters that grow while training: steps, its seconds, page faults; and the seconds by phase since the last marks."""
        subject = self._subject
        return {
            "steps": subject.steps,
            "train_seconds": subject.train_seconds,
            "page_faults": memory.page_faults(),
            "phase_seconds": subject.times.take(),
        }

    def do_memory(self) -> dict[str, Any]:
        """The peak until now, of what the run has added to the process, or of the GPU."""
        import torch

        device = self._subject.device
        if device.type == "cuda":
            return {
                "bytes": torch.cuda.max_memory_allocated(device),
                "of": "the most that torch had allocated on the GPU",
            }
        most = memory.peak()
        if device.type != "cpu" or most is None:
            return {"bytes": None, "of": "not measured on this device or system"}
        of = "growth of the process while it was built and trained"
        return {"bytes": max(0, most - self._before), "of": of}

    def do_profile(self) -> dict[str, Any]:
        """Seconds a step by kind of kernel."""
        from ganzoo.bench.kernels import time_by_kind, with_compiled

        subject = self._subject
        if subject.device.type not in ("cpu", "cuda"):
            raise GanzooError(f"torch's profiler does not time kernels on {subject.device.type}")
        _, steps = subject.work()  # in a call
        found = time_by_kind(subject.work, subject.device, subject.wait, PROFILED)
        seconds = found.seconds
        if not subject.eager and subject.device.type == "cpu":
            subject.times.take()
            for _ in range(CLOCKED):
                subject.work()
            seconds = with_compiled(seconds, sum(subject.times.take().values()) / CLOCKED)
        return {
            "seconds": {kind: value / steps for kind, value in seconds.items()},
            "whole": found.whole / steps,
            "plain": found.plain / steps,
            "of": "single steps" if subject.eager else "the run's own calls",
        }

    def do_count(self) -> dict[str, Any]:
        """Operations an image over one pattern of steps, by kind and precision; and host syncs a step.

        Single eager steps are counted. Where that fails or shows nothing, the same steps of a run on the meta device are,
        in float32. Syncs and calls of torch are those of what the run really does.
        """
        from ganzoo.bench.subject import Subject

        assert self._request is not None
        calls = _calls(self._subject)
        try:
            found = _counted(self._subject)
        except RuntimeError:
            found = {"operations": 0}
        if not found["operations"]:
            self._count += 1
            shapes = replace(self._request, device="meta", precision="float32")
            subject = Subject(shapes, self._folder / f"run-{self._count}")
            found = _counted(subject) | {"of": "steps on the meta device, in float32"}
        return found | calls

    def do_allocations(self) -> list[float]:
        """Blocks that a step allocates, and their bytes."""
        from ganzoo.bench.kernels import allocations

        subject = self._subject
        _, steps = subject.work()
        return [value / steps for value in allocations(subject.work, subject.device)]

    def do_trace(self, path: str) -> None:
        """Write a trace of some steps."""
        from ganzoo.bench.kernels import trace

        trace(self._subject.work, self._subject.device, Path(path))

    def do_warm(self) -> float:
        """Seconds until a second run of the same process has taken its first step; the first run is given up."""
        self._subject.close()
        self._subject = None
        gc.collect()
        begun = time.perf_counter()
        self._subject = self._new()
        self._subject.first_call()
        return time.perf_counter() - begun

    def do_close(self) -> None:
        """End the run."""
        if self._subject is not None:
            self._subject.close()
            self._subject = None


def serve(folder: Path) -> None:
    """Answer until stdin ends; runs lie in the folder. Whatever code prints goes to stderr: stdout is the pipe."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = Server(folder)
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer: dict[str, Any] = {"ok": server.answer(message)}
        except (Exception, SystemExit) as error:  # a plugin's own code runs here: whatever it raises is this row's
            answer = {"error": {"kind": _kind(error), "text": _text(error)}}
        pipe.write(json.dumps(answer) + "\n")
        pipe.flush()
    server.do_close()


def _load_libraries() -> None:
    """A small step of each common kind, so that the libraries' own pages are in memory before the run's are counted."""
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 3, 3))
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    for bfloat16 in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            value = net(torch.zeros(2, 3, 8, 8)).mean()
        value.backward()
        optimizer.step()


def _counted(subject: Any) -> dict[str, Any]:
    from ganzoo.bench.operations import Tally

    steps, tally = subject.cycle(), Tally()
    with tally:
        images = sum(subject.step() for _ in range(steps))
    found = tally.counted()
    return {
        "operations": found.operations / images,
        "bytes": found.bytes / images,
        "by_kind": {kind: value / images for kind, value in found.by_kind.items()},
        "by_dtype": {dtype: value / images for dtype, value in found.by_dtype.items()},
        "images": images / steps,
        "of": "single steps",
    }


def _calls(subject: Any) -> dict[str, float | None]:
    """Operations that the host starts, and those of them that make it wait, a step; None where they cannot be seen."""
    from ganzoo.bench.kernels import Syncs
    from ganzoo.bench.operations import Tally

    tally, syncs, steps = Tally(), Syncs(), 0
    try:
        with syncs, tally:
            while steps < subject.cycle():
                steps += subject.work()[1]
    except RuntimeError:
        return {"calls": None, "syncs": None}
    return {"calls": tally.counted().calls / steps, "syncs": syncs.count / steps}


def _kind(error: BaseException) -> str:
    status = getattr(error, "exit_status", None) if isinstance(error, GanzooError) else None
    return "usage" if status == 2 else "failed"


def _text(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, GanzooError) else f"{type(error).__name__}: {text}"[:500]


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
