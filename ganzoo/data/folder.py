"""A folder of pictures, whatever their formats, sizes and modes, as a source: decoded once, then mapped from the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ganzoo.data.cache import cache_folder
from ganzoo.data.choice import DataChoice
from ganzoo.data.decode import UnreadableError, has_colour, is_picture, quiet_pillow, read_picture, size_of, suffixes
from ganzoo.data.digest import digest_of
from ganzoo.data.geometry import Size
from ganzoo.data.packed import Made, Pack, Progress, Report, Work, pack
from ganzoo.data.source import Indices
from ganzoo.data.stored import StoredImages
from ganzoo.errors import GanzooError, UsageError

_NAMED = 5  # pictures that a message names; the rest are counted
_ARRAYS = {".npz", ".npy", ".csv"}


@dataclass
class Listing:
    """What a folder holds.

    Args:
        root: the folder.
        pictures: paths of files that should be pictures, relative to it, "/" between their parts, in a fixed order.
        unreachable: reason by path, of pictures and sub-folders that the system does not give.
        others: names of some files that are no pictures.
        other_count: how many there are.
        digest: of paths, sizes and times of change of the pictures.
    """

    root: Path
    pictures: list[str] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    other_count: int = 0
    digest: str = ""


def open_folder(
    root: Path,
    choice: DataChoice,
    resolution: Size | None,
    *,
    cache: Path | None,
    report: Report,
    progress: Progress | None = None,
) -> StoredImages:
    """The pictures of a folder and of its sub-folders.

    Where every picture lies in a sub-folder and there are at least two of these, the first-level sub-folders are the
    classes. Hidden files and folders are passed over.

    Args:
        resolution: (height, width) in pixels; None: that of the first picture.

    Raises:
        UsageError: there is no picture, or the folder cannot be read.
        GanzooError: no picture can be read; `choice.strict` and one cannot be read; or the cache cannot be written.
    """
    with quiet_pillow():
        listing = list_pictures(root)
        if not listing.pictures:
            raise UsageError(no_picture_in(listing))
        size = ("own",) if resolution is None else resolution
        about = repr((listing.digest, size, choice.resize, choice.channels))
        packed = pack(
            hashlib.blake2b(about.encode(), digest_size=16).hexdigest(),
            len(listing.pictures),
            lambda: _plan(listing, choice, resolution, report),
            cache_folder(cache),
            report=report,
            progress=progress,
            renew=lambda found: _mended(listing, found),
        )
    left_out = {listing.pictures[number]: reason for number, reason in packed.missing.items()} | listing.unreachable
    rows = np.delete(np.arange(len(listing.pictures)), list(packed.missing))
    if left_out:
        _tell(left_out, len(rows), listing, choice.strict, report)
    names, labels = _classes(listing, rows) if choice.labels else ((), None)
    if names:
        report(f"{len(names)} classes from the sub-folders of {shown(str(root))}: {some_of(names)}")
    return StoredImages(
        packed.images,
        labels,
        class_names=names,
        name=shown(root.resolve().name or str(root)),
        rows=rows if packed.missing else None,
        resize=choice.resize,
        cache=cache,
        digest=digest_of([packed.digest.encode(), rows, repr(names).encode(), *([] if labels is None else [labels])]),
        report=report,
    )


def list_pictures(root: Path) -> Listing:
    """The pictures below a folder. Links to folders are followed, each folder once.

    Raises:
        UsageError: the folder itself cannot be listed.
    """
    listing = Listing(root)
    digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=16)
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise UsageError(f"the folder {shown(str(root))} cannot be read: {error.strerror or error}") from error
    known = suffixes()
    for path, entry in _files(root, listing, set()):
        ending = os.path.splitext(entry.name)[1].lower()
        if ending not in known and (ending or not entry.is_file() or not is_picture(root / path)):
            listing.other_count += 1
            if len(listing.others) < (2 * _NAMED if ending in _ARRAYS else _NAMED):
                listing.others.append(path)
            continue
        try:
            status = entry.stat()
        except OSError as error:
            listing.unreachable[path] = error.strerror or str(error)
            continue
        if not entry.is_file():  # a pipe or a device: opening it could wait for ever
            listing.unreachable[path] = "not a file"
            continue
        listing.pictures.append(path)
        digest.update(os.fsencode(f"\0{path}\0{status.st_size}\0{status.st_mtime_ns}"))
    listing.digest = digest.hexdigest()
    return listing


def _files(root: Path, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below the root that is neither hidden nor a folder, with its path, depth first by name."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            status = os.stat(root / folder)
            if (status.st_dev, status.st_ino) in seen and status.st_ino:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            listing.unreachable[f"{folder}/"] = error.strerror or str(error)
            continue
        inner = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir():
                inner.append(path)
            else:
                yield path, entry
        pending.extend(reversed(inner))


def _plan(listing: Listing, choice: DataChoice, resolution: Size | None, report: Report) -> Work:
    """Size and channels of the pack, and how its pictures are made."""
    size = resolution or _first_size(listing)
    if resolution is None:
        report(f"pictures are brought to {size[0]}x{size[1]} pixels, the size of the first")
    channels = {"grey": 1, "rgb": 3}.get(choice.channels) or _channels(listing)

    def make(numbers: range) -> Made:
        images = np.zeros((len(numbers), *size, channels), np.uint8)
        missing: dict[int, str] = {}
        for row, number in enumerate(numbers):
            try:
                images[row] = read_picture(listing.root / listing.pictures[number], size, choice.resize, channels)
            except UnreadableError as error:
                missing[number] = str(error)
        return images, missing

    return Work((*size, channels), make)


def _first_size(listing: Listing) -> Size:
    for path in listing.pictures:
        try:
            return size_of(listing.root / path)
        except UnreadableError:
            continue
    raise GanzooError(f"none of the {len(listing.pictures):,} pictures in {shown(str(listing.root))} can be read")


def _channels(listing: Listing) -> int:
    """1 if every picture is grey, else 3. Reads headers until the first picture with colour."""

    def coloured(path: str) -> bool:
        try:
            return has_colour(listing.root / path)
        except UnreadableError:
            return False

    with ThreadPoolExecutor() as executor:
        for start in range(0, len(listing.pictures), 1024):
            if any(executor.map(coloured, listing.pictures[start : start + 1024])):
                return 3
            if start == 0 and coloured(listing.pictures[-1]):
                return 3
    return 1


def _mended(listing: Listing, found: Pack) -> bool:
    """Whether a picture that could not be had can be now: its rights may have changed while its time of change has not."""
    for number, reason in found.missing.items():
        if reason in _SYSTEM_REASONS and os.access(listing.root / listing.pictures[number], os.R_OK):
            return True
    return False


_SYSTEM_REASONS = {os.strerror(code) for code in (1, 2, 5, 13, 23, 24)}  # EPERM ENOENT EIO EACCES ENFILE EMFILE


def _classes(listing: Listing, rows: Indices) -> tuple[tuple[str, ...], Indices | None]:
    first = [path.partition("/") for path in (listing.pictures[row] for row in rows)]
    if not all(rest for _, _, rest in first):
        return (), None
    names = {name for name, _, _ in first}
    if len(names) < 2:
        return (), None
    # 0 .. 10 in the order of their values, not 0, 1, 10, 2
    numbers = all(name.isdecimal() for name in names)
    ordered = sorted(names, key=lambda name: (int(name) if numbers else 0, name))
    index = {name: number for number, name in enumerate(ordered)}
    return tuple(shown(name) for name in ordered), np.array([index[name] for name, _, _ in first], np.int64)


def _tell(left_out: dict[str, str], kept: int, listing: Listing, strict: bool, report: Report) -> None:
    total = len(listing.pictures) + len(listing.unreachable)
    named = some_of([f"{shown(path)} ({reason})" for path, reason in left_out.items()])
    what = f"{len(left_out):,} of {total:,} pictures in {shown(str(listing.root))} cannot be read: {named}"
    if kept == 0:
        raise GanzooError(what)
    if strict:
        raise GanzooError(f"{what}. Mend or remove them, or leave them out by strict=false")
    report(f"{what}. They are left out")


def no_picture_in(listing: Listing) -> str:
    """What is said of a folder without pictures."""
    root = shown(str(listing.root))
    wanted = "wanted pictures, such as .png, .jpg or .webp"
    if listing.unreachable:
        path, reason = next(iter(listing.unreachable.items()))
        return f"the folder {root} holds no picture that can be read: {shown(path)}: {reason}; {wanted}"
    if not listing.other_count:
        return f"the folder {root} is empty; {wanted}"
    arrays = [path for path in listing.others if os.path.splitext(path)[1].lower() in _ARRAYS]
    hint = f". Did you mean the file {root}/{shown(arrays[0])}?" if arrays else ""
    holds = f"{listing.other_count:,} files" if listing.other_count > 1 else "one file"
    return f"the folder {root} holds {holds} and no picture ({some_of([shown(path) for path in listing.others])}); {wanted}{hint}"


def some_of(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def shown(text: str) -> str:
    """A path as it can be printed: bytes of its name that are no text become escapes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
