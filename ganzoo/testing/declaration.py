"""What a plugin declares before any of its code is needed: its distribution, its light module, its records."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement

from ganzoo.activation import activate
from ganzoo.deprecation import GanzooDeprecation
from ganzoo.discovery import BUILTIN, Offer
from ganzoo.plugin import SUMMARY_LENGTH, Arch, Record
from ganzoo.registry import Entry, PluginInfo, registry
from ganzoo.testing.check import Checks, Failed, Skipped, want

LIGHT_MS = 50.0  # that a plugin's module may take to import: `ganzoo list` has 200 for all of them
LIGHT_TRIES = 3  # of which the fastest counts: the first one may wait for the disk


@dataclass(frozen=True)
class PluginSubject:
    """A plugin as a whole."""

    info: PluginInfo
    offer: Offer

    @cached_property
    def imported(self) -> dict[str, Any]:
        """What its import does, seen in fresh processes: the fastest of a few by time, what it did from the first."""
        module = self.offer.value.partition(":")[0].strip()
        seen = []
        for _ in range(LIGHT_TRIES):
            done = subprocess.run(
                [sys.executable, "-c", WATCHER, module], capture_output=True, text=True, timeout=60, check=False
            )
            try:
                seen.append(json.loads(done.stdout.splitlines()[-1]))
            except (ValueError, IndexError):
                raise Failed(
                    f"importing {module} in a process of its own fails: {done.stderr.strip()[-300:]}"
                ) from None
            if seen[-1]["ms"] <= LIGHT_MS:
                break
        first: dict[str, Any] = seen[0]
        return first | {"ms": min(each["ms"] for each in seen)}


# Runs in a fresh interpreter. The contract's own modules are imported beforehand: their time is ganzoo's, not the plugin's.
WATCHER = """
import contextlib, io, json, os, random, sys, time
import ganzoo, ganzoo.plugin, importlib
written, writing = [], {os.O_WRONLY, os.O_RDWR}
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path, mode, flags = os.fsdecode(arguments[0]), arguments[1], arguments[2]
        wrote = any(c in mode for c in "wax+") if isinstance(mode, str) else bool(flags & (os.O_WRONLY | os.O_RDWR))
        if wrote and "__pycache__" not in path and path != os.devnull:
            written.append(path)
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir"):
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes, os.PathLike)) else "?"
        if "__pycache__" not in path:
            written.append(path)
sys.addaudithook(watch)
chance, folder, before = random.getstate(), os.getcwd(), dict(os.environ)
out = io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
    start = time.perf_counter()
    module = importlib.import_module(sys.argv[1])
    ms = (time.perf_counter() - start) * 1e3
    changed = [name for name, holds in {
        "Python's random state": random.getstate() == chance,
        "the working folder": os.getcwd() == folder,
        "the environment": dict(os.environ) == before,
    }.items() if not holds]
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "numpy", "PIL", "scipy", "pandas"})
print()
print(json.dumps({"ms": ms, "heavy": heavy, "said": out.getvalue(), "written": written, "changed": changed}))
"""

PLUGIN = Checks("plugin")


@PLUGIN.check(
    "used",
    why="A plugin with a problem brings only a part of what it offers, or nothing.",
    hint="`ganzoo plugins` shows stage, cause and remedy.",
)
def used(subject: PluginSubject) -> None:
    """No stage of discovery and activation found a problem: names, version, import, hooks and their arguments, records."""
    want(not subject.info.problems, "; ".join(map(str, subject.info.problems)))
    want(bool(subject.info.counts), "it brings nothing: no hook answered with a record or a callback")


@PLUGIN.check(
    "requirement",
    why="A ganzoo with another contract would run the plugin, and fail in the middle.",
    hint='Write a range such as "ganzoo>=0.1,<0.2" into the project\'s dependencies.',
)
def requirement(subject: PluginSubject) -> str:
    """The distribution's requirement on ganzoo has a lower and an upper bound."""
    if subject.offer.name == BUILTIN:
        raise Skipped("it is ganzoo itself")
    found = []
    for line in subject.offer.requires or ():
        try:
            each = Requirement(line)
        except InvalidRequirement as error:
            raise Failed(f"the requirement {line!r} cannot be read: {error}") from error
        if each.name.lower() == "ganzoo" and (each.marker is None or each.marker.evaluate({"extra": ""})):
            found.append(each)
    want(bool(found), f"{subject.offer.distribution} does not require ganzoo at all")
    operators = {clause.operator for each in found for clause in each.specifier}
    text = ", ".join(str(each) for each in found)
    lower = operators & {">=", ">", "~=", "=="}
    want(bool(lower), f"{text} has no lower bound")
    want(
        bool(operators & {"<", "<=", "~=", "=="}),
        f"{text} has no upper bound, and is read as fit for any future ganzoo",
    )
    return text


@PLUGIN.check(
    "light",
    why="Every command imports every plugin's module, also to list or to show help.",
    hint="Keep records alone in the module of the entry point; torch belongs into the module that `target` names.",
)
def light(subject: PluginSubject) -> str:
    """Its module imports no torch, nor another heavy package, in less than 50 ms."""
    seen = subject.imported
    want(not seen["heavy"], f"importing {subject.offer.value} imports {', '.join(seen['heavy'])}")
    want(
        seen["ms"] < LIGHT_MS,
        f"importing {subject.offer.value} took {seen['ms']:.0f} ms, wanted less than {LIGHT_MS:.0f}",
    )
    return f"{seen['ms']:.1f} ms"


@PLUGIN.check(
    "quiet",
    why="Installing a plugin must change nothing about commands that do not use it.",
    hint="Leave the module of the entry point to records; do the work where it is needed.",
)
def quiet(subject: PluginSubject) -> None:
    """Importing it prints nothing, writes no file, and changes neither random state, folder nor environment."""
    seen = subject.imported
    want(not seen["said"], f"importing {subject.offer.value} prints {seen['said'].strip()[:80]!r}")
    want(not seen["written"], f"importing {subject.offer.value} writes or changes {', '.join(seen['written'][:3])}")
    want(not seen["changed"], f"importing {subject.offer.value} changes {', '.join(seen['changed'])}")


@PLUGIN.check(
    "deprecated",
    why="What is deprecated works for one more minor release, and then stops.",
    hint="The message says what takes its place; docs/versions.md says how long there is.",
)
def deprecated(subject: PluginSubject) -> None:
    """Nothing that its records or hooks use is about to be removed."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        activate(subject.offer)
    found = [str(each.message) for each in seen if issubclass(each.category, GanzooDeprecation)]
    want(not found, "; ".join(dict.fromkeys(found)))


RECORD = Checks("declaration")


@RECORD.check(
    "name",
    why="A contested or reserved name means something else on another machine.",
    hint="Rename the record.",
)
def name(entry: Entry[Record]) -> None:
    """No other record of the kind has its id, and its bare name is not an official architecture's."""
    found = [other for other in registry().entries(type(entry.record)) if other.id == entry.id]
    want(len(found) <= 1, f"{len(found)} records have the id {entry.id}")
    if isinstance(entry.record, Arch):
        from ganzoo.registry import OFFICIAL_ARCHITECTURES

        owner = OFFICIAL_ARCHITECTURES.get(entry.record.name, entry.plugin)
        want(owner == entry.plugin, f"the name {entry.record.name} is that of the official {owner}/{entry.record.name}")


@RECORD.check(
    "summary",
    why="It is what a reader of `ganzoo list` chooses by.",
    hint=f"One line of at most {SUMMARY_LENGTH} characters that says what is special about it, without a full stop.",
)
def summary(entry: Entry[Record]) -> None:
    """One line of at most 72 characters, which is not only the name."""
    text = entry.record.summary
    want(0 < len(text) <= SUMMARY_LENGTH and "\n" not in text, f"the summary has {len(text)} characters")
    want(
        text == text.strip() and text.isprintable(),
        f"the summary {text!r} has blanks around it, or unprintable letters",
    )
    plain = re.sub(r"\W+", "", text).lower()
    want(plain != re.sub(r"\W+", "", entry.record.name).lower(), "the summary is the name again")


@RECORD.check(
    "paper",
    why="Who uses it wants to read what it is.",
    hint="Give `paper` the address of the paper or of the definition, and `year` its year.",
)
def paper(entry: Entry[Record]) -> None:
    """An https address with its year, or neither."""
    record = entry.record
    if not record.paper:
        raise Skipped("the record names no paper" + (f", only its year {record.year}" if record.year else ""))
    parts = urlsplit(record.paper)
    want(
        parts.scheme in ("http", "https") and "." in parts.netloc and not re.search(r"\s", record.paper),
        f"paper is {record.paper!r}, wanted an address such as https://arxiv.org/abs/1406.2661",
    )
    want(record.year is not None, "the record names a paper and not its year")


@RECORD.check(
    "licence",
    why="Nobody may use code without one.",
    hint='Give `licence` an SPDX identifier such as "Apache-2.0" or "MIT".',
)
def licence(entry: Entry[Record]) -> str:
    """An SPDX licence expression."""
    given = entry.record.licence
    if not given:
        raise Skipped("the record names no licence; name one before others use it")
    try:
        known = canonicalize_license_expression(given)
    except InvalidLicenseExpression:
        raise Failed(f"licence is {given!r}, which is no SPDX expression") from None
    want(known == given, f"licence is {given!r}, which SPDX writes {known!r}")
    return given


def plugin_subject(name: str) -> PluginSubject:
    """The plugin of that name, as the registry has it."""
    found = registry()
    info = next(each for each in found.plugins if each.name == name)
    offer = found.offer(name)
    assert offer is not None, name
    return PluginSubject(info, offer)
