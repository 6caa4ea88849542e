"""Which device, precision, threads and allocator a run uses, each chosen unless asked for, with the reason."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from typing import Literal

import torch

from ganzoo.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Chosen:
    """What a run computes with. `reasons` is one line of text for each choice. `tries_threads`: whether the number of threads
    may be changed by a trial (engine.probe)."""

    device: torch.device
    dtype: torch.dtype
    threads: int
    reasons: tuple[str, ...]
    tries_threads: bool = False

    @property
    def precision(self) -> str:
        """float32 or bfloat16."""
        return str(self.dtype).removeprefix("torch.")


def choose(
    device: str, precision: Precision, threads: int | None, modality: str, local_rank: int, local_world: int
) -> Chosen:
    """The computing choices for one process.

    Raises:
        UsageError: the device does not exist here, or cannot compute in the precision.
    """
    chosen_device, why_device = _device(device, local_rank)
    dtype, why_dtype = _dtype(precision, chosen_device, modality)
    count, why_threads = _threads(threads, chosen_device, local_world)
    tries = not why_threads
    reasons = (why_device, why_dtype, why_threads) if why_threads else (why_device, why_dtype)
    return Chosen(chosen_device, dtype, count, reasons, tries)


def _device(asked: str, local_rank: int) -> tuple[torch.device, str]:
    if asked == "auto":
        if torch.cuda.is_available():
            index = local_rank % torch.cuda.device_count()
            return torch.device("cuda", index), f"device cuda:{index}: {torch.cuda.get_device_name(index)}"
        if torch.backends.mps.is_available():
            return torch.device("mps"), "device mps: Apple's GPU"
        return torch.device("cpu"), "device cpu: no GPU that torch can use"
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise UsageError(f"--device {asked}: wanted auto, cpu, cuda, cuda:1 or mps") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"--device {asked}: torch {torch.__version__} sees no CUDA GPU here; --device cpu works")
        if device.index is None:
            device = torch.device("cuda", local_rank % torch.cuda.device_count())
        elif device.index >= torch.cuda.device_count():
            raise UsageError(f"--device {asked}: there are {torch.cuda.device_count()} GPUs, numbered from 0")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError(f"--device {asked}: torch {torch.__version__} sees no Apple GPU here; --device cpu works")
    elif device.type not in ("cpu", "meta"):
        raise UsageError(f"--device {asked}: wanted auto, cpu, cuda, cuda:1 or mps")
    return device, f"device {device}: asked for"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # No public function tells: oneDNN is slower in bfloat16 than in float32 without these instructions.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def _dtype(asked: Precision, device: torch.device, modality: str) -> tuple[torch.dtype, str]:
    if asked == "float32":
        return torch.float32, "precision float32: asked for"
    if asked == "bfloat16":
        if device.type in ("meta", "mps"):
            raise UsageError(f"--precision bfloat16 is not offered on {device.type}; use float32")
        return torch.bfloat16, "precision bfloat16: asked for"
    if modality == "points":
        return torch.float32, "precision float32: networks for points are too small to gain from bfloat16"
    if has_fast_bfloat16(device):
        return torch.bfloat16, "precision bfloat16: the hardware is faster in it"
    return torch.float32, "precision float32: no fast bfloat16 here"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(asked: int | None, device: torch.device, local_world: int) -> tuple[int, str]:
    """How many threads and why; without a reason where a trial decides."""
    if asked is not None:
        return asked, f"threads {asked}: asked for"
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        count = max(1, int(os.environ["OMP_NUM_THREADS"]))
        return count, f"threads {count}: OMP_NUM_THREADS says so"
    if device.type != "cpu":
        return 1, f"threads 1: the work is on {device.type}"
    cores = available_cores() // local_world
    if cores <= 1 or local_world > 1:
        return max(1, cores), f"threads {max(1, cores)}: the cores of this process"
    return cores, ""


def apply(chosen: Chosen, allocator: Literal["auto", "keep", "system"] = "auto") -> None:
    """Set threads and allocator of this process."""
    torch.set_num_threads(chosen.threads)
    if chosen.device.type == "cuda":
        torch.cuda.set_device(chosen.device)
    if allocator == "keep" or (allocator == "auto" and chosen.device.type == "cpu"):
        keep_freed_memory()


def keep_freed_memory() -> bool:
    """Have glibc keep freed blocks instead of returning them to the kernel; whether it could be set.

    A step frees and allocates the same large blocks again; returning them costs a page fault for each 4 KiB.
    GANZOO_ALLOCATOR=system leaves the allocator as it is.
    """
    if not sys.platform.startswith("linux") or os.environ.get("GANZOO_ALLOCATOR") == "system":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has none
        return False
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    settings = ((mmap_threshold, 1 << 30), (trim_threshold, 2**31 - 1), (top_pad, 64 << 20))
    return all(mallopt(option, value) == 1 for option, value in settings)
