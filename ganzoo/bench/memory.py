"""Memory that a process takes, as the system counts it."""

from __future__ import annotations

import re
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PEAK_AFRESH = "5"  # what Linux takes for: forget the peak


def resident() -> int | None:
    """Bytes of this process in memory now; None where the system does not tell."""
    return _status("VmRSS")


def peak() -> int | None:
    """The most bytes that this process has had in memory, since `forget_peak` where the system can forget."""
    found = _status("VmHWM")
    if found is not None:
        return found
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * 1024 if most else None


def forget_peak() -> None:
    """Let `peak` begin anew, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text(_PEAK_AFRESH)
    except OSError:
        return


def page_faults() -> int:
    """Pages that the system had to hand to this process so far, without reading a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _status(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
