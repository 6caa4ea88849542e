"""The installed command in a fresh process, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def ganzoo(*arguments: object, cwd: Path, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `ganzoo` with these arguments; GANZOO_CACHE lies in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "ganzoo", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GANZOO_CACHE": str(cwd / "cache"), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def small(arch: str) -> list[str]:
    """The options of the smallest configuration."""
    return ["--preset", "tiny"]


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """One clear message with these words, this exit status, and no traceback."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == status, said
    flat = " ".join(said.replace("│", " ").split())
    for word in words:
        assert word in flat, said
