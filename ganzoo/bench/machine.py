"""What this machine can do: the roofs that a step's speed is held against, measured and not read from a data sheet."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ganzoo.bench.subject import choose
from ganzoo.bench.timing import repeat_for
from ganzoo.engine import device as engine_device
from ganzoo.errors import UsageError

DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}

# (samples, channels in, channels out, height and width, kernel): the inner layers of common networks. The roof is the best.
CONVOLUTIONS = ((8, 128, 128, 32, 3), (16, 256, 256, 16, 3), (32, 128, 256, 16, 4), (4, 64, 64, 64, 3))
PRODUCTS = ((1024, 1024, 1024), (2048, 2048, 1024))
GPU_TIMES = 32  # as many samples and rows: a GPU needs more at once
COPY_BYTES = 256 * 2**20  # well beyond the caches

Timer = Callable[[Callable[[], object], float], float]


@dataclass(frozen=True)
class Machine:
    """A machine and its ceilings.

    name: of the CPU or GPU. cores: of this process. threads: that were measured with. torch: its version.
    ceilings: "conv float32", "conv bfloat16", "matmul float32" and "matmul bfloat16" in operations/s (a multiplication and
    an addition are two), "copy" in bytes/s, read and written. What the device cannot do is missing.
    allocator: how freed memory is treated. fast_bfloat16: whether the hardware multiplies bfloat16 faster than float32.
    """

    name: str
    cores: int
    threads: int
    torch: str
    device: str
    ceilings: dict[str, float]
    allocator: str
    fast_bfloat16: bool
    system: str

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    def share(self, operations_per_second: float, dtype: str, family: str = "conv") -> float | None:
        """The part of a ceiling that a speed reaches; None where the ceiling was not measured.

        Args:
            dtype: "float32" or "bfloat16". family: "conv" or "matmul".
        """
        ceiling = self.ceilings.get(f"{family} {dtype}")
        return operations_per_second / ceiling if ceiling else None


def measure(
    device: str = "cpu",
    threads: int | None = None,
    seconds: float = 8.0,
    progress: Callable[[float], object] | None = None,
) -> Machine:
    """Measure the ceilings, about `seconds` in all; the best of several shapes and repetitions is the roof.

    Args:
        device: cpu, cuda or cuda:1. threads: None: those that a run of pictures would use here.
        progress: told the share that is done.

    Raises:
        UsageError: the device does not exist here.
    """
    chosen = timed(device, threads)
    place = chosen.device
    allocator = allocator_name(place)
    before = torch.get_num_threads()
    torch.set_num_threads(chosen.threads)
    try:
        ceilings = _ceilings(place, seconds, progress or (lambda done: None))
    finally:
        torch.set_num_threads(before)
    return Machine(
        name=device_name(place),
        cores=engine_device.available_cores(),
        threads=chosen.threads,
        torch=str(torch.__version__),
        device=place.type,
        ceilings=ceilings,
        allocator=allocator,
        fast_bfloat16=engine_device.has_fast_bfloat16(place),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def timed(device: str, threads: int | None = None) -> engine_device.Chosen:
    """The device and the threads of a run of pictures, by the engine's own choice.

    Raises:
        UsageError: the device does not exist here, or has no numbers and so nothing to time.
    """
    chosen = choose(device, "auto", threads, "image")
    if chosen.device.type == "meta":
        raise UsageError("--device meta has shapes without numbers, and so nothing to time; wanted cpu, cuda or mps")
    return chosen


def identity(device: str) -> dict[str, Any]:
    """What tells this machine from another one: name, cores and device, without measuring anything.

    Raises:
        UsageError: the device does not exist here.
    """
    place = timed(device).device
    return {"name": device_name(place), "cores": engine_device.available_cores(), "device": place.type}


def _ceilings(place: torch.device, seconds: float, progress: Callable[[float], object]) -> dict[str, float]:
    clock: Timer = {"cuda": _on_gpu, "mps": _on_mps}.get(place.type, _on_host)
    works = [(name, size) for name in DTYPES for size in CONVOLUTIONS]
    products = [(name, size) for name in DTYPES for size in PRODUCTS]
    each = seconds / (len(works) + len(products) + 1)
    found: dict[str, float] = {}
    done = 0

    def note(name: str, value: float) -> None:
        nonlocal done
        done += 1
        found[name] = max(found.get(name, 0.0), value)
        progress(done / (len(works) + len(products) + 1))

    with torch.no_grad():
        for name, shape in works:
            note(f"conv {name}", _convolution(place, DTYPES[name], shape, clock, each))
        for name, sizes in products:
            note(f"matmul {name}", _product(place, DTYPES[name], sizes, clock, each))
        note("copy", _copy(place, clock, each))
    return found


def _convolution(
    place: torch.device, dtype: torch.dtype, shape: tuple[int, int, int, int, int], clock: Timer, seconds: float
) -> float:
    n, channels, kernels, size, kernel = shape
    n *= GPU_TIMES if place.type == "cuda" else 1
    layout = torch.channels_last
    x = torch.randn(n, channels, size, size, device=place).to(dtype, memory_format=layout)
    weight = torch.randn(kernels, channels, kernel, kernel, device=place).to(dtype, memory_format=layout)
    out = size + 2 * (kernel // 2) - kernel + 1
    best = clock(lambda: torch.nn.functional.conv2d(x, weight, padding=kernel // 2), seconds)
    return 2 * n * out * out * channels * kernels * kernel * kernel / best


def _product(
    place: torch.device, dtype: torch.dtype, sizes: tuple[int, int, int], clock: Timer, seconds: float
) -> float:
    rows, inner, columns = sizes
    rows *= GPU_TIMES if place.type == "cuda" else 1
    left = torch.randn(rows, inner, device=place).to(dtype)
    right = torch.randn(inner, columns, device=place).to(dtype)
    return 2 * rows * inner * columns / clock(lambda: left @ right, seconds)


def _copy(place: torch.device, clock: Timer, seconds: float) -> float:
    source = torch.ones(COPY_BYTES // 4, device=place)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / clock(lambda: target.copy_(source), seconds)


def _on_host(run: Callable[[], object], seconds: float) -> float:
    """The shortest call; the first ones choose and compile a kernel."""
    run()
    return min(repeat_for(run, seconds))


def _on_mps(run: Callable[[], object], seconds: float) -> float:
    def finished() -> None:
        run()
        torch.mps.synchronize()

    return _on_host(finished, seconds)


def _on_gpu(run: Callable[[], object], seconds: float) -> float:
    """The shortest call by the GPU's own clock, ten calls at a time so that launching is hidden."""
    for _ in range(3):
        run()
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]

    def ten() -> None:
        start.record()
        for _ in range(10):
            run()
        stop.record()
        stop.synchronize()
        taken.append(start.elapsed_time(stop) / 1000 / 10)

    taken: list[float] = []
    repeat_for(ten, seconds)
    return min(taken)


def device_name(place: torch.device) -> str:
    """What the CPU or the GPU calls itself."""
    if place.type == "cuda":
        return str(torch.cuda.get_device_name(place))
    if sys.platform.startswith("linux"):
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        except OSError:
            names = []
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def allocator_name(place: torch.device) -> str:
    """How memory is kept: torch's caching allocator on a GPU; on a CPU what is preloaded, or glibc with or without trimming."""
    if place.type == "cuda":
        return "torch's caching allocator"
    preloaded = os.environ.get("LD_PRELOAD", "")
    for name in ("jemalloc", "tcmalloc", "mimalloc"):
        if name in preloaded:
            return name
    return "glibc, freed memory kept" if engine_device.keep_freed_memory() else "the system's"
