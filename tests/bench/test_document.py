"""bench.json is read by pytest-benchmark's own command, and holds everything that was measured."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.bench import document
from ganzoo.errors import GanzooError
from tests.bench.rows import MACHINE, failed, row

ROWS = [row("classic/dcgan", 100.0), row("wasserstein/wgan-gp", 50.0, sample=None), failed()]


def test_pytest_benchmark_compares_it(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    for name in ("before.json", "now.json"):
        (tmp_path / name).write_text(document.text_of(document.document(ROWS, MACHINE)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "before.json", "now.json", "--columns=median,ops,rounds"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Failed to load" not in said
    for words in ("training", "sampling", "train[classic/dcgan-64-3x64x64-bfloat16]", "10.0000"):
        assert words in said
    assert said.count("train[classic/dcgan") == 2
    assert "broken" not in said


def test_times_are_seconds_of_an_image() -> None:
    first = document.document(ROWS, MACHINE)["benchmarks"][0]
    rates = ROWS[0]["train"]["rates"]
    assert first["stats"]["data"] == [1 / rate for rate in rates]
    assert first["stats"]["median"] == pytest.approx(0.01)
    assert first["stats"]["rounds"] == 3
    assert first["extra_info"]["row"] == ROWS[0]
    assert first["params"] == {"arch": "classic/dcgan", "batch": 64, "size": "3x64x64", "precision": "bfloat16"}


def test_the_statistics_are_those_of_pytest_benchmark() -> None:
    stats = pytest.importorskip("pytest_benchmark.stats")
    theirs = stats.Stats()
    values = [0.1, 0.12, 0.11, 0.13, 0.5, 0.09, 0.115]
    for value in values:
        theirs.update(value)
    own = document.statistics_of(values)
    expected = theirs.as_dict()
    assert set(expected) <= set(own)
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "ops", "total"):
        assert own[name] == pytest.approx(expected[name]), name
    assert own["iqr"] == pytest.approx(own["q3"] - own["q1"])
    assert own["q1"] <= statistics.median(values) <= own["q3"]
    assert own["outliers"] == "1;1"
    assert document.statistics_of([0.25])["median"] == 0.25


def test_a_folder_without_a_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert document.commit_info(tmp_path)["id"] == "unversioned"
    monkeypatch.setenv("PATH", str(tmp_path))  # nor a git
    assert document.commit_info(tmp_path)["id"] == "unversioned"


def test_the_commit_of_a_repository(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "trunk")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "first")
    info = document.commit_info(tmp_path)
    assert len(info["id"]) == 40
    assert (info["branch"], info["dirty"]) == ("trunk", False)
    (tmp_path / "file").write_text("two")
    assert document.commit_info(tmp_path)["dirty"] is True


def test_what_is_not_finite_is_null() -> None:
    text = document.text_of({"a": [float("nan"), 1.0], "b": {"c": float("inf")}})
    assert json.loads(text) == {"a": [None, 1.0], "b": {"c": None}}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GanzooError, match=r"file.*--out"):
        document.write(tmp_path / "file" / "folder", [("a", "b")])
