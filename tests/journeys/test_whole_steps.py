"""Several seeds at once, and compiled runs, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journeys.console import ganzoo, refused

PLANE = (
    "--arch", "gan-2d", "--data", "ring", "--batch", 64, "--set", "width=8", "--set", "run.log_images=640", "--quiet",
)  # fmt: skip


def last_row(run: Path) -> dict[str, float]:
    row: dict[str, float] = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    return row


def test_every_seed_is_a_run_of_its_own(tmp_path: Path) -> None:
    done = ganzoo("train", *PLANE, "--images", 3200, "--seed", 4, "--seeds", 3, "--out", "all", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["seed-4", "seed-5", "seed-6"]
    alone = ganzoo("train", *PLANE, "--images", 3200, "--seed", 5, "--out", "alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    one, other = last_row(tmp_path / "alone"), last_row(tmp_path / "all" / "seed-5")
    assert one["images"] == other["images"] == 3200
    for name in ("discriminator.adversarial", "generator.adversarial"):
        assert other[name] == pytest.approx(one[name], rel=1e-3)
    assert last_row(tmp_path / "all" / "seed-6")["generator.adversarial"] != other["generator.adversarial"]
    assert ganzoo("sample", "all/seed-6", "-n", 16, "--out", "grid.png", cwd=tmp_path).returncode == 0
    went_on = ganzoo("train", "--resume", "all/seed-5", "--images", 4000, "--quiet", cwd=tmp_path)
    assert went_on.returncode == 0, went_on.stderr
    assert last_row(tmp_path / "all" / "seed-5")["images"] >= 4000


def test_wrong_uses_of_seeds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    refused(
        ganzoo("train", *PLANE, "--images", 64, "--seeds", 2, "--out", "full", cwd=tmp_path), 2, "full", "not empty"
    )
    refused(ganzoo("train", *PLANE, "--images", 64, "--seeds", 0, cwd=tmp_path), 2, "--seeds")
    ganzoo("train", *PLANE, "--images", 64, "--out", "run", cwd=tmp_path)
    refused(ganzoo("train", "--resume", "run", "--seeds", 2, cwd=tmp_path), 2, "seeds")


@pytest.mark.slow
def test_a_compiled_run_goes_on_where_it_was(tmp_path: Path) -> None:
    compiled = (*PLANE[:-1], "--set", "run.steps=compiled", "--set", "run.steps_per_call=2")
    whole = ganzoo("train", *compiled, "--images", 8000, "--out", "whole", cwd=tmp_path, timeout=300)
    assert whole.returncode == 0, whole.stderr
    assert "steps compiled, 2 a call: asked for" in whole.stderr
    assert any((tmp_path / "cache" / "compiled").iterdir()), "the compiler's results are kept in ganzoo's cache"
    for images in (64 * 41, 8000):
        where = ("--resume", "parts") if images == 8000 else (*compiled, "--out", "parts")
        part = ganzoo("train", *where, "--images", images, cwd=tmp_path, timeout=300)
        assert part.returncode == 0, part.stderr
    one, other = last_row(tmp_path / "whole"), last_row(tmp_path / "parts")
    assert one["step"] == other["step"] == 125
    assert other["generator.adversarial"] == pytest.approx(one["generator.adversarial"], rel=5e-2)
    without = ganzoo("train", *compiled, "--images", 640, "--out", "none", cwd=tmp_path, PATH="/nowhere", CXX="")
    assert without.returncode == 0, without.stderr
    assert "no C++ compiler" in without.stderr


@pytest.mark.slow
def test_a_convolutional_game_compiles_on_demand(tmp_path: Path) -> None:
    done = ganzoo(
        "train", "--arch", "wgan", "--images", 64, "--size", 16, "--batch", 8, "--set", "width=4", "--set", "warm_up=1",
        "--set", "run.steps=compiled", "--out", "run", cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
