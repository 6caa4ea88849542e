"""What the installed plugins bring: finds it once per process, keeps broken plugins apart, and resolves names.

Standard library, pluggy and packaging only. `discovery` decides what may run, `activation` runs it.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import ganzoo
from ganzoo.activation import FAILURES, Activated, activate, call_back, quiet_stdout
from ganzoo.discovery import (
    BUILTIN,
    OFFICIAL_PLUGINS,
    Offer,
    Problem,
    describe,
    installed_offers,
    normalised,
    settle_names,
    version_problem,
)
from ganzoo.errors import GanzooError, UsageError, did_you_mean
from ganzoo.plugin import Arch, Record

__all__ = [
    "OFFICIAL_ARCHITECTURES",
    "OFFICIAL_PLUGINS",
    "Entry",
    "Offer",
    "PluginInfo",
    "Problem",
    "Registry",
    "discover",
    "preset_of",
    "registry",
]

# The plugin that a bare architecture name means, installed or not: installing another plugin never changes it.
OFFICIAL_ARCHITECTURES: Mapping[str, str] = {
    "gan": "classic",
    "dcgan": "classic",
    "dcgan-tf": "classic",
    "gan-2d": "classic",
    "lsgan": "classic",
    "acgan": "classic",
    "infogan": "classic",
    "began": "classic",
    "wgan": "wasserstein",
    "wgan-gp": "wasserstein",
    "dragan": "wasserstein",
    "sngan": "resnet",
    "biggan": "resnet",
    "progan": "style",
    "stylegan2": "style",
    "r3gan": "style",
    "ali": "encoder",
    "vqgan": "encoder",
    "pix2pix": "translate",
    "cyclegan": "translate",
    "histogram": "baselines",
    "gaussian-mixture": "baselines",
    "histogram-2d": "baselines",
    "gaussian-mixture-2d": "baselines",
}
DISABLE_VARIABLE = "GANZOO_DISABLE"  # names of plugins, separated by commas

R = TypeVar("R", bound=Record)
R_co = TypeVar("R_co", bound=Record, covariant=True)


@dataclass(frozen=True)
class Entry(Generic[R_co]):
    """A record and the plugin that brings it."""

    plugin: str
    distribution: str
    version: str
    record: R_co

    @property
    def id(self) -> str:
        """plugin/name: always valid, and what configs and checkpoints store."""
        return f"{self.plugin}/{self.record.name}"


@dataclass(frozen=True)
class PluginInfo:
    """One offered plugin, used or not.

    Args:
        import_ms: milliseconds its import took; None: it was not imported, or the import failed.
        counts: what it brings, by kind ("architecture": 3), "callback" for implementations of the callback hook.
        problems: its own.
        disabled: the user switched it off by GANZOO_DISABLE.
    """

    name: str
    distribution: str
    version: str
    import_ms: float | None
    counts: Mapping[str, int]
    problems: tuple[Problem, ...] = ()
    disabled: bool = False


def preset_of(entry: Entry[Arch], name: str | None) -> tuple[str, ...]:
    """The assignments of an architecture's preset; none for None.

    Raises:
        UsageError: it has no preset of that name.
    """
    if name is None:
        return ()
    if name not in entry.record.presets:
        raise UsageError(f"{entry.id} has no preset {name!r}. {did_you_mean(name, entry.record.presets)}")
    return tuple(entry.record.presets[name])


class Registry:
    """Everything that the plugins bring. Get the process's own from `registry()`."""

    def __init__(self, activated: Iterable[Activated], unused: Iterable[PluginInfo] = ()) -> None:
        """
        Args:
            activated: plugins whose code ran, broken or not.
            unused: plugins whose code did not run: disabled, or refused with a problem.
        """
        self._activated = sorted(activated, key=lambda found: found.offer.name)
        plugins = [_info(found) for found in self._activated]
        self.plugins: Sequence[PluginInfo] = tuple(
            sorted((*plugins, *unused), key=lambda info: (info.name != BUILTIN, info.name, info.distribution))
        )
        self.problems: list[Problem] = [problem for info in self.plugins for problem in info.problems]
        self._entries: dict[type[Record], list[Entry[Any]]] = {}
        for found in self._activated:
            offer = found.offer
            for kind, records in found.records.items():
                self._entries.setdefault(kind, []).extend(
                    Entry(offer.name, offer.distribution, offer.version, record) for record in records
                )
        for entries in self._entries.values():
            entries.sort(key=lambda entry: entry.id)

    def offer(self, plugin: str) -> Offer | None:
        """The entry point behind a plugin whose code ran, None for another."""
        return next((found.offer for found in self._activated if found.offer.name == plugin), None)

    def entries(self, kind: type[R]) -> list[Entry[R]]:
        """All entries of a kind, sorted by id."""
        return list(self._entries.get(kind, []))

    def find(self, kind: type[R], name: str) -> Entry[R]:
        """The entry that a bare name or an id means.

        An id is exact. A bare architecture name means the official architecture of that name, installed or not; a bare
        name of another kind means the built-in one of that name; else the only plugin that offers the name.

        Raises:
            UsageError: there is none, or several; the message suggests names, ids, or what to install.
        """
        entries = self.entries(kind)
        if "/" in name:
            matches = [entry for entry in entries if entry.id == name]
            if not matches:
                raise UsageError(self._about_id(kind, name))
            return matches[0]
        matches = [entry for entry in entries if entry.record.name == name]
        owner = OFFICIAL_ARCHITECTURES.get(name, "") if kind is Arch else BUILTIN
        owned = [entry for entry in matches if entry.plugin == owner]
        if owned:
            return owned[0]
        ids = " or ".join(entry.id for entry in matches)
        if kind is Arch and owner:
            others = f" Another architecture of that name has the id {ids}." if ids else ""
            raise UsageError(f"{self._about_official(owner, name)}{others}")
        if len(matches) > 1:
            raise UsageError(f"Several plugins offer the {kind.kind} {name}. Ask for it by id: {ids}.")
        if not matches:
            hint = did_you_mean(name.lower(), self._suggestions(kind))
            raise UsageError(f"There is no {kind.kind} {name!r}. {hint}{self._about_problems()}")
        return matches[0]

    def load(self, entry: Entry[Any]) -> Any:
        """The object behind an entry's target, imported now.

        Raises:
            GanzooError: the target cannot be imported, whatever its code raised; names plugin, distribution and cause.
        """
        module, _, attribute = entry.record.target.partition(":")
        try:
            with quiet_stdout():
                return getattr(importlib.import_module(module), attribute)
        except FAILURES as error:
            raise GanzooError(
                f"The {entry.record.kind} {entry.id} cannot be loaded: {entry.record.target} of plugin {entry.plugin} "
                f"({entry.distribution} {entry.version}) fails with {describe(error)}"
            ) from error

    def callbacks(self, run: Any) -> list[Any]:
        """What every plugin wants to be called with during `run`, by plugin name.

        A plugin that fails here is left out with a warning and a Problem, so that it does not stop the run.
        """
        gathered: list[Any] = []
        for found in self._activated:
            for implementation in found.callbacks:
                try:
                    gathered += call_back(implementation, run)
                except FAILURES as error:
                    cause = f"ganzoo_callbacks raised {describe(error)}"
                    remedy = f"The run goes on without it; mend or upgrade {found.offer.distribution}"
                    problem = found.offer.problem("hook", cause, remedy)
                    self.problems.append(problem)
                    warnings.warn(str(problem), RuntimeWarning, stacklevel=2)
        return gathered

    def shortest_name(self, kind: type[R], entry: Entry[R]) -> str:
        """The shortest name that `find` resolves to this entry: its bare name, else its id."""
        try:
            found = self.find(kind, entry.record.name)
        except UsageError:
            return entry.id
        return entry.record.name if found is entry else entry.id

    def _suggestions(self, kind: type[Record]) -> set[str]:
        """Names worth suggesting for a bare one: each resolves, or is official and says what to install."""
        names = {self.shortest_name(kind, entry) for entry in self.entries(kind)}
        return names | set(OFFICIAL_ARCHITECTURES) if kind is Arch else names

    def _about_id(self, kind: type[Record], name: str) -> str:
        """Why `find` has nothing for an id, and what to do."""
        plugin, _, bare = name.partition("/")
        if kind is Arch and OFFICIAL_ARCHITECTURES.get(bare) == plugin:
            return self._about_official(plugin, bare)
        missing = f"There is no {kind.kind} {name}."
        failed = [problem for problem in self.problems if problem.source == plugin]
        if failed:
            return f"{missing} The plugin has a problem: {failed[0]}"
        if any(info.name == plugin and info.disabled for info in self.plugins):
            return f"{missing} The plugin {plugin} is switched off by {DISABLE_VARIABLE}."
        names: dict[str, list[str]] = {}
        for entry in self.entries(kind):
            names.setdefault(entry.record.name, []).append(entry.id)
        if kind is Arch:
            for official, owner in OFFICIAL_ARCHITECTURES.items():
                names.setdefault(official, []).append(f"{owner}/{official}")
        # an id is near if its part after the slash is: the same plugin's other ids are not
        near = [bare] if bare in names else difflib.get_close_matches(bare.lower(), names) or list(names)
        hint = did_you_mean(name.lower(), [known for close in near for known in names[close]])
        return f"{missing} {hint}{self._about_problems()}"

    def _about_official(self, plugin: str, name: str) -> str:
        """Why the official architecture `name` is not at hand, and what to do."""
        distribution = OFFICIAL_PLUGINS[plugin]
        which = f"The architecture {plugin}/{name} is part of {distribution}"
        for info in self.plugins:
            if info.name == plugin and normalised(info.distribution) == distribution:
                if info.disabled:
                    return f"{which}, which is switched off by {DISABLE_VARIABLE}."
                if info.problems:
                    return f"{which}, which has a problem: {info.problems[0]}"
                return f"{which}, but {info.version} does not bring it: pip install --upgrade {distribution}"
        return f"{which}, which is not installed: pip install {distribution}"

    def _about_problems(self) -> str:
        sources = sorted({problem.source for problem in self.problems})
        return f" (Plugins with problems: {', '.join(sources)}; see `ganzoo plugins`.)" if sources else ""


def _info(found: Activated) -> PluginInfo:
    offer = found.offer
    counts = {kind.kind: len(records) for kind, records in found.records.items() if records}
    if found.callbacks:
        counts["callback"] = len(found.callbacks)
    return PluginInfo(
        offer.name, offer.distribution, offer.version, found.import_ms, counts, problems=tuple(found.problems)
    )


def _unused(offer: Offer, problem: Problem | None = None) -> PluginInfo:
    problems = (problem,) if problem else ()
    return PluginInfo(
        offer.name, offer.distribution, offer.version, None, {}, problems=problems, disabled=problem is None
    )


def discover(offers: Iterable[Offer] | None = None, disabled: Iterable[str] | None = None) -> Registry:
    """A registry of the built-in components and of `offers`, made anew.

    Args:
        offers: entry points; None: those of the installed distributions.
        disabled: names of plugins to leave alone; None: those of the environment variable GANZOO_DISABLE.
    """
    if disabled is None:
        disabled = os.environ.get(DISABLE_VARIABLE, "").split(",")
    off = {name.strip() for name in disabled}
    unused: list[PluginInfo] = []
    wanted: list[Offer] = []
    for offer in installed_offers() if offers is None else offers:
        if offer.name in off:
            unused.append(_unused(offer))
        else:
            wanted.append(offer)
    kept, conflicts = settle_names(wanted)
    activated = [activate(Offer(BUILTIN, "ganzoo.builtin", "ganzoo", ganzoo.__version__))]
    for offer in kept:
        problem = version_problem(offer, ganzoo.__version__)
        if problem is None:
            activated.append(activate(offer))
        else:
            conflicts.append(problem)
    for problem in conflicts:
        unused.append(_unused(Offer(problem.source, "", problem.distribution, problem.version), problem))
    return Registry(activated, unused)


def registry(strict: bool = False) -> Registry:
    """The process's registry, discovered at the first call.

    Args:
        strict: whether a problem of any plugin is an error.

    Raises:
        GanzooError: with `strict`; lists all problems.
    """
    found = _installed()
    if strict and found.problems:
        listing = "\n".join(f"  {problem}" for problem in found.problems)
        raise GanzooError(f"{len(found.problems)} problem(s) with plugins, where strict allows none:\n{listing}")
    return found


@functools.cache
def _installed() -> Registry:
    return discover()
