"""Folders of pairs and of two domains, as people have them, and what is said of those that are not as they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import DataChoice, Source, open_source
from ganzoo.data.opening import held_out
from ganzoo.errors import GanzooError, UsageError

SIZE = (8, 12)


def picture(path: Path, value: int, size: tuple[int, int] = SIZE, colour: bool = False) -> None:
    """A picture that is darker on its left half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full((*size, 3) if colour else size, value, np.uint8)
    array[:, : size[1] // 2] = value // 2
    if colour:
        array[..., 0] = 0
    Image.fromarray(array).save(path)


def opened(root: Path, layout: str, say: list[str] | None = None, **given: Any) -> Source:
    options = given.pop("options", {})
    choice = DataChoice(path=str(root), layout=layout, options=options, **given)
    return open_source(
        choice, modality="image", cache=root.parent / "cache", report=(say if say is not None else []).append
    )


def corner(source: Source, name: str) -> list[int]:
    """The last pixel of each picture."""
    batch = source.gather(np.arange(len(source)))
    return [int(value) for value in batch[name][:, -1, -1, -1]]


@pytest.mark.parametrize(("a", "b"), [("A", "B"), ("trainA", "trainB"), ("train/A", "train/B"), ("edges", "photos")])
def test_pairs_by_name_whatever_the_folders_are_called(tmp_path: Path, a: str, b: str) -> None:
    root = tmp_path / "data"
    for i, name in enumerate(["one", "two", "sub/three"]):
        picture(root / a / f"{name}.png", 10 + i)
        picture(root / b / f"{name}.bmp", 110 + i)
    source = opened(root, "pairs")
    assert source.spec.shape == (1, *SIZE)
    assert source.spec.classes == 0
    assert [value - 100 for value in corner(source, "x")] == corner(source, "source")
    assert sorted(corner(source, "source")) == [10, 11, 12]
    back = opened(root, "pairs", options={"direction": "b-to-a"})
    assert sorted(corner(back, "x")) == [10, 11, 12]


def test_both_halves_of_one_picture(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for i in range(3):
        picture(root / "train" / f"{i}.png", 200 + 2 * i, (8, 16))
    picture(root / "test" / "0.png", 40, (8, 16))
    source = opened(root, "pairs")
    assert source.spec.shape == (1, 8, 8)
    assert corner(source, "source") == [100, 101, 102]
    assert corner(source, "x") == [200, 202, 204]
    test = opened(root, "pairs", options={"split": "test"})
    assert corner(test, "x") == [40]
    again = opened(root, "pairs", options={"direction": "b-to-a"})
    assert corner(again, "x") == [100, 101, 102]


def test_both_sides_are_cut_and_scaled_alike(tmp_path: Path) -> None:
    root = tmp_path / "data"
    whole = np.random.default_rng(0).integers(0, 256, (20, 31), dtype=np.uint8)
    for side in "AB":
        (root / side).mkdir(parents=True)
        Image.fromarray(whole).save(root / side / "x.png")
    for resize in ("crop", "fit", "pad"):
        source = opened(root, "pairs", size="8x8", resize=resize)
        batch = source.gather(np.array([0]))
        assert (batch.x == batch["source"]).all()


def test_two_domains_of_other_lengths_channels_and_sizes(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for i in range(4):
        picture(root / "trainA" / f"{i}.png", 50 + i, (10, 10))
    for i in range(3):
        picture(root / "trainB" / f"b{i}.png", 150 + i, colour=True)
    picture(root / "testA" / "t.png", 7)
    picture(root / "testB" / "t.png", 9)
    say: list[str] = []
    source = opened(root, "domains", say)
    assert source.spec.shape == source.spec.fields["other"] == (3, *SIZE)
    assert (len(source), len(source.others["other"])) == (3, 4)
    assert any("RGB" in line for line in say)
    back = opened(root, "domains", options={"direction": "b-to-a"})
    assert (len(back), len(back.others["other"])) == (4, 3)
    apart = held_out(DataChoice(path=str(root), layout="domains"))
    assert apart is not None
    assert corner(opened(root, "domains", options=dict(apart.options)), "x") == [9]
    assert held_out(apart) is None


def test_two_folders_of_other_names_are_said_to_be_a_and_b(tmp_path: Path) -> None:
    for name in ("zebras", "horses"):
        picture(tmp_path / "data" / name / "1.png", 50 if name == "horses" else 90)
    say: list[str] = []
    assert corner(opened(tmp_path / "data", "domains", say), "x") == [90]
    assert any("A is horses and B is zebras" in line for line in say)


def test_a_missing_partner_is_named(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name in ("1", "2", "3"):
        picture(root / "A" / f"{name}.png", 10)
    picture(root / "B" / "2.png", 10)
    with pytest.raises(UsageError, match=r"2 of 3 pictures in .*A have no partner .* 1.png, 3.png"):
        opened(root, "pairs")
    picture(root / "A" / "2.bmp", 10)
    with pytest.raises(UsageError, match=r"2\.(bmp|png) and 2\.(bmp|png): wanted one picture of each name"):
        opened(root, "pairs")


def test_partners_of_other_sizes_and_broken_ones_are_left_out_together(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for i in range(4):
        picture(root / "A" / f"{i}.png", 10 + i)
        picture(root / "B" / f"{i}.png", 110 + i, (6, 12) if i == 1 else SIZE)
    (root / "A" / "3.png").write_bytes(b"no picture")
    say: list[str] = []
    source = opened(root, "pairs", say)
    assert corner(source, "x") == [110, 112]
    assert corner(source, "source") == [10, 12]
    [line] = [line for line in say if "left out" in line]
    assert line.startswith("2 of 4 pairs cannot be used: 1.png (it is 6x12, and its partner 1.png is 8x12)")
    with pytest.raises(GanzooError, match="2 of 4 pairs cannot be used"):
        opened(root, "pairs", strict=True)


def test_folders_without_pictures_and_without_two_kinds(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "A").mkdir(parents=True)
    picture(root / "B" / "1.png", 5)
    for layout in ("pairs", "domains"):
        with pytest.raises(UsageError, match="A is empty"):
            opened(root, layout)
    plain = tmp_path / "plain"
    picture(plain / "1.png", 5)
    with pytest.raises(UsageError, match="wanted the two domains in sub-folders"):
        opened(plain, "domains")
    with pytest.raises(UsageError, match="has no folders for A and B to test with"):
        opened(plain, "pairs", options={"split": "test"})
    with pytest.raises(UsageError, match="direction is 'up', wanted a-to-b or b-to-a"):
        opened(plain, "pairs", options={"direction": "up"})
    with pytest.raises(UsageError, match="has no option 'directoin'"):
        opened(plain, "pairs", options={"directoin": "a-to-b"})
    narrow = tmp_path / "narrow"
    picture(narrow / "1.png", 5, (4, 1))
    with pytest.raises(GanzooError, match="side by side"):
        opened(narrow, "pairs", size=4)


def test_arrays_with_second_pictures(tmp_path: Path) -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    path = tmp_path / "two.npz"
    np.savez(path, images=images, source=images + 100, other=images[:3] + 50)
    pairs = opened(path, "pairs")
    assert corner(pairs, "source") == [100, 101, 102, 103, 104]
    both = opened(path, "domains")
    assert corner(both, "other") == [50, 51, 52, 50, 51]
    assert opened(path, "samples").spec.fields == {}
    np.savez(path, images=images, source=images[:4])
    with pytest.raises(UsageError, match="5 pictures of shape"):
        opened(path, "pairs")
