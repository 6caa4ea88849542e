"""Pictures made with Pillow, and a cache folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANZOO_CACHE", str(folder))
    return folder


@pytest.fixture
def said() -> list[str]:
    """What was reported, if its `append` is the report."""
    return []


def gradient(height: int, width: int) -> Image.Image:
    """RGB: red grows to the right, green downwards, blue is 100."""
    red = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    green = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    pixels = np.stack([red, green, np.full((height, width), 100.0)], axis=-1)
    return Image.fromarray(pixels.round().astype(np.uint8))


def fill(folder: Path, count: int, size: int = 12, ending: str = "png") -> Path:
    """A folder of `count` pictures, each of one colour: number n is (n % 256, n // 256, 7)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (size, size), (number % 256, number // 256, 7)).save(folder / f"{number:05d}.{ending}")
    return folder
