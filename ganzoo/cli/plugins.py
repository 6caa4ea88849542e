"""`ganzoo plugins`: which plugins are installed, what they bring, and why one is not used."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import rich_click as click

from ganzoo.cli.list import KINDS
from ganzoo.cli.table import print_table
from ganzoo.deprecation import GanzooDeprecation
from ganzoo.registry import PluginInfo, Problem, registry

GAP = 2  # columns of the terminal between two columns of a table
BRINGS = 20  # columns that the last one needs to be read

_PLURALS = {"callback": "callbacks", **{kind.kind: plural for plural, kind in KINDS.items()}}


def row(info: PluginInfo) -> dict[str, Any]:
    """What JSON says of a plugin; `import_ms` is null if it was not imported."""
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "import_ms": None if info.import_ms is None else round(info.import_ms, 3),
        "disabled": info.disabled,
        "brings": {_PLURALS[kind]: count for kind, count in info.counts.items()},
        "problems": [dataclasses.asdict(problem) for problem in info.problems],
    }


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="An array of plugins on stdout.")
@click.option("--strict", is_flag=True, help="Fail if any plugin has a problem.")
def command(as_json: bool, strict: bool) -> None:
    """List plugins, what they bring, and their problems.

    A plugin named in the environment variable GANZOO_DISABLE (names, separated by commas) is left alone. What a plugin uses
    that a later ganzoo will not have is shown on stderr.
    """
    with warnings.catch_warnings():
        if not sys.warnoptions:  # Python hides them, and this is where an author looks
            warnings.simplefilter("default", GanzooDeprecation)
        found = registry(strict=strict)
    if as_json:
        click.echo(json.dumps([row(info) for info in found.plugins], indent=2))
        return
    _print([(*_facts(info), _brings(info)) for info in found.plugins])
    for problem in found.problems:
        click.echo(f"\n{_block(problem)}")


def _print(rows: Sequence[Sequence[str]]) -> None:
    """A table; where its first columns, which are never cut, would leave too little of the terminal for the last one, a
    paragraph for each plugin instead."""
    header = ("name", "distribution", "version", "import", "brings")
    width = shutil.get_terminal_size((80, 24)).columns
    taken = sum(max(map(len, column)) + GAP for column in list(zip(header, *rows, strict=True))[:-1])
    if taken + BRINGS <= width:
        print_table(header, rows)
        return
    for name, distribution, version, took, brings in rows:
        said = f"{name}, of {distribution} {version}: {brings}" + (f" (import {took})" if took else "")
        click.echo(textwrap.fill(said, width, subsequent_indent="  ", break_on_hyphens=False))


def _facts(info: PluginInfo) -> tuple[str, str, str, str]:
    took = "" if info.import_ms is None else f"{info.import_ms:.1f} ms"
    return info.name, info.distribution, info.version, took


def _brings(info: PluginInfo) -> str:
    if info.disabled:
        return "disabled"
    counts = [f"{count} {_PLURALS[kind] if count > 1 else kind}" for kind, count in info.counts.items()]
    if info.problems:
        counts.append(f"{len(info.problems)} problem{'s' if len(info.problems) > 1 else ''}")
    return ", ".join(counts) or "nothing"


def _block(problem: Problem) -> str:
    origin = f"{problem.distribution} {problem.version}"
    return (
        f"Problem: {problem.source} of {origin}\n"
        f"  stage   {problem.stage}\n"
        f"  cause   {problem.cause}\n"
        f"  remedy  {problem.remedy}"
    )
