"""Finds what is installed under the entry-point group `ganzoo` and decides which of it may run, without running any.

The first two of the five guarded stages are here: conflict of names, and version. `activation` has the other three.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import ENTRY_POINT_GROUP, NAME_PATTERN

BUILTIN = "ganzoo"
OFFICIAL_PLUGINS: Mapping[str, str] = {
    name: f"ganzoo-{name}"
    for name in ("classic", "wasserstein", "resnet", "style", "encoder", "translate", "baselines")
}

Stage = Literal["conflict", "version", "import", "register", "hook"]


@dataclass(frozen=True)
class Problem:
    """Why a plugin, or a part of it, is not used.

    Args:
        source: name of the entry point.
        distribution, version: who offers it.
        stage: where it failed.
        cause: one line.
        remedy: one line, what to do.
    """

    source: str
    distribution: str
    version: str
    stage: Stage
    cause: str
    remedy: str

    def __str__(self) -> str:
        stop = "" if self.cause.endswith((".", "?")) else "."
        return f"{self.source} ({self.distribution} {self.version}), {self.stage}: {self.cause}{stop} {self.remedy}"


@dataclass(frozen=True)
class Offer:
    """One entry point of one installed distribution.

    Args:
        value: "module" or "module:attribute" of the plugin object.
        requires: the Requires-Dist lines of the distribution; None: its metadata cannot be read.
    """

    name: str
    value: str
    distribution: str
    version: str
    requires: tuple[str, ...] | None = ()

    def problem(self, stage: Stage, cause: str, remedy: str) -> Problem:
        return Problem(self.name, self.distribution, self.version, stage, cause, remedy)


def normalised(distribution: str) -> str:
    """The name under which an index knows a distribution: lower case, runs of `-`, `_` and `.` as one hyphen."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def describe(error: BaseException) -> str:
    """`Type: message` on one line, with the plugin's file and line that raised it; never raises itself."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # a plugin's exception class may be as broken as its plugin
        message = "(no message: its __str__ fails)"
    place = ""
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith(("<", _HERE, _IMPORTLIB)):  # the machinery, which the author of a plugin cannot mend
            place = f" ({file}, line {step.tb_lineno})"
        step = step.tb_next
    if isinstance(error, SyntaxError):  # its own message says where
        place = ""
    return f"{type(error).__name__}: {message[:500]}{place}"


_HERE = os.path.join(os.path.dirname(__file__), "")
_IMPORTLIB = os.path.join(os.path.dirname(importlib.__file__), "")


def installed_offers() -> list[Offer]:
    """The entry points of every distribution on sys.path; of two copies of a distribution the first counts.

    Each entry_points.txt is read alone: importlib.metadata.entry_points() fails as a whole on one malformed file.
    """
    offers: list[Offer] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
        except Exception:  # an unreadable file belongs to none of our plugins as far as anyone can tell
            continue
        if not text or not _SECTION.search(text):
            continue
        name, version, requires = _identity(distribution)
        if normalised(name) in seen or (requires is not None and _is_shadowed(name, version, text)):
            continue
        seen.add(normalised(name))
        offers += [Offer(source, value, name, version, requires) for source, value in _entry_points(text)]
    return offers


_SECTION = re.compile(rf"^\s*\[{ENTRY_POINT_GROUP}\]\s*$", re.MULTILINE)


def _identity(distribution: importlib.metadata.Distribution) -> tuple[str, str, tuple[str, ...] | None]:
    """Name, version and requirements; None for the requirements of a distribution without readable metadata."""
    try:
        name, version = distribution.metadata["Name"], distribution.version
        if name and version:
            return name, version, tuple(distribution.requires or ())
    except Exception:  # a half-removed or hand-edited installation
        pass
    # The folder's name is all that is left to tell the user where to look.
    folder = re.split(r"[\\/]", str(getattr(distribution, "_path", "unknown-distribution")))[-1]
    stem, _, version = re.sub(r"\.(dist|egg)-info$", "", folder).partition("-")
    return stem, version or "?", None


def _is_shadowed(name: str, version: str, text: str) -> bool:
    """Whether an earlier copy on sys.path, perhaps one that offers no plugin, is the one that Python uses."""
    try:
        first = importlib.metadata.distribution(name)
        return first.version != version or first.read_text("entry_points.txt") != text
    except Exception:
        return False


def _entry_points(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of each line of our section; a line without `=` gives an empty value, which import reports."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif line and not line.startswith(("#", ";")) and section == ENTRY_POINT_GROUP:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def settle_names(offers: Iterable[Offer]) -> tuple[list[Offer], list[Problem]]:
    """Stage conflict: the offers that keep their name, and a problem for every other one.

    An official name belongs to its distribution whether that is installed or not, so nobody can impersonate it. Any
    other contested name belongs to the only distribution named after it, or to none: which plugin runs never depends on
    the order of installation.
    """
    kept: list[Offer] = []
    problems: list[Problem] = []
    by_name: dict[str, list[Offer]] = {}
    for offer in offers:
        mine = [other for other in by_name.get(offer.name, ()) if _same_distribution(other, offer)]
        if not NAME_PATTERN.fullmatch(offer.name):
            cause = f"{offer.name!r} is no name for a plugin"
            remedy = "Its author has to name the entry point with lower-case letters, digits and single hyphens"
            problems.append(offer.problem("conflict", cause, remedy))
        elif offer.name == BUILTIN:
            cause = f"the name {BUILTIN} is reserved for the built-in components"
            problems.append(offer.problem("conflict", cause, "Its author has to rename the entry point"))
        elif mine and mine[0].value != offer.value:
            cause = f"it offers {offer.name} twice, as {mine[0].value} and as {offer.value}; the first is used"
            problems.append(offer.problem("conflict", cause, "Its author has to rename one of the entry points"))
        elif not mine:
            by_name.setdefault(offer.name, []).append(offer)
    for name, rivals in by_name.items():
        owner = _owner(name, rivals)
        kept += [offer for offer in rivals if offer is owner]
        problems += [_refusal(offer, rivals, owner) for offer in rivals if offer is not owner]
    return kept, problems


def _same_distribution(a: Offer, b: Offer) -> bool:
    return normalised(a.distribution) == normalised(b.distribution)


def _owner(name: str, rivals: Sequence[Offer]) -> Offer | None:
    if name in OFFICIAL_PLUGINS:
        entitled = [offer for offer in rivals if normalised(offer.distribution) == OFFICIAL_PLUGINS[name]]
    elif len(rivals) == 1:
        return rivals[0]
    else:
        entitled = [offer for offer in rivals if _named_after(normalised(offer.distribution), name)]
    return entitled[0] if len(entitled) == 1 else None


def _named_after(distribution: str, name: str) -> bool:
    return distribution in (name, f"ganzoo-{name}") or distribution.startswith(f"{name}-")


def _refusal(offer: Offer, rivals: Sequence[Offer], owner: Offer | None) -> Problem:
    if offer.name in OFFICIAL_PLUGINS:
        cause = f"the name {offer.name} belongs to {OFFICIAL_PLUGINS[offer.name]}"
    elif owner is not None:
        cause = f"{owner.distribution} {owner.version} offers {offer.name} too and is named after it"
    else:
        others = ", ".join(f"{other.distribution} {other.version}" for other in rivals if other is not offer)
        cause = f"{offer.name} is also offered by {others}; none has the better claim, so none is run"
    remedy = f"Uninstall {offer.distribution}, or ask its author to rename the entry point"
    return offer.problem("conflict", cause, remedy)


def version_problem(offer: Offer, ganzoo_version: str) -> Problem | None:
    """Stage version: whether the distribution's own requirements on ganzoo admit `ganzoo_version`.

    Markers are honoured, a requirement of an extra does not count, and pre-releases are allowed: a developer's ganzoo
    0.2.0.dev1 satisfies >=0.1.
    """
    if offer.requires is None:
        cause = "its metadata cannot be read, so nobody can tell which ganzoo it needs"
        return offer.problem("version", cause, f"pip install --force-reinstall {offer.distribution}")
    lines = [line for line in offer.requires if _ON_GANZOO.match(line) and not plainly_admits(line, ganzoo_version)]
    if not lines:
        return None
    from packaging.requirements import InvalidRequirement, Requirement  # 25 of the 165 ms of `ganzoo list`

    for line in lines:
        try:
            requirement = Requirement(line)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        except (InvalidRequirement, ValueError) as error:
            cause = f"its requirement {line!r} cannot be read: {describe(error)}"
            return offer.problem("version", cause, "Its author has to mend the metadata of the distribution")
        if applies and not requirement.specifier.contains(ganzoo_version, prereleases=True):
            cause = f"it needs ganzoo{requirement.specifier}, this is ganzoo {ganzoo_version}"
            remedy = f'pip install --upgrade {offer.distribution}, or pip install "ganzoo{requirement.specifier}"'
            return offer.problem("version", cause, remedy)
    return None


def plainly_admits(requirement: str, version: str) -> bool:
    """Whether a requirement of the usual form `ganzoo<0.2,>=0.1` admits a release such as 0.1.0.

    False also where it cannot tell: `packaging` is then the judge.
    """
    match = _PLAIN.fullmatch(requirement)
    if match is None or not _RELEASE.fullmatch(version):
        return False
    here = _numbers(version)
    bounds = [clause.strip() for clause in match["bounds"].split(",")]
    return all(_numbers(b[2:]) <= here if b.startswith(">=") else here < _numbers(b[1:]) for b in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.sub(r"(\.0+)+$", "", version.strip()).split(".")))


_RELEASE = re.compile(r"\d+(\.\d+)*")
_PLAIN = re.compile(rf"\s*ganzoo\s*(?P<bounds>(>=|<)\s*{_RELEASE.pattern}(\s*,\s*(>=|<)\s*{_RELEASE.pattern})*)\s*")
_ON_GANZOO = re.compile(r"\s*ganzoo(?![\w.-])", re.IGNORECASE)
