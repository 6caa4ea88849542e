"""Makes a component (a loss, a penalty, ...) from its name and options through the registry."""

from __future__ import annotations

import inspect
from typing import Any

from ganzoo.config import Choice
from ganzoo.errors import UsageError, did_you_mean
from ganzoo.plugin import Record
from ganzoo.registry import Entry, registry


def make(kind: type[Record], choice: Choice | str) -> tuple[Any, Entry[Any]]:
    """The component that `choice` names, built with its options, and its registry entry.

    Raises:
        UsageError: the name or an option is unknown, or an option's value is refused by the component.
        GanzooError: the component's code cannot be imported; names its plugin and distribution.
    """
    name, options = (choice, {}) if isinstance(choice, str) else (choice.name, choice.options)
    entry = registry().find(kind, name)
    target = registry().load(entry)
    parameters = [p for p in inspect.signature(target).parameters.values() if p.kind in _NAMED]
    known = [parameter.name for parameter in parameters]
    for option in options:
        if option not in known:
            raise UsageError(
                f"{kind.kind} {entry.id} has no option {option!r}. {did_you_mean(option, [*known, *_COMMON])}"
            )
    missing = [p.name for p in parameters if p.default is inspect.Parameter.empty and p.name not in options]
    if missing:
        raise UsageError(f"{kind.kind} {entry.id} wants its option {missing[0]}, which has no default")
    try:
        return target(**options), entry
    except (TypeError, ValueError) as error:
        raise UsageError(f"{kind.kind} {entry.id}: {error}") from error


_COMMON = ("weight", "interval")  # what every choice may say
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
