"""Folders that runs, prepared data and temporary files go to: whether they can be written, and what is free there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganzoo.doctor.probe import answer, because

WRITTEN = bytes(64 * 1024)  # to see whether there is any room: a file without bytes fits on a full disk


def places() -> dict[str, Callable[[], Path]]:
    """How to find each folder; finding it may fail."""
    return {"cache": _cache, "runs": lambda: Path.cwd() / "runs", "temporary": _temporary}


def disk() -> dict[str, Any]:
    """What is free where each folder is, or would be made."""
    return {name: answer(lambda find=find: _free(find())) for name, find in places().items()}  # type: ignore[misc]


def folders() -> dict[str, Any]:
    """Whether each folder can be written, by writing there. A folder that does not exist is not made for that: then the
    nearest one above it counts."""
    looked_at = places() | {"working": Path.cwd}
    return {name: answer(lambda find=find: _writable(find())) for name, find in looked_at.items()}  # type: ignore[misc]


def _cache() -> Path:
    from ganzoo.data.cache import cache_folder

    return cache_folder().absolute()


def _temporary() -> Path:
    """What the environment names, even where Python would pass over it because it cannot be written."""
    named = next((os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), None)
    return Path(named) if named else Path(tempfile.gettempdir())


def nearest(folder: Path) -> Path:
    """The folder, or the first one above it that exists."""
    return next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)


def _free(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(nearest(folder))
    return {"path": str(folder), "free_bytes": usage.free, "total_bytes": usage.total}


def _writable(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": str(folder), "exists": folder.is_dir(), "writable": True, "why": None}
    try:
        with tempfile.TemporaryFile(dir=nearest(folder)) as file:
            file.write(WRITTEN)
            file.flush()
    except OSError as error:
        facts |= {"writable": False, "why": error.strerror or because(error)}
    return facts
