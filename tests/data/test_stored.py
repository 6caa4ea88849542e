"""Stored pictures at other sizes and in other colours, fashion-12k, and how sources tell themselves apart."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data.adapted import Adapted
from ganzoo.data.choice import Resize
from ganzoo.data.embedded import FASHION_CLASSES, fashion
from ganzoo.data.geometry import cropped, cropped_to_pixels, margins, padded
from ganzoo.data.resizing import opaque, recoloured, resized
from ganzoo.data.stored import StoredImages, StoredPoints
from ganzoo.models.batch import Batch
from tests.data.conftest import gradient

RNG = np.random.default_rng(1)


def test_fashion() -> None:
    train, test = fashion(), fashion("test")
    assert train.spec.shape == (1, 28, 28)
    assert train.spec.class_names == FASHION_CLASSES
    assert (len(train), len(test)) == (10_000, 2_000)
    batch = train.gather(np.array([9_999, 0, 0]))
    assert batch.x.dtype == torch.uint8
    assert batch["y"].dtype == torch.int64
    assert torch.equal(batch.x[1], batch.x[2])
    assert torch.bincount(train.gather(np.arange(10_000))["y"]).tolist() == [1000] * 10
    assert train.digest == fashion().digest != test.digest
    with pytest.raises(ValueError, match="wanted train or test"):
        fashion("validation")  # type: ignore[arg-type]


def test_the_licence_lies_beside_the_pictures() -> None:
    text = (Path(__file__).resolve().parents[2] / "ganzoo" / "data" / "fashion-12k.LICENSE").read_text()
    assert "Zalando SE" in text
    assert "Permission is hereby granted" in text


SIZES = [1, 2, 7, 24, 33, 64]


@pytest.mark.parametrize("source", list(itertools.product(SIZES, SIZES)))
def test_geometry_fits_every_pair_of_sizes(source: tuple[int, int]) -> None:
    for target in itertools.product(SIZES, SIZES):
        top, left, height, width = cropped(source, target)
        assert min(top, left) >= 0
        assert height / width == pytest.approx(target[0] / target[1])
        assert (top * 2 + height, left * 2 + width) == pytest.approx(source)
        assert height == pytest.approx(source[0]) or width == pytest.approx(source[1])
        top, left, height, width = cropped_to_pixels(source, target)
        assert 0 <= top <= source[0] - height
        assert 0 <= left <= source[1] - width
        assert min(height, width) >= 1
        inner = padded(source, target)
        assert inner[2] == target[0] or inner[3] == target[1]
        (above, below), (before, after) = margins(inner, target)
        assert min(above, below, before, after) >= 0
        assert (above + inner[2] + below, before + inner[3] + after) == target


@pytest.mark.parametrize("resize", ["crop", "fit", "pad"])
@pytest.mark.parametrize("target", [(48, 64), (14, 14), (7, 28), (56, 28), (1, 1), (28, 29)])
def test_fashion_at_any_size(resize: Resize, target: tuple[int, int]) -> None:
    source = fashion("test")
    other = source.at(target, resize)
    assert other.spec.shape == (1, *target)
    assert other.spec.class_names == FASHION_CLASSES
    assert other is source.at(target, resize)
    assert other.gather(np.array([5])).x.shape == (1, 1, *target)
    assert other.gather(np.array([5]))["y"] == source.gather(np.array([5]))["y"]
    assert other.at((28, 28)) is source
    assert other.at(target) is other
    assert other.digest != source.digest


def test_a_whole_factor_smaller_is_the_mean_of_blocks() -> None:
    images = RNG.integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    means = images.reshape(3, 4, 2, 4, 3, 3).mean((2, 4))
    assert np.abs(resized(images, (4, 4), "fit") - means).max() <= 0.5
    assert (resized(images, (8, 12), "crop") == images).all()


@pytest.mark.parametrize("target", [(20, 30), (50, 75), (27, 41)])
def test_other_sizes_are_bicubic_as_pillow_has_it(target: tuple[int, int]) -> None:
    picture = gradient(40, 60)
    ours = resized(np.asarray(picture)[None], target, "fit")[0].astype(int)
    theirs = np.asarray(picture.resize((target[1], target[0]), Image.Resampling.BICUBIC)).astype(int)
    if target == (20, 30):
        theirs = np.asarray(picture.resize((30, 20), Image.Resampling.BOX)).astype(int)
    assert np.abs(ours - theirs).max() <= 2


def test_reducing_an_array_does_not_alias() -> None:
    stripes = np.zeros((1, 100, 100, 1), np.uint8)
    stripes[:, :, ::2] = 255
    assert np.abs(resized(stripes, (31, 31), "fit")[:, :, 2:-2].astype(int) - 128).max() <= 6


def test_policies_of_arrays() -> None:
    images = np.zeros((1, 20, 60, 1), np.uint8)
    images[:, :, 20:40] = 200
    assert (resized(images, (10, 10), "crop") == 200).all()
    fitted = resized(images, (20, 20), "fit")[0, 0, :, 0]
    assert fitted.tolist() == [0] * 6 + [fitted[6]] + [200] * 6 + [fitted[13]] + [0] * 6 or (fitted[8:12] == 200).all()
    padded_rows = resized(images, (60, 60), "pad")[0]
    assert (padded_rows[:20] == padded_rows[20]).all()
    assert (padded_rows[20:40] == images[0]).all()
    assert resized(images[:, :1, :], (64, 64), "crop").shape == (1, 64, 64, 1)


def test_every_size_is_made_from_the_best_pictures() -> None:
    source = fashion("test")
    direct = source.at((14, 14)).gather(np.arange(50)).x
    assert torch.equal(source.at((7, 7)).at((14, 14)).gather(np.arange(50)).x, direct)


def test_rows_left_out_stay_out_at_other_sizes() -> None:
    images = np.repeat(np.arange(6, dtype=np.uint8), 16).reshape(6, 4, 4, 1)
    source = StoredImages(images, rows=np.array([0, 2, 5]), labels=np.array([7, 8, 9]), class_names=tuple("0123456789"))
    assert len(source) == 3
    for some in (source, source.at((2, 2)), source.at((9, 9))):
        batch = some.gather(np.array([2, 0]))
        assert batch.x[:, 0, 0, 0].tolist() == [5, 0]
        assert batch["y"].tolist() == [9, 7]


def test_resizing_more_than_fits_in_memory_uses_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    source = fashion("test")
    wanted = source.at((10, 10)).images
    monkeypatch.setattr("ganzoo.data.packed.MEMORY_BYTES", 1000)
    other = fashion("test").at((10, 10))
    assert not other.images.flags.owndata
    assert (other.images == wanted).all()
    assert len(list((cache / "packed").iterdir())) == 1


def test_colours() -> None:
    red = Batch(x=torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 5), y=torch.arange(2))
    grey = recoloured(red, 1)
    assert grey.x.shape == (2, 1, 4, 5)
    assert (grey.x == 76).all()
    assert grey["y"] is red["y"]
    again = recoloured(grey, 3)
    assert again.x.shape == (2, 3, 4, 5)
    assert again.x.is_contiguous(memory_format=torch.channels_last)
    assert recoloured(red, 3) is red
    picture = gradient(9, 9)
    mine = recoloured(Batch(x=torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]), 1).x[0, 0].numpy()
    assert np.abs(mine.astype(int) - np.asarray(picture.convert("L")).astype(int)).max() <= 1
    assert (opaque(np.zeros((1, 2, 2, 4), np.uint8)) == 255).all()


def test_adapted_sources() -> None:
    source = fashion("test")
    other = Adapted(source, 3, drop_labels=True)
    assert other.spec.shape == (3, 28, 28)
    assert other.spec.classes == 0
    assert not other.spec.class_names
    assert len(other) == 2000
    assert set(other.gather(np.arange(3))) == {"x"}
    assert other.at((14, 14)).gather(np.arange(3)).x.shape == (3, 3, 14, 14)
    assert other.at((14, 14)) is other.at((14, 14))
    assert other.at((28, 28)) is other
    assert len({source.digest, other.digest, Adapted(source, None, True).digest}) == 3


def test_digests_are_of_content() -> None:
    images = RNG.integers(0, 256, (5, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(5)
    one = StoredImages(images, labels, class_names=tuple("abcde")).digest
    assert one == StoredImages(images.copy(), labels.copy(), class_names=tuple("abcde"), name="other").digest
    assert one != StoredImages(images, labels[::-1].copy(), class_names=tuple("abcde")).digest
    assert one != StoredImages(images).digest
    assert StoredImages(images).digest != StoredImages(images[::-1]).digest
    assert StoredImages(images).digest != StoredImages(images.reshape(5, 2, 8, 1)).digest
    points = RNG.normal(size=(5, 2)).astype(np.float32)
    assert StoredPoints(points).digest == StoredPoints(points.copy()).digest != StoredPoints(points[::-1].copy()).digest


@pytest.mark.parametrize("split", ["train", "test"])
def test_fashion_reads_fast(split: Literal["train", "test"]) -> None:
    """gather copies: changing what it gave changes nothing."""
    source = fashion(split)
    source.gather(np.arange(3)).x.zero_()
    assert source.gather(np.arange(3)).x.any()


@pytest.mark.parametrize("number", [-1, 4, 1_000])
def test_a_number_outside_is_refused_and_not_counted_from_the_end(number: int) -> None:
    pictures = StoredImages(np.zeros((9, 2, 2, 1), np.uint8), rows=np.arange(4), name="four")
    points = StoredPoints(np.zeros((4, 2), np.float32), name="four")
    for source in (pictures, points):
        with pytest.raises(IndexError, match="four has samples 0 to 3"):
            source.gather(np.array([0, number]))
        assert source.gather(np.array([], np.int64)).x.shape == (0, *source.spec.shape)
