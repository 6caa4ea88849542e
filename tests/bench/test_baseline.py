"""The gate: rows are paired by what they have in common, and what cannot be compared is refused or named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ganzoo.bench import baseline, document, report
from ganzoo.errors import UsageError
from tests.bench.rows import MACHINE, failed, row, spread


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "bench.json"
    path.write_text(document.text_of(document.document(rows, MACHINE)))
    return path


def test_ratios_are_now_over_before(tmp_path: Path) -> None:
    before = baseline.read(written(tmp_path, row(rate=100.0), row("a/b", 50.0)))
    slow = {**spread(70.0, 80.0, 90.0), "calibrations": [50.0, 50.0, 50.0]}
    now = [row(rate=80.0, threads=1, train=slow), row("a/b", 60.0), failed()]
    first, second = before.compare(now).pairs
    assert first.train == pytest.approx(0.8)
    assert first.sample == pytest.approx(0.8)
    assert first.machine == pytest.approx(0.5)
    assert first.notes == ("threads: 1, before 2",)
    assert (second.train, second.machine, second.notes) == (pytest.approx(1.2), 1.0, ())
    assert before.compare(now).slower(0.9) == [first]
    assert before.compare(now).slower(0.8 - 1e-9) == []


@pytest.mark.parametrize(
    "changed", [{"batch": 32}, {"shape": [3, 32, 32]}, {"precision": "float32"}, {"arch": "classic/gan"}]
)
def test_rows_without_a_partner_are_named(tmp_path: Path, changed: dict[str, Any]) -> None:
    before = baseline.read(written(tmp_path, row()))
    found = before.compare([row(**changed)])
    assert found.pairs == ()
    assert found.alone == (baseline.label(row(**changed)),)
    assert found.missing == ("classic/dcgan (batch 64, 3x64x64, bfloat16)",)
    said = report.of_comparison(found, "before.json")
    assert "not in the baseline" in said
    assert "not measured now" in said


def test_a_rate_that_was_not_measured_has_no_ratio(tmp_path: Path) -> None:
    before = baseline.read(written(tmp_path, row()))
    (pair,) = before.compare([row(sample=None, sample_images_per_second=None)]).pairs
    assert pair.sample is None
    assert "sampling" not in report.of_comparison(before.compare([row(sample_images_per_second=None)]), "x")


@pytest.mark.parametrize("changed", [{"name": "another"}, {"cores": 64}, {"device": "cuda"}])
def test_another_machine_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    before = baseline.read(written(tmp_path, row()))
    before.check_machine({**MACHINE, "threads": 1, "torch": "3"})
    with pytest.raises(UsageError, match="--any-machine"):
        before.check_machine(MACHINE | changed)


def spoiled(whole: dict[str, Any], how: str) -> Any:
    if how == "a list":
        return [whole]
    if how == "another tool's":
        whole["benchmarks"][0]["extra_info"] = {}
        del whole["benchmarks"][1]
    if how == "no machine":
        del whole["machine_info"]["ganzoo"]
    if how == "a rate of nothing":
        whole["benchmarks"][0]["extra_info"]["row"]["train_images_per_second"] = 0
    if how == "a row that is none":
        whole["benchmarks"][0]["extra_info"]["row"] = {"arch": "a"}
    if how == "no benchmarks":
        whole["benchmarks"] = []
    return whole


@pytest.mark.parametrize(
    "how", ["a list", "another tool's", "no machine", "a rate of nothing", "a row that is none", "no benchmarks"]
)
def test_what_is_no_such_document_is_refused(tmp_path: Path, how: str) -> None:
    path = written(tmp_path, row())
    path.write_text(json.dumps(spoiled(json.loads(path.read_text()), how)))
    with pytest.raises(UsageError, match=r"bench\.json that ganzoo bench --out"):
        baseline.read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"null", b"7"])
def test_what_is_not_even_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UsageError, match="no such document"):
        baseline.read(tmp_path / "file")


def test_a_folder_stands_for_its_bench_json(tmp_path: Path) -> None:
    written(tmp_path, row())
    assert baseline.read(tmp_path).rows[0]["arch"] == "classic/dcgan"
    with pytest.raises(UsageError, match="nowhere"):
        baseline.read(tmp_path / "nowhere")
