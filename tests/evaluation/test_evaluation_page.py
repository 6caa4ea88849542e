"""docs/evaluation.md: its commands run, in order, on small runs and folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from tests.test_tutorial import ROOT, commands, script, text


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    settings = {"threads": 1, "precision": "float32", "pictures": 0}
    for seed, name in enumerate(("clothes", "others")):
        out = tmp_path / "runs" / name
        ganzoo.train(
            "dcgan", preset="tiny", images=64, seed=seed, out=out, data_options={"size": 28}, settings=settings
        )
    chance = np.random.default_rng(0)
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        for i in range(12):
            Image.fromarray(chance.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(commands(tmp_path / "bin", tmp_path / "site")), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "GANZOO_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["bash", "-c", script(text("docs/evaluation.md"))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures.svg").is_file()
    assert "precision" in done.stdout
    assert (tmp_path / "runs/watched/checkpoints/best").is_dir()
