"""What a user may say about the data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.config import override, validate
from ganzoo.data import DataChoice
from ganzoo.errors import UsageError


def test_the_module_needs_no_torch() -> None:
    code = "import sys, ganzoo.data.choice, ganzoo.data; ganzoo.data.DataChoice(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("size", "resolution"),
    [(None, None), (64, (64, 64)), ("64", (64, 64)), ("48x64", (48, 64)), (" 48X64 ", (48, 64)), (1, (1, 1))],
)
def test_sizes(size: int | str | None, resolution: tuple[int, int] | None) -> None:
    assert DataChoice(size=size).resolution == resolution


@pytest.mark.parametrize("size", ["48by64", "0", "-3", "48x", "x48", "1x70000", "64x64x3", "", 0, -64])
def test_wrong_sizes_say_what_is_wanted(size: int | str) -> None:
    with pytest.raises(UsageError, match="height x width such as 48x64"):
        validate(DataChoice, {"size": size}, "data")


def test_a_text_or_path_is_the_path() -> None:
    assert DataChoice.model_validate("ring") == DataChoice(path="ring")
    assert DataChoice.model_validate(Path("a/b")).path == "a/b"


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_paths_that_cannot_be(path: str) -> None:
    with pytest.raises(UsageError, match="a folder or a file"):
        validate(DataChoice, {"path": path}, "data")


def test_defaults_by_modality_are_resolved_once() -> None:
    assert DataChoice().resolved("image").path == "fashion-12k"
    assert DataChoice().resolved("points").path == "ring"
    assert DataChoice(path="moons").resolved("points").path == "moons"
    assert DataChoice().resolved("text").path is None


def test_overrides_and_misspelt_fields() -> None:
    assert override(DataChoice(), ["size=48x64", "labels=false"], "data").resolution == (48, 64)
    with pytest.raises(UsageError, match="Did you mean resize"):
        override(DataChoice(), ["rezise=pad"], "data")
    with pytest.raises(UsageError, match="crop"):
        override(DataChoice(), ["resize=zoom"], "data")
