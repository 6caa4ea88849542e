"""The mechanism of deprecations, on made-up ones, and that nothing in the project has outlived the release it was to be gone in."""

from __future__ import annotations

import json
import subprocess
import sys
import types
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import pluggy
import pytest
from pydantic import model_validator

import ganzoo
from ganzoo import deprecation
from ganzoo.activation import activate
from ganzoo.config import Config, option, override, validate
from ganzoo.deprecation import GanzooDeprecation, deprecated, known, overdue, renamed, renaming
from ganzoo.discovery import Offer
from ganzoo.plugin import RECORD_HOOKS, Metric, Record

WHEN = {"since": "0.2", "removed_in": "0.3"}


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests deprecate is forgotten afterwards."""
    monkeypatch.setattr(deprecation, "_KNOWN", {})


def test_nothing_is_overdue() -> None:
    """Every module is imported in a process of its own, since deprecations are made as modules are imported."""
    code = (
        "import importlib, json, pkgutil, ganzoo, ganzoo_classic, ganzoo_wasserstein\n"
        "from ganzoo.deprecation import overdue\n"
        "for top in (ganzoo, ganzoo_classic, ganzoo_wasserstein):\n"
        "    for found in pkgutil.walk_packages(top.__path__, f'{top.__name__}.'):\n"
        "        if not found.name.endswith('.__main__'):\n"
        "            importlib.import_module(found.name)\n"
        "print(json.dumps([str(late) for late in overdue(ganzoo.__version__)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    late = json.loads(done.stdout)
    assert late == [], f"ganzoo {ganzoo.__version__} still has what it was to remove; remove it, and its deprecation"


def test_what_should_be_gone_is_overdue() -> None:
    note = deprecated("the hook a", since="0.2", removed_in="0.4", instead="use b")
    assert known() == [note]
    for version in ("0.2.0", "0.3.9", "0.4.0.dev1", "0.4.0"):
        assert overdue(version) == ([note] if version.startswith("0.4") else [])
    assert overdue("1.0.0") == [note]


@pytest.mark.parametrize(("since", "removed_in"), [("0.2", "0.2"), ("0.3", "0.2"), ("0.2.0", "0.2.5"), ("1.0", "0.9")])
def test_one_minor_release_has_to_warn(since: str, removed_in: str) -> None:
    with pytest.raises(ValueError, match="one minor release or more has to warn first"):
        deprecated("the hook a", since=since, removed_in=removed_in, instead="use b")
    assert known() == []


@pytest.mark.parametrize("version", ["2", "next", ""])
def test_a_release_has_two_numbers(version: str) -> None:
    with pytest.raises(ValueError, match="is no release"):
        deprecated("the hook a", since=version, removed_in="0.3", instead="use b")


def test_a_warning_says_who_what_when_and_what_instead() -> None:
    note = deprecated("the function f", instead="call g", **WHEN)
    with pytest.warns(GanzooDeprecation) as caught:
        note.warn()
    (said,) = caught
    words = "the function f is deprecated since ganzoo 0.2 and will be removed in 0.3: call g"
    assert str(said.message) == f"{__name__.partition('.')[0]}: {words}"
    assert said.filename == __file__
    with pytest.warns(GanzooDeprecation, match="^acme: the function f"):
        note.warn(by="acme")


def test_a_line_is_warned_of_once() -> None:
    note = deprecated("the function f", instead="call g", **WHEN)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", GanzooDeprecation)
        for _ in range(3):
            note.warn()
        assert len(caught) == 1
        note.warn()  # another line
        assert len(caught) == 2


def test_a_renamed_field_of_a_record() -> None:
    Renamed = record_kind()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = Renamed(name="a", target="m:f", summary="A", new_name="x")
    with pytest.warns(GanzooDeprecation, match="the field old_name of Renamed is deprecated .*: use new_name"):
        old = Renamed(name="a", target="m:f", summary="A", old_name="x")
    assert old == new
    assert [item.name for item in fields(old)] == [item.name for item in fields(Record)] + ["new_name"]
    with pytest.warns(GanzooDeprecation):
        assert old.old_name == "x"
    with pytest.raises(TypeError, match="old_name and new_name, which are one field"):
        Renamed(name="a", target="m:f", summary="A", old_name="x", new_name="x")
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        Renamed(name="a", target="m:f", summary="A", other="x")


def record_kind() -> Any:
    """A kind of record with a renamed field."""

    @renamed("old_name", "new_name", **WHEN)
    @dataclass(frozen=True, kw_only=True)
    class Renamed(Record):
        new_name: str = ""

    return Renamed


def test_an_old_plugin_still_works_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Metric.__init__
    try:
        renamed("lower_is_worse", "higher_is_better", **WHEN)(Metric)
        plugin = types.ModuleType("old_acme.plugin")
        source = (
            "from ganzoo import Metric, hookimpl\n"
            "@hookimpl\n"
            "def ganzoo_metrics():\n"
            "    yield Metric(name='m', target='a:b', summary='Made for a test', lower_is_worse=True)\n"
        )
        exec(compile(source, "/somewhere/old_acme/plugin.py", "exec"), plugin.__dict__)
        monkeypatch.setitem(sys.modules, "old_acme.plugin", plugin)
        with pytest.warns(GanzooDeprecation, match="^old_acme: the field lower_is_worse of Metric") as caught:
            found = activate(Offer("acme", "old_acme.plugin", "acme-gan", "1.0"))
        assert (caught[0].filename, caught[0].lineno) == ("/somewhere/old_acme/plugin.py", 4)
        assert found.problems == []
        assert found.records[Metric][0].higher_is_better
        with warnings.catch_warnings():  # an author's tests may make it an error: then it is a problem of the plugin
            warnings.simplefilter("error", GanzooDeprecation)
            (problem,) = activate(Offer("acme", "old_acme.plugin", "acme-gan", "1.0")).problems
        assert problem.stage == "hook"
        assert "lower_is_worse" in problem.cause
    finally:
        Metric.__init__ = original  # type: ignore[method-assign]
        del Metric.lower_is_worse  # type: ignore[attr-defined]
    assert Metric in RECORD_HOOKS.values()


def test_a_renamed_option() -> None:
    names = renaming("pieces", "chunk", of="the configuration of acme/mlp", **WHEN)

    class Made(Config):
        chunk: int = option(1, "rows a piece", ge=1)

        @model_validator(mode="before")
        @classmethod
        def _old_names(cls, given: Any) -> Any:
            return names.applied(given, by="configuration")

    words = "^configuration: the field pieces of the configuration of acme/mlp"
    with pytest.warns(GanzooDeprecation, match=words):
        assert validate(Made, {"pieces": 3}, "config.yaml").chunk == 3
    with pytest.warns(GanzooDeprecation, match=words):
        assert override(Made(chunk=2), ["pieces=4"], "--set").chunk == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert override(Made(), ["chunk=4"], "--set").chunk == 4


def test_a_deprecated_hook_and_a_deprecated_argument() -> None:
    hook = deprecated("the hook old_hook", instead="write new_hook", **WHEN)
    argument = deprecated("the argument run of new_hook", instead="ask for it by name", **WHEN)
    spec, impl = pluggy.HookspecMarker("made-up"), pluggy.HookimplMarker("made-up")

    class Specs:
        @spec(warn_on_impl=hook.warning())
        def old_hook(self) -> Iterable[Record]: ...

        @spec(warn_on_impl_args={"run": argument.warning()})
        def new_hook(self, run: Any) -> Iterable[Record]: ...

    class Plugin:
        @impl
        def old_hook(self) -> Iterable[Record]: ...

        @impl
        def new_hook(self, run: Any) -> Iterable[Record]: ...

    manager = pluggy.PluginManager("made-up")
    manager.add_hookspecs(Specs)
    with pytest.warns(GanzooDeprecation) as caught:
        manager.register(Plugin())
    assert {str(said.message) for said in caught} == {str(hook), str(argument)}
    assert {said.filename for said in caught} == {__file__}, "pluggy warns where the implementation is"
