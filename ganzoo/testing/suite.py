"""Which checks a component of each kind is held to, what a name stands for, and doing the checks one after another."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganzoo.errors import UsageError, did_you_mean
from ganzoo.plugin import (
    RECORD_HOOKS,
    Arch,
    Augmentation,
    Dataset,
    FeatureExtractor,
    Loss,
    Metric,
    Penalty,
    Record,
    Tracker,
)
from ganzoo.registry import Entry, Registry, registry
from ganzoo.testing.check import Check, Checks, Outcome, outcome
from ganzoo.testing.declaration import PLUGIN, RECORD, plugin_subject

# Modules of this room by kind, each with its groups in GROUPS and the class of their subject in SUBJECT, made from
# (entry, data). PREPARE, if there is one, begins what takes a while.
MODULES: Mapping[type[Record], str] = {
    Arch: "ganzoo.testing.architecture",
    Loss: "ganzoo.testing.losses",
    Penalty: "ganzoo.testing.penalties",
    Augmentation: "ganzoo.testing.augmentations",
    Dataset: "ganzoo.testing.datasets",
    Metric: "ganzoo.testing.metrics",
    FeatureExtractor: "ganzoo.testing.extractors",
    Tracker: "ganzoo.testing.trackers",
}


@dataclass
class Target:
    """A plugin, or one of its components, with the checks that it is held to and what is known to fail.

    Args:
        entry: None for a plugin as a whole.
        data: as for `ganzoo train --data`, for an architecture.
    """

    name: str
    plugin: str
    entry: Entry[Any] | None = None
    data: str | None = None
    expected: Mapping[str, str] = field(default_factory=dict)
    _subject: Any = None

    def checks(self, *, slow: bool = False) -> list[Check]:
        """All its checks in order, without the slow ones unless they are asked for."""
        groups: list[Checks] = [PLUGIN] if self.entry is None else [RECORD, *self._module().GROUPS]
        return [check for group in groups for check in group if slow or not check.slow]

    def open_data(self) -> None:
        """Opens the data that were named, so that a wrong name is told before any check.

        Raises:
            UsageError: they cannot be used.
        """
        if self.entry is not None and isinstance(self.entry.record, Arch):
            self._subject_of_kind.source  # noqa: B018 - reading it opens it

    def do(self, check: Check) -> Outcome:
        """What comes of one of them."""
        about = self.entry if check in RECORD else self._subject_of_kind
        expected = self.expected.get(f"{self.name}:{check.name}", self.expected.get(check.name))
        return outcome(check, self.name, about, expected)

    def _module(self) -> Any:
        assert self.entry is not None
        return importlib.import_module(MODULES[type(self.entry.record)])

    @property
    def _subject_of_kind(self) -> Any:
        if self._subject is None:
            self._subject = (
                plugin_subject(self.plugin) if self.entry is None else self._module().SUBJECT(self.entry, self.data)
            )
        return self._subject


def targets(
    names: Sequence[str], *, data: str | None = None, expected: Mapping[str, str] | None = None
) -> list[Target]:
    """What names stand for: each plugin whose part was asked for as a whole, then its components.

    Args:
        names: ids or bare names of components, or of plugins; "name/" is always a plugin. None: all that is installed.
        data: for architectures.
        expected: reasons of known failures, by the check's name, or by "subject:check".

    Raises:
        UsageError: a name stands for nothing, an expected failure names no check, or the data cannot be used.
    """
    found = registry()
    entries: dict[tuple[str, str], Entry[Any]] = {}
    plugins: list[str] = []
    asked = names or [f"{info.name}/" for info in found.plugins if not info.disabled]
    for name in asked:
        for entry in _entries(found, name):
            entries[type(entry.record).kind, entry.id] = entry
            plugins.append(entry.plugin)
        if name.endswith("/"):
            plugins.append(name[:-1])
    chosen: list[Target] = []
    known = expected or {}
    for plugin in dict.fromkeys(plugins):
        if found.offer(plugin) is not None:
            chosen.append(Target(plugin, plugin, expected=known))
        chosen += [Target(entry.id, plugin, entry, data, known) for entry in entries.values() if entry.plugin == plugin]
    _check_expected(known, chosen)
    if data is not None:
        for target in chosen:
            target.open_data()
    return chosen


def run(chosen: Sequence[Target], *, slow: bool = False, only: str | None = None) -> Iterator[Outcome]:
    """Each check of each target, one after another; only those whose name contains a text."""
    for kind in {type(target.entry.record) for target in chosen if target.entry is not None}:
        prepare = getattr(importlib.import_module(MODULES[kind]), "PREPARE", None)
        if prepare is not None and only is None:
            prepare()
    for target in chosen:
        for check in target.checks(slow=slow):
            if only is None or only in check.name:
                yield target.do(check)


def _entries(found: Registry, name: str) -> list[Entry[Any]]:
    if name.endswith("/"):
        if not any(info.name == name[:-1] for info in found.plugins):
            hint = did_you_mean(name[:-1], [info.name for info in found.plugins])
            raise UsageError(f"There is no plugin {name[:-1]!r}. {hint} Is it installed? (pip install -e .)")
        return _of_plugin(found, name[:-1])
    unknown: UsageError | None = None
    for kind in RECORD_HOOKS.values():
        try:
            return [found.find(kind, name)]
        except UsageError as error:
            unknown = unknown or error
    if any(info.name == name for info in found.plugins):
        return _of_plugin(found, name)
    assert unknown is not None
    raise unknown


def _of_plugin(found: Registry, plugin: str) -> list[Entry[Any]]:
    return [entry for kind in RECORD_HOOKS.values() for entry in found.entries(kind) if entry.plugin == plugin]


def _check_expected(expected: Mapping[str, str], chosen: Sequence[Target]) -> None:
    if not expected:
        return
    names = {check.name for target in chosen for check in target.checks(slow=True)}
    wholes = {f"{target.name}:{check.name}" for target in chosen for check in target.checks(slow=True)}
    for key, reason in expected.items():
        if key not in names | wholes:
            raise UsageError(f"There is no check {key!r} to expect a failure of. {did_you_mean(key, names)}")
        if not reason.strip():
            raise UsageError(f"The expected failure of {key} has no reason: say why it fails")
