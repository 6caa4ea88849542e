"""The wheels in an environment of nothing but what they ask for, from the index: what `pip install "ganzoo[zoo]"` gives a user."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ganzoo.registry import OFFICIAL_ARCHITECTURES
from tests.packaging.distributions import ROOT, Environment, build_all


@pytest.mark.slow
def test_the_requirements_are_complete(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    built = build_all(tmp_path / "built")
    wheels = [argument for one in built.values() for argument in ("--find-links", str(one.wheel.parent))]
    made = Environment(tmp_path / "installed")
    request.addfinalizer(lambda: shutil.rmtree(made.folder))  # gigabytes, which pytest would keep
    made.install("-c", str(ROOT / "constraints.txt"), *wheels, f"ganzoo[zoo] @ {built['ganzoo'].wheel.as_uri()}")
    assert len(json.loads(made.run("ganzoo", "list", "--json"))) == len(OFFICIAL_ARCHITECTURES)
    made.run("ganzoo", "train", "--arch", "gan-2d", "--data", "ring", "--images", 2560, "--out", "run", timeout=300)
    made.run("ganzoo", "sample", "run", "-n", 16, "--out", "points.npz")
    advice = json.loads(made.run("ganzoo", "doctor", "--json"))["advice"]
    assert not [item for item in advice if item["about"] in ("versions", "step")]
