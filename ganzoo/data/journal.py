"""An array that grows on disk chunk by chunk, and the record that lets another process go on with it.

In the folder: images.npy, uint8 (N, H, W, C), whose whole room is taken at once, and journal.jsonl: what is being made,
then a line for each chunk whose bytes have been handed to the system.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.digest import digest_of

FORMAT = 1
CHUNK_BYTES = 4 * 2**20
CHUNK_PICTURES = 256
LEAST_CHUNKS = 64  # enough for some threads to share a small folder

IMAGES, LINES, ABOUT = "images.npy", "journal.jsonl", "about.json"


class Journal:
    """Writes one pack. Chunks have one size for a given content, on whatever machine, because the digest is of chunks.

    Args:
        folder: exists; what is in it from an earlier process is used if it is about the same pictures, else deleted.
        count: number of pictures.
        shape: (H, W, C) of one.

    Raises:
        OSError: also at once, if the disk has no room for all pictures.
    """

    def __init__(self, folder: Path, count: int, shape: tuple[int, int, int]) -> None:
        self.folder, self.count, self.shape = folder, count, shape
        self.picture_bytes = int(np.prod(shape))
        self.chunk = max(1, min(count // LEAST_CHUNKS, CHUNK_PICTURES, CHUNK_BYTES // self.picture_bytes))
        self._about = {"format": FORMAT, "count": count, "shape": list(shape), "chunk": self.chunk}
        self._entries: dict[int, dict[str, Any]] = {}
        earlier = _complete_lines(folder / LINES)
        if not earlier or earlier[0] != self._about:
            earlier = []
            for stale in list(folder.iterdir()):
                stale.unlink()
        with contextlib.ExitStack() as on_error:
            self._images = on_error.enter_context(open(folder / IMAGES, "r+b" if earlier else "w+b"))
            np.lib.format.write_array_header_1_0(
                self._images, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
            )
            self._images.flush()
            self._start = self._images.tell()
            _reserve(self._images.fileno(), self._start + count * self.picture_bytes)
            self._trust(earlier[1:])
            self._lines = on_error.enter_context(self._fresh_lines())
            on_error.pop_all()

    def close(self) -> None:
        """Closes the files and leaves them."""
        self._images.close()
        self._lines.close()

    @property
    def done(self) -> int:
        """Pictures in complete chunks."""
        return sum(len(self.pictures(number)) for number in self._entries)

    def pictures(self, chunk: int) -> range:
        """Numbers of a chunk's pictures."""
        return range(chunk * self.chunk, min((chunk + 1) * self.chunk, self.count))

    def todo(self) -> Iterator[tuple[int, range]]:
        """Numbers and pictures of the chunks that are not complete."""
        for number in range(-(-self.count // self.chunk)):
            if number not in self._entries:
                yield number, self.pictures(number)

    def add(self, chunk: int, images: NDArray[np.uint8], missing: Mapping[int, str]) -> None:
        """Writes a chunk, uint8 (n, H, W, C), then its line, which vouches for bytes that the system has."""
        self._images.seek(self._start + self.pictures(chunk).start * self.picture_bytes)
        self._images.write(np.ascontiguousarray(images).data)
        self._images.flush()
        reasons = {str(number): reason for number, reason in missing.items()}
        entry = {"chunk": chunk, "digest": digest_of([images]), "missing": reasons}
        self._lines.write(json.dumps(entry) + "\n")
        self._lines.flush()
        self._entries[chunk] = entry

    def finish(self) -> None:
        """Brings everything to the disk, writes about.json and deletes the lines. Every chunk must be complete."""
        os.fsync(self._images.fileno())
        entries = [self._entries[number] for number in sorted(self._entries)]
        about = {
            "format": FORMAT,
            "shape": [self.count, *self.shape],
            "missing": {number: reason for entry in entries for number, reason in entry["missing"].items()},
            "digest": digest_of(entry["digest"].encode() for entry in entries),
        }
        with open(self.folder / ABOUT, "w", encoding="utf-8") as file:
            json.dump(about, file)
            file.flush()
            os.fsync(file.fileno())
        self.close()
        (self.folder / LINES).unlink()

    def _trust(self, entries: list[dict[str, Any]]) -> None:
        """Takes over the chunks whose bytes are what their line says: a loss of power may have taken some."""
        for entry in entries:
            pictures = self.pictures(int(entry["chunk"]))
            self._images.seek(self._start + pictures.start * self.picture_bytes)
            data = self._images.read(len(pictures) * self.picture_bytes)
            if digest_of([data]) == entry["digest"]:
                self._entries[int(entry["chunk"])] = entry

    def _fresh_lines(self) -> Any:
        """The journal written anew, without the line in whose midst an earlier process ended, and open at its end."""
        new = self.folder / f"{LINES}.new"
        text = "".join(json.dumps(line) + "\n" for line in [self._about, *self._entries.values()])
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.folder / LINES)
        return open(self.folder / LINES, "a", encoding="utf-8")


def opened(folder: Path, count: int) -> tuple[NDArray[np.uint8], dict[int, str], str] | None:
    """Images (mapped, read-only), reasons of the missing by number, and digest of a finished folder; None if it is not
    there, damaged, or about another number of pictures."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        images = np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False)
        if about["format"] != FORMAT or about["shape"] != list(images.shape) or len(images) != count:
            return None
        missing = {int(number): str(reason) for number, reason in about["missing"].items()}
        return np.asarray(images), missing, str(about["digest"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _complete_lines(path: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text("utf-8").splitlines():
            lines.append(json.loads(line))
    return lines


def _reserve(descriptor: int, size: int) -> None:
    """Takes a file's whole room on the disk now, so that a full disk shows before the work and not in its midst."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
    os.truncate(descriptor, size)
