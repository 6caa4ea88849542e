"""The pictures of a folder, translated by a run, as PNGs of the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ganzoo.config import validate
from ganzoo.data.choice import DataChoice, Resize
from ganzoo.data.decode import UnreadableError, plain_size, quiet_pillow, read_picture
from ganzoo.data.folder import list_pictures, no_picture_in, shown, some_of
from ganzoo.errors import GanzooError, UsageError
from ganzoo.runs import Run
from ganzoo.tracking.pictures import as_pillow, to_uint8

BATCH = 16  # pictures that are read, translated and written at once


@dataclass
class Translated:
    """What became of the pictures of a folder.

    Args:
        out: where they are. direction: that they were translated in.
        shape: (C, H, W) that they were brought to. resized: how many had another size.
        written: names below `out`, in order. left_out: reasons by name, of those that could not be read.
    """

    out: Path
    direction: str
    shape: tuple[int, int, int]
    resize: Resize
    resized: int = 0
    written: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def translate_folder(
    run: Run,
    folder: Path,
    out: Path,
    *,
    direction: str = "",
    resize: Resize | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Translated:
    """Translates every picture below a folder, and writes each as a PNG of its name, in the same sub-folder of `out`.

    Args:
        direction: one of the run's; empty: its first.
        resize: how pictures of other proportions are brought to the run's size; None: as its training data were.
        seed: of the game's noise, if it has any.
        overwrite: whether files that are there are replaced.
        progress: told (done, all) pictures.

    Raises:
        UsageError: the run does not translate in this direction; there are no pictures; two would have one name; or files are
            there already. Nothing has been written then.
        GanzooError: a file cannot be written, or no picture can be read.
    """
    shape = run.taken(direction)
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise UsageError(f"{shown(str(folder))} is no folder: wanted one with the pictures that are to be translated")
    with quiet_pillow():
        listing = list_pictures(folder)
        if not listing.pictures:
            raise UsageError(no_picture_in(listing))
        names = _names(listing.pictures)
        _refuse_taken(folder, out, names, overwrite)
        found = Translated(out, direction or run.directions[0], shape, resize or _resize_of(run))
        found.left_out.update(listing.unreachable)
        for start in range(0, len(names), BATCH):
            part = listing.pictures[start : start + BATCH]
            _translate(run, folder, {path: names[path] for path in part}, found, seed + start)
            progress(min(start + BATCH, len(names)), len(names))
    if not found.written:
        raise GanzooError(f"no picture in {shown(str(folder))} could be read: {about_left_out(found)}")
    return found


def about_left_out(found: Translated) -> str:
    """The pictures that could not be read, with the reasons."""
    return some_of([f"{shown(path)} ({reason})" for path, reason in found.left_out.items()])


def _translate(run: Run, folder: Path, names: dict[str, str], found: Translated, seed: int) -> None:
    """Some pictures, by their names in `out`."""
    channels, height, width = found.shape
    pictures, targets = [], []
    for path, name in names.items():
        try:
            array = read_picture(folder / path, (height, width), found.resize, channels)
            found.resized += plain_size(folder / path) != (height, width)
        except UnreadableError as error:
            found.left_out[path] = str(error)
            continue
        pictures.append(torch.tensor(array).permute(2, 0, 1))
        targets.append(name)
    if not pictures:
        return
    made = to_uint8(run.translate(torch.stack(pictures), found.direction, seed=seed), (-1.0, 1.0))
    for name, picture in zip(targets, made, strict=True):
        place = found.out / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            as_pillow(picture).save(place)
        except OSError as error:
            raise GanzooError(f"{shown(str(place))} could not be written ({error.strerror or error})") from error
        found.written.append(name)


def _names(paths: list[str]) -> dict[str, str]:
    """The PNG's name by the picture's path."""
    names: dict[str, str] = {}
    owner: dict[str, str] = {}
    for path in paths:
        name = str(Path(path).with_suffix(".png"))
        if name in owner:
            raise UsageError(
                f"{shown(owner[name])} and {shown(path)} would both become {shown(name)}: rename one of them"
            )
        names[path], owner[name] = name, path
    return names


def _refuse_taken(folder: Path, out: Path, names: dict[str, str], overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {shown(str(out))} is a file, wanted a folder")
    if out.resolve() == folder.resolve():
        raise UsageError(f"--out {shown(str(out))} is the folder of the pictures themselves: choose another")
    there = list(_there(out, names)) if not overwrite else []
    if there:
        raise UsageError(
            f"{shown(str(out))} holds {len(there):,} of the files already ({some_of(there)}): choose another --out, or add "
            "--overwrite"
        )


def _there(out: Path, names: dict[str, str]) -> Iterator[str]:
    return (shown(name) for name in names.values() if (out / name).exists())


def _resize_of(run: Run) -> Resize:
    """How the run's training data were brought to its size."""
    stored = (run.config.get("data") or {}).get("choice") or {}
    return validate(DataChoice, stored, f"{run.folder}/config.yaml: data").resize
