"""What a check is, and what comes of it. No torch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ganzoo.activation import FAILURES, quiet_stdout
from ganzoo.discovery import describe
from ganzoo.errors import GanzooError

Status = Literal["ok", "FAIL", "skipped"]


class Failed(Exception):
    """The component is not as the check wants it; the message says what was found and what was wanted."""


class Skipped(Exception):
    """The check does not apply; the message says why."""


Function = Callable[[Any], str | None]
"""A check of one subject: it returns (with a figure for the reader, or None) or raises Failed or Skipped."""

F = TypeVar("F", bound=Function)


@dataclass(frozen=True)
class Check:
    """One thing that a component is held to.

    Args:
        name: group.what, unique within a kind.
        why: what goes wrong for a user where it does not hold; one sentence.
        hint: how an author mends it; one sentence.
        slow: takes longer than about two seconds at the smallest configuration.
    """

    name: str
    why: str
    hint: str
    function: Function
    slow: bool = False


class Checks(list[Check]):
    """The checks of one group, in the order in which their functions are decorated."""

    def __init__(self, group: str) -> None:
        super().__init__()
        self.group = group

    def check(self, name: str, *, why: str, hint: str, slow: bool = False) -> Callable[[F], F]:
        """Adds the decorated function as the check `group.name`."""

        def add(function: F) -> F:
            self.append(Check(f"{self.group}.{name}", why, hint, function, slow))
            return function

        return add


@dataclass(frozen=True)
class Outcome:
    """What came of one check of one subject.

    Args:
        subject: id of the component, or name of the plugin.
        status: ok, FAIL or skipped.
        reason: of ok: a figure, or nothing; of FAIL: what was found; of skipped: why.
        hint: how to mend it, for FAIL alone.
        seconds: that it took.
    """

    subject: str
    check: str
    status: Status
    reason: str
    hint: str
    seconds: float


def outcome(check: Check, subject: str, about: Any, expected: str | None = None) -> Outcome:
    """Does one check. Whatever it raises is its outcome, but for KeyboardInterrupt.

    Args:
        subject: what the outcome calls it.
        about: what the check's function takes.
        expected: why it is known to fail; then a failure is skipped with that reason, and a success is a failure.
    """
    start = time.perf_counter()
    status: Status
    hint = ""
    try:
        with quiet_stdout(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is what the check says
            status, reason = "ok", check.function(about) or ""
    except Skipped as why:
        status, reason = "skipped", str(why)
    except Failed as found:
        status, reason, hint = "FAIL", str(found), check.hint
    except GanzooError as error:
        status, reason, hint = "FAIL", f"ganzoo says: {error}", check.hint
    except FAILURES as error:
        status, reason, hint = "FAIL", describe(error), check.hint
    reason = " ".join(reason.split())
    if expected is not None:
        if status == "FAIL":
            status, reason, hint = "skipped", f"expected to fail, {expected} ({reason})", ""
        elif status == "ok":
            status, reason = "FAIL", f"it is expected to fail ({expected}), and it holds"
            hint = "Take it out of the expected failures."
    return Outcome(subject, check.name, status, reason, hint, time.perf_counter() - start)


def want(holds: bool, found: str) -> None:
    """Raises Failed with what was found, unless it holds."""
    if not holds:
        raise Failed(found)


def flattened(groups: Iterator[Checks] | list[Checks]) -> list[Check]:
    """The checks of several groups, in order."""
    return [check for group in groups for check in group]
