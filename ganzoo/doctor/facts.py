"""Gathers all facts in one document, each section guarded once more as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganzoo.doctor import hardware, software, storage
from ganzoo.doctor.probe import answer

SECTIONS: dict[str, Callable[[], Any]] = {
    "versions": software.versions,
    "devices": hardware.devices,
    "precision": hardware.precision,
    "compilers": software.compilers,
    "threads": hardware.threads,
    "disk": storage.disk,
    "folders": storage.folders,
    "environment": software.environment,
}


def gather(seconds: float = 1.0) -> dict[str, Any]:
    """The document without its advice.

    Args:
        seconds: to time steps for.
    """
    found = {name: answer(probe) for name, probe in SECTIONS.items()}  # before a step is timed: that changes threads
    return found | {"step": answer(lambda: _step(seconds))}


def _step(seconds: float) -> dict[str, Any]:
    from ganzoo.doctor.step import time_step

    return time_step(seconds)
