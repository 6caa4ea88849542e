"""`ganzoo bench` as a user runs it: one document on stdout, files that others read, a gate, and clear refusals."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.console import ganzoo, refused

TINY = ["--batch", 8, "--set", "width=4", "--seconds", 0.3, "--threads", 1]
ONE = ["bench", "--arch", "dcgan-tf", *TINY]

BROKEN = """
from ganzoo.plugin import Arch, hookimpl

@hookimpl
def ganzoo_architectures():
    for name in ("raises", "dies"):
        yield Arch(name=name, target=f"broken.model:{name}", summary="A broken one", resolution=28, channels=1)
"""
BROKEN_MODEL = """
import os
from ganzoo.config import GanConfig
from ganzoo.models import DataSpec, Game

def raises(config: GanConfig, data: DataSpec) -> Game:
    raise ZeroDivisionError("nothing to divide")

def dies(config: GanConfig, data: DataSpec) -> Game:
    print("out of luck", flush=True)
    os._exit(9)
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with the files of one measured architecture, and the document that was printed."""
    folder = tmp_path_factory.mktemp("measured")
    done = ganzoo(*ONE, "--json", "--out", "out", "--trace", "trace.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.slow
def test_the_document_has_everything(measured: tuple[Path, dict[str, Any]]) -> None:
    _, document = measured
    (row,) = document["rows"]
    assert row["arch"] == "classic/dcgan-tf"
    assert row["status"] == "ok"
    assert row["not_measured"] == {}
    assert [name for name, value in row.items() if value is None] == ["reason"]
    for name in (
        "train_images_per_second", "sample_images_per_second", "share_of_ceiling", "peak_memory_bytes",
        "operations_per_image", "bytes_per_image", "cold_start_seconds", "warm_start_seconds", "allocations_per_step",
        "steps_timed", "operations_per_second",
    ):  # fmt: skip
        assert row[name] > 0, name
    assert row["train"]["min"] <= row["train_images_per_second"] <= row["train"]["max"]
    assert row["host_syncs_per_step"] == 0
    assert row["share_of_ceiling"] < 1
    assert {"both", "outside"} <= set(row["phase_seconds"])
    assert row["kernel_seconds"]["convolution backward"] > 0
    assert document["machine"]["ceilings"].keys() == row["ceilings"].keys()
    assert document["machine"]["threads"] == row["threads"] == 1


@pytest.mark.slow
def test_the_files(measured: tuple[Path, dict[str, Any]]) -> None:
    folder, document = measured
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["bench.json", "phases.svg", "roofline.svg"]
    whole = json.loads((folder / "out" / "bench.json").read_text())
    assert [entry["group"] for entry in whole["benchmarks"]] == ["training", "sampling"]
    assert whole["benchmarks"][0]["extra_info"]["row"] == document["rows"][0]
    for name in ("phases.svg", "roofline.svg"):
        assert "classic/dcgan-tf" in "".join(ET.parse(folder / "out" / name).getroot().itertext())
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert any(event.get("name") == "aten::convolution_backward" for event in events)
    assert sorted(path.name for path in folder.iterdir()) == ["out", "trace.json"], "something else was left behind"


@pytest.mark.slow
def test_the_gate(measured: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = measured
    path = folder / "out" / "bench.json"
    whole = json.loads(path.read_text())

    def against(factor: float, *more: object) -> Any:
        for entry in whole["benchmarks"]:
            entry["extra_info"]["row"]["train_images_per_second"] *= factor
        (tmp_path / "before.json").write_text(json.dumps(whole))
        return ganzoo(*ONE, "--against", "before.json", *more, cwd=tmp_path)

    passed = against(0.01)
    assert passed.returncode == 0, passed.stderr
    assert "now over before" in passed.stdout
    assert max(len(line) for line in passed.stdout.splitlines()) <= 80
    refused(against(10_000.0), 1, "classic/dcgan-tf trains at 0.0", "0.9 was wanted")
    whole["machine_info"]["ganzoo"]["name"] = "another CPU"
    refused(against(1.0), 2, "another machine", "another CPU", "--any-machine")
    lenient = against(1.0, "--any-machine", "--tolerance", 1e-9)
    assert lenient.returncode == 0, lenient.stderr


@pytest.mark.slow
def test_broken_architectures_are_rows(tmp_path: Path) -> None:
    """One raises, one ends its process; the one after them is measured all the same."""
    package, info = tmp_path / "broken", tmp_path / "broken-1.dist-info"
    package.mkdir()
    (package / "__init__.py").write_text(BROKEN)
    (package / "model.py").write_text(BROKEN_MODEL)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\nRequires-Dist: ganzoo\n")
    (info / "entry_points.txt").write_text("[ganzoo]\nbroken = broken\n")
    names = ["--arch", "broken/raises", "--arch", "broken/dies", "--arch", "dcgan-tf"]
    arguments = ["bench", *names, *TINY, "--json"]
    arguments.remove("--set")
    arguments.remove("width=4")
    done = ganzoo(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "2 of 3 architectures failed: broken/raises, broken/dies" in done.stderr
    raises, dies, good = json.loads(done.stdout)["rows"]
    assert "ZeroDivisionError: nothing to divide" in raises["reason"]
    assert "exit status 9: out of luck" in dies["reason"]
    assert {row["train_images_per_second"] for row in (raises, dies)} == {None}
    assert good["train_images_per_second"] > 0


@pytest.mark.slow
def test_every_architecture_without_a_name(tmp_path: Path) -> None:
    installed = {entry["id"] for entry in json.loads(ganzoo("list", "--json", cwd=tmp_path).stdout)}
    done = ganzoo("bench", "--batch", 4, "--seconds", 0.2, "--threads", 1, "--json", cwd=tmp_path, timeout=500)
    rows = json.loads(done.stdout)["rows"]
    assert {row["arch"] for row in rows} == installed
    assert [row["arch"] for row in rows if row["status"] != "ok"] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_ceilings_alone(tmp_path: Path) -> None:
    found = json.loads(ganzoo("bench", "--machine", "--threads", 1, "--json", cwd=tmp_path).stdout)
    assert found["ceilings"]["conv float32"] > 0
    assert found["threads"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arch", "dcgann"], ["dcgann", "Did you mean", "dcgan"]),
        (["--arch", "dcgan", "--trace", "nowhere/trace.json"], ["nowhere/trace.json", "folder that exists"]),
        (["--trace", "trace.json"], ["--trace is of one architecture", "--arch"]),
        (["--arch", "dcgan", "--precison", "float32"], ["--precison", "--precision"]),
        (["--arch", "dcgan", "--precision", "float16"], ["float16", "bfloat16"]),
        (["--arch", "dcgan", "--seconds", "0"], ["0"]),
        (["--arch", "dcgan", "--tolerance", "0"], ["0"]),
        (["--arch", "dcgan", "--device", "toaster"], ["toaster", "auto, cpu, cuda"]),
        (["--arch", "dcgan", "--against", "nowhere.json"], ["nowhere.json", "bench.json"]),
        (["--machine", "--device", "toaster"], ["toaster"]),
    ],
)
def test_a_wrong_request_is_usage(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(ganzoo("bench", *arguments, cwd=tmp_path), 2, *words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "widht=3"], ["widht", "Did you mean width"]),
        (["--size", "wide"], ["size", "64"]),
        (["--data", "ring"], ["ring", "points"]),
    ],
)
def test_what_one_architecture_refuses_is_usage(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(ganzoo("bench", "--arch", "dcgan-tf", *arguments, cwd=tmp_path), 2, *words)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ganzoo(*ONE, "--out", "file/out", cwd=tmp_path)
    refused(done, 1, "file/out", "cannot be written")
    assert "1/1" not in done.stderr


def test_help_fits_and_gives_examples(tmp_path: Path) -> None:
    done = ganzoo("bench", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "ganzoo bench --arch dcgan --trace trace.json" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
