"""Each rule of advice fires on made-up facts and is silent on healthy ones; facts may be missing, unknown or odd."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ganzoo.doctor.advice import OLDEST_TORCH, RULES, advise, nothing_trains
from ganzoo.doctor.facts import SECTIONS

ROOT = Path(__file__).resolve().parents[2]

HEALTHY: dict[str, Any] = {
    "versions": {
        "torch": "2.14.1+cu130",
        "torch_built_for": "CUDA 13.0",
        "numpy": "2.4.6",
        "plugins": [
            {"name": "ganzoo", "counts": {"loss": 9}, "problems": [], "disabled": False},
            {"name": "classic", "counts": {"architecture": 5}, "problems": [], "disabled": False},
        ],
    },
    "devices": {
        "cpu": {"name": "A processor"},
        "cuda": [{"index": 0, "name": "A GPU"}],
        "nvidia_driver": ["0000:01:00.0"],
        "chosen": "cuda:0",
    },
    "precision": {"fast_bfloat16": {"cpu": False, "cuda:0": True}},
    "compilers": {"cpp": True, "cpp_name": "/usr/bin/g++: g++ 12.2.0", "cxx_found": None, "triton": "3.8.0"},
    "threads": {"OMP_NUM_THREADS": None, "cores": 8, "cgroup_cores": None, "torch": 8, "chosen": 8},
    "disk": {name: {"path": f"/{name}", "free_bytes": 6_000_000_000} for name in ("cache", "runs", "temporary")},
    "folders": {
        name: {"path": f"/{name}", "exists": True, "writable": True, "why": None}
        for name in ("cache", "runs", "temporary", "working")
    },
    "environment": {},
    "step": {"arch": "classic/dcgan", "milliseconds": 16.0, "passed_over": {}},
}
PROBLEM = {
    "source": "acme",
    "distribution": "acme-gan",
    "version": "1.0",
    "stage": "version",
    "cause": "it needs ganzoo<0.1",
    "remedy": "pip install --upgrade acme-gan",
}
CLOSED = {"path": "/x", "exists": True, "writable": False, "why": "Read-only file system"}
NO_GPU = {"devices.cuda": [], "devices.chosen": "cpu", "precision.fast_bfloat16": {"cpu": True}}


def facts(**changes: Any) -> dict[str, Any]:
    """Healthy facts but for these, each given by its path."""
    made = copy.deepcopy(HEALTHY)
    for path, value in changes.items():
        *way, last = path.split(".")
        holder = made
        for key in way:
            holder = holder[key]
        holder[last] = value
    return made


def test_there_is_nothing_to_mend() -> None:
    assert advise(HEALTHY) == []
    assert nothing_trains(HEALTHY) is None


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("versions", {"versions.torch": "unknown: ImportError: no libcudart"}, ["no libcudart", "pip install torch"]),
    ("versions", {"versions.torch": "2.9.0"}, ["2.9.0 is older than 2.11", "pip install --upgrade torch"]),
    ("versions", {"versions.torch": "1.13"}, ["older than 2.11"]),
    ("versions", {"versions.numpy": "unknown: ImportError: none"}, ["pip install numpy"]),
    ("versions", {"versions.plugins": []}, ['pip install "ganzoo[zoo]"']),
    ("versions", {"versions.plugins": HEALTHY["versions"]["plugins"][:1]}, ["no architecture is installed"]),
    (
        "versions",
        {"versions.plugins": [{"name": "classic", "counts": {}, "problems": [], "disabled": True}]},
        ["GANZOO_DISABLE switches off classic"],
    ),
    (
        "versions",
        {"versions.plugins": [*HEALTHY["versions"]["plugins"], {"name": "acme", "problems": [PROBLEM]}]},
        ["acme (acme-gan 1.0), version: it needs ganzoo<0.1. pip install --upgrade acme-gan"],
    ),
    ("devices", {**NO_GPU, "versions.torch_built_for": "CPU"}, ["built for CPUs alone"]),
    ("devices", NO_GPU, ["built for CUDA 13.0, cannot use", "upgrade the driver"]),
    ("devices", {**NO_GPU, "environment.CUDA_VISIBLE_DEVICES": ""}, ["CUDA_VISIBLE_DEVICES='' hides it"]),
    ("precision", {"precision.fast_bfloat16": {"cuda:0": False}}, ["cuda:0 is not faster in bfloat16", "8.0"]),
    (
        "precision",
        {**NO_GPU, "devices.nvidia_driver": [], "precision.fast_bfloat16": {"cpu": False}},
        ["run in float32", "AVX512-BF16"],
    ),
    ("compilers", {"compilers.cpp": False, "compilers.cpp_name": None}, ["will not be compiled", "install g++"]),
    ("compilers", {"environment.CXX": "icpx", "compilers.cxx_found": False}, ["CXX=icpx is not found"]),
    ("compilers", {"compilers.cpp_name": "unknown: TimeoutExpired: 10 s"}, ["does not run", "TimeoutExpired"]),
    ("compilers", {"compilers.cpp_name": "/bin/g++: does not answer to --version"}, ["does not run"]),
    ("compilers", {"compilers.triton": None}, ["triton is missing"]),
    ("threads", {"threads.OMP_NUM_THREADS": "16"}, ["OMP_NUM_THREADS=16 is above the 8 cores", "set it to 8"]),
    ("threads", {"threads.OMP_NUM_THREADS": "4", "threads.cgroup_cores": 1.5}, ["the 1.5 cores", "set it to 1"]),
    ("threads", {"threads.OMP_NUM_THREADS": "many"}, ["'many' is no number"]),
    ("threads", {"threads.cgroup_cores": 2.0}, ["the time of 2 cores", "OMP_NUM_THREADS=2"]),
    ("environment", {"environment.WORLD_SIZE": "4"}, ["WORLD_SIZE=4", "wait for other processes"]),
    ("disk", {"disk.cache.free_bytes": 4_900_000_000}, ["4.9 GB are free in /cache (cache)", "make room"]),
    ("folders", {"folders.cache": CLOSED}, ["/x cannot be written (Read-only file system)", "set GANZOO_CACHE"]),
    ("folders", {"folders.working": CLOSED}, ["the working folder", "--out"]),
    ("folders", {"folders.working": CLOSED, "folders.runs": CLOSED}, ["the working folder", "--out"]),
    ("folders", {"folders.runs": CLOSED}, ["the runs folder"]),
    ("folders", {"folders.temporary": CLOSED}, ["TMPDIR"]),
    ("step", {"step": "unknown: RuntimeError: no kernel"}, ["no kernel"]),
    ("step", {"step.passed_over": {"classic/dcgan": "OSError: gone"}}, ["classic/dcgan fails (OSError: gone)"]),
]


@pytest.mark.parametrize(
    ("about", "changes", "words"), CASES, ids=[" ".join([case[0], *case[2]])[:60] for case in CASES]
)
def test_a_rule_fires_alone(about: str, changes: dict[str, Any], words: list[str]) -> None:
    (found,) = advise(facts(**changes))
    assert found.about == about
    for word in words:
        assert word in found.advice


@pytest.mark.parametrize(
    "changes",
    [
        {"versions.torch": "2.11.0"},
        {"versions.torch": "3.0.0a0+git1234"},
        {"threads.OMP_NUM_THREADS": "8"},
        {"threads.OMP_NUM_THREADS": "1", "threads.cgroup_cores": 0.5},
        {"threads.OMP_NUM_THREADS": "1", "threads.cores": 1, "threads.chosen": 1},
        {"compilers.triton": None, **NO_GPU, "devices.nvidia_driver": []},
        {"environment.CXX": "/usr/bin/g++", "compilers.cxx_found": True},
        {"environment.WORLD_SIZE": "1"},
        {"disk.runs.free_bytes": 5_000_000_000},
        {"disk.runs": "unknown: OSError: no such device"},
        {"threads.cores": "unknown: OSError: none"},
        {"versions.plugins": "unknown: RuntimeError: none"},
    ],
    ids=str,
)
def test_no_rule_fires(changes: dict[str, Any]) -> None:
    assert advise(facts(**changes)) == []


def test_places_on_one_disk_are_named_together() -> None:
    low = {f"disk.{name}.free_bytes": 1_000_000_000 for name in ("cache", "runs")}
    (found,) = advise(facts(**low))
    assert found.advice.startswith("1.0 GB are free in /cache (cache) and /runs (runs), ")


@pytest.mark.parametrize(
    "odd",
    [
        {},
        dict.fromkeys(SECTIONS, "unknown: OSError: no"),
        {name: {} for name in SECTIONS},
        {name: {"torch": 3, "plugins": 5, "cores": "two", "cache": None} for name in SECTIONS},
        {"versions": {"plugins": [None, {"problems": [{}]}, {"problems": "none"}]}, "step": 3},
    ],
    ids=["nothing", "unknown", "empty", "other types", "other lists"],
)
def test_odd_facts_raise_nothing(odd: dict[str, Any]) -> None:
    advise(odd)
    nothing_trains(odd)


def test_nothing_trains_without_torch_or_any_folder() -> None:
    assert "torch cannot be imported" in str(nothing_trains(facts(**{"versions.torch": "unknown: ImportError: x"})))
    assert nothing_trains(facts(**{"folders.working": CLOSED})) is None
    assert "no folder" in str(nothing_trains(facts(folders=dict.fromkeys(HEALTHY["folders"], CLOSED))))


def test_the_oldest_torch_is_that_of_the_requirements() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert "torch>=" + ".".join(map(str, OLDEST_TORCH)) in wanted


def test_rules_are_about_sections() -> None:
    assert set(RULES) <= {*SECTIONS, "step"}
