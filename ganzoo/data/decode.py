"""One picture file to one uint8 array of the wanted size. Pillow and numpy, no torch.

Grey of 16 bits is scaled to 8, not clipped; what is transparent lies on white; an animation is its first frame; a
photograph is turned as its EXIF says. Colour profiles are not applied.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ganzoo.data.choice import Resize
from ganzoo.data.geometry import Size, cropped, margins, padded

# They run other programs (EPS), or only recognise a file without reading it.
_NOT_PICTURES = {"EPS", "WMF", "MPEG", "HDF5", "GRIB", "BUFR"}

_FREQUENT = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}
_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = {_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8]}
_DRAFT = 2  # a JPEG is decoded at no less than this many times the wanted size
_REDUCING_GAP = 3.0  # Pillow: at 3 the result of reducing first is almost that of a plain Lanczos filter


class UnreadableError(Exception):
    """A picture file cannot be used; the message says why in a few words."""


@functools.cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read, in the order in which they are tried."""
    Image.init()
    known = set(Image.OPEN) - _NOT_PICTURES
    return tuple(sorted(known, key=lambda name: (_FREQUENT.index(name) if name in _FREQUENT else len(_FREQUENT), name)))


@functools.cache
def suffixes() -> frozenset[str]:
    """File name endings of those formats, in lower case with their dot."""
    known = formats()
    return frozenset({ending for ending, name in Image.registered_extensions().items() if name in known} | {".mpo"})


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keeps Pillow's warnings and log lines from the user. Not for several threads at once: enter it before starting them."""
    log = logging.getLogger("PIL")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            log.setLevel(level)


def read_picture(
    path: Path, size: Size, resize: Resize, channels: int, half: Literal["left", "right"] | None = None
) -> NDArray[np.uint8]:
    """The picture, uint8 (H, W, C), values 0..255.

    Args:
        size: (height, width) in pixels.
        channels: 1 grey or 3 RGB.
        half: which half of it is the picture; None: all of it.

    Raises:
        UnreadableError: the file cannot be read, is no picture, damaged, or too large to be decoded safely.
    """
    with _opened(path) as image:
        # Which side will be the height is known after loading: some of Pillow's readers turn the picture themselves.
        least = max(size) * _DRAFT
        image.draft("L" if channels == 1 else "RGB", (least, least))
        image.load()
        turn = _turn(image)
        plain = _eight_bits(image, channels)
        if turn is not None:
            plain = plain.transpose(turn)
        if half is not None:
            plain = _half(plain, half)
        return _resized(plain, size, resize).reshape(*size, channels)


def size_of(path: Path) -> Size:
    """(height, width) in pixels of a picture as it is seen.

    Raises:
        UnreadableError: as `read_picture`.
    """
    with _opened(path) as image:
        image.load()
        lying = _turn(image) in _LYING
        return (image.width, image.height) if lying else (image.height, image.width)


def plain_size(path: Path) -> Size:
    """(height, width) of a picture as its header has it, without decoding it.

    Raises:
        UnreadableError: as `read_picture`.
    """
    with _opened(path) as image:
        lying = _turn(image) in _LYING
        return (image.width, image.height) if lying else (image.height, image.width)


def has_colour(path: Path) -> bool:
    """Whether a picture can hold colours, from its header and palette.

    Raises:
        UnreadableError: as `read_picture`.
    """
    with _opened(path) as image:
        if image.mode in ("P", "PA"):
            entries = np.asarray(image.getpalette() or [], np.uint8).reshape(-1, 3)
            return bool((entries != entries[:, :1]).any())
        return image.mode not in _GREY_MODES and not image.mode.startswith("I;16")


def is_picture(path: Path) -> bool:
    """Whether a file without a telling name begins like a picture."""
    try:
        with _opened(path):
            return True
    except UnreadableError:
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        # An open file, not its name: given a name, Pillow 13 maps plain TIFFs and garbles those that EXIF turns.
        with open(path, "rb") as file:
            if not file.read(1):
                raise UnreadableError("the file is empty")
            file.seek(0)
            with Image.open(file, formats=formats()) as image:
                yield image
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError("not a picture") from None
    except Image.DecompressionBombError:
        raise UnreadableError("too many pixels to be decoded safely") from None
    except MemoryError:
        raise UnreadableError("too large for the memory") from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error) or type(error).__name__) from None
    # A damaged file makes Pillow's readers raise whatever the damage leads to: struct.error, SyntaxError, IndexError, ...
    except Exception as error:
        raise UnreadableError(f"damaged: {' '.join(str(error).split()) or type(error).__name__}"[:200]) from None


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block does not make the picture unreadable
        return None


def _half(image: Image.Image, half: Literal["left", "right"]) -> Image.Image:
    """The left or the right half; of an odd width the column in the middle is in neither."""
    width = image.width // 2
    if width < 1:
        raise UnreadableError("it is one pixel wide, and was to hold two pictures side by side")
    left = 0 if half == "left" else image.width - width
    return image.crop((left, 0, left + width, image.height))


def _eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """The picture in mode L or RGB."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = Image.fromarray(_scaled(np.asarray(image)))
    elif image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(opaque)
        image = white
    if channels == 3:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")  # LAB has no direct way to L
    return image if image.mode == "L" else image.convert("L")


def _scaled(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """16-bit whole numbers by 255/65535; floats from 0..1 by 255, or from 0..255 as they are."""
    if values.size and not np.isfinite(values).all():
        raise UnreadableError("it has values that are not finite")
    low, high = (values.min().item(), values.max().item()) if values.size else (0, 0)
    floats = values.dtype.kind == "f"
    if low < 0 or high > (255 if floats else 65535):
        wanted = "0..1 or 0..255" if floats else "0..65535"
        raise UnreadableError(f"its values go from {low:g} to {high:g}, wanted {wanted}")
    if floats:
        factor = 255.0 if high <= 1 else 1.0
        return (values.astype(np.float32) * factor + 0.5).astype(np.uint8)
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _resized(image: Image.Image, size: Size, resize: Resize) -> NDArray[np.uint8]:
    height, width = size
    source = (image.height, image.width)
    if source == size:
        return np.asarray(image)
    if resize == "pad":
        inner = padded(source, size)
        scaled = image.resize((inner[3], inner[2]), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
        pixels = np.asarray(scaled)
        return np.pad(pixels, (*margins(inner, size), *[(0, 0)] * (pixels.ndim - 2)), mode="edge")
    box = None
    if resize == "crop":
        top, left, tall, wide = cropped(source, size)
        box = (left, top, left + wide, top + tall)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=_REDUCING_GAP))
