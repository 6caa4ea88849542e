"""Pictures decoded once into one memory-mapped array on disk, which further runs open in no time.

A pack is a folder of the cache. It is made in `<key>.part` by worker threads and renamed as the last act, so that a pack is
whole or absent; a packing that was cut off goes on where it stopped. Threads, because Pillow decodes and scales without
Python's lock: on two cores they reach what processes do (1.6 to 2.2 times one thread), start at once, and need neither
pickling nor a guarded main module.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.cache import cache_folder, cannot_write, locked
from ganzoo.data.journal import Journal, opened

MOST_WORKERS = 16
MEMORY_BYTES = 2**30  # what is made from an array stays in memory up to this size, and goes to the cache above it
MEMORY_CHUNK_BYTES = 4 * 2**20  # made at once there; the floats on the way take four times as much

Shape = tuple[int, int, int]
Made = tuple[NDArray[np.uint8], Mapping[int, str]]
Progress = Callable[[int, int], None]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """How a pack's pictures are made.

    Args:
        shape: (H, W, C) of one picture.
        make: the pictures of these numbers, uint8 (n, H, W, C), and the reasons, by number, why some of them could not be
            made and are black. Called in threads.
    """

    shape: Shape
    make: Callable[[range], Made]


@dataclass(frozen=True)
class Pack:
    """An opened pack.

    Args:
        images: uint8 (N, H, W, C), mapped from the file, read-only.
        missing: reasons, by number, why a picture is black.
        digest: identifies the pixels.
    """

    images: NDArray[np.uint8]
    missing: Mapping[int, str]
    digest: str


def pack(
    key: str,
    count: int,
    plan: Callable[[], Work],
    cache: Path,
    *,
    report: Report,
    progress: Progress | None = None,
    workers: int | None = None,
    renew: Callable[[Pack], bool] = lambda _: False,
) -> Pack:
    """The pack of this key: opened if it is there, else made, or finished where an earlier process was cut off.

    Processes that want the same pack at the same time wait for the one that makes it.

    Args:
        key: names the content; letters, digits and hyphens.
        count: number of pictures, at least 1.
        plan: called only if there is something to make.
        cache: the cache folder; packs are in its folder "packed".
        progress: called with (done, count) pictures, from this thread.
        workers: threads; None: one a usable core, at most 16.
        renew: whether a pack that was found is to be made again.

    Raises:
        GanzooError: the cache cannot be written, or has no room; then nothing of this pack is left in it.
    """
    home = cache / "packed"
    final, part, lock = home / key, home / f"{key}.part", home / f"{key}.lock"
    found = _open(final, count)
    if found is not None and not renew(found):
        return found
    stale = found is not None
    with _writing(cache):
        home.mkdir(parents=True, exist_ok=True)
    with locked(lock, lambda: report("another process is preparing the same pictures; waiting for it")):
        found = None if stale else _open(final, count)
        if found is None:
            shutil.rmtree(final, ignore_errors=True)  # damaged, or to be renewed
            _make(part, count, plan(), cache, report, progress, workers or _cores())
            with _writing(cache):
                os.rename(part, final)
            found = _open(final, count)
        with contextlib.suppress(OSError):
            lock.unlink()
    assert found is not None, f"{final} was made and cannot be opened"
    return found


def prepared(
    key: str, count: int, work: Work, *, cache: Path | None, report: Report, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """What `work` makes, uint8 (count, H, W, C): in memory up to 1 GiB, else a pack of the cache.

    Args:
        key, count, report, progress: as for `pack`; a key names one content for ever.
        cache: the cache folder; None: the platform's.

    Raises:
        GanzooError: as `pack`.
    """
    picture = int(np.prod(work.shape))
    if count * picture > MEMORY_BYTES:
        return pack(key, count, lambda: work, cache_folder(cache), report=report, progress=progress).images
    images = np.empty((count, *work.shape), np.uint8)
    chunk = max(1, min(MEMORY_CHUNK_BYTES // picture, count))
    for start in range(0, count, chunk):
        numbers = range(start, min(start + chunk, count))
        images[start : numbers.stop], _ = work.make(numbers)
        if progress:
            progress(numbers.stop, count)
    return images


@contextlib.contextmanager
def _writing(cache: Path, part: Path | None = None, needed: int = 0) -> Iterator[None]:
    """Tells the user of a write that failed, and deletes what cannot be finished."""
    try:
        yield
    except OSError as error:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
        raise cannot_write(cache, error, needed) from error


def _open(folder: Path, count: int) -> Pack | None:
    parts = opened(folder, count)
    return Pack(*parts) if parts else None


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_WORKERS)


def _make(
    part: Path, count: int, work: Work, cache: Path, report: Report, progress: Progress | None, workers: int
) -> None:
    """Fills the folder `part` with the whole pack."""
    needed = count * int(np.prod(work.shape))
    with _writing(cache, part, needed):
        part.mkdir(exist_ok=True)
        journal = Journal(part, count, work.shape)
    try:
        done = journal.done
        if done:
            report(f"going on after {done:,} of {count:,} pictures, where an earlier run was cut off")
        if progress:
            progress(done, count)
        for chunk, (images, missing) in _made(work, journal.todo(), workers):
            with _writing(cache, part, needed):
                journal.add(chunk, images, missing)
            done += len(images)
            if progress:
                progress(done, count)
        with _writing(cache, part, needed):
            journal.finish()
    finally:
        with contextlib.suppress(OSError):  # what could not be flushed has been reported
            journal.close()


def _made(work: Work, todo: Iterator[tuple[int, range]], workers: int) -> Iterator[tuple[int, Made]]:
    """Chunks in order, made ahead by `workers` threads: at most twice as many are held in memory."""
    executor = ThreadPoolExecutor(workers, thread_name_prefix="ganzoo-pack")
    ahead: deque[tuple[int, Future[Made]]] = deque()
    try:
        for chunk, pictures in todo:
            ahead.append((chunk, executor.submit(work.make, pictures)))
            if len(ahead) == 2 * workers:
                ready, future = ahead.popleft()
                yield ready, future.result()
        for ready, future in ahead:
            yield ready, future.result()
    finally:
        executor.shutdown(cancel_futures=True)
