"""docs/plugin-reference.md is what docs/plugin_reference.py writes now, and what that reads in docstrings."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

import ganzoo
from ganzoo.plugin import RECORD_HOOKS, Hooks

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def writer() -> Iterable[ModuleType]:
    """The script as a module; it imports its sibling."""
    sys.path.insert(0, str(DOCS))
    spec = importlib.util.spec_from_file_location("plugin_reference", DOCS / "plugin_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(DOCS))


def test_the_page_is_up_to_date(writer: ModuleType) -> None:
    written = (DOCS / "plugin-reference.md").read_text(encoding="utf-8")
    assert written == writer.page(), "docs/plugin-reference.md is stale: run `make docs` and commit it"


def test_everything_is_on_the_page(writer: ModuleType) -> None:
    page = writer.page()
    for hook in (name for name in vars(Hooks) if name.startswith("ganzoo_")):
        assert f"\n### {hook}\n" in page
    for kind in RECORD_HOOKS.values():
        section = page.partition(f"\n### {kind.__name__}\n")[2].partition("\n### ")[0]
        assert "Its target is " in section
        own = {item.name for item in fields(kind)} - {item.name for item in fields(kind.__mro__[1])}
        assert all(f"| `{name}` |" in section for name in own)
    names = page.partition("\n### ganzoo\n")[2].partition("\n### ")[0]
    assert all(f"| `{name}` |" in names for name in ganzoo.__all__)


class Explained:
    """A summary
    of two lines.

    kept: a property with
        a second line
    Args:
        a, b: both of them
            at length; c: is no name here.
        long_name: with a colon: in it.

    Raises:
        ValueError: not an argument.
    """


def test_arguments_are_read_from_docstrings(writer: ModuleType) -> None:
    found = writer.arguments(Explained)
    assert found["a"] == found["b"] == "both of them at length; c: is no name here."
    assert found["long_name"] == "with a colon: in it."
    assert found["kept"] == "a property with a second line"
    assert "ValueError" not in found


def test_signatures_are_as_in_the_code(writer: ModuleType) -> None:
    def function(self: object, n: int, *, path: Path | None = None, **rest: str) -> Iterable[int]:
        raise AssertionError(self, n, path, rest)

    assert writer.signature(function) == "(n: int, *, path: Path or None = None, **rest: str) -> Iterable[int]"


def test_what_says_nothing_stops_the_writing(writer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hooks.ganzoo_losses, "__doc__", None)
    with pytest.raises(writer.Silence, match="ganzoo_losses has no docstring"):
        writer.page()
