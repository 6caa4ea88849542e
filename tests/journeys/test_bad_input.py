"""What a user gets wrong ends in one clear message, the right exit status, no traceback, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.journeys.console import ganzoo, refused, small

TRAIN = ["train", "--images", 64, "--quiet", "--out", "run"]
DCGAN = [*TRAIN, "--arch", "dcgan", "--size", 32, *small("classic/dcgan")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run of dcgan and one of lsgan."""
    folder = tmp_path_factory.mktemp("trained")
    assert ganzoo(*DCGAN, cwd=folder).returncode == 0
    lsgan = ganzoo(
        "train", "--arch", "lsgan", "--images", 64, "--quiet", "--out", "lsgan", *small("classic/lsgan"), cwd=folder
    )
    assert lsgan.returncode == 0, lsgan.stderr
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained runs."""
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--arch", "dcgann"], ["dcgann", "Did you mean", "dcgan"]),
        (["train"], ["--arch NAME"]),
        (["train", "--arch", "dcgan", "--imges", "5"], ["--imges", "--images"]),
        (["train", "--arch", "dcgan", "--images", "many"], ["many", "50000, 200k or 2M"]),
        (["train", "--arch", "dcgan", "--images", "0"], ["0"]),
        (["train", "--arch", "dcgan", "--minutes", "-1"], ["-1"]),
        (["train", "--arch", "dcgan", "--set", "widht=3"], ["widht", "Did you mean width"]),
        (["train", "--arch", "dcgan", "--set", "width=wide"], ["width", "wide"]),
        (["train", "--arch", "dcgan", "--set", "loss.weigth=3"], ["weigth", "Did you mean weight"]),
        (["train", "--arch", "dcgan", "--set", "run.pictres=3"], ["pictres", "Did you mean pictures"]),
        (["train", "--arch", "dcgan", "--loss", "hing"], ["hing", "Did you mean hinge"]),
        (["train", "--arch", "dcgan", "--penalty", "r3"], ["r3", "Known: bcr", "r1, r2"]),
        (["train", "--arch", "dcgan", "--data", "nowhere"], ["nowhere"]),
        (["train", "--arch", "dcgan", "--device", "cuda:77"], ["cuda:77"]),
        (["train", "--arch", "dcgan", "--device", "toaster"], ["toaster", "auto, cpu, cuda"]),
        (["train", "--arch", "dcgan", "--size", "33"], ["33", "32x32"]),
        (["train", "--arch", "dcgan", "--data", "ring"], ["ring", "points"]),
        (["train", "--resume", "nowhere"], ["nowhere", "does not exist"]),
        (["train", "--resume", ".", "--arch", "dcgan"], ["config.yaml"]),
        (["train", "--help", "--arch", "dcgann"], ["dcgann", "Did you mean"]),
        (["sample", "nowhere"], ["nowhere", "does not exist"]),
        (["show", "dcgann"], ["dcgann", "Did you mean"]),
        (["trian"], ["trian", "Did you mean train"]),
    ],
)
def test_a_wrong_request_is_usage(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(ganzoo(*arguments, cwd=tmp_path), 2, *words)
    assert not (tmp_path / "runs").exists()


def test_an_empty_folder_and_one_of_texts(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(ganzoo(*DCGAN, "--data", "empty", cwd=tmp_path), 2, "empty")
    (tmp_path / "texts").mkdir()
    for i in range(3):
        (tmp_path / "texts" / f"{i}.txt").write_text("words")
    refused(ganzoo(*DCGAN, "--data", "texts", cwd=tmp_path), 2, "texts")
    assert not (tmp_path / "run").exists()


def test_one_truncated_picture_among_fifty(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(50):
        noise = np.random.default_rng(i).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{i:02d}.png")
    broken = folder / "17.png"
    broken.write_bytes(broken.read_bytes()[:900])
    done = ganzoo(*DCGAN, "--data", "pictures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "17.png" in done.stderr
    refused(ganzoo(*DCGAN, "--out", "strict", "--data", "pictures", "--strict-data", cwd=tmp_path), 1, "17.png")


def test_a_run_is_never_written_over(runs: Path) -> None:
    before = sorted(path.name for path in (runs / "run" / "checkpoints").iterdir())
    refused(ganzoo(*DCGAN, cwd=runs), 2, "run exists", "--resume run")
    assert sorted(path.name for path in (runs / "run" / "checkpoints").iterdir()) == before


def test_a_checkpoint_of_another_architecture(runs: Path) -> None:
    shutil.rmtree(runs / "run" / "checkpoints")
    shutil.copytree(runs / "lsgan" / "checkpoints", runs / "run" / "checkpoints")
    words = ("checkpoint of classic/lsgan", "classic/dcgan")
    refused(ganzoo("train", "--resume", "run", "--images", 128, cwd=runs), 1, *words)
    refused(ganzoo("sample", "run", cwd=runs), 1, *words)
    refused(ganzoo("train", "--resume", "lsgan", "--arch", "dcgan", cwd=runs), 2, "classic/lsgan", "dcgan")


def test_a_damaged_checkpoint(runs: Path) -> None:
    newest = max((runs / "run" / "checkpoints").glob("*.pt"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    for arguments in (["train", "--resume", "run", "--images", 128], ["sample", "run"]):
        refused(ganzoo(*arguments, cwd=runs), 1, newest.name, "damaged")
    assert newest.read_bytes() == content


def test_a_damaged_config(runs: Path) -> None:
    for text, word in (("arch: [", "cannot be read"), ("a: 1", "names no architecture"), ("arch: {id: x/y}", "x/y")):
        (runs / "run" / "config.yaml").write_text(text)
        done = ganzoo("sample", "run", cwd=runs)
        assert done.returncode in (1, 2)
        refused(done, done.returncode, word)


def test_options_that_a_resume_would_change(runs: Path) -> None:
    refused(ganzoo("train", "--resume", "run", "--loss", "hinge", cwd=runs), 2, "loss", "resume")
    refused(ganzoo("train", "--resume", "run", "--set", "width=9", cwd=runs), 2, "width=9")


def test_data_that_changed_since(runs: Path) -> None:
    folder = runs / "pictures"
    folder.mkdir()
    for i in range(20):
        Image.new("L", (32, 32), i).save(folder / f"{i}.png")
    assert ganzoo(*DCGAN, "--out", "changing", "--data", "pictures", cwd=runs).returncode == 0
    (folder / "3.png").unlink()
    refused(ganzoo("train", "--resume", "changing", "--images", 128, cwd=runs), 1, "not what the run was trained on")


def test_no_disk_space(runs: Path) -> None:
    """A limit on the size of files stands for the full disk; the earlier checkpoint remains and is gone on from."""
    before = {path.name: path.read_bytes() for path in (runs / "run" / "checkpoints").iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))

    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "train", "--resume", "run", "--images", "128", "--quiet"],
        cwd=runs,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        preexec_fn=full,
        check=False,
    )
    refused(done, 1, "could not be written", "Earlier checkpoints are intact")
    assert {path.name: path.read_bytes() for path in (runs / "run" / "checkpoints").iterdir()} == before
    assert ganzoo("train", "--resume", "run", "--images", 128, "--quiet", cwd=runs).returncode == 0


def test_a_read_only_run_folder(runs: Path) -> None:
    """Root may write anywhere, so the folder is made unwritable in a way that root meets too: a file in its place."""
    if os.geteuid():
        (runs / "run").chmod(0o555)
        (runs / "run" / "checkpoints").chmod(0o555)
        try:
            refused(ganzoo("train", "--resume", "run", "--images", 128, cwd=runs), 1, "cannot be written")
        finally:
            (runs / "run").chmod(0o755)
            (runs / "run" / "checkpoints").chmod(0o755)
    (runs / "file").write_text("")
    refused(ganzoo(*DCGAN, "--out", "file/run", cwd=runs), 1, "file/run", "cannot be written")


def test_labels(runs: Path) -> None:
    refused(ganzoo("sample", "run", "--labels", "12", cwd=runs), 2, "0 to 9")
    refused(ganzoo("sample", "run", "--labels", "Hat", cwd=runs), 2, "Hat", "Trouser")
    refused(ganzoo("sample", "run", "--out", "a.txt", cwd=runs), 2, "a.txt", ".png")


def test_interrupted_and_gone_on_with(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganzoo", *map(str, DCGAN), "--images", "10M"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    import signal
    import time

    deadline = time.monotonic() + 60
    while not (metrics.exists() and metrics.read_text()) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "go on with: ganzoo train --resume run" in said
    state = torch.load(max((tmp_path / "run" / "checkpoints").glob("*.pt")), weights_only=True)
    done = ganzoo("train", "--resume", "run", "--images", state["images"] + 64, "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
