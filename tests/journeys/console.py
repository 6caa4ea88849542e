"""The installed command in a fresh process, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# The smallest configuration of each architecture that is still its own structure.
SMALL: Mapping[str, tuple[str, ...]] = {
    "classic/gan": ("batch=8",),
    "classic/gan-2d": ("batch=8", "width=8"),
    "classic/dcgan": ("batch=8", "width=8"),
    "classic/dcgan-tf": ("batch=8", "width=8"),
    "classic/lsgan": ("batch=8", "width=8"),
    "wasserstein/wgan": ("batch=8", "width=8", "warm_up=2"),
    "wasserstein/wgan-gp": ("batch=8", "width=8"),
    "wasserstein/dragan": ("batch=8",),
}


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
    """The --set options of the smallest configuration."""
    return [part for assignment in SMALL.get(arch, ("batch=8",)) for part in ("--set", assignment)]


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """One clear message with these words, this exit status, and no traceback."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == status, said
    flat = " ".join(said.replace("│", " ").split())
    for word in words:
        assert word in flat, said
