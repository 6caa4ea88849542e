"""A run equals its first half, a new process, and the second half: bit for bit, for every architecture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.engine import checkpoint
from tests.engine.worlds import zoo_names

STEPS = 20

# Two processes for all architectures: starting one takes longer than a small run.
FIRST = """
import sys, ganzoo
for arch, images in eval(sys.argv[1]):
    name = arch.replace("/", "-")
    same = dict(seed=5, preset="tiny", set=["run.pictures=0"], data_options={"size": 32})
    ganzoo.train(arch, images=images, out=f"{name}-whole", **same)
    ganzoo.train(arch, images=images // 2, out=f"{name}-parts", **same)
"""
SECOND = """
import sys, ganzoo, numpy
for arch, images in eval(sys.argv[1]):
    name = arch.replace("/", "-")
    parts = ganzoo.train(resume=f"{name}-parts", images=images)
    whole = ganzoo.load(f"{name}-whole")
    numpy.savez(f"{name}.npz", whole=whole.sample(4, seed=3).numpy(), parts=parts.sample(4, seed=3).numpy())
"""


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in leaves(item, f"{path}/{key}").items()}
    if isinstance(value, list | tuple):
        return {k: v for i, item in enumerate(value) for k, v in leaves(item, f"{path}/{i}").items()}
    return {path: value}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    work = [(arch, STEPS * 8 * 2) for arch in zoo_names()]  # some have two updates of the discriminator a step
    for script in (FIRST, SECOND):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", script, repr(work)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("arch", zoo_names())
def test_resume_is_exact(arch: str, runs: Path) -> None:
    name = arch.replace("/", "-")
    states = [
        checkpoint.load_newest(runs / f"{name}-{run}" / "checkpoints", pytest.fail)[0] for run in ("whole", "parts")
    ]
    assert states[0]["step"] >= STEPS
    expected, found = leaves(states[0]), leaves(states[1])
    assert expected.keys() == found.keys()
    assert {"game", "ema", "optimizers", "draws", "feed", "chance"} <= states[0].keys()
    for key, value in expected.items():
        same = torch.equal(value, found[key]) if isinstance(value, torch.Tensor) else value == found[key]
        assert same, key
    samples = np.load(runs / f"{name}.npz")
    assert np.array_equal(samples["whole"], samples["parts"])
    assert samples["whole"].shape == ((4, 2) if arch == "classic/gan-2d" else (4, 1, 32, 32))
