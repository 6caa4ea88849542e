"""One picture file to one array: formats, modes, orientation, depth, sizes."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from ganzoo.data.choice import Resize
from ganzoo.data.decode import UnreadableError, formats, has_colour, quiet_pillow, read_picture, size_of, suffixes
from tests.data.conftest import gradient

LOSSLESS = ["png", "bmp", "tiff", "tga", "ppm", "sgi", "pcx"]
LOSSY = ["jpg", "gif", *(["webp"] if features.check("webp") else []), *(["jp2"] if features.check("jpg_2000") else [])]


def read(path: Path, size: tuple[int, int] = (24, 32), resize: Resize = "crop", channels: int = 3) -> np.ndarray:
    with quiet_pillow():
        return read_picture(path, size, resize, channels)


@pytest.mark.parametrize("ending", [*LOSSLESS, *LOSSY])
def test_formats(tmp_path: Path, ending: str) -> None:
    picture = gradient(24, 32)
    path = tmp_path / f"a.{ending}"
    picture.save(path)
    assert f".{ending}" in suffixes()
    pixels = read(path)
    assert pixels.shape == (24, 32, 3)
    assert pixels.dtype == np.uint8
    error = np.abs(pixels.astype(int) - np.asarray(picture).astype(int))
    assert error.max() == 0 if ending in LOSSLESS else error.mean() < 12
    assert read(path, channels=1).shape == (24, 32, 1)


def test_programs_are_not_run_and_stubs_not_tried() -> None:
    assert not {"EPS", "MPEG", "HDF5"} & set(formats())
    assert not {".eps", ".pdf", ".mpg"} & suffixes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV", "LA", "RGBA", "I;16"])
def test_modes(tmp_path: Path, mode: str) -> None:
    """A grey of 128 (of 2 colours: white) stays what it is, whatever it is stored as."""
    ending = "tiff" if mode in ("CMYK", "YCbCr", "LAB", "HSV") else "png"
    path = tmp_path / f"a.{ending}"
    try:
        if mode == "I;16":
            Image.fromarray(np.full((6, 6), 128 * 257, np.uint16)).save(path)
        elif mode == "LAB":
            Image.new("LAB", (6, 6), (137, 128, 128)).save(path)
        else:
            grey = Image.new("L", (6, 6), 255 if mode == "1" else 128).convert("RGB")
            (grey.quantize(4) if mode == "P" else grey.convert(mode)).save(path)
    except OSError:
        pytest.skip(f"Pillow does not write {mode}")
    for channels in (1, 3):
        pixels = read(path, (6, 6), channels=channels)
        assert np.abs(pixels.astype(int) - (255 if mode == "1" else 128)).max() <= 3, mode


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_what_is_transparent_lies_on_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    if mode in ("RGBA", "LA"):
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode).save(path)
        half = tmp_path / "half.png"
        Image.new("RGBA", (8, 8), (0, 0, 0, 102)).convert(mode).save(half)
        assert (read(half, (8, 8)) == 153).all()
    elif mode == "P":
        picture = Image.new("P", (8, 8), 3)
        picture.putpalette([0] * 768)
        picture.save(path, transparency=3)
    else:
        Image.new(mode, (8, 8)).save(path, transparency=0 if mode == "L" else (0, 0, 0))
    for channels in (1, 3):
        assert (read(path, (8, 8), channels=channels) == 255).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    wanted = np.rint(values / 257)
    for name in ("a.png", "a.tiff", "a.pgm"):
        Image.fromarray(values).save(tmp_path / name)
        pixels = read(tmp_path / name, (8, 8), channels=1)
        assert np.abs(pixels[..., 0] - wanted).max() <= 1, name
        assert not has_colour(tmp_path / name)
        assert (read(tmp_path / name, (8, 8))[..., 2] == pixels[..., 0]).all()


def test_floats(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for factor in (1, 255):
        Image.fromarray(values * factor).save(path)
        assert np.abs(read(path, (8, 8), channels=1)[..., 0] - values * 255).max() <= 0.51
    for wrong, words in (
        (values * 1000, "0..1 or 0..255"),
        (values - 0.5, "from -0.5"),
        (values * np.nan, "not finite"),
    ):
        Image.fromarray(wrong).save(path)
        with pytest.raises(UnreadableError, match=words):
            read(path, (8, 8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tiff"])
def test_photographs_are_turned(tmp_path: Path, orientation: int, ending: str) -> None:
    """The top left quarter of what is seen is white in every file."""
    seen = np.zeros((32, 48), np.uint8)
    seen[:16, :24] = 255
    undo = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose}
    undo |= {6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, -1)}
    picture = Image.fromarray(np.ascontiguousarray(undo[orientation](seen)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    picture.save(path, exif=exif)
    if ending == "tiff":
        picture.save(tmp_path / "packed.tiff", exif=exif, compression="tiff_lzw")
        assert (read(tmp_path / "packed.tiff", (32, 48)) == read(path, (32, 48))).all()
    assert size_of(path) == (32, 48)
    for channels in (1, 3):
        assert np.abs(read(path, (32, 48), channels=channels)[..., 0].astype(int) - seen).mean() < 3
        small = read(path, (8, 12), channels=channels)[..., 0]
        assert small[:3, :5].mean() > 230
        assert small[5:].mean() < 25
        assert small[:, 7:].mean() < 25


def test_a_damaged_exif_block_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    gradient(16, 16).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xffgarbage")
    assert read(path, (16, 16)).shape == (16, 16, 3)


def test_animations_are_their_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue")]
    for ending in ("gif", "png", *(["webp"] if features.check("webp") else [])):
        path = tmp_path / f"a.{ending}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, lossless=True)
        assert np.abs(read(path, (9, 9)).astype(int) - [255, 0, 0]).max() <= 2


def test_has_colour(tmp_path: Path) -> None:
    grey = Image.new("L", (4, 4), 9)
    for mode, coloured in (("L", False), ("1", False), ("LA", False), ("RGB", True), ("RGBA", True)):
        grey.convert("RGBA" if mode == "LA" else mode).convert(mode).save(tmp_path / "a.png")
        assert has_colour(tmp_path / "a.png") is coloured
    for colour, coloured in (((7, 7, 7), False), ((7, 8, 7), True)):
        Image.new("RGB", (4, 4), colour).quantize(4).save(tmp_path / "p.png")
        assert has_colour(tmp_path / "p.png") is coloured


@pytest.mark.parametrize("resize", ["crop", "fit", "pad"])
@pytest.mark.parametrize("source", [(40, 100), (100, 40), (50, 50), (7, 5), (1, 90), (90, 1), (24, 32)])
@pytest.mark.parametrize("target", [(24, 32), (33, 17), (1, 1)])
def test_every_policy_gives_the_size(
    tmp_path: Path, resize: Resize, source: tuple[int, int], target: tuple[int, int]
) -> None:
    for ending in ("png", "jpg"):
        gradient(*source).save(tmp_path / f"a.{ending}")
        assert read(tmp_path / f"a.{ending}", target, resize).shape == (*target, 3)


def test_crop_takes_the_centre_exactly(tmp_path: Path) -> None:
    """A 60x200 picture to 30x40: the middle 80 columns at half size."""
    pixels = np.zeros((60, 200, 3), np.uint8)
    pixels[:, 60:140] = (50, 100, 150)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png", (30, 40))[:, 3:-3] == (50, 100, 150)).all()
    ramp = gradient(60, 200)
    ramp.save(tmp_path / "b.png")
    row = read(tmp_path / "b.png", (30, 40))[15, :, 0].astype(float)
    assert row == pytest.approx((60.5 + 2 * np.arange(40)) * 255 / 199, abs=2)


def test_fit_stretches(tmp_path: Path) -> None:
    gradient(60, 200).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png", (30, 20), "fit").astype(float)
    assert pixels[15, :, 0] == pytest.approx((10 * np.arange(20) + 4.5) * 255 / 199, abs=3)
    assert pixels[:, 10, 1] == pytest.approx((2 * np.arange(30) + 0.5) * 255 / 59, abs=3)


def test_pad_keeps_the_whole_picture_and_repeats_its_edges(tmp_path: Path) -> None:
    gradient(60, 120).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png", (40, 40), "pad")
    assert (pixels[:10] == pixels[10]).all()
    assert (pixels[30:] == pixels[29]).all()
    assert pixels[10, 5, 1] < 15
    assert pixels[29, 5, 1] > 240
    odd = read(tmp_path / "a.png", (21, 21), "pad")
    assert (odd[:5] == odd[5]).all()


def test_reducing_does_not_alias(tmp_path: Path) -> None:
    """Stripes of one pixel become an even grey, also where a JPEG decodes at reduced size."""
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    for ending in ("png", "jpg"):
        path = tmp_path / f"a.{ending}"
        Image.fromarray(stripes).save(path, quality=95)
        assert np.abs(read(path, (32, 32), channels=1)[2:-2, 2:-2].astype(int) - 128).max() <= 4


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def truncated(ending: str) -> bytes:
    stream = io.BytesIO()
    gradient(64, 64).save(stream, {"jpg": "jpeg"}.get(ending, ending))
    return stream.getvalue()[: len(stream.getvalue()) // 2]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", b"", "empty"),
        ("a.png", b"this is text, not a picture", "not a picture"),
        ("a.jpg", truncated("jpg"), "(?i)truncated"),
        ("a.png", truncated("png"), ""),
        ("a.gif", truncated("gif"), ""),
        ("a.bmp", truncated("bmp"), ""),
        ("a.tiff", truncated("tiff"), ""),
        ("a.png", bomb(60_000, 60_000), "too many pixels"),
        ("a.png", bomb(100, 100), ""),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, ""),
        ("a.tiff", b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 64, ""),
        ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 8, ""),
    ],
)
def test_damaged_files_give_one_kind_of_error_and_no_warning(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableError, match=words or None) as caught:
            read(path)
        assert str(caught.value)
        assert "\n" not in str(caught.value)


def test_random_bytes_behind_any_header_never_escape(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.bin"
    for ending in (*LOSSLESS, *LOSSY):
        stream = io.BytesIO()
        gradient(20, 20).save(stream, {"jpg": "jpeg", "jp2": "jpeg2000"}.get(ending, ending))
        good = np.frombuffer(stream.getvalue(), np.uint8)
        for _ in range(15):
            data = good.copy()
            data[rng.integers(0, len(data), 6)] = rng.integers(0, 256, 6)
            path.write_bytes(data.tobytes())
            with contextlib.suppress(UnreadableError):
                assert read(path).shape == (24, 32, 3)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read(tmp_path / "absent.png")
