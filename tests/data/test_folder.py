"""Folders of pictures: what is found, what is left out, and what is kept between runs."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import DataChoice, StoredImages, folder, journal
from ganzoo.data.folder import list_pictures, open_folder
from ganzoo.errors import GanzooError, UsageError
from tests.data.conftest import fill, gradient

ROOT = Path(__file__).resolve().parents[2]


def opened(
    root: Path, size: tuple[int, int] | None = (8, 8), report: Any = lambda _: None, **choice: Any
) -> StoredImages:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_folder(root, DataChoice(**choice), size, cache=None, report=report)


def everything(source: StoredImages) -> np.ndarray:
    return source.gather(np.arange(len(source))).x.numpy()


def put(path: Path, colour: tuple[int, int, int] = (1, 2, 3), size: tuple[int, int] = (9, 9)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.mark.usefixtures("cache")
class TestWhatIsFound:
    def test_any_mix_of_formats_sizes_and_modes(self, tmp_path: Path) -> None:
        root = tmp_path / "mix"
        root.mkdir()
        gradient(30, 70).save(root / "a.JPG")
        gradient(70, 30).convert("RGBA").save(root / "b.png")
        gradient(10, 10).convert("L").save(root / "c.bmp")
        gradient(9, 90).convert("CMYK").save(root / "d.tif")
        gradient(50, 50).quantize(16).save(root / "e.gif")
        Image.fromarray(np.full((5, 5), 60_000, np.uint16)).save(root / "f.png")
        shutil.copy(root / "b.png", root / "no-ending")
        source = opened(root, (16, 20))
        assert source.spec.shape == (3, 16, 20)
        assert source.spec.name == "mix"
        assert len(source) == 7
        batch = source.gather(np.array([6, 1, 1]))
        assert batch.x.shape == (3, 3, 16, 20)
        assert (batch.x[0] == batch.x[1]).all()
        assert batch.y is None

    def test_order_is_by_name_and_nested_folders_come_after(self, tmp_path: Path) -> None:
        for number, name in enumerate(["b.png", "c/a.png", "a.png", "c/d/z.png", "c/c.png", "d/a.png"]):
            put(tmp_path / "root" / name, (number, 0, 0))
        assert list_pictures(tmp_path / "root").pictures == [
            "a.png", "b.png", "c/a.png", "c/c.png", "c/d/z.png", "d/a.png",
        ]  # fmt: skip

    def test_hidden_and_other_files_are_passed_over(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        for name in ("a.png", ".hidden.png", "._a.png", ".cache/b.png", "__MACOSX/c.png"):
            put(root / name)
        (root / "notes.txt").write_text("x")
        (root / "README").write_text("no ending and no picture")
        (root / "table.csv").write_text("1,2")
        listing = list_pictures(root)
        assert listing.pictures == ["a.png"]
        assert listing.other_count == 3
        assert not listing.unreachable

    def test_links_are_followed_once(self, tmp_path: Path) -> None:
        put(tmp_path / "elsewhere" / "x.png")
        put(tmp_path / "root" / "a.png")
        (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
        (tmp_path / "root" / "dead.png").symlink_to(tmp_path / "absent.png")
        os.mkfifo(tmp_path / "root" / "pipe.png")
        os.mkfifo(tmp_path / "root" / "pipe")
        listing = list_pictures(tmp_path / "root")
        assert listing.pictures == ["a.png", "link/x.png"]
        assert listing.unreachable == {"dead.png": "No such file or directory", "pipe.png": "not a file"}

    def test_names_that_are_no_text(self, tmp_path: Path, said: list[str]) -> None:
        root = os.fsencode(tmp_path / "root")
        os.mkdir(root)
        put(tmp_path / "root" / "a.png")
        with open(root + b"/bad-\xff-\xc3\xa9.png", "wb") as file:
            file.write(b"text")
        assert len(opened(tmp_path / "root", report=said.append)) == 1
        assert "bad-\\xff-é.png (not a picture)" in said[-1]
        said[-1].encode()

    def test_classes_are_first_level_folders(self, tmp_path: Path, said: list[str]) -> None:
        for name in ("dog/a.png", "cat/b.png", "cat/old/c.png"):
            put(tmp_path / "root" / name)
        source = opened(tmp_path / "root", report=said.append)
        assert source.spec.class_names == ("cat", "dog")
        assert source.gather(np.arange(3))["y"].tolist() == [0, 0, 1]
        assert "2 classes" in said[-1]
        assert opened(tmp_path / "root", labels=False).spec.classes == 0
        put(tmp_path / "root" / "loose.png")
        assert opened(tmp_path / "root").spec.classes == 0

    def test_one_sub_folder_is_no_class_and_digits_sort_by_value(self, tmp_path: Path) -> None:
        put(tmp_path / "one" / "images" / "a.png")
        assert opened(tmp_path / "one").spec.classes == 0
        for digit in (10, 9, 1):
            put(tmp_path / "digits" / str(digit) / "a.png")
        assert opened(tmp_path / "digits").spec.class_names == ("1", "9", "10")

    def test_auto_is_grey_only_if_every_picture_is(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        for number in range(5):
            Image.new("L", (8, 8), 10 * number).save(root / f"{number}.png")
        assert opened(root).spec.shape == (1, 8, 8)
        assert opened(root, channels="rgb").spec.shape == (3, 8, 8)
        put(root / "3.png")
        assert opened(root).spec.shape == (3, 8, 8)
        grey = opened(root, channels="grey")
        assert everything(grey)[:, 0, 0, 0].tolist() == [0, 10, 20, 2, 40]

    def test_without_a_size_the_first_picture_decides(self, tmp_path: Path, said: list[str]) -> None:
        put(tmp_path / "root" / "b.png", size=(7, 5))
        put(tmp_path / "root" / "c.png", size=(50, 50))
        (tmp_path / "root" / "a.png").write_bytes(b"")
        source = opened(tmp_path / "root", None, said.append)
        assert source.spec.shape == (3, 5, 7)
        assert "5x7" in said[0]

    @pytest.mark.parametrize("resize", ["crop", "fit", "pad"])
    def test_policies_are_packed_apart(self, tmp_path: Path, resize: str) -> None:
        (tmp_path / "root").mkdir()
        gradient(40, 80).save(tmp_path / "root" / "a.png")
        rows = everything(opened(tmp_path / "root", (8, 8), resize=resize))[0, 0]
        assert (rows[3, 0] > 40) == (resize == "crop")
        assert (rows[0] == rows[2]).all()


@pytest.mark.usefixtures("cache")
class TestWhatCannotBeRead:
    def test_one_truncated_among_fifty_is_named_and_left_out(self, tmp_path: Path, said: list[str]) -> None:
        root = fill(tmp_path / "root", 50)
        data = (root / "00017.png").read_bytes()
        (root / "00017.png").write_bytes(data[: len(data) // 2])
        for _ in range(2):  # prepared, then opened
            said.clear()
            source = opened(root, report=said.append)
            assert len(source) == source.spec.count == 49
            assert everything(source)[:, 0, 0, 0].tolist() == [*range(17), *range(18, 50)]
            assert len(said) == 1
            assert said[0].startswith("1 of 50 pictures in ")
            assert "00017.png (" in said[0]
        for _ in range(2):
            with pytest.raises(GanzooError, match=r"1 of 50 pictures .* 00017.png .*strict=false"):
                opened(root, strict=True)

    def test_many_are_counted_and_classes_follow(self, tmp_path: Path, said: list[str]) -> None:
        for number in range(12):
            put(tmp_path / "root" / "good" / f"{number}.png")
            put(tmp_path / "root" / "fine" / f"{number}.png")
            (tmp_path / "root" / "good" / f"x{number}.png").write_text("text")
        (tmp_path / "root" / "bad").mkdir()
        (tmp_path / "root" / "bad" / "x.png").write_bytes(b"")
        source = opened(tmp_path / "root", report=said.append)
        assert source.spec.class_names == ("fine", "good")
        assert source.gather(np.arange(24))["y"].tolist() == [0] * 12 + [1] * 12
        assert said[0].startswith("13 of 37 pictures")
        assert "bad/x.png (the file is empty)" in said[0]
        assert "and 8 more" in said[0]

    def test_none_can_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "a.png").write_text("text")
        with pytest.raises(GanzooError, match=r"1 of 1 pictures .* cannot be read: a.png"):
            opened(tmp_path / "root")
        with pytest.raises(GanzooError, match="none of the 1 pictures"):
            opened(tmp_path / "root", None)

    def test_a_picture_whose_rights_change_is_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = fill(tmp_path / "root", 3)

        def refuse(path: Path, *arguments: Any) -> Any:
            if path.name == "00001.png":
                raise folder.UnreadableError(os.strerror(errno.EACCES))
            return read(path, *arguments)

        read = folder.read_picture
        monkeypatch.setattr(folder, "read_picture", refuse)
        assert len(opened(root)) == 2
        monkeypatch.undo()
        monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
        assert len(opened(root)) == 3

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is empty; wanted pictures"):
            opened(tmp_path)

    def test_a_folder_of_texts(self, tmp_path: Path) -> None:
        for number in range(7):
            (tmp_path / f"{number}.txt").write_text("x")
        with pytest.raises(UsageError, match=r"holds 7 files and no picture \(0.txt, 1.txt"):
            opened(tmp_path)
        (tmp_path / "data.npz").write_bytes(b"x")
        with pytest.raises(UsageError, match=r"Did you mean the file .*/data.npz"):
            opened(tmp_path)

    def test_a_folder_that_cannot_be_listed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: Any) -> Any:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(UsageError, match="cannot be read: Permission denied"):
            opened(tmp_path)

    def test_a_sub_folder_that_cannot_be_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        put(tmp_path / "root" / "a.png")
        put(tmp_path / "root" / "shut" / "b.png")
        scan = os.scandir

        def refuse(path: Any) -> Any:
            if str(path).endswith("shut"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert len(opened(tmp_path / "root", report=said.append)) == 1
        assert "shut/ (Permission denied)" in said[0]


class TestPacking:
    def test_a_second_opening_decodes_nothing(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = fill(tmp_path / "root", 30)
        first = opened(root)
        monkeypatch.setattr(folder, "read_picture", None)
        second = opened(root)
        assert (everything(first) == everything(second)).all()
        assert first.digest == second.digest
        assert not first.images.flags.writeable
        assert sorted(path.name for path in (cache / "packed").iterdir())[0].isalnum()
        assert len(list((cache / "packed").iterdir())) == 1

    def test_what_changes_the_content_is_packed_anew(self, tmp_path: Path, cache: Path) -> None:
        root = fill(tmp_path / "root", 5)
        digests = {opened(root).digest, opened(root, (9, 9)).digest, opened(root, resize="pad", channels="grey").digest}
        put(root / "00002.png", (255, 255, 255))
        assert everything(opened(root))[2, 0, 0, 0] == 255
        (root / "00004.png").unlink()
        assert len(opened(root)) == 4
        assert len(digests | {opened(root).digest}) == 4

    def test_the_disk_holds_one_byte_a_value(self, tmp_path: Path, cache: Path) -> None:
        opened(fill(tmp_path / "root", 40, size=99), (16, 16))
        total = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
        assert total < 40 * 16 * 16 * 3 + 1000

    def test_progress_reaches_the_total(self, tmp_path: Path, cache: Path) -> None:
        seen: list[tuple[int, int]] = []
        open_folder(
            fill(tmp_path / "root", 200), DataChoice(), (8, 8), cache=cache, report=print,
            progress=lambda done, total: seen.append((done, total)),
        )  # fmt: skip
        assert seen[0] == (0, 200)
        assert seen[-1] == (200, 200)
        assert seen == sorted(seen)

    def test_any_number_of_workers_gives_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = fill(tmp_path / "root", 150)
        digests = set()
        for workers in (1, 2, 7):
            monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / f"cache{workers}"))
            monkeypatch.setattr("ganzoo.data.packed._cores", lambda count=workers: count)
            source = opened(root)
            assert everything(source)[:, 0, 0, 0].tolist() == list(range(150))
            digests.add(source.digest)
        assert len(digests) == 1

    def test_a_damaged_pack_is_made_again(self, tmp_path: Path, cache: Path) -> None:
        root = fill(tmp_path / "root", 5)
        wanted = everything(opened(root))
        (pack,) = (cache / "packed").iterdir()
        for name, data in (("images.npy", b"short"), ("about.json", b"{"), ("about.json", b"[]")):
            (pack / name).write_bytes(data)
            assert (everything(opened(root)) == wanted).all()
        (pack / "about.json").unlink()
        assert (everything(opened(root)) == wanted).all()

    def test_a_killed_process_is_resumed(self, cache: Path) -> None:
        process = start(cache, at=60)
        lines = read_until(process, "done 40 ")
        assert not lines[0].startswith("going on")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        part = cache / "packed" / "numbers.part"
        with open(part / "journal.jsonl", "a") as file:
            file.write('{"chunk": 60, "dig')  # killed in the midst of a line
        again = start(cache, at=0)  # would wait for ever if it began at the beginning
        rest = again.communicate(timeout=60)[0].splitlines()
        assert again.returncode == 0
        assert rest[0].startswith("going on after ")
        assert 40 <= int(rest[1].split()[1]) <= 60
        assert rest[-2] == "torch False"
        assert [path.name for path in (cache / "packed").iterdir()] == ["numbers"]
        fresh = start(cache / "other", at=-1)
        assert fresh.communicate(timeout=60)[0].splitlines()[-1] == rest[-1]

    def test_chunks_that_a_loss_of_power_took_are_made_again(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = fill(tmp_path / "root", 128)

        def stop(self: journal.Journal) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(journal.Journal, "finish", stop)
            with pytest.raises(KeyboardInterrupt):
                opened(root)
        (part,) = (path for path in (cache / "packed").iterdir() if path.suffix == ".part")
        data = bytearray((part / "images.npy").read_bytes())
        data[-8 * 8 * 3 * 50 :] = bytes(8 * 8 * 3 * 50)
        (part / "images.npy").write_bytes(data)
        assert everything(opened(root))[:, 0, 0, 0].tolist() == list(range(128))

    def test_two_processes_share_one_packing(self, tmp_path: Path, cache: Path) -> None:
        gate = tmp_path / "gate"
        first = start(cache, at=60, gate=gate)
        read_until(first, "done 2 ")
        second = start(cache, at=60, gate=gate)
        assert read_until(second, "")[0].startswith("another process is preparing the same pictures")
        gate.touch()
        made, waited = (process.communicate(timeout=60)[0].splitlines() for process in (first, second))
        assert (first.returncode, second.returncode) == (0, 0)
        assert made[-3] == "done 128 128"
        assert len(waited) == 2
        assert waited[-1] == made[-1]
        assert [path.name for path in (cache / "packed").iterdir()] == ["numbers"]

    def test_a_waiting_process_takes_over_from_a_killed_one(self, cache: Path) -> None:
        first = start(cache, at=60)
        read_until(first, "done 40 ")
        second = start(cache, at=0)
        assert read_until(second, "")[0].startswith("another process")
        first.kill()
        first.communicate()
        rest = second.communicate(timeout=60)[0].splitlines()
        assert rest[0].startswith("going on after ")
        assert rest[-1].startswith("digest ")

    def test_a_full_disk_gives_one_error_and_leaves_nothing(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = fill(tmp_path / "root", 128)
        add = journal.Journal.add

        def full(self: journal.Journal, chunk: int, images: np.ndarray, missing: Mapping[int, str]) -> None:
            if chunk == 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            add(self, chunk, images, missing)

        with monkeypatch.context() as patch:
            patch.setattr(journal.Journal, "add", full)
            with pytest.raises(
                GanzooError, match=r"need 0 MB in .*cache.* no room .* smaller size, or set GANZOO_CACHE"
            ):
                opened(root)
        assert not [path for path in (cache / "packed").iterdir() if path.suffix != ".lock"]
        assert len(opened(root)) == 128

    @pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")
    def test_no_room_is_seen_before_anything_is_decoded(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        monkeypatch.setattr(folder, "read_picture", None)
        with pytest.raises(GanzooError, match="no room"):
            opened(fill(tmp_path / "root", 5))
        assert not [path for path in (cache / "packed").iterdir() if path.suffix != ".lock"]

    def test_a_cache_that_cannot_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("x")
        monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file"))
        with pytest.raises(GanzooError, match=r"cannot be written: Not a directory.*GANZOO_CACHE"):
            opened(fill(tmp_path / "root", 2))

    def test_an_error_of_the_listener_loses_nothing(self, tmp_path: Path, cache: Path) -> None:
        root = fill(tmp_path / "root", 128)

        def hang_up(done: int, total: int) -> None:
            if done > 64:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        with pytest.raises(BrokenPipeError):
            open_folder(root, DataChoice(), (8, 8), cache=cache, report=print, progress=hang_up)
        said: list[str] = []
        assert len(opened(root, report=said.append)) == 128
        assert said[0].startswith("going on after 6")


def start(cache: Path, at: int, gate: Path | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("packing_process.py")), str(cache), str(at), str(gate)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def read_until(process: subprocess.Popen[str], beginning: str) -> list[str]:
    """Lines up to the first with this beginning."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            return lines
    raise AssertionError(lines)
