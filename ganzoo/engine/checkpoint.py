"""Checkpoints: written whole or not at all, with a digest, and read back without running code.

A file is written beside its place, flushed to the disk and renamed; its SHA-256 is there before it. A flipped bit loads
in silence otherwise, and a write over the old file loses both when it is cut off.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from ganzoo.errors import GanzooError

_NAME = re.compile(r"step-(\d{10})\.pt")


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"step-{step:010d}.pt"


def saved(folder: Path) -> list[Path]:
    """The folder's checkpoints, newest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def save(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> Path:
    """Write the checkpoint of `step` and remove all but the newest `keep`.

    Raises:
        GanzooError: it could not be written (no space, no permission); earlier checkpoints are as they were.
    """
    path = path_of(folder, step)
    part = path.with_suffix(".part")
    digest = digest_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save(tree_map_only(Tensor, _own, state), file)
            file.flush()
            os.fsync(file.fileno())
        write_whole(digest, sha256(part) + "\n")
        os.replace(part, path)
        _sync_folder(folder)
    # torch reports a full disk as a RuntimeError without errno.
    except (OSError, RuntimeError) as error:
        for left in (part, digest):
            if not path.exists():
                _remove(left)
        raise GanzooError(
            f"the checkpoint {path} could not be written ({_reason(error)}). Earlier checkpoints are intact; "
            "make room or choose another folder with --out, then go on with --resume"
        ) from error
    for old in saved(folder)[keep:]:
        _remove(old)
        _remove(digest_path(old))
    return path


def load_newest(folder: Path, warn: Callable[[str], None]) -> tuple[dict[str, Any], Path]:
    """The newest intact checkpoint of a run and its path; each damaged one is named through `warn`.

    Raises:
        GanzooError: there is none.
    """
    paths = saved(folder)
    for path in paths:
        try:
            return load(path), path
        except GanzooError as error:
            warn(f"{error}; trying the one before")
    if paths:
        raise GanzooError(
            f"no checkpoint in {folder} is intact ({len(paths)} are damaged); the run cannot go on from here"
        )
    raise GanzooError(f"there is no checkpoint in {folder}; wanted the folder of a run that ganzoo train made")


def load(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, on the CPU; never runs code from it.

    Raises:
        GanzooError: the file is damaged, is not a checkpoint, or cannot be read.
    """
    digest = digest_path(path)
    try:
        if digest.exists() and digest.read_text().strip() != sha256(path):
            raise GanzooError(f"the checkpoint {path} is damaged: its SHA-256 is not the one it was written with")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise GanzooError(f"the checkpoint {path} cannot be read ({error.strerror})") from error
    except GanzooError:
        raise
    except Exception as error:  # whatever torch meets in a file that is no checkpoint
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GanzooError(f"the checkpoint {path} is damaged or no checkpoint ({first[:120]})") from error
    if not isinstance(state, dict) or "arch" not in state:
        raise GanzooError(f"{path} is no checkpoint of ganzoo: it has no architecture's id")
    return state


def digest_path(path: Path) -> Path:
    """Where the SHA-256 of a checkpoint lies."""
    return path.with_name(path.name + ".sha256")


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old text or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _own(tensor: Tensor) -> Tensor:
    """The tensor in a storage of its own: torch writes the whole storage that a slice lies in."""
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.detach().clone()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # a read-only folder: nothing is lost by a file too many
        path.unlink(missing_ok=True)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "no space left on the device, most likely: " + str(error).splitlines()[0][:80]
