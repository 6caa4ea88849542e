"""Probes: what they find on made-up machines, and that a failure is a fact and not the end."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import ganzoo.doctor.step as step_module
from ganzoo.doctor import hardware, storage
from ganzoo.doctor.advice import advise
from ganzoo.doctor.facts import SECTIONS, gather
from ganzoo.doctor.probe import answer
from ganzoo.doctor.report import sections
from ganzoo.doctor.software import VARIABLES, extras
from ganzoo.models import DataSpec
from ganzoo.registry import discover

ROOT = Path(__file__).resolve().parents[2]


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.EIO, "Input/output error")


class Broken(Exception):
    """Its text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\nlines"), "unknown: ValueError: two lines"),
        (SystemExit(3), "unknown: SystemExit: 3"),
        (Broken(), "unknown: Broken"),
        (KeyError(), "unknown: KeyError"),
    ],
)
def test_a_failed_probe_says_why(error: BaseException, said: str) -> None:
    def probe() -> NoReturn:
        raise error

    assert answer(probe) == said


def group(tmp_path: Path, **settings: str) -> dict[str, Path]:
    """Control groups /a/b of version 2; settings by "group:name"."""
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    (root / "a" / "b").mkdir(parents=True)
    membership.write_text("1:name=old:/elsewhere\n0::/a/b\n")
    for path, value in settings.items():
        (root / path).write_text(value + "\n")
    return {"root": root, "membership": membership}


def test_the_tightest_limit_of_the_groups_above_counts(tmp_path: Path) -> None:
    limits = {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000", "cpu.max": "400000 100000"}
    assert hardware.cgroup_cores(**group(tmp_path, **limits)) == 1.5


def test_no_limit(tmp_path: Path) -> None:
    where = group(tmp_path, **{"a/b/cpu.max": "max 100000", "a/memory.max": "max"})
    assert hardware.cgroup_cores(**where) is None
    assert hardware.memory_limit(**where) is None
    assert hardware.cgroup_cores(tmp_path / "absent", tmp_path / "absent") is None


def test_limits_of_version_1(tmp_path: Path) -> None:
    for name, value in (("cpu/cpu.cfs_quota_us", "50000"), ("cpu/cpu.cfs_period_us", "100000")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(value)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1000000")
    absent = tmp_path / "absent"
    assert hardware.cgroup_cores(tmp_path, absent) == 0.5
    assert hardware.memory_limit(tmp_path, absent) == 1_000_000


def test_a_memory_limit_above_the_machine_is_none(tmp_path: Path) -> None:
    assert hardware.memory_limit(**group(tmp_path, **{"memory.max": "9223372036854771712"})) is None
    (tmp_path / "other").mkdir()
    assert hardware.memory_limit(**group(tmp_path / "other", **{"a/memory.max": "4096"})) == 4096


def test_gpus_that_the_driver_knows(tmp_path: Path) -> None:
    (tmp_path / "0000:01:00.0").mkdir()
    assert hardware.nvidia_gpus(tmp_path) == ["0000:01:00.0"]


def test_a_folder_that_is_not_there_is_judged_by_the_one_above_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "a" / "b"))
    monkeypatch.chdir(tmp_path)
    found = storage.folders()
    assert found["cache"] == {"path": str(tmp_path / "a" / "b"), "exists": False, "writable": True, "why": None}
    assert found["working"]["exists"]
    assert storage.disk()["cache"]["free_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file" / "cache"))
    assert storage.folders()["cache"]["why"] == "Not a directory"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def closed(dir: Path) -> NoReturn:  # root may write anywhere, so a mode would not do
        raise OSError(number, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", closed)
    found = {"folders": storage.folders()}
    assert {folder["why"] for folder in found["folders"].values()} == {"Read-only file system"}
    assert [item.about for item in advise(found)] == ["folders"] * 3


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(SimpleNamespace):
        def write(self, _: bytes) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: Full())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**9, used=10**9, free=0))
    found = {"folders": storage.folders(), "disk": storage.disk()}
    said = [item.advice for item in advise(found)]
    assert any("No space left on device" in sentence for sentence in said)
    assert any(sentence.startswith("0.0 GB are free in ") for sentence in said)


def test_every_probe_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.doctor.facts.SECTIONS", dict.fromkeys(SECTIONS, refuse))
    monkeypatch.setattr(step_module, "time_step", refuse)
    found = gather()
    assert set(found.values()) == {"unknown: OSError: [Errno 5] Input/output error"}
    assert all(rows == [("", found[name])] for name, rows in sections(found))
    advise(found)


def test_parts_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_cpu_name", "_cuda", "_mps", "_choice", "_cores", "memory", "cgroup_cores"):
        monkeypatch.setattr(hardware, name, refuse)
    for name in ("disk_usage", "which"):
        monkeypatch.setattr(shutil, name, refuse)
    monkeypatch.setattr(Path, "cwd", refuse)
    monkeypatch.setattr("ganzoo.doctor.software.registry", refuse)
    monkeypatch.setattr(step_module, "time_step", refuse)
    found = gather()
    said = {row for _, rows in sections(found) for row in rows}
    assert ("CPU", "unknown: OSError: [Errno 5] Input/output error") in said
    assert found["folders"]["working"] == "unknown: OSError: [Errno 5] Input/output error"
    advise(found)


def test_extras_are_those_of_the_distribution() -> None:
    found = extras()
    assert found["zoo"].keys() >= {"ganzoo-classic", "ganzoo-wasserstein"}
    assert all(found["zoo"].values())


def test_all_variables_that_ganzoo_reads_are_known() -> None:
    read: set[str] = set()
    for path in (ROOT / "ganzoo").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"""environ(?:\.get\(|\[)"(\w+)\"""", source))
        read |= set(re.findall(r"""^\w+_VARIABLE = "(\w+)\"""", source, re.MULTILINE))
    assert read >= {"GANZOO_CACHE", "GANZOO_DISABLE", "OMP_NUM_THREADS"}
    elsewhere = {"PYTHONPATH", "TMPDIR", "TEMP", "TMP", "COLUMNS", "TERM", "NO_COLOR"}
    assert read - elsewhere <= VARIABLES.keys()


def test_a_step_of_an_installed_architecture() -> None:
    found = step_module.time_step(seconds=0.01)
    assert found["arch"] == "classic/dcgan"
    assert found["passed_over"] == {}
    assert found["milliseconds"] > 0
    assert found["images_per_second"] == pytest.approx(32 / found["milliseconds"] * 1000)


def test_without_families_a_game_made_here_is_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = discover([], disabled=())
    monkeypatch.setattr("ganzoo.doctor.step.registry", lambda: empty)
    found = step_module.time_step(seconds=0.01)
    assert found["arch"] == step_module.OWN
    assert found["images_per_second"] > 0


def test_an_architecture_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = step_module.Trial("classic/gan-2d", (), DataSpec((3, 8, 8)))
    monkeypatch.setattr(step_module, "TRIALS", (wrong,))
    found = step_module.time_step(seconds=0.01)
    assert found["arch"] == step_module.OWN
    assert "makes points" in found["passed_over"]["classic/gan-2d"]


def test_gpus_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(name="A GPU", total_memory=80_000_000_000, major=9, minor=0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "A GPU")
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda index: gpu)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr("torch.cuda.mem_get_info", refuse)
    found = {"devices": hardware.devices(), "precision": hardware.precision()}
    assert found["devices"]["cuda"][0] == {
        "index": 0,
        "name": "A GPU",
        "memory_bytes": 80_000_000_000,
        "free_bytes": "unknown: OSError: [Errno 5] Input/output error",
        "capability": "9.0",
    }
    assert found["precision"]["fast_bfloat16"]["cuda:0"]
    said = dict(dict(sections(found))["devices"])
    assert said["cuda:0"].startswith("A GPU, 80.0 GB, unknown: OSError")
    assert said["cuda:0"].endswith("capability 9.0")


def test_an_apple_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 12_000_000_000)
    found = {"devices": hardware.devices()}
    assert found["devices"]["chosen"] == "mps"
    said = dict(dict(sections(found))["devices"])
    assert said["MPS"] == "12.0 GB memory"
