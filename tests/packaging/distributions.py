"""The core and its families as distributions: built from copies outside the checkout, and installed in an environment of their own."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = {"ganzoo": ROOT, **{f"ganzoo-{family}": ROOT / "plugins" / family for family in FAMILIES}}
"""Folders by the name of the distribution."""

IGNORED = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", ".*", "runs")
OWN_FILES = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "setup.cfg")


def project(folder: Path) -> dict[str, Any]:
    """The table [project] of a folder's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def package(distribution: str) -> str:
    """The package that a distribution brings."""
    return distribution.replace("-", "_")


@dataclass(frozen=True)
class Built:
    """What was built of one distribution.

    wheel: from its sources. sdist: likewise. again: the wheel that the sdist was built to.
    """

    name: str
    wheel: Path
    sdist: Path
    again: Path

    def files(self) -> set[str]:
        """Those in the wheel."""
        return files_of(self.wheel)

    def read(self, ending: str) -> str:
        """The text of the one file in the wheel whose name ends so."""
        (name,) = (name for name in self.files() if name.endswith(ending))
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.read(name).decode("utf-8")

    def sources(self) -> set[str]:
        """The files in the sdist, below its folder."""
        with tarfile.open(self.sdist) as archive:
            return {name.partition("/")[2] for name in archive.getnames() if "/" in name}


def files_of(wheel: Path) -> set[str]:
    """The files in a wheel; folders do not count."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def build_all(folder: Path) -> dict[str, Built]:
    """Wheels and sdists of all distributions, by name."""
    return {name: _build(name, source, folder) for name, source in SOURCES.items()}


def _build(name: str, source: Path, folder: Path) -> Built:
    copy, direct, through = folder / "sources" / name, folder / "wheels", folder / "sdists" / name
    copy.mkdir(parents=True)
    shutil.copytree(source / package(name), copy / package(name), ignore=IGNORED)
    tests = source / "tests"
    if tests.is_dir():  # they are beside the package, and must not get into the wheel
        shutil.copytree(tests, copy / "tests", ignore=IGNORED)
    for file in OWN_FILES:
        if (source / file).exists():
            shutil.copy(source / file, copy)
    build = [sys.executable, "-m", "build", "--no-isolation"]
    run([*build, "--wheel", "--outdir", str(direct), str(copy)], folder)
    run([*build, "--outdir", str(through), str(copy)], folder)
    (wheel,) = direct.glob(f"{package(name)}-*.whl")
    (sdist,) = through.glob("*.tar.gz")
    (again,) = through.glob("*.whl")
    return Built(name, wheel, sdist, again)


class Environment:
    """A virtual environment that knows nothing of the checkout.

    Args:
        folder: new; the environment and a working folder are made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder / "environment", folder / "work"
        self.place.mkdir(parents=True)
        run([sys.executable, "-m", "venv", "--without-pip", str(self.folder)], folder)
        self.scripts = self.folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.python = str(self.scripts / "python")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GANZOO_", "PYTHON"))}
        self.environment = {**clean, "GANZOO_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}

    def install(self, *arguments: str) -> None:
        """`pip install arguments` by the running Python's pip, into this environment."""
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--quiet", "--disable-pip-version-check"]
        run([*pip, "install", *arguments], self.place)

    def lend_packages(self) -> None:
        """Third parties' packages come from the running environment, after this environment's own: a .pth file adds folders
        at the end, and no .pth file in those is read, so that nothing leads to the checkout."""
        paths = sysconfig.get_paths(vars={"base": str(self.folder), "platbase": str(self.folder)})
        lent = dict.fromkeys(
            (sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"], *site.getsitepackages())
        )
        (Path(paths["purelib"]) / "lent.pth").write_text("\n".join(lent) + "\n")

    def run(self, *command: object, timeout: float = 120) -> str:
        """What a program of this environment prints on stdout; it has to succeed."""
        name, *arguments = map(str, command)
        return run([str(self.scripts / name), *arguments], self.place, self.environment, timeout)


def run(command: list[str], cwd: Path, environment: dict[str, str] | None = None, timeout: float = 600) -> str:
    """What a command prints on stdout; a failure shows all that it said."""
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
