"""Pictures and points from .npz and .npy files, whatever their layout and range; what was understood is reported."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.choice import Layout, Resize
from ganzoo.data.packed import MEMORY_BYTES, Made, Progress, Report, Work, prepared
from ganzoo.data.resizing import opaque
from ganzoo.data.source import Source
from ganzoo.data.stored import StoredImages, StoredPoints
from ganzoo.data.twofold import Domains, Pairs
from ganzoo.errors import UsageError, did_you_mean
from ganzoo.plugin import SECOND

SAMPLE_KEYS = ("x", "images", "train_images", "x_train", "data")
LABEL_KEYS = ("y", "labels", "train_labels", "y_train")
LAYOUTS = "wanted pictures (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4, or points (N, F)"
_CHUNK_BYTES = 16 * 2**20

Array = NDArray[Any]


def read_arrays(
    path: Path,
    *,
    labels: bool = True,
    layout: Layout = "samples",
    resize: Resize = "crop",
    cache: Path | None = None,
    report: Report = lambda _: None,
    progress: Progress | None = None,
    samples_key: str | None = None,
    labels_key: str | None = None,
) -> Source:
    """The samples of a .npz or .npy file. A .npy file of uint8 pictures is mapped, not loaded.

    Args:
        labels: whether labels in the file are used.
        layout: "pairs" or "domains": a .npz file has an array `source` or `other` too.
        resize, cache: as for StoredImages.
        samples_key: name of the array of samples; None: x, images, train_images, x_train, data, or the only one there is.
        labels_key: name of the array of labels; None: y, labels, train_labels, y_train, if there is one.

    Raises:
        UsageError: the file cannot be read, or its arrays are not of a shape, type or range that is understood; the message
            says what they are.
    """
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix.lower() == ".npy" else None, allow_pickle=False)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, SyntaxError) as error:
        raise UsageError(f"{path} is no {path.suffix} file of numbers: {_first_line(error)}") from None
    if isinstance(loaded, np.ndarray):
        return _source(path, "the array", loaded, None, resize, cache, report, progress)
    with loaded as file:
        name, label_name = _keys(path, file, samples_key, labels_key)
        try:
            samples = file[name]
            given = file[label_name] if labels and label_name else None
            second = file[SECOND[layout]] if layout in SECOND and SECOND[layout] in file else None
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path} holds an array that is no array of numbers: {_first_line(error)}") from None
    made = _source(path, name, samples, given, resize, cache, report, progress)
    if second is None:
        return made
    beside = _source(path, SECOND[layout], second, None, resize, cache, report, progress)
    try:
        return Pairs(made, beside, path.name) if layout == "pairs" else Domains(made, beside, path.name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _keys(path: Path, file: Mapping[str, Array], samples: str | None, labels: str | None) -> tuple[str, str | None]:
    held = list(file)
    for given in (samples, labels):
        if given is not None and given not in held:
            raise UsageError(f"{path} has no array {given!r}. {did_you_mean(given, held)}")
    name = samples or next((key for key in SAMPLE_KEYS if key in held), None)
    label_name = labels or next((key for key in LABEL_KEYS if key in held), None)
    if name is None:
        rest = [key for key in held if key != label_name]
        if len(rest) != 1:
            listed = ", ".join(held) or "no array"
            raise UsageError(
                f"{path} holds {listed}: wanted samples called {', '.join(SAMPLE_KEYS)}, or samples_key=NAME"
            )
        name = rest[0]
    return name, label_name


def _source(
    path: Path,
    name: str,
    samples: Array,
    labels: Array | None,
    resize: Resize,
    cache: Path | None,
    report: Report,
    progress: Progress | None,
) -> Source:
    what = f"{path}: {name} is {samples.dtype} of shape {samples.shape}"
    if samples.dtype.kind not in "buif":
        raise UsageError(f"{what}, wanted numbers")
    if 0 in samples.shape or samples.ndim < 2:
        raise UsageError(f"{what}, {LAYOUTS}")
    names, y = _labels(path, labels, len(samples))
    if samples.ndim == 2:
        points = _finite(samples.astype(np.float32), what)
        return StoredPoints(points, y, class_names=names, name=path.name)
    images_NHWC = _laid_out(samples, what, report)
    convert = _conversion(images_NHWC, what, report)
    channels = 3 if images_NHWC.shape[3] == 4 else images_NHWC.shape[3]
    images: NDArray[np.uint8] = images_NHWC
    if convert is not None or images_NHWC.shape[3] == 4:

        def make(numbers: range) -> Made:
            chunk = images_NHWC[numbers.start : numbers.stop]
            whole = convert(chunk) if convert else chunk
            return (opaque(whole) if whole.shape[3] == 4 else whole), {}

        status = path.stat()
        identity = repr((str(path.resolve()), status.st_size, status.st_mtime_ns, name))
        images = prepared(
            f"array-{hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()}",
            len(images_NHWC),
            Work((*images_NHWC.shape[1:3], channels), make),
            cache=cache,
            report=report,
            progress=progress,
        )
    if images.nbytes <= MEMORY_BYTES:
        images = np.ascontiguousarray(images)  # rows that lie together are gathered several times as fast
    return StoredImages(images, y, class_names=names, name=path.name, resize=resize, cache=cache, report=report)


def _laid_out(samples: Array, what: str, report: Report) -> Array:
    """A view (N, H, W, C)."""
    if samples.ndim == 3:
        return samples[..., None]
    last, first = (
        samples.ndim == 4 and samples.shape[3] in (1, 3, 4),
        samples.ndim == 4 and samples.shape[1] in (1, 3, 4),
    )
    if last and first:
        report(f"{what}: read as (N, H, W, C)")
    if last:
        return samples
    if first:
        return np.moveaxis(samples, 1, 3)
    raise UsageError(f"{what}, {LAYOUTS}")


def _conversion(images: Array, what: str, report: Report) -> Callable[[Array], NDArray[np.uint8]] | None:
    """How values become 0..255; None: they are. Looks at every value of anything but uint8."""
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return None
    if kind == "b":
        return lambda chunk: chunk.astype(np.uint8) * np.uint8(255)
    low, high = _range(images, what)
    found = f"{what}, values {low:g} to {high:g}"
    if kind in "iu":
        if low >= 0 and high <= 255:
            return lambda chunk: chunk.astype(np.uint8)
        if low >= 0 and high <= 65535 and images.dtype.itemsize == 2:
            report(f"{found}: read as 16-bit, 65535 is white")
            return lambda chunk: ((chunk.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        raise UsageError(f"{found}: whole numbers are wanted in 0..255, or uint16")
    if low >= 0 and high <= 1:
        understood, scale, shift = "0..1", 255.0, 0.0
    elif low >= -1 and high <= 1:
        understood, scale, shift = "-1..1", 127.5, 127.5
    elif low >= 0 and high <= 255:
        understood, scale, shift = "0..255", 1.0, 0.0
    else:
        raise UsageError(f"{found}: floats are wanted in 0..1, -1..1 or 0..255")
    report(f"{found}: read as {understood}")
    return lambda chunk: (chunk.astype(np.float32) * scale + (shift + 0.5)).clip(0, 255).astype(np.uint8)


def _range(images: Array, what: str) -> tuple[float, float]:
    step = max(1, _CHUNK_BYTES // max(1, images[0].nbytes))
    low, high = np.inf, -np.inf
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        if images.dtype.kind == "f":
            _finite(chunk, what)
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
    return low, high


def _finite(values: Array, what: str) -> Array:
    if not np.isfinite(values).all():
        sample = int(np.nonzero(~np.isfinite(values).reshape(len(values), -1).all(1))[0][0])
        raise UsageError(f"{what} and has values that are not finite (the first in sample {sample}): wanted numbers")
    return values


def _labels(path: Path, labels: Array | None, count: int) -> tuple[tuple[str, ...], NDArray[np.int64] | None]:
    """Class names and indices: the different labels in rising order."""
    if labels is None:
        return (), None
    what = f"{path}: the labels are {labels.dtype} of shape {labels.shape}"
    if labels.shape not in ((count,), (count, 1)):
        raise UsageError(f"{what}, wanted ({count},): one for each sample")
    flat = labels.reshape(-1)
    if flat.dtype.kind == "f" and not (np.isfinite(flat).all() and (flat == np.floor(flat)).all()):
        raise UsageError(f"{what} and not whole numbers: wanted classes")
    if flat.dtype.kind not in "buifUS":
        raise UsageError(f"{what}, wanted whole numbers or text")
    if flat.dtype.kind == "f":
        flat = flat.astype(np.int64)
    names, indices = np.unique(flat, return_inverse=True)
    return tuple(str(name) for name in names.tolist()), indices.astype(np.int64)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
