"""From training to files: conditional labels, interpolation, folders, points, components swapped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo as api
from tests.journeys.console import ganzoo, refused, small

CONDITIONAL = ["--set", "network=resnet", "--set", "conditional=true", "--set", "width=8", "--set", "batch=8"]


def test_labels_choose_what_is_drawn(tmp_path: Path) -> None:
    done = ganzoo(
        "train",
        "--arch",
        "wgan-gp",
        "--size",
        32,
        *CONDITIONAL,
        "--images",
        80,
        "--out",
        "run",
        "--quiet",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    done = ganzoo("sample", "run", "-n", 6, "--labels", "Bag,0-1", "--out", "s.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    arrays = np.load(tmp_path / "s.npz")
    assert arrays["labels"].tolist() == [8, 0, 1, 8, 0, 1]
    assert arrays["images"].dtype == np.uint8
    run = api.load(tmp_path / "run")
    one, other = run.sample(1, seed=3, labels=[0]), run.sample(1, seed=3, labels=[1])
    assert one.shape == (1, 1, 32, 32)
    assert not one.equal(other)
    assert one.equal(run.sample(1, seed=3, labels=[0]))
    assert float(one.abs().max()) <= 1


def test_classes_in_rows_and_films_of_one_class(tmp_path: Path) -> None:
    done = ganzoo(
        "train", "--arch", "wgan-gp", *small("wasserstein/wgan-gp"), "--set", "conditional=true", "--images", 80, "--out",
        "run", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = ganzoo("sample", "run", "--by-class", "-n", 31, "--out", "new/classes.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 samples" in done.stderr
    with Image.open(tmp_path / "new" / "classes.png") as picture:
        assert picture.height == 10 * (28 * 2 + 1) + 1
        assert picture.width > 4 * (28 * 2 + 1) + 40  # room for the names
    done = ganzoo("sample", "run", "--by-class", "--labels", "Bag,0", "-n", 6, "--out", "s.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "s.npz")["labels"].tolist() == [8, 8, 8, 0, 0, 0]
    done = ganzoo("sample", "run", "--interpolate", "-n", 20, "--out", "film.gif", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "T-shirt/top" in done.stderr
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 20
        frames = set()
        for i in range(20):
            film.seek(i)
            frames.add(film.convert("L").tobytes())
    assert len(frames) > 10


def test_what_is_no_film_and_has_no_classes(tmp_path: Path) -> None:
    done = ganzoo(
        "train", "--arch", "gan-2d", *small("classic/gan-2d"), "--images", 64, "--out", "run", "--quiet", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    refused(ganzoo("sample", "run", "--out", "film.gif", cwd=tmp_path), 2, "add --interpolate")
    refused(
        ganzoo("sample", "run", "--interpolate", "--by-class", "--out", "film.mp4", cwd=tmp_path),
        2,
        "leave --by-class out",
    )
    refused(ganzoo("sample", "run", "--interpolate", "--out", "film.gif", cwd=tmp_path), 2, "made of pictures")
    refused(ganzoo("sample", "run", "--by-class", cwd=tmp_path), 2, "--by-class", "without being told a class")
    refused(ganzoo("sample", "run", "--out", "film.avi", cwd=tmp_path), 2, ".gif, .mp4")


def test_files_of_every_kind(tmp_path: Path) -> None:
    done = ganzoo(
        "train",
        "--arch",
        "dcgan",
        "--size",
        "32x48",
        *small("classic/dcgan"),
        "--images",
        64,
        "--out",
        "run",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "images/s" in done.stderr
    assert done.stdout == ""
    for out in ("grid.png", "folder", "a/b/grid.jpg"):
        done = ganzoo("sample", "run", "-n", 5, "--out", out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "grid.png").size == (3 * (48 * 2 + 1) + 1, 2 * (32 * 2 + 1) + 1)
    pictures = sorted((tmp_path / "folder").iterdir())
    assert len(pictures) == 5
    assert Image.open(pictures[0]).size == (48, 32)
    done = ganzoo("sample", "run", "-n", 17, "--interpolate", "--out", "path.npz", cwd=tmp_path)
    path = np.load(tmp_path / "path.npz")["images"].astype(float)
    ends = np.abs(path[0] - path[8]).mean()
    assert 0 < np.abs(path[0] - path[1]).mean() <= ends
    raw = ganzoo("sample", "run", "-n", 5, "--weights", "raw", "--out", "raw.npz", cwd=tmp_path)
    assert raw.returncode == 0
    assert (tmp_path / "run" / "card.md").read_text().startswith("# classic/dcgan")


def test_components_are_swapped_and_recorded(tmp_path: Path) -> None:
    arguments = ["--loss", "hinge", "--penalty", "r1", "--set", "penalty.weight=5", "--set", "penalty.interval=2"]
    done = ganzoo(
        "train", "--arch", "dcgan", "--size", 32, *small("classic/dcgan"), *arguments, "--images", 64, "--out", "run",
        "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = api.load(tmp_path / "run")
    config = run.config["arch"]["config"]
    assert config["loss"]["name"] == "hinge"
    assert config["penalty"][0] == {"name": "r1", "options": {}, "weight": 5.0, "interval": 2}
    assert type(run.game.loss).__name__ == "Hinge"
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert any("discriminator/r1.r1" in row for row in rows)


def test_in_python_as_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = api.train("dcgan", images=64, seed=5, data_options={"size": 32}, set=["batch=8", "width=8"])
    assert run.folder == Path("runs/dcgan-0001")
    assert run.images == 64
    samples = run.sample(3, seed=1)
    assert samples.shape == (3, 1, 32, 32)
    assert samples.equal(api.load("runs/dcgan-0001").sample(3, seed=1))
    with pytest.raises(api.errors.UsageError, match=r"no classes|wanted class"):
        run.sample(3, labels=[11])


def test_help_shows_the_architectures_own_options(tmp_path: Path) -> None:
    done = ganzoo("train", "--arch", "wgan-gp", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("--images", "d_steps", "gradient-penalty", "network", "Options of wasserstein/wgan-gp"):
        assert word in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_show_tells_counts_and_combinations(tmp_path: Path) -> None:
    facts = json.loads(ganzoo("show", "dcgan", "--json", cwd=tmp_path).stdout)
    assert facts["parameters"] == {"generator": 3_576_704, "discriminator": 2_765_568}
    assert "ganzoo/hinge" in facts["combines_with"]["loss"]
    assert facts["config"]["batch"] == 64
    assert "margin" not in facts
    assert max(len(line) for line in ganzoo("show", "wgan-gp", cwd=tmp_path).stdout.splitlines()) <= 80
