"""Checkpoints survive what happens to files."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ganzoo.engine import checkpoint
from ganzoo.errors import GanzooError


def state(value: float) -> dict[str, object]:
    return {"arch": "test/test", "weights": {"w": torch.full((1000,), value)}, "chance": [1, (2, 3), None]}


def test_round_trip_keeps_the_newest(tmp_path: Path) -> None:
    for step in range(5):
        checkpoint.save(tmp_path, step, state(step), keep=2)
    assert [path.name for path in checkpoint.saved(tmp_path)] == ["step-0000000004.pt", "step-0000000003.pt"]
    assert len(list(tmp_path.iterdir())) == 4  # each with its digest, nothing else
    loaded, path = checkpoint.load_newest(tmp_path, pytest.fail)
    assert path == checkpoint.path_of(tmp_path, 4)
    assert torch.equal(loaded["weights"]["w"], torch.full((1000,), 4.0))
    assert loaded["chance"] == [1, (2, 3), None]


@pytest.mark.parametrize("fault", ["flipped bit", "cut off", "empty", "text"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(tmp_path: Path, fault: str) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, state(step))
    path = checkpoint.path_of(tmp_path, 2)
    content = bytearray(path.read_bytes())
    if fault == "flipped bit":
        content[len(content) // 2] ^= 1
    path.write_bytes({"cut off": content[:500], "empty": b"", "text": b"no checkpoint"}.get(fault, bytes(content)))
    said: list[str] = []
    _, used = checkpoint.load_newest(tmp_path, said.append)
    assert used == checkpoint.path_of(tmp_path, 1)
    assert len(said) == 1
    assert str(path) in said[0]
    checkpoint.path_of(tmp_path, 1).write_bytes(b"")
    with pytest.raises(GanzooError, match="2 are damaged"):
        checkpoint.load_newest(tmp_path, said.append)


def test_without_its_digest_a_damaged_file_is_still_found(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, 1, state(1))
    checkpoint.digest_path(path).unlink()
    assert checkpoint.load(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(GanzooError, match="damaged"):
        checkpoint.load(path)


class _Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_no_code_runs_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"arch": "a/b", "evil": _Runs()}, path := tmp_path / "step-0000000001.pt")
    with pytest.raises(GanzooError):
        checkpoint.load(path)
    path.write_bytes(pickle.dumps({"arch": "a/b", "evil": _Runs()}))
    with pytest.raises(GanzooError):
        checkpoint.load(path)
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_leaves_the_earlier_checkpoint_and_no_stump(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing stops with the same kind of error."""
    checkpoint.save(tmp_path, 1, state(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(GanzooError, match=r"could not be written .* Earlier checkpoints are intact"):
            checkpoint.save(tmp_path, 2, state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in checkpoint.saved(tmp_path)] == ["step-0000000001.pt"]
    assert len(list(tmp_path.iterdir())) == 2
    assert checkpoint.load_newest(tmp_path, pytest.fail)


WRITER = """
import sys, torch
from pathlib import Path
from ganzoo.engine import checkpoint
step = 0
while True:
    step += 1
    checkpoint.save(Path(sys.argv[1]), step, {"arch": "a/b", "w": torch.full((2_000_000,), float(step))})
    print(step, flush=True)
"""


def test_killed_while_writing_an_intact_checkpoint_remains(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    for delay in (0.0, 0.013, 0.031):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, env=environment
        )
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
        time.sleep(delay)
        writer.kill()
        writer.wait()
        loaded, path = checkpoint.load_newest(tmp_path, pytest.fail)
        step = float(path.stem.removeprefix("step-"))
        assert float(loaded["w"][0]) == float(loaded["w"][-1]) == step


def test_an_empty_folder_says_what_was_wanted(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="no checkpoint in"):
        checkpoint.load_newest(tmp_path, pytest.fail)
    torch.save({"other": 1}, tmp_path / "step-0000000001.pt")
    with pytest.raises(GanzooError, match="no architecture's id"):
        checkpoint.load(tmp_path / "step-0000000001.pt")
