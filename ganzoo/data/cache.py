"""The folder that prepared data are kept in, and the lock by which processes share it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ganzoo.errors import GanzooError

CACHE_VARIABLE = "GANZOO_CACHE"
POLL_S = 0.1  # seconds between two looks at a lock that another process holds

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


def cache_folder(given: Path | None = None) -> Path:
    """Where prepared data are kept: `given`, else the environment's GANZOO_CACHE, else the platform's place for caches.

    The folder need not exist.
    """
    if given is not None:
        return Path(given)
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / "ganzoo"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "ganzoo"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "ganzoo"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "ganzoo"


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock file `path` for one process (or thread) at a time.

    The system gives the lock back when its holder ends in whatever way, so a dead process never blocks a living one.
    Where a file system has no locks, everyone passes.

    Args:
        waiting: called once if another holds the lock.

    Raises:
        GanzooError: the lock file cannot be made.
    """
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context(open(path, "ab"))
        except OSError as error:
            raise cannot_write(path.parent, error, 0) from error
        told = False
        while not _try_lock(file):
            if not told:
                waiting()
                told = True
            time.sleep(POLL_S)
        yield


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD
    return True


def no_room(error: OSError) -> bool:
    """Whether a write failed because the disk, or the user's share of it, is full."""
    return error.errno in _NO_ROOM


def cannot_write(folder: Path, error: OSError, needed: int) -> GanzooError:
    """What to tell the user when `needed` bytes cannot be written below the folder."""
    remedy = f"set {CACHE_VARIABLE} to another folder"
    if no_room(error):
        return GanzooError(
            f"the prepared pictures need {needed / 1e6:,.0f} MB in {folder}, and there is no room for them. Make room, "
            f"choose a smaller size, or {remedy}"
        )
    return GanzooError(f"the cache {folder} cannot be written: {error.strerror or error}. Mend that, or {remedy}")
