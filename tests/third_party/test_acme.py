"""A third party's plugin, as the README prints it: installed with pip, found, trained, swapped and sampled."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROJECT = HERE / "acme_gan"
FILES = ("pyproject.toml", "acme_gan/__init__.py", "acme_gan/model.py")


def blocks(page: str) -> dict[str, str]:
    """The code blocks of a page that stand below a file's name, by that name."""
    return dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


def test_the_readme_prints_the_plugin() -> None:
    printed = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {name: printed.get(name) for name in FILES} == {name: (PROJECT / name).read_text() for name in FILES}


def test_the_plugin_is_one_screen() -> None:
    lines = sum(len((PROJECT / name).read_text().splitlines()) for name in FILES)
    assert lines <= 60


class Home:
    """A folder for runs, and `ganzoo` in a process that sees the plugin."""

    def __init__(self, folder: Path) -> None:
        self.folder, site, project = folder, str(folder / "site"), str(folder / "project")
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--target", site]
        subprocess.run([sys.executable, "-m", "pip", "install", *flags, project], check=True, timeout=120)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GANZOO_")}
        path = os.pathsep.join([site, str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.environment = {**clean, "PYTHONPATH": path}

    def ganzoo(self, arguments: str) -> str:
        """What `ganzoo arguments` prints on stdout; it has to succeed."""
        answer = subprocess.run(
            [sys.executable, "-m", "ganzoo", *arguments.split()],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=120,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def last_row(self, run: str) -> dict[str, float]:
        """The newest measurements of a run."""
        row: dict[str, float] = json.loads((self.folder / run / "metrics.jsonl").read_text().splitlines()[-1])
        return row


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With the plugin installed."""
    return Home(tmp_path_factory.mktemp("acme"))


def test_it_is_listed(home: Home) -> None:
    records = {record["id"]: record for record in json.loads(home.ganzoo("list --json"))}
    assert records["acme/mlp-gan"]["modality"] == "points"
    assert records["acme/mlp-gan-image"]["distribution"] == "acme-gan"


def test_points_are_trained_and_sampled(home: Home) -> None:
    home.ganzoo("train --arch mlp-gan --data ring --images 2000 --threads 1 --out ring")
    home.ganzoo("sample ring -n 100 --out points.npz")
    with np.load(home.folder / "points.npz") as arrays:
        assert arrays["points"].shape == (100, 2)
        assert np.isfinite(arrays["points"]).all()
    assert home.last_row("ring")["images"] >= 2000


def test_pictures_with_another_loss_and_a_penalty(home: Home) -> None:
    swaps = "--loss hinge --penalty r1 --set penalty.weight=5 --set width=64"
    home.ganzoo(f"train --arch acme/mlp-gan-image --data fashion-12k --images 640 --threads 1 --out clothes {swaps}")
    home.ganzoo("sample clothes -n 9 --seed 3 --out grid.png")
    row = home.last_row("clothes")
    assert row["images"] >= 640
    assert row["discriminator.r1"] > 0
    with Image.open(home.folder / "grid.png") as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 0
