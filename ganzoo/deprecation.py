"""How a part of the contract goes: with a warning that says since when, until when and what instead, for one minor release or more.

A deprecation is made where the deprecated thing is, as the module is imported, and so is known to a test that fails once the
release is reached that the thing was to be gone in. docs/versions.md has the policy. Standard library only.
"""

from __future__ import annotations

import functools
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class GanzooDeprecation(DeprecationWarning):
    """A plugin, or other code, uses what will be removed from ganzoo. Hidden by default, as Python hides all warnings of its
    kind; pytest and `ganzoo plugins` show it."""


@dataclass(frozen=True)
class Deprecation:
    """One thing that will be removed.

    Args:
        what: the thing in words: "the hook ganzoo_extractors", "the field pieces of Metric".
        since: the minor release that warns first, such as "0.2".
        removed_in: the minor release that has it no more, a later one.
        instead: what to do: "use chunk".

    Raises:
        ValueError: a release is not of the form 0.2, or the removal leaves no minor release that warns.
    """

    what: str
    since: str
    removed_in: str
    instead: str

    def __post_init__(self) -> None:
        if minor(self.since) >= minor(self.removed_in):
            raise ValueError(
                f"{self.what}: deprecated since {self.since}, so {self.removed_in} cannot remove it: one minor release or more "
                "has to warn first"
            )

    def __str__(self) -> str:
        return f"{self.what} is deprecated since ganzoo {self.since} and will be removed in {self.removed_in}: {self.instead}"

    def warning(self) -> GanzooDeprecation:
        """For pluggy: `hookspec(warn_on_impl=...)` of a hook, and each value of `warn_on_impl_args` of an argument. pluggy
        warns where the implementation is written."""
        return GanzooDeprecation(str(self))

    def warn(self, by: str = "") -> None:
        """Warn at the line of the code that uses the thing, once a line unless the filters of `warnings` say otherwise.

        Args:
            by: who uses it; empty: the package of that code.
        """
        frame = sys._getframe(1)
        while frame.f_back is not None and (
            frame.f_globals.get("__name__") in _PASSING_ON or frame.f_code.co_filename.startswith("<")
        ):
            frame = (
                frame.f_back
            )  # generated code, such as a dataclass's own __init__, has a file name in angle brackets
        module = str(frame.f_globals.get("__name__", "?"))
        warnings.warn_explicit(
            f"{by or module.partition('.')[0]}: {self}",
            GanzooDeprecation,
            frame.f_code.co_filename,
            frame.f_lineno,
            module,
            frame.f_globals.setdefault("__warningregistry__", {}),
        )


_PASSING_ON = {__name__, "ganzoo.plugin"}  # they hand on what others wrote
_KNOWN: dict[str, Deprecation] = {}


def deprecated(what: str, *, since: str, removed_in: str, instead: str) -> Deprecation:
    """A deprecation that is known from now on; the module that has the thing keeps it, and calls its `warn`.

    Raises:
        ValueError: see `Deprecation`.
    """
    made = Deprecation(what, since, removed_in, instead)
    _KNOWN[what] = made
    return made


def known() -> list[Deprecation]:
    """Those of all modules that have been imported, by what they are about."""
    return [_KNOWN[what] for what in sorted(_KNOWN)]


def overdue(version: str) -> list[Deprecation]:
    """Those whose thing should be gone in this version of ganzoo: a test wants this to be empty."""
    return [made for made in known() if minor(made.removed_in) <= minor(version)]


def minor(version: str) -> tuple[int, int]:
    """The minor release that a version belongs to: (0, 2) of 0.2, 0.2.1 and 0.2.0.dev3.

    Raises:
        ValueError: it does not begin with two numbers.
    """
    match = re.match(r"(\d+)\.(\d+)(?!\d)", version)
    if match is None:
        raise ValueError(f"{version!r} is no release, wanted one such as 0.2")
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Renaming:
    """A name that is still taken for another one."""

    old: str
    new: str
    deprecation: Deprecation

    def applied(self, given: Any, by: str = "") -> Any:
        """The values with the old name's under the new one, and a warning if it was there. What is no mapping is returned as it
        is, so that this may be called in a pydantic model_validator(mode="before").

        The old name wins: where it was given, the new one has its default or an earlier value.
        """
        if not isinstance(given, Mapping) or self.old not in given:
            return given
        self.deprecation.warn(by)
        kept = {name: value for name, value in given.items() if name != self.old}
        return kept | {self.new: given[self.old]}


def renaming(old: str, new: str, *, of: str, since: str, removed_in: str) -> Renaming:
    """A renamed field or option.

    Args:
        of: whose it is: "Metric", "the configuration of classic/dcgan".
    """
    note = deprecated(f"the field {old} of {of}", since=since, removed_in=removed_in, instead=f"use {new}")
    return Renaming(old, new, note)


def renamed(old: str, new: str, *, since: str, removed_in: str) -> Callable[[type[T]], type[T]]:
    """For a dataclass, above its decorator: the keyword `old` is taken for `new`, and `old` can still be read.

    A subclass that is a dataclass has an __init__ of its own, and so needs this too.
    """

    def change(kind: type[T]) -> type[T]:
        names = renaming(old, new, of=kind.__name__, since=since, removed_in=removed_in)
        construct = kind.__init__

        @functools.wraps(construct)
        def __init__(self: T, *args: Any, **given: Any) -> None:
            if old in given and new in given:
                raise TypeError(f"{kind.__name__} got {old} and {new}, which are one field: give {new}")
            construct(self, *args, **names.applied(given))

        def read(self: T) -> Any:
            names.deprecation.warn()
            return getattr(self, new)

        setattr(kind, "__init__", __init__)  # noqa: B010 (type checkers refuse the assignment)
        setattr(kind, old, property(read))
        return kind

    return change
