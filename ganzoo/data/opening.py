"""From what the user said about the data to a source: a registered data set, a folder, or a file."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.components import make
from ganzoo.config import Choice
from ganzoo.data.adapted import Adapted
from ganzoo.data.arrays import read_arrays
from ganzoo.data.choice import DataChoice
from ganzoo.data.folder import open_folder, shown
from ganzoo.data.geometry import Size
from ganzoo.data.packed import Progress, Report
from ganzoo.data.source import Source
from ganzoo.data.stored import StoredImages
from ganzoo.data.table import read_csv
from ganzoo.data.two_folders import has_test_part, open_two
from ganzoo.data.twofold import Pairs
from ganzoo.errors import UsageError, did_you_mean
from ganzoo.plugin import SECOND, Dataset
from ganzoo.registry import registry

SPLIT = "split"  # the option of data sets that have parts to train and to test with
_OWN = "ganzoo"  # the plugin name of the project's own components
_ARRAYS = (".npz", ".npy")
_TABLES = (".csv", ".tsv")
_FIXED = {
    "labels",
    "layout",
    "resize",
    "cache",
    "report",
    "progress",
}  # of a reader's arguments, those that are not options


def open_source(
    choice: DataChoice,
    *,
    modality: str,
    resolution: Size | None = None,
    cache: Path | None = None,
    report: Report = lambda _: None,
    progress: Progress | None = None,
) -> Source:
    """The source that a choice means.

    A name of a data set that is part of ganzoo always means that; any other text means the folder or file of that name if
    there is one, else a plugin's data set: so installing a plugin never changes what a text means.

    Args:
        modality: of the architecture: image, points, ...
        resolution: (height, width) in pixels that the architecture wants; `choice.size` comes before it. With neither,
            pictures keep the size they have (in a folder: that of the first).
        cache: folder for prepared pictures; None: GANZOO_CACHE, else the platform's.
        report: called with one line for each thing a user should know.
        progress: called with (done, total) pictures while they are prepared.

    Raises:
        UsageError: there is no such data, they are of another modality, or not as they should be; the message says what was
            given, what is wanted, and what would fit.
        GanzooError: pictures cannot be read, or the cache cannot be written.
    """
    path = choice.resolved(modality).path
    if path is None:
        raise UsageError(f"say which data: {modality} has no default. {_that_fit(modality)}")
    wanted = choice.resolution or resolution
    source = _found(path, choice, modality, wanted, cache, report, progress)
    if source.spec.modality != modality:
        raise UsageError(
            f"{shown(path)} holds {source.spec.modality}, and this architecture makes {modality}. {_that_fit(modality)}"
        )
    layout = choice.layout or "samples"
    if layout == "domains" and isinstance(source, Pairs):
        source = source.apart()
    if layout in SECOND and SECOND[layout] not in source.spec.fields:
        raise UsageError(
            f"{shown(path)} holds no {layout}, which this architecture wants. {_that_fit(modality, layout)}"
        )
    if modality == "image" and wanted and source.spec.shape[1:] != wanted:
        stored = source if isinstance(source, StoredImages) else None
        source = stored.at(wanted, choice.resize, progress) if stored else source.at(wanted)
    return _adapted(source, choice)


def held_out(choice: DataChoice) -> DataChoice | None:
    """The part of the data that is not trained on: of a registered data set with the option `split`, its test part; None where
    there is none, or the choice is that part itself."""
    if choice.path is None or choice.options.get(SPLIT, "train") != "train":
        return None
    if Path(choice.path).exists():
        two = choice.layout in SECOND and Path(choice.path).is_dir() and has_test_part(Path(choice.path))
        return _test_part(choice) if two else None
    try:
        entry = registry().find(Dataset, choice.path)
    except UsageError:
        return None
    if SPLIT not in inspect.signature(registry().load(entry)).parameters:
        return None
    return _test_part(choice)


def _test_part(choice: DataChoice) -> DataChoice:
    return choice.model_copy(update={"options": {**choice.options, SPLIT: "test"}})


def _found(
    path: str,
    choice: DataChoice,
    modality: str,
    resolution: Size | None,
    cache: Path | None,
    report: Report,
    progress: Progress | None,
) -> Source:
    place = Path(os.path.expanduser(path))
    if any(entry.plugin == _OWN and path in (entry.record.name, entry.id) for entry in registry().entries(Dataset)):
        if place.exists():
            report(f"{path} is the data set of that name; for the folder or file write ./{path}")
        return _data_set(path, choice)
    try:
        is_folder, is_file = place.is_dir(), place.exists()
    except OSError as error:  # a name that is too long, a folder above it that cannot be entered
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    if is_folder:
        if modality != "image":
            raise UsageError(
                f"{shown(path)} is a folder, read as pictures, and this architecture makes {modality}. "
                f"{_that_fit(modality)}"
            )
        how: dict[str, Any] = {"cache": cache, "report": report, "progress": progress}
        if choice.layout in SECOND:
            _check_options(choice.options, inspect.signature(open_two).parameters, f"the folder {shown(path)}")
            return open_two(place, choice, resolution, **how, **choice.options)
        _check_options(choice.options, {}, f"the folder {shown(path)}")
        return open_folder(place, choice, resolution, **how)
    ending = place.suffix.lower()
    if is_file and ending in _ARRAYS:
        _check_options(choice.options, inspect.signature(read_arrays).parameters, shown(path))
        return read_arrays(
            place,
            labels=choice.labels,
            layout=choice.layout or "samples",
            resize=choice.resize,
            cache=cache,
            report=report,
            progress=progress,
            **choice.options,
        )
    if is_file and ending in _TABLES:
        _check_options(choice.options, inspect.signature(read_csv).parameters, shown(path))
        return read_csv(place, labels=choice.labels, report=report, **choice.options)
    if is_file:
        raise UsageError(f"{shown(path)} is a file, wanted a folder of pictures, .npz, .npy, .csv or a data set's name")
    if any(path in (entry.record.name, entry.id) for entry in registry().entries(Dataset)):
        return _data_set(path, choice)
    raise UsageError(_nowhere(path))


def _data_set(path: str, choice: DataChoice) -> Source:
    source, entry = make(Dataset, Choice(name=path, options=choice.options))
    if not isinstance(source, Source):
        raise UsageError(
            f"the data set {entry.id} ({entry.distribution} {entry.version}) made a {type(source).__name__}, "
            "wanted a ganzoo.data.Source"
        )
    return source


def _check_options(options: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter], what: str) -> None:
    known = [name for name, it in parameters.items() if it.kind is it.KEYWORD_ONLY and name not in _FIXED]
    for option in options:
        if option not in known:
            raise UsageError(f"{what} has no option {option!r}. {did_you_mean(option, known)}")


def _nowhere(path: str) -> str:
    looks_like_path = path.startswith((".", "~")) or os.sep in path or Path(path).suffix.lower() in (*_ARRAYS, *_TABLES)
    names = {registry().shortest_name(Dataset, entry) for entry in registry().entries(Dataset)}
    near = difflib.get_close_matches(path.lower(), names, n=3, cutoff=0.6)
    if looks_like_path and not near:
        place = Path(os.path.expanduser(path))
        missing = next((parent for parent in reversed(place.parents) if not parent.exists()), place)
        where = "" if missing == place else f" ({shown(str(missing))} does not exist)"
        return f"there is no folder or file {shown(path)}{where}"
    return (
        f"{shown(path)} is no data set, folder or file: wanted a data set's name, a folder of pictures, .npz, .npy or .csv. "
        f"{did_you_mean(path.lower(), names)}"
    )


def _that_fit(modality: str, layout: str = "samples") -> str:
    """What a user could name instead, for an architecture of this modality and layout."""
    entries = [entry for entry in registry().entries(Dataset) if entry.record.modality == modality]
    names = sorted(registry().shortest_name(Dataset, entry) for entry in entries if entry.record.layout == layout)
    own = {
        "image": "a folder of pictures, .npz or .npy",
        "points": ".csv, or a .npz or .npy of shape (N, F)",
        "pairs": "a folder with A and B whose pictures have equal names, or with both pictures side by side in each file",
        "domains": "a folder with the pictures of each kind in A and B, or trainA and trainB",
    }
    fit = [", ".join(names), own.get(modality if layout == "samples" else layout, "")]
    listed = ", or your own: ".join(part for part in fit if part)
    return f"Data that fit: {listed}" if listed else f"No installed data set holds {modality}"


def _adapted(source: Source, choice: DataChoice) -> Source:
    channels = {"grey": 1, "rgb": 3}.get(choice.channels)
    if source.spec.modality != "image" or source.spec.shape[0] == channels:
        channels = None
    drop_labels = not choice.labels and source.spec.classes > 0
    return Adapted(source, channels, drop_labels) if channels or drop_labels else source
