"""Pictures and points from .npz and .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzoo.data.arrays import read_arrays
from ganzoo.data.source import Source
from ganzoo.data.stored import StoredImages, StoredPoints
from ganzoo.errors import UsageError

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def npy(folder: Path, array: np.ndarray) -> Path:
    path = folder / "data.npy"
    np.save(path, array)
    return path


def pixels(source: Source) -> np.ndarray:
    """(N, H, W, C) as handed out."""
    x = source.gather(np.arange(len(source))).x
    assert x.dtype.itemsize == 1
    return x.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("save", [npy, lambda folder, array: npz(folder, x=array)])
def test_layouts(tmp_path: Path, save: Any) -> None:
    assert (pixels(read_arrays(save(tmp_path, PICTURES))) == PICTURES).all()
    assert (pixels(read_arrays(save(tmp_path, PICTURES.transpose(0, 3, 1, 2)))) == PICTURES).all()
    assert (pixels(read_arrays(save(tmp_path, PICTURES[..., 0])))[..., 0] == PICTURES[..., 0]).all()
    assert (pixels(read_arrays(save(tmp_path, PICTURES[..., :1]))) == PICTURES[..., :1]).all()
    assert (pixels(read_arrays(save(tmp_path, PICTURES[:, None, :, :, 0])))[..., 0] == PICTURES[..., 0]).all()


def test_an_ambiguous_layout_is_said(tmp_path: Path, said: list[str]) -> None:
    source = read_arrays(npy(tmp_path, PICTURES[:, :3]), report=said.append)
    assert source.spec.shape == (3, 3, 7)
    assert "read as (N, H, W, C)" in said[0]


def test_opacity_is_laid_on_white(tmp_path: Path) -> None:
    array = np.zeros((2, 3, 3, 4), np.uint8)
    array[1, ..., 3] = 102
    assert pixels(read_arrays(npy(tmp_path, array)))[:, 0, 0].tolist() == [[255] * 3, [153] * 3]


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (lambda x: x / np.float32(255), "read as 0..1"),
        (lambda x: (x / 255).astype(np.float64), "read as 0..1"),
        (lambda x: (x / 255 * 2 - 1).astype(np.float32), "read as -1..1"),
        (lambda x: x.astype(np.float16), "read as 0..255"),
        (lambda x: x.astype(np.int64), None),
        (lambda x: x.astype(np.uint16) * 257, "read as 16-bit"),
    ],
)
def test_ranges(tmp_path: Path, said: list[str], convert: Any, words: str | None) -> None:
    array = convert(PICTURES)
    assert (pixels(read_arrays(npy(tmp_path, array), report=said.append)) == PICTURES).all()
    assert (words in said[0]) if words else not said
    if words:
        assert f"{array.dtype} of shape (6, 5, 7, 3)" in said[0]


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    assert (pixels(read_arrays(npy(tmp_path, PICTURES > 99))) == (PICTURES > 99) * 255).all()


@pytest.mark.parametrize("key", ["x", "images", "train_images", "x_train", "data", "whatever"])
def test_names_of_samples(tmp_path: Path, key: str) -> None:
    assert (pixels(read_arrays(npz(tmp_path, **{key: PICTURES}))) == PICTURES).all()


@pytest.mark.parametrize("key", ["y", "labels", "train_labels", "y_train"])
def test_names_of_labels(tmp_path: Path, key: str) -> None:
    path = npz(tmp_path, x=PICTURES, **{key: np.array([3, 1, 3, 7, 1, 3], np.uint8)})
    source = read_arrays(path)
    assert source.spec.class_names == ("1", "3", "7")
    assert source.gather(np.arange(6))["y"].tolist() == [1, 0, 1, 2, 0, 1]
    assert read_arrays(path, labels=False).spec.classes == 0


def test_labels_may_be_text_a_column_or_whole_floats(tmp_path: Path) -> None:
    assert read_arrays(npz(tmp_path, x=PICTURES, y=np.array(list("abcabc")))).spec.class_names == ("a", "b", "c")
    assert read_arrays(npz(tmp_path, x=PICTURES, y=np.arange(6.0)[:, None])).spec.class_names == tuple("012345")


def test_keys_can_be_said(tmp_path: Path) -> None:
    path = npz(tmp_path, test_images=PICTURES[:2], x=PICTURES, test_labels=np.arange(2))
    source = read_arrays(path, samples_key="test_images", labels_key="test_labels")
    assert (len(source), source.spec.classes) == (2, 2)
    with pytest.raises(UsageError, match=r"no array 'test_image'. Did you mean test_images"):
        read_arrays(path, samples_key="test_image")


def test_points(tmp_path: Path) -> None:
    array = RNG.normal(size=(9, 3))
    source = read_arrays(npz(tmp_path, x=array, y=np.arange(9) % 2))
    assert isinstance(source, StoredPoints)
    assert source.spec.modality == "points"
    assert source.gather(np.array([4])).x.numpy() == pytest.approx(array[[4]].astype(np.float32))
    assert source.spec.classes == 2


def test_large_pictures_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """As if 1 GiB were 100 bytes: bytes are used where they lie, floats are converted into the cache."""
    monkeypatch.setattr("ganzoo.data.arrays.MEMORY_BYTES", 100)
    monkeypatch.setattr("ganzoo.data.packed.MEMORY_BYTES", 100)
    for array in (PICTURES, PICTURES.transpose(0, 3, 1, 2), PICTURES / np.float32(255)):
        source = read_arrays(npy(tmp_path, array))
        assert isinstance(source, StoredImages)
        assert not source.images.flags.owndata
        assert (pixels(source) == PICTURES).all()
        assert (pixels(source.at((10, 14))) == pixels(StoredImages(PICTURES).at((10, 14)))).all()
    assert len(list((cache / "packed").iterdir())) == 2  # the floats, and the larger size (the same for all three)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(5), r"float64 of shape \(5,\), wanted pictures"),
        (np.zeros((2, 3, 4, 5, 3)), r"shape \(2, 3, 4, 5, 3\), wanted pictures \(N, H, W\)"),
        (np.zeros((2, 8, 8, 2), np.uint8), "with C 1, 3 or 4"),
        (np.zeros((0, 8, 8), np.uint8), r"shape \(0, 8, 8\)"),
        (np.full((2, 3, 3), np.nan), r"shape \(2, 3, 3\) and has values that are not finite .*sample 0"),
        (np.array([[0, 1], [np.inf, 0]]), "not finite .*sample 1"),
        (np.full((2, 3, 3), 300.0), "values 300 to 300: floats are wanted in 0..1, -1..1 or 0..255"),
        (np.full((2, 3, 3), -7), "values -7 to -7: whole numbers are wanted"),
        (np.full((2, 3, 3), 70_000), "whole numbers are wanted"),
        (np.zeros((2, 3), complex), "complex128 of shape .*, wanted numbers"),
        (np.array([["a"]]), "wanted numbers"),
        (np.array([[{}]], object), "is no .npy file of numbers: .*Python objects"),
    ],
)
def test_wrong_arrays_say_what_they_are(tmp_path: Path, array: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_arrays(npy(tmp_path, array))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.arange(5), r"int64 of shape \(5,\), wanted \(6,\)"),
        (np.eye(6), "one for each sample"),
        (np.full(6, 0.5), "not whole numbers"),
        (np.full(6, np.nan), "not whole numbers"),
        (np.zeros(6, complex), "wanted whole numbers or text"),
    ],
)
def test_wrong_labels_say_what_they_are(tmp_path: Path, labels: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_arrays(npz(tmp_path, x=PICTURES, y=labels))


def test_wrong_files(tmp_path: Path) -> None:
    path = npz(tmp_path, a=PICTURES, b=PICTURES)
    with pytest.raises(UsageError, match="holds a, b: wanted samples called x, images"):
        read_arrays(path)
    whole = path.read_bytes()
    for data in (b"", b"text", whole[:50], whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=r"data.npz"):
            read_arrays(path)
    with pytest.raises(UsageError, match=r"cannot be read: No such file"):
        read_arrays(tmp_path / "absent.npy")
    with pytest.raises(UsageError, match="allow_pickle"):
        read_arrays(npz(tmp_path, x=np.array([{}], object)))
    path = npy(tmp_path, PICTURES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match=r"data.npy"):
        read_arrays(path)
