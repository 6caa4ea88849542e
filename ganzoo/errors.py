"""Errors that reach a user: one message that says what was given, what was wanted and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanzooError(Exception):
    """Something the user can mend; the command line prints it in one piece and exits with `exit_status`."""

    exit_status = 1


class UsageError(GanzooError):
    """The request itself is wrong: an unknown name, option, field or value. Exit status 2."""

    exit_status = 2


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known names, or lists them when none is near; ends without a space."""
    known = sorted(set(known))
    near = difflib.get_close_matches(given, known, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if not known:
        return "There is none."
    return f"Known: {', '.join(known)}."
