"""Folders of two kinds of pictures: pairs with equal names in A and B, pairs side by side in one file, and two domains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.adapted import Adapted
from ganzoo.data.cache import cache_folder
from ganzoo.data.choice import DataChoice
from ganzoo.data.decode import UnreadableError, has_colour, plain_size, quiet_pillow, read_picture
from ganzoo.data.digest import digest_of
from ganzoo.data.folder import Listing, list_pictures, no_picture_in, open_folder, shown, some_of
from ganzoo.data.geometry import Size
from ganzoo.data.packed import Made, Progress, Report, Work, pack
from ganzoo.data.source import Source
from ganzoo.data.stored import StoredImages
from ganzoo.data.twofold import Domains, Pairs
from ganzoo.errors import GanzooError, UsageError

Direction = Literal["a-to-b", "b-to-a"]
Split = Literal["train", "test"]
Half = Literal["left", "right"]

_SEVERAL = 64  # pictures whose headers are looked at for colour, at equal distances


@dataclass(frozen=True)
class _Side:
    """One side of the pairs.

    Args:
        paths: of the pictures, in order. half: of them that is meant; None: all of each.
    """

    paths: Sequence[Path]
    half: Half | None = None


def open_two(
    root: Path,
    choice: DataChoice,
    resolution: Size | None,
    *,
    split: Split = "train",
    direction: Direction = "a-to-b",
    cache: Path | None = None,
    report: Report = lambda _: None,
    progress: Progress | None = None,
) -> Source:
    """The pictures of two kinds in a folder, as `choice.layout` says: "pairs" or "domains".

    Two sub-folders A and B (or trainA and trainB, or those in train; of any names, if there are no others) hold the two kinds.
    In pairs, pictures with equal names belong together; without such sub-folders each file holds A on its left and B on its
    right.

    Args:
        resolution: (height, width) in pixels; None: that of the first picture.
        split: "test": of testA and testB, or those in test, instead.
        direction: "a-to-b": B is made of A, so that x is B; "b-to-a": the other way round.

    Raises:
        UsageError: there are no such pictures, a picture has no partner, or an option is wrong.
        GanzooError: no picture can be read; `choice.strict` and one cannot be read; or the cache cannot be written.
    """
    for name, given, known in (("split", split, ("train", "test")), ("direction", direction, ("a-to-b", "b-to-a"))):
        if given not in known:
            raise UsageError(f"{name} is {given!r}, wanted {' or '.join(known)}")
    if not root.is_dir():
        raise UsageError(f"{shown(str(root))} is no folder, wanted one with the pictures of both kinds")
    folders = two_folders(root, split, report)
    name = shown(root.resolve().name or str(root)) + (" (test)" if split == "test" else "")
    if choice.layout == "domains":
        if folders is None:
            raise UsageError(
                f"{_none_in(root, split)}: wanted the two domains in sub-folders, A and B or trainA and trainB"
            )
        return _domains(folders, choice, resolution, name, direction, cache, report, progress)
    with quiet_pillow():
        if folders is not None:
            digest, sides = _by_name(folders)
        else:
            digest, sides = _side_by_side(root, split)
        if direction == "b-to-a":
            sides = sides[::-1]
        return _pairs(digest, sides, choice, resolution, name, cache, report, progress)


def two_folders(root: Path, split: Split, report: Report = lambda _: None) -> tuple[Path, Path] | None:
    """The folders of A and B; None: there are none."""
    inside = {path.name.lower(): path for path in _sub_folders(root)}
    if f"{split}a" in inside and f"{split}b" in inside:
        return inside[f"{split}a"], inside[f"{split}b"]
    if split in inside:
        found = _a_and_b(_sub_folders(inside[split]), report)
        if found is not None:
            return found
    if split != "train":
        return None
    return _a_and_b([path for path in inside.values() if path.name.lower() not in ("train", "test", "val")], report)


def has_test_part(root: Path) -> bool:
    """Whether a folder has pictures that are not to train with."""
    names = {path.name.lower() for path in _sub_folders(root)}
    return "test" in names or {"testa", "testb"} <= names


def _sub_folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX")))
    except OSError as error:
        raise UsageError(f"the folder {shown(str(root))} cannot be read: {error.strerror or error}") from error


def _a_and_b(folders: Sequence[Path], report: Report) -> tuple[Path, Path] | None:
    names = {path.name.lower(): path for path in folders}
    if "a" in names and "b" in names:
        return names["a"], names["b"]
    if len(folders) != 2:
        return None
    report(f"A is {shown(folders[0].name)} and B is {shown(folders[1].name)}, by their names' order")
    return folders[0], folders[1]


def _domains(
    folders: tuple[Path, Path],
    choice: DataChoice,
    resolution: Size | None,
    name: str,
    direction: Direction,
    cache: Path | None,
    report: Report,
    progress: Progress | None,
) -> Source:
    other, x = folders if direction == "a-to-b" else folders[::-1]
    plain = choice.model_copy(update={"labels": False})  # sub-folders are no classes here

    def opened(folder: Path, size: Size | None) -> StoredImages:
        return open_folder(folder, plain, size, cache=cache, report=report, progress=progress)

    made = opened(x, resolution)
    sides: list[Source] = [made, opened(other, (made.spec.shape[1], made.spec.shape[2]))]
    if sides[0].spec.shape != sides[1].spec.shape:
        report(f"{shown(x.name)} or {shown(other.name)} is grey and the other is not: both are taken as RGB")
        sides = [Adapted(side, 3, False) if side.spec.shape[0] == 1 else side for side in sides]
    return Domains(sides[0], sides[1], name)


def _by_name(folders: tuple[Path, Path]) -> tuple[str, tuple[_Side, _Side]]:
    """The pictures of A and their partners in B."""
    listings = [list_pictures(folder) for folder in folders]
    for listing in listings:
        if not listing.pictures:
            raise UsageError(no_picture_in(listing))
    by_name = [_named(listing) for listing in listings]
    for number, folder in enumerate(folders):
        mine, others, there = by_name[number], by_name[1 - number], folders[1 - number]
        alone = [path for stem, path in mine.items() if stem not in others]
        if alone:
            raise UsageError(
                f"{len(alone):,} of {len(mine):,} pictures in {shown(str(folder))} have no partner of the same name in "
                f"{shown(str(there))}: {some_of([shown(path) for path in alone])}. Add the partners, or remove these"
            )
    stems = list(by_name[0])
    sides = tuple(
        _Side([folder / paths[stem] for stem in stems]) for folder, paths in zip(folders, by_name, strict=True)
    )
    return " ".join(listing.digest for listing in listings), (sides[0], sides[1])


def _named(listing: Listing) -> dict[str, str]:
    """Paths by their name without its ending."""
    found: dict[str, str] = {}
    for path in listing.pictures:
        stem = str(Path(path).with_suffix(""))
        if stem in found:
            raise UsageError(
                f"{shown(str(listing.root))} holds {shown(found[stem])} and {shown(path)}: "
                "wanted one picture of each name, so that its partner is known"
            )
        found[stem] = path
    return found


def _side_by_side(root: Path, split: Split) -> tuple[str, tuple[_Side, _Side]]:
    """The left halves and the right halves of the pictures in `train` or `test`, or in the folder itself."""
    part = next((path for path in _sub_folders(root) if path.name.lower() == split), None)
    if part is None and split == "test":
        raise UsageError(_none_in(root, split))
    listing = list_pictures(part or root)
    if not listing.pictures:
        raise UsageError(no_picture_in(listing))
    paths = [listing.root / path for path in listing.pictures]
    return listing.digest, (_Side(paths, "left"), _Side(paths, "right"))


def _none_in(root: Path, split: Split) -> str:
    return f"{shown(str(root))} has no folders for A and B to {split} with"


def _pairs(
    digest: str,
    sides: tuple[_Side, _Side],
    choice: DataChoice,
    resolution: Size | None,
    name: str,
    cache: Path | None,
    report: Report,
    progress: Progress | None,
) -> Source:
    """One pack in which each row has both pictures, their channels behind each other: so both are there, or neither is."""
    source, x = sides
    count = len(x.paths)
    size = resolution or _first_size(x, name, report)
    fixed = {"grey": 1, "rgb": 3}.get(choice.channels)
    channels = (fixed, fixed) if fixed else (_channels(x.paths), _channels(source.paths))
    about = repr((digest, [(side.half, str(side.paths[0])) for side in sides], size, choice.resize, channels))
    packed = pack(
        f"pairs-{hashlib.blake2b(about.encode(), digest_size=16).hexdigest()}",
        count,
        lambda: Work((*size, sum(channels)), _maker((x, source), size, choice, channels)),
        cache_folder(cache),
        report=report,
        progress=progress,
    )
    if packed.missing:
        _tell({x.paths[number]: reason for number, reason in packed.missing.items()}, count, choice.strict, report)
    rows = np.delete(np.arange(count), list(packed.missing)) if packed.missing else None

    def stored(images: NDArray[np.uint8], side: str) -> StoredImages:
        whole = digest_of([packed.digest.encode(), side.encode(), *([] if rows is None else [rows])])
        return StoredImages(
            images, name=name, rows=rows, resize=choice.resize, cache=cache, digest=whole, report=report
        )

    first = channels[0]
    return Pairs(stored(packed.images[..., :first], "x"), stored(packed.images[..., first:], "source"), name)


def _maker(
    sides: tuple[_Side, _Side], size: Size, choice: DataChoice, channels: tuple[int, int]
) -> Callable[[range], Made]:
    """Makes rows of both pictures."""

    def pair(number: int) -> NDArray[np.uint8]:
        paths = [side.paths[number] for side in sides]
        if paths[0] != paths[1]:
            sizes = [plain_size(path) for path in paths]
            if sizes[0] != sizes[1]:
                shapes = [f"{height}x{width}" for height, width in sizes]
                raise UnreadableError(f"it is {shapes[0]}, and its partner {shown(paths[1].name)} is {shapes[1]}")
        both = [
            read_picture(path, size, choice.resize, number, side.half)
            for path, number, side in zip(paths, channels, sides, strict=True)
        ]
        return np.concatenate(both, axis=2)

    def make(numbers: range) -> Made:
        images = np.zeros((len(numbers), *size, sum(channels)), np.uint8)
        missing: dict[int, str] = {}
        for row, number in enumerate(numbers):
            try:
                images[row] = pair(number)
            except UnreadableError as error:
                missing[number] = str(error)
        return images, missing

    return make


def _first_size(side: _Side, name: str, report: Report) -> Size:
    for path in side.paths:
        try:
            height, width = plain_size(path)
        except UnreadableError:
            continue
        size = (height, width // 2 if side.half else width)
        report(f"pictures are brought to {size[0]}x{size[1]} pixels, the size of the first")
        return size
    raise GanzooError(f"none of the {len(side.paths):,} pictures in {name} can be read")


def _channels(paths: Sequence[Path]) -> int:
    """1 if every picture is grey, else 3, by the headers of some."""
    for number in sorted(set(np.linspace(0, len(paths) - 1, min(len(paths), _SEVERAL)).astype(int).tolist())):
        try:
            if has_colour(paths[number]):
                return 3
        except UnreadableError:
            continue
    return 1


def _tell(left_out: dict[Path, str], total: int, strict: bool, report: Report) -> None:
    named = some_of([f"{shown(path.name)} ({reason})" for path, reason in left_out.items()])
    what = f"{len(left_out):,} of {total:,} pairs cannot be used: {named}"
    if len(left_out) == total:
        raise GanzooError(what)
    if strict:
        raise GanzooError(f"{what}. Mend or remove them, or leave them out by strict=false")
    report(f"{what}. They are left out")
