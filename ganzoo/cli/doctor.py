"""`ganzoo doctor`: what this machine and this installation are like, how fast a small step is here, and what to mend."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import rich_click as click

from ganzoo.cli.table import print_table
from ganzoo.errors import GanzooError


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
def command(as_json: bool) -> None:
    """Look at versions, plugins, devices, compilers, threads, disks and folders; time a small step; say what to mend.

    What cannot be found out is shown as "unknown" with the reason. The exit status is 1 where nothing can train at all:
    without torch, or without a folder that can be written.
    """
    from ganzoo.doctor.advice import advise, nothing_trains
    from ganzoo.doctor.facts import gather

    with contextlib.redirect_stdout(sys.stderr):  # libraries and plugins may print; stdout may be for JSON alone
        facts = gather()
    advice = advise(facts)
    if as_json:
        click.echo(json.dumps(facts | {"advice": [asdict(item) for item in advice]}, indent=2, default=str))
    else:
        from ganzoo.doctor.report import sections

        for name, rows in sections(facts):
            _print(name, rows)
        _print("advice", [(item.about, item.advice) for item in advice] or [("", "nothing to mend")])
    reason = nothing_trains(facts)
    if reason is not None:
        raise GanzooError(f"nothing can train here: {reason}")


def _print(heading: str, rows: Sequence[tuple[str, str]]) -> None:
    """A section. Long words, such as paths, are broken where the line ends: a table would cut them."""
    room = shutil.get_terminal_size((80, 24)).columns - max(len(label) for label, _ in rows) - 4
    click.echo(heading)
    print_table(("", ""), [(f"  {label}", _broken(value, max(8, room))) for label, value in rows])


def _broken(value: str, room: int) -> str:
    pieces = (textwrap.wrap(word, room, break_on_hyphens=False) or [""] for word in value.split(" "))
    return " ".join(piece for word in pieces for piece in word)
