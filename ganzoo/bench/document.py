"""bench.json: rows in the format of pytest-benchmark, which its `compare` command reads. No torch."""

from __future__ import annotations

import errno
import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo.errors import GanzooError

VERSION = "5.0.0"  # of pytest-benchmark, whose format this is
GROUPS = {"train": "training", "sample": "sampling"}


def document(rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any]) -> dict[str, Any]:
    """The whole file: one benchmark for each rate that was measured, its time being the seconds of one image.

    `extra_info` of each has the row with all its figures, and what failed is in none.
    """
    found = [benchmark(row, what) for row in rows for what in GROUPS if row.get(what)]
    return {
        "machine_info": machine_info(machine),
        "commit_info": commit_info(Path.cwd()),
        "benchmarks": found,
        "datetime": datetime.now(UTC).isoformat(),
        "version": VERSION,
    }


def benchmark(row: Mapping[str, Any], what: str) -> dict[str, Any]:
    """One entry of `benchmarks`: training or sampling of a row."""
    params = {"arch": row["arch"], "batch": row["batch"], "size": size_of(row), "precision": row["precision"]}
    word = "-".join(str(value) for value in params.values())
    return {
        "group": GROUPS[what],
        "name": f"{what}[{word}]",
        "fullname": f"ganzoo/bench::{what}[{word}]",
        "params": params,
        "param": word,
        "extra_info": {"row": dict(row)},
        "options": {
            "disable_gc": False,
            "timer": "perf_counter",
            "min_rounds": len(row[what]["rates"]),
            "max_time": row[what]["chunk_seconds"],
            "min_time": row[what]["chunk_seconds"],
            "warmup": True,
        },
        "stats": statistics_of([1 / rate for rate in row[what]["rates"]]),
    }


def statistics_of(seconds: Sequence[float]) -> dict[str, Any]:
    """What pytest-benchmark writes of a list of times, by its definitions."""
    ordered = sorted(seconds)
    q1, _, q3 = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    mean, iqr = statistics.mean(ordered), q3 - q1
    deviation = statistics.stdev(ordered) if len(ordered) > 1 else 0.0
    low, high = q1 - 1.5 * iqr, q3 + 1.5 * iqr
    beyond = sum(abs(value - mean) > deviation for value in ordered)
    outside = sum(value < low or value > high for value in ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(ordered),
        "median": statistics.median(ordered),
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outside,
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{outside}",
        "ld15iqr": next(value for value in ordered if value >= low),
        "hd15iqr": next((value for value in ordered if value > high), ordered[-1]),
        "ops": 1 / mean,
        "total": math.fsum(ordered),
        "data": list(seconds),
        "iterations": 1,
    }


def size_of(row: Mapping[str, Any]) -> str:
    """A sample's shape as text: 3x64x64."""
    return "x".join(str(side) for side in row["shape"])


def machine_info(machine: Mapping[str, Any]) -> dict[str, Any]:
    """pytest-benchmark's fields, and `ganzoo` with this machine's ceilings."""
    return {
        "node": platform.node(),
        "processor": platform.processor(),
        "machine": platform.machine(),
        "python_compiler": platform.python_compiler(),
        "python_implementation": platform.python_implementation(),
        "python_implementation_version": platform.python_version(),
        "python_version": platform.python_version(),
        "python_build": list(platform.python_build()),
        "release": platform.release(),
        "system": platform.system(),
        "cpu": {"brand_raw": machine.get("name"), "count": machine.get("cores")},
        "ganzoo": {"version": ganzoo.__version__, **machine},
    }


def commit_info(folder: Path) -> dict[str, Any]:
    """The git commit of a folder, or that there is none."""
    info: dict[str, Any] = {"id": "unversioned", "time": None, "author_time": None, "dirty": False}
    info |= {"project": "ganzoo", "branch": "(unknown)"}
    said = _git(folder, "log", "-1", "--format=%H%n%cI%n%aI%n%D")
    if said is None:
        return info
    commit, time, author_time, *_ = [*said.splitlines(), "", "", ""]
    branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD") or "(unknown)"
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return info | {
        "id": commit,
        "time": time or None,
        "author_time": author_time or None,
        "dirty": bool(changed),
        "branch": "(detached head)" if branch == "HEAD" else branch,
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, None where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def write(folder: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write texts by file name into a folder that is made where it is missing.

    Raises:
        GanzooError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        for name, text in files:
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GanzooError(f"{folder} cannot be written ({error.strerror}); choose another with --out") from error


def text_of(value: Mapping[str, Any]) -> str:
    """As JSON; what is not finite is null, since JSON has no NaN."""
    return json.dumps(_finite(value), indent=2) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
