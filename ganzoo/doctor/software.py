"""Versions, extras, plugins, compilers, and the environment variables that ganzoo reads."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from typing import Any

import ganzoo
from ganzoo.doctor.probe import answer
from ganzoo.registry import registry

# What ganzoo itself reads, with what it decides; torch and the system read many more.
VARIABLES = {
    "GANZOO_CACHE": "folder of prepared data and compiled steps",
    "GANZOO_DISABLE": "plugins that are left alone",
    "GANZOO_ALLOCATOR": "system: leave the allocator as it is",
    "OMP_NUM_THREADS": "CPU threads",
    "CXX": "C++ compiler",
    "TORCHINDUCTOR_CACHE_DIR": "folder of compiled steps",
    "LD_PRELOAD": "an allocator, perhaps",
    "RANK": "number of this process, from torchrun",
    "WORLD_SIZE": "processes of a run, from torchrun",
    "LOCAL_RANK": "number of this process on its machine",
    "LOCAL_WORLD_SIZE": "processes of a run on this machine",
    "XDG_CACHE_HOME": "where caches lie",
    "LOCALAPPDATA": "where caches lie on Windows",
    "CUDA_VISIBLE_DEVICES": "GPUs that torch may use",
}
PATIENCE_S = 10  # for another program's answer


def versions() -> dict[str, Any]:
    """Of ganzoo, its plugins, Python and the libraries."""
    return {
        "ganzoo": ganzoo.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": answer(lambda: f"{platform.system()} {platform.machine()}"),
        "torch": answer(lambda: str(importlib.import_module("torch").__version__)),
        "torch_built_for": answer(_built_for),
        "numpy": answer(lambda: str(importlib.import_module("numpy").__version__)),
        "extras": answer(extras),
        "plugins": answer(lambda: [dataclasses.asdict(info) for info in registry().plugins]),
    }


def _built_for() -> str:
    import torch

    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    return f"ROCm {torch.version.hip}" if torch.version.hip else "CPU"


def extras() -> dict[str, dict[str, str | None]]:
    """The packages of each of ganzoo's extras with their versions, None for one that is missing or too old or new."""
    from packaging.requirements import Requirement

    whole = importlib.metadata.distribution("ganzoo")
    found: dict[str, dict[str, str | None]] = {
        name: {} for name in sorted(whole.metadata.get_all("Provides-Extra") or [])
    }
    for line in whole.requires or ():
        requirement = Requirement(line)
        if requirement.name == "ganzoo" or requirement.marker is None:
            continue
        for name, packages in found.items():
            if requirement.marker.evaluate({"extra": name}) and not requirement.marker.evaluate({"extra": ""}):
                version = _version(requirement.name)
                fits = version is not None and requirement.specifier.contains(version, prereleases=True)
                packages[requirement.name] = version if fits else None
    return found


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def compilers() -> dict[str, Any]:
    """The C++ compiler, which compiles steps on a CPU, and triton, which does on CUDA."""
    return {
        "cpp": answer(_has_compiler),
        "cpp_name": answer(_compiler),
        "cxx_found": answer(_cxx_found),
        "triton": answer(lambda: _version("triton") or _version("triton-windows")),
    }


def _has_compiler() -> bool:
    from ganzoo.engine.trace import has_compiler

    return has_compiler()


def _cxx_found() -> bool | None:
    """Whether the compiler that CXX names is there; None: it names none."""
    named = os.environ.get("CXX")
    return shutil.which(named) is not None if named else None


def _compiler() -> str | None:
    """The first line of what the compiler says of itself, and where it lies."""
    names = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    if path is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    first = next(iter(said.stdout.splitlines()), "") if said.returncode == 0 else "does not answer to --version"
    return f"{path}: {first.strip()}"


def environment() -> dict[str, str]:
    """The variables of `VARIABLES` that are set, and Python's own places for packages."""
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return found | ({"PYTHONPATH": os.environ["PYTHONPATH"]} if os.environ.get("PYTHONPATH") else {})
