"""One guarded look at the machine, and how a document of facts is read when any part of it may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Facts = Mapping[str, Any]
"""What JSON can hold: sections by name, a probe's answer or the text "unknown: why" in each place."""

UNKNOWN = "unknown: "
LONGEST = 200  # characters of a reason


def answer(probe: Callable[[], T]) -> T | str:
    """What the probe answers, or "unknown: " and why not."""
    try:
        return probe()
    except (Exception, SystemExit) as error:  # a broken library or plugin raises anything
        return UNKNOWN + because(error)


def because(error: BaseException) -> str:
    """Type and message on one line."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # an exception class of a plugin may be broken too
        message = ""
    return f"{type(error).__name__}: {message}"[:LONGEST].removesuffix(": ")


def at(facts: Facts, *path: str) -> Any:
    """The value at a path of keys; None where it, or anything on the way, is missing or unknown."""
    value: Any = facts
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return None if isinstance(value, str) and value.startswith(UNKNOWN) else value


def why_unknown(facts: Facts, *path: str) -> str | None:
    """Why the value at a path is unknown; None where it is known, or was not looked for."""
    *way, last = path
    holder = at(facts, *way)
    value = holder.get(last) if isinstance(holder, Mapping) else None
    return value.removeprefix(UNKNOWN) if isinstance(value, str) and value.startswith(UNKNOWN) else None


def number(facts: Facts, *path: str) -> float | None:
    """The value at a path if it is a number."""
    value = at(facts, *path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text(facts: Facts, *path: str) -> str:
    """The value at a path if it is a text, else an empty one."""
    value = at(facts, *path)
    return value if isinstance(value, str) else ""


def mapping(facts: Facts, *path: str) -> Facts:
    """The section at a path, empty where there is none."""
    value = at(facts, *path)
    return value if isinstance(value, Mapping) else {}


def rows(facts: Facts, *path: str) -> list[Facts]:
    """The sections in the list at a path."""
    value = at(facts, *path)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []
