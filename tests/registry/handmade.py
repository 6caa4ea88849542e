"""Distributions made by hand: a *.dist-info folder and modules in a folder on sys.path, without pip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = "from ganzoo import Arch, Loss, hookimpl\n"
RUN = "from ganzoo.cli.main import main; main(prog_name='ganzoo')"


def arch_module(*names: str, **facts: object) -> str:
    """Source of a plugin module with these architectures."""
    extra = "".join(f", {name}={value!r}" for name, value in facts.items())
    fixed = f"target='absent:build', summary='Made for a test'{extra}"
    records = ", ".join(f"Arch(name={name!r}, {fixed})" for name in names)
    return f"{HEAD}@hookimpl\ndef ganzoo_architectures():\n    return [{records}]\n"


def witness_module(file: Path) -> str:
    """Source of a plugin module that leaves a file behind if it is ever run."""
    return f"from pathlib import Path\nPath({str(file)!r}).write_text('ran')\n" + arch_module("witness")


class Site:
    """A folder like site-packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self,
        distribution: str,
        entry_points: Mapping[str, str] | str,
        modules: Mapping[str, str] | None = None,
        version: str = "1.0",
        requires: Sequence[str] = ("ganzoo>=0.1",),
    ) -> Path:
        """Installs a distribution; `entry_points` by name, or the text of entry_points.txt. Returns its dist-info."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = [f"Requires-Dist: {line}" for line in requires]
        metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", *lines, ""])
        (info / "METADATA").write_text(metadata)
        if not isinstance(entry_points, str):
            entry_points = "[ganzoo]\n" + "".join(f"{name} = {value}\n" for name, value in entry_points.items())
        (info / "entry_points.txt").write_text(entry_points)
        for name, source in (modules or {}).items():
            (self.folder / f"{name}.py").write_text(source)
        return info

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`ganzoo` in a fresh interpreter that sees this folder."""
        return python(RUN, *arguments, path=self.folder, **environment)


def python(
    code: str, *arguments: str, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -c code arguments` in a fresh interpreter that can import ganzoo, and what is in `path`."""
    folders = [str(folder) for folder in (path, ROOT) if folder is not None]
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "GANZOO_DISABLE")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**clean, "PYTHONPATH": os.pathsep.join(folders), **environment},
        cwd=path or ROOT.parent,
        timeout=60,
        check=False,
    )
