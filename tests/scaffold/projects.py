"""Projects as `ganzoo new` writes them, and what is done to them: the tools, an installation, `ganzoo` beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from ganzoo.scaffold.kinds import KINDS
from ganzoo.scaffold.project import Project, write

ROOT = Path(__file__).resolve().parents[2]
EVERY_KIND = tuple(KINDS)
AWKWARD_NAMES = ("a", "x1", "zoo-of-zoos", "a-name-of-forty-letters-that-still-fits", "q" * 40)


def written(folder: Path, name: str, kinds: Iterable[str] = EVERY_KIND, **words: str) -> Path:
    """A project in a folder below `folder`."""
    kinds = tuple(kinds)
    place = folder / "-".join([name, *(kinds if len(kinds) < len(KINDS) else ["all"])])
    write(place, Project.checked(name, kinds, **words).files())
    return place


def run(
    *arguments: str, cwd: Path, path: Iterable[Path] = (), timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """`python -m` in a fresh interpreter that sees ganzoo and the folders of `path`."""
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "GANZOO_DISABLE")}
    folders = os.pathsep.join(str(folder) for folder in (*path, ROOT))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        env={**clean, "PYTHONPATH": folders, "OMP_NUM_THREADS": "1"},
        cwd=cwd,
        timeout=timeout,
        check=False,
    )


def installed(project: Path, site: Path) -> Path:
    """The folder `site` after pip installed the project there."""
    flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--target", str(site)]
    answer = run("pip", "install", *flags, str(project), cwd=project)
    assert answer.returncode == 0, answer.stderr
    return site
