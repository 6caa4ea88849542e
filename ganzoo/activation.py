"""Runs what `discovery` admitted: the guarded stages import, register, and each hook implementation called alone.

Every plugin has a pluggy manager of its own, so that no plugin's object, hook wrapper or odd `__eq__` can reach
another's, and undoing a failed registration is dropping the manager.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pluggy

from ganzoo.discovery import Offer, Problem, describe
from ganzoo.errors import did_you_mean
from ganzoo.plugin import RECORD_HOOKS, Hooks, Record

CALLBACK_HOOK = "ganzoo_callbacks"
HOOKS = (*RECORD_HOOKS, CALLBACK_HOOK)

# What a plugin's code may raise and be isolated. A KeyboardInterrupt is the user's, not the plugin's.
FAILURES = (Exception, SystemExit)


@dataclass
class Activated:
    """What a plugin brought, as far as it came.

    Args:
        import_ms: milliseconds its import took; None: not imported, or the import failed.
        records: by class, in the order in which the hooks gave them.
        callbacks: its implementations of the callback hook, not yet called.
    """

    offer: Offer
    import_ms: float | None = None
    records: dict[type[Record], list[Record]] = field(default_factory=dict)
    callbacks: list[pluggy.HookImpl] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """What a plugin prints goes to stderr: stdout may be carrying one JSON document and nothing else."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def activate(offer: Offer) -> Activated:
    """Imports and registers one plugin and collects its records. Raises nothing but KeyboardInterrupt."""
    found = Activated(offer)
    start = time.perf_counter()
    try:
        with quiet_stdout():
            plugin = _imported(offer.value)
    except FAILURES as error:
        remedy = f"Mend or upgrade {offer.distribution}, or set GANZOO_DISABLE={offer.name}"
        if isinstance(error, ModuleNotFoundError) and error.name:
            remedy = f"Install the module {error.name}, or reinstall {offer.distribution}"
        found.problems.append(offer.problem("import", describe(error), remedy))
        return found
    found.import_ms = (time.perf_counter() - start) * 1e3
    try:
        with quiet_stdout():
            manager = _registered(plugin, offer.name)
    except FAILURES as error:
        cause = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else describe(error)
        remedy = f"The author of {offer.distribution} has to mend its hooks; is it made for another ganzoo?"
        found.problems.append(offer.problem("register", cause, remedy))
        return found
    found.callbacks = list(reversed(getattr(manager.hook, CALLBACK_HOOK).get_hookimpls()))
    for hook, kind in RECORD_HOOKS.items():
        # pluggy lists the implementation that was registered last first
        for implementation in reversed(getattr(manager.hook, hook).get_hookimpls()):
            try:
                with quiet_stdout():
                    known = found.records.get(kind, [])
                    records = _answer(implementation, kind, {record.name for record in known})
            except FAILURES as error:
                cause = f"{hook}: {error}" if isinstance(error, _AnswerError) else f"{hook} raised {describe(error)}"
                remedy = f"The author of {offer.distribution} has to mend {hook}; the plugin's other hooks are used"
                found.problems.append(offer.problem("hook", cause, remedy))
            else:
                found.records[kind] = [*known, *records]
    return found


def call_back(implementation: pluggy.HookImpl, run: Any) -> list[Any]:
    """The callbacks that one implementation of the callback hook gives for a run.

    Raises:
        TypeError: the answer is not iterable. Whatever the implementation raises passes through.
    """
    with quiet_stdout():
        # registration has shown that `run` is the only argument it may ask for
        answer: Any = implementation.function(run) if implementation.argnames else implementation.function()
        return list(answer)


def _imported(value: str) -> Any:
    """The object behind "module" or "module:attribute"."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise ValueError(f'the entry point is {value!r}, wanted "module" or "module:attribute"')
    plugin = importlib.import_module(match["module"])
    for name in (match["attribute"] or "").split("."):
        plugin = getattr(plugin, name) if name else plugin
    return plugin


_VALUE = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attribute>[\w.]+)\s*)?(\[.*\]\s*)?")


def _registered(plugin: Any, name: str) -> pluggy.PluginManager:
    """A manager with this plugin alone, all of its hook implementations checked against the specifications.

    Raises:
        pluggy.PluginValidationError: a hook that does not exist (pluggy accepts those in silence), lacks its decorator,
            takes an unknown argument or wraps.
        ValueError: the entry point names None.
    """
    manager = pluggy.PluginManager("ganzoo")
    manager.add_hookspecs(Hooks)
    if manager.register(plugin, name) is None:
        raise ValueError("the entry point names None")
    for hook, caller in vars(manager.hook).items():
        for implementation in caller.get_hookimpls():
            if hook not in HOOKS and not implementation.optionalhook:
                # every hook begins alike, so nearness is judged by the rest of the name
                rest = {known.removeprefix("ganzoo_"): known for known in HOOKS}
                near = [rest[name] for name in difflib.get_close_matches(hook.removeprefix("ganzoo_"), rest, n=1)]
                hint = did_you_mean(hook, near or HOOKS)
                raise pluggy.PluginValidationError(plugin, f"there is no hook {hook}. {hint}")
            if implementation.wrapper or implementation.hookwrapper:
                raise pluggy.PluginValidationError(plugin, f"{hook} is a wrapper; ganzoo calls every hook alone")
    for hook in HOOKS:
        if manager.parse_hookimpl_opts(plugin, hook) is None and callable(inspect.getattr_static(plugin, hook, None)):
            raise pluggy.PluginValidationError(plugin, f"{hook} lacks the decorator @ganzoo.hookimpl")
    return manager


class _AnswerError(Exception):
    """An answer of a hook that breaks the contract; the message says how."""


def _answer(implementation: pluggy.HookImpl, kind: type[Record], taken: set[str]) -> list[Record]:
    """All records of one hook implementation, or an exception: a hook counts wholly or not at all."""
    answer: Any = implementation.function()
    try:
        records = iter(answer)
    except TypeError:
        raise _AnswerError(f"answered {type(answer).__name__}, wanted an iterable of {kind.__name__}") from None
    checked: list[Record] = []
    for record in records:
        if not isinstance(record, kind):
            raise _AnswerError(f"answered with {_article(type(record).__name__)}, wanted {kind.__name__} records")
        try:
            _check(record)
        except (TypeError, ValueError) as error:
            raise _AnswerError(str(error)) from None
        if record.name in taken:
            raise _AnswerError(f"two records have the name {record.name!r}")
        taken.add(record.name)
        checked.append(record)
    return checked


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _check(record: Record) -> None:
    """Checks a record again, because a subclass may have replaced __post_init__, and the types that it leaves alone.

    Raises:
        ValueError: names the record and the field.
    """
    Record.__post_init__(record)
    for item in fields(record):
        value, wanted = getattr(record, item.name), _TYPES.get(str(item.type))
        if wanted is not None and not isinstance(value, wanted):
            raise ValueError(f"{record.kind} {record.name!r}: {item.name} is {value!r}, wanted {item.type}")


_TYPES: dict[str, Any] = {  # by annotation, for the fields of the records in `plugin`
    "bool": bool,
    "int": int,
    "int | None": int | None,
    "float": float | int,
    "float | None": float | int | None,
    "tuple[str, ...]": tuple,
    "Mapping[str, int]": Mapping,
    "Mapping[str, str]": Mapping,
    "Mapping[str, tuple[str, ...]]": Mapping,
}
