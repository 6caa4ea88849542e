"""Devices, the precision that they are fast in, and threads: what there is, and what the engine would choose."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.doctor.probe import answer
from ganzoo.doctor.software import PATIENCE_S

if TYPE_CHECKING:
    from ganzoo.engine.device import Chosen

# Of a processor's flags, those that torch's kernels are written for.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve", "bf16")
CGROUPS = Path("/sys/fs/cgroup")


def devices() -> dict[str, Any]:
    """The processor, the GPUs that torch can use, and those that the driver knows."""
    return {
        "cpu": {
            "name": answer(_cpu_name),
            "cores": answer(_cores),
            "cores_of_machine": os.cpu_count(),
            "memory_bytes": answer(memory),
            "memory_limit_bytes": answer(memory_limit),
            "instructions": answer(_instructions),
            "kernels": answer(_kernels),
        },
        "cuda": answer(_cuda),
        "mps": answer(_mps),
        "nvidia_driver": answer(nvidia_gpus),
        "chosen": answer(lambda: str(_choice().device)),
        "reason": answer(lambda: _reason(0)),
    }


def precision() -> dict[str, Any]:
    """What networks for pictures would run in, and which devices are fast in bfloat16."""
    return {
        "chosen": answer(lambda: _choice().precision),
        "reason": answer(lambda: _reason(1)),
        "fast_bfloat16": answer(_fast_bfloat16),
    }


def threads() -> dict[str, Any]:
    """The limits on threads, what torch makes of them, and what the engine would choose."""
    return {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "cores": answer(_cores),
        "cores_of_machine": os.cpu_count(),
        "cgroup_cores": answer(cgroup_cores),
        "torch": answer(_torch_threads),
        "chosen": answer(lambda: _choice().threads),
        "reason": answer(lambda: _reason(2) or "all cores, or one where a trial finds that as fast"),
    }


def _choice() -> Chosen:
    from ganzoo.engine.device import choose

    return choose("auto", "auto", None, "image", 0, 1)


def _reason(which: int) -> str:
    """Why device (0), precision (1) or threads (2) were chosen, without the choice itself."""
    reasons = _choice().reasons
    return reasons[which].partition(": ")[2] if which < len(reasons) else ""


def _cpu_name() -> str:
    import torch

    from ganzoo.bench.machine import device_name

    return device_name(torch.device("cpu"))


def _cores() -> int:
    from ganzoo.engine.device import available_cores

    return available_cores()


def _kernels() -> str:
    """The instruction set that torch's own CPU kernels were chosen for."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def _torch_threads() -> int:
    import torch

    return torch.get_num_threads()


def _fast_bfloat16() -> dict[str, bool]:
    import torch

    from ganzoo.engine.device import has_fast_bfloat16

    places = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return {place: has_fast_bfloat16(torch.device(place)) for place in places}


def _cuda() -> list[dict[str, Any]]:
    import torch

    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(index)
        found.append(
            {
                "index": index,
                "name": facts.name,
                "memory_bytes": facts.total_memory,
                "free_bytes": answer(lambda index=index: torch.cuda.mem_get_info(index)[0]),  # type: ignore[misc]
                "capability": f"{facts.major}.{facts.minor}",
            }
        )
    return found


def _mps() -> dict[str, Any] | None:
    import torch

    if not torch.backends.mps.is_available():
        return None
    return {"memory_bytes": answer(torch.mps.recommended_max_memory)}


def nvidia_gpus(listing: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """The GPUs that NVIDIA's driver knows, whether or not this torch can use them."""
    if listing.is_dir():
        return sorted(path.name for path in listing.iterdir())
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    said = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return [line.strip() for line in said.stdout.splitlines() if line.startswith("GPU ")]


def memory() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _instructions() -> list[str]:
    """Those of `INSTRUCTIONS` that the processor has."""
    if platform.system() != "Linux":
        return []
    words: set[str] = set()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                words.update(line.partition(":")[2].split())
                break
    return [name for name in INSTRUCTIONS if name in words]


def cgroup_cores(root: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores whose time the control group of this process may use, the least of all above it; None: no limit."""
    found = []
    for words in _settings(root, membership, "cpu.max"):
        quota, period = words.split()
        if quota != "max":
            found.append(int(quota) / int(period))
    old = root / "cpu"  # version 1 of control groups
    if not found and (old / "cpu.cfs_quota_us").is_file():
        quota_us = int((old / "cpu.cfs_quota_us").read_text())
        if quota_us > 0:
            found.append(quota_us / int((old / "cpu.cfs_period_us").read_text()))
    return min(found, default=None)


def memory_limit(root: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes that the control group of this process may use; None: no limit below the machine's memory."""
    found = [int(words) for words in _settings(root, membership, "memory.max") if words != "max"]
    old = root / "memory" / "memory.limit_in_bytes"
    if not found and old.is_file():
        found.append(int(old.read_text()))
    least = min(found, default=None)
    return None if least is None or least >= memory() else least


def _settings(root: Path, membership: Path, name: str) -> Iterator[str]:
    """A setting of this process's control group and of each one above it."""
    if not membership.is_file():
        return
    own = next((line[3:] for line in membership.read_text().splitlines() if line.startswith("0::")), "/")
    group = root / own.strip("/")
    for folder in (group, *group.parents):
        if (folder / name).is_file():
            yield (folder / name).read_text().strip()
        if folder == root:
            return
