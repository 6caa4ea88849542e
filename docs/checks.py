"""Writes docs/checks.md from the code: what `ganzoo check` holds components to, and the faults that it is tested on. `make docs`
runs it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from reference import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ganzoo.plugin import RECORD_HOOKS
from ganzoo.testing.check import Check, flattened
from ganzoo.testing.declaration import PLUGIN, RECORD
from ganzoo.testing.suite import MODULES
from tests.testing import architecture_mutants, component_mutants

PAGE = Path(__file__).with_name("checks.md")
HEAD = """# Checks

Written by `make docs` from the code; changes made here are lost.

`ganzoo check NAME` and `ganzoo.testing.conformance("NAME")` do these checks, in this order. Each is ok, FAIL with what was found
and how to mend it, or skipped with the reason. Those marked *slow* are done with `--slow` alone. [Write a plugin](write-a-plugin.md)
shows them at work.
"""
MUTANTS = """## Faults that it finds

Each is a working component with this one fault, in `tests/testing/mutated`; a test wants the check beside it to fail. On the
components without a fault beside them, and on all that ganzoo brings itself, no check may fail.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, _section("Plugin", "every plugin", PLUGIN), _section("Record", "every component", RECORD)]
    for kind in RECORD_HOOKS.values():
        groups = importlib.import_module(MODULES[kind]).GROUPS
        title = kind.kind.capitalize()
        parts.append(_section(title, _article(kind.kind), flattened(groups)))
    mutants = [
        *architecture_mutants.PLUGIN_MUTANTS,
        *architecture_mutants.MUTANTS,
        *component_mutants.MUTANTS,
    ]
    rows = [(mutant.fault, f"`{mutant.caught_by}`") for mutant in mutants]
    parts.append(f"{MUTANTS}\n{len(rows)} faults:\n\n{_table(('fault', 'found by'), rows)}\n")
    return "\n".join(parts)


def _section(title: str, whose: str, checks: Iterable[Check]) -> str:
    rows = [(f"`{check.name}`" + (" *slow*" if check.slow else ""), _said(check), check.why) for check in checks]
    return (
        f"## {title}\n\nOf {whose}, {len(rows)} checks.\n\n{_table(('check', 'what holds', 'why it matters'), rows)}\n"
    )


def _said(check: Check) -> str:
    text = " ".join((check.function.__doc__ or "").split())
    if not text:
        raise SystemExit(f"the check {check.name} says nothing: give its function a docstring")
    return text


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(table(header, rows))


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
