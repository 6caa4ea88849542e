"""`ganzoo check`: holds installed components to the contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click

from ganzoo.errors import UsageError

if TYPE_CHECKING:
    from ganzoo.testing import Outcome

STATUS = "  {:8}"
PASSED = {"ok": "passed", "FAIL": "failed", "skipped": "skipped"}


@click.command("check")
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("--slow", is_flag=True, help="The long checks too: compiled steps, over-fitting one batch.")
@click.option("--data", metavar="DATA", help="What architectures are trained on, as for train; default: made up.")
@click.option("--only", metavar="TEXT", help="Only checks whose name contains TEXT.")
@click.option("--expect", "expected", multiple=True, metavar="CHECK=REASON", help="A failure that is known, and why.")
@click.option("--verbose", "-v", is_flag=True, help="A line for each check, with its figure and its time.")
@click.option("--json", "as_json", is_flag=True, help="One object with all rows on stdout.")
def command(
    names: tuple[str, ...],
    slow: bool,
    data: str | None,
    only: str | None,
    expected: tuple[str, ...],
    verbose: bool,
    as_json: bool,
) -> None:
    """Check that components do what the contract says: yours before you publish it, others' before you build on them.

    ID is an architecture, a loss, or any other component; "NAME/" is all that a plugin brings. Without an ID everything
    that is installed is checked. The same checks run in a plugin's own tests: see ganzoo.testing.conformance.

    Each result is ok, FAIL or skipped with the reason. The exit status is 1 if any check fails.

    \b
    Examples:
      ganzoo check my-gan/
      ganzoo check wgan-gp --slow
      ganzoo check dcgan hinge r1 --json
    """
    import torch

    from ganzoo.testing import targets
    from ganzoo.testing.suite import run

    chosen = targets(names, data=data, expected=dict(_reason(each) for each in expected))
    if only is not None and not any(only in check.name for target in chosen for check in target.checks(slow=slow)):
        raise UsageError(f"no check has {only!r} in its name; ganzoo check {' '.join(names)} -v shows all")
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)  # networks this small only wait for more
    found: list[Outcome] = []
    outcomes = run(chosen, slow=slow, only=only)
    for each in outcomes if as_json else _shown(outcomes, verbose):
        found.append(each)
    totals = {word: sum(each.status == status for each in found) for status, word in PASSED.items()}
    seconds = sum(each.seconds for each in found)
    if as_json:
        print(json.dumps({"rows": [asdict(each) for each in found], **totals, "seconds": round(seconds, 2)}, indent=2))
    else:
        print(f"\n{len(found)} checks: {', '.join(f'{n} {word}' for word, n in totals.items())} ({seconds:.1f} s)")
    sys.exit(1 if totals["failed"] else 0)


def _reason(text: str) -> tuple[str, str]:
    name, equals, reason = text.partition("=")
    if not equals:
        raise UsageError(f"--expect {text}: wanted CHECK=REASON, such as networks.alone=it normalises by the batch")
    return name.strip(), reason.strip()


def _shown(outcomes: Iterator[Outcome], verbose: bool) -> Iterator[Outcome]:
    """Prints outcomes as they come: what holds by its group, everything else with its reason."""
    subject, group, holding = "", "", list[str]()

    def settle() -> None:
        if holding:
            _print("ok", f"{group}: {', '.join(holding)}")
            holding.clear()

    for each in outcomes:
        own, _, what = each.check.partition(".")
        if each.subject != subject or own != group:
            settle()
        if each.subject != subject:
            print(f"{each.subject}", flush=True)
        subject, group = each.subject, own
        if verbose:
            figure = f"  {each.reason}" if each.reason else ""
            _print(each.status, f"{each.check}  ({each.seconds:.2f} s){figure}")
        elif each.status == "ok":
            holding.append(what)
        else:
            settle()
            _print(each.status, f"{each.check}: {each.reason}")
        if each.hint:
            _print("", f"-> {each.hint}")
        yield each
    settle()


def _print(status: str, text: str) -> None:
    """A status and a text, wrapped beside it."""
    import shutil
    import textwrap

    head = STATUS.format(status)
    width = max(shutil.get_terminal_size((80, 24)).columns, 40)
    print(textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head)), flush=True)
