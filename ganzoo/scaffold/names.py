"""Which names a new plugin may have. A name that is refused now is one that pip, Python or ganzoo would refuse later."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import itertools
import keyword
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ganzoo.discovery import BUILTIN, OFFICIAL_PLUGINS, normalised
from ganzoo.errors import UsageError
from ganzoo.plugin import NAME_PATTERN, RECORD_HOOKS
from ganzoo.registry import OFFICIAL_ARCHITECTURES, registry

LONGEST = 40  # characters: imports from a package of that name still fit into a line of 120 columns

# Modules of some Python from 3.11 on, though perhaps not of this one.
_OTHER_PYTHONS = """
aifc annotationlib asynchat asyncore audioop cgi cgitb chunk compression crypt distutils imghdr imp lib2to3 mailcap msilib nis
nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib
"""
STANDARD_LIBRARY = sys.stdlib_module_names | frozenset(_OTHER_PYTHONS.split())
# What a project has beside its package, and the tools that it is built and checked with, installed here or not.
TAKEN_BY_PROJECTS = frozenset({"build", "conftest", "dist", "docs", "runs", "setup", "test", "tests", "venv"})
TAKEN_BY_TOOLS = frozenset({"mypy", "numpy", "pip", "pytest", "ruff", "setuptools", "torch", "wheel"})
# Words that the command line reads as a value: `--penalty none`, `--set loss=true`.
VALUES = frozenset({"false", "inf", "nan", "none", "null", "true"})


def package_of(name: str) -> str:
    """The importable package of a plugin's name."""
    return name.replace("-", "_")


def check_name(name: str, components: Iterable[str] = ()) -> None:
    """Whether a new plugin, its distribution and its package can have this name, and its components theirs.

    Args:
        components: names of what the plugin brings; each is checked for being free.

    Raises:
        UsageError: they cannot; the message says what was given, what is wanted and what to do. Nothing else is raised.
    """
    for reason in itertools.chain(_reasons(name), *map(_components, components)):
        raise UsageError(reason)


def _reasons(name: str) -> Iterator[str]:
    """Why a name will not do; the first is the one to say, and later checks may assume that earlier ones passed."""
    given = repr(name if len(name) <= 60 else f"{name[:57]}...")
    if not NAME_PATTERN.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")
        hint = f": {near}?" if near and _is_package(package_of(near)) else ", like my-gan"
        yield f"{given} is no name for a plugin: wanted lower-case letters and digits joined by single hyphens{hint}"
    package = package_of(name)
    if len(name) > LONGEST:
        yield f"{given} has {len(name)} characters: wanted {LONGEST} at most, since every import repeats it"
    if not package.isidentifier():
        yield f"{given} begins with a digit, and its package {package} could not be imported: begin with a letter"
    if keyword.iskeyword(package):
        yield f"{given} is a keyword of Python, which no package can be called: add a word, like {name}-gan"
    if name in VALUES:
        yield f"{given} is a value on the command line, and no name there: add a word, like {name}-gan"
    if package in TAKEN_BY_PROJECTS:
        yield f"{given} is what a folder or file of the project itself is called: add a word, like {name}-gan"
    if package in STANDARD_LIBRARY:
        yield f"{given} is a module of Python's standard library, which the package would hide: add a word, like {name}-gan"
    if package in TAKEN_BY_TOOLS:
        yield f"{given} is a package that the project uses, and would hide: add a word, like {name}-gan"
    yield from _official(name, given)
    yield from _installed(name, package, given)


def _official(name: str, given: str) -> Iterator[str]:
    """Names that mean something of the project's own, installed or not."""
    if name == BUILTIN or name.startswith(f"{BUILTIN}-"):
        yield f"{given} is reserved for {BUILTIN} and its own families: choose a name that does not begin with {BUILTIN}"
    if name in OFFICIAL_PLUGINS:
        yield f"{given} is the plugin of {OFFICIAL_PLUGINS[name]}, installed or not: choose another name"
    if name in OFFICIAL_ARCHITECTURES:
        owner = OFFICIAL_ARCHITECTURES[name]
        yield f"{given} is the architecture {owner}/{name}, which that name always means: choose another name"


def _installed(name: str, package: str, given: str) -> Iterator[str]:
    """Names that something installed here has: a component, a plugin, a distribution, a module."""
    yield from _components(name)
    for info in registry().plugins:
        if info.name == name:
            yield f"{given} is a plugin of {info.distribution} {info.version}, installed here: choose another name"
    for distribution in importlib.metadata.distributions():
        if normalised(_name_of(distribution)) == name:
            yield f"{given} is a distribution that is installed here: choose another name, or uninstall it first"
    where = _importable(package)
    if where is not None:
        yield f"{given} would hide the module {package} ({where}): choose another name"


def _components(name: str) -> Iterator[str]:
    """The components that are called so already."""
    found = registry()
    for kind in RECORD_HOOKS.values():
        for entry in found.entries(kind):
            if entry.record.name == name:
                yield (
                    f"{name!r} is the {kind.kind} {entry.id} of {entry.distribution} {entry.version}, and would mean that or "
                    "be ambiguous: choose another name"
                )


def _is_package(package: str) -> bool:
    return package.isidentifier() and not keyword.iskeyword(package)


def _name_of(distribution: importlib.metadata.Distribution) -> str:
    try:
        return str(distribution.metadata["Name"] or "")
    except Exception:  # a half-removed installation has no name that could be taken
        return ""


def _importable(package: str) -> str | None:
    """Where Python would find a module of this name, without importing it; None: nowhere."""
    try:
        spec = importlib.util.find_spec(package)
    except Exception:  # a module without a spec, or a finder that fails: something of that name is there
        return "in this process"
    if spec is None:
        return None
    if spec.origin is not None:
        return spec.origin
    # Any folder below the current one looks like a namespace package to `python -m ganzoo`, a new project's own too.
    here = Path.cwd()
    places = [place for place in spec.submodule_search_locations or () if Path(place).parent != here]
    return places[0] if places else None
