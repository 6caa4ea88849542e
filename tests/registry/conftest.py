"""Fixtures of a folder like site-packages. In every import mode of pytest the tests find `handmade` and ganzoo."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
if importlib.util.find_spec("ganzoo") is None:  # a checkout that is not installed
    sys.path.insert(0, str(HERE.parents[1]))

from handmade import Site  # noqa: E402


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder on this process's sys.path; what is imported from it is forgotten afterwards."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.folder))
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def module(site: Site) -> Callable[[str, str], str]:
    """Writes a module; returns its name."""

    def write(name: str, source: str) -> str:
        (site.folder / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return name

    return write
