"""A plugin's project: its files rendered from templates, and written so that they are there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ganzoo
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import SUMMARY_LENGTH
from ganzoo.scaffold.kinds import ANY_ARCHITECTURE, REQUIREMENTS, Kind, command, component_names, in_order
from ganzoo.scaffold.names import check_name, package_of

TEMPLATES = Path(__file__).parent / "templates"
AUTHOR_LENGTH = 100  # characters

# Of every project: file, template. A package's own files and those of its kinds come on top.
FILES = {
    ".github/workflows/check.yml": "check.yml.jinja",
    ".gitignore": "gitignore.jinja",
    "CHANGELOG.md": "CHANGELOG.md.jinja",
    "LICENSE": "LICENSE.jinja",
    "README.md": "README.md.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    "tests/test_conformance.py": "test_conformance.py.jinja",
}


@dataclass(frozen=True)
class Project:
    """What a project is made from; `Project.checked` makes one whose files are sound.

    Args:
        name: of the plugin and its distribution.
        kinds: what it brings, in the order of the table of kinds.
        author: for pyproject.toml.
        summary: one line; a project of one kind has it in its record too.
    """

    name: str
    kinds: tuple[Kind, ...]
    author: str
    summary: str

    @classmethod
    def checked(
        cls, name: str, kinds: Iterable[str] = (), author: str | None = None, summary: str | None = None
    ) -> Project:
        """A project after its name and its words were checked; None stands for words of its own.

        Raises:
            UsageError: the name will not do (`check_name`), or author or summary is no line of text.
        """
        chosen = tuple(in_order(kinds))
        check_name(name, component_names(name, chosen).values())
        own = chosen[0].summary if len(chosen) == 1 else f"Components of {len(chosen)} kinds for ganzoo"
        return cls(
            name,
            chosen,
            _line("author", f"The authors of {name}" if author is None else author, AUTHOR_LENGTH),
            _line("summary", own if summary is None else summary, SUMMARY_LENGTH),
        )

    @property
    def package(self) -> str:
        """The name of its package."""
        return package_of(self.name)

    @property
    def names(self) -> dict[str, str]:
        """What its components are called, by kind."""
        return component_names(self.name, self.kinds)

    @property
    def command(self) -> str | None:
        """A command line that uses what it brings, where there is one."""
        return command(self.name, self.names)

    def files(self) -> dict[str, str]:
        """Its files' texts by path, sorted."""
        # Here, because `ganzoo --help` and a wrong name have no use for it.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"python": python_literal, "toml": toml_string}
        facts = {
            "name": self.name,
            "package": self.package,
            "kinds": self.kinds,
            "brings": {kind.name for kind in self.kinds},
            "author": self.author,
            "summary": self.summary,
            "requirements": [
                ganzoo_requirement(ganzoo.__version__),
                *sorted({REQUIREMENTS[needed] for kind in self.kinds for needed in kind.needs}),
            ],
            "names": self.names,
            "command": self.command,
            "any_architecture": ANY_ARCHITECTURE,
        }
        return {path: environment.get_template(name).render(facts) for path, name in sorted(self._templates().items())}

    def _templates(self) -> dict[str, str]:
        package = {f"{self.package}/__init__.py": "init.py.jinja", f"{self.package}/py.typed": "py.typed.jinja"}
        code = {f"{self.package}/{kind.module}.py": f"{kind.module}.py.jinja" for kind in self.kinds}
        tests = {f"tests/test_{kind.module}.py": f"test_{kind.module}.py.jinja" for kind in self.kinds}
        return {**FILES, **package, **code, **tests}


def ganzoo_requirement(version: str) -> str:
    """The releases that are compatible with this one: those of its minor version, from it on if it is a pre-release."""
    from packaging.version import Version

    found = Version(version)
    first = found.public if found.is_prerelease else f"{found.major}.{found.minor}"
    return f"ganzoo>={first},<{found.major}.{found.minor + 1}"


def toml_string(text: str) -> str:
    """A TOML string; JSON's are a part of TOML's for text that can be printed."""
    return json.dumps(text, ensure_ascii=False)


def python_literal(text: str) -> str:
    """A Python string as the formatter writes it: in double quotes, unless that takes more backslashes."""
    body = text.replace("\\", "\\\\")
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + body.replace(quote, "\\" + quote) + quote


def _line(what: str, text: str, longest: int) -> str:
    text = text.strip()
    if not text or not text.isprintable() or len(text) > longest:
        raise UsageError(
            f"--{what} has {len(text)} characters{'' if text.isprintable() else ', not all of them printable'}: wanted one "
            f"line of 1 to {longest}"
        )
    return text


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a project's files to a folder that does not exist or is empty.

    They are written to a folder beside it, which is then renamed: an interruption leaves nothing behind that looks like a
    project.

    Raises:
        UsageError: there is something already, which is never overwritten.
        GanzooError: the folder cannot be written.
    """
    _refuse_occupied(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name[:40]}-", dir=folder.parent) as beside:
            whole = Path(beside) / "project"  # not `beside` itself, which nobody else may read
            for path, text in files.items():
                file = whole / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
            if folder.is_dir():
                _fill(folder, whole)
            else:
                os.rename(whole, folder)
    except OSError as error:
        _refuse_occupied(folder)  # somebody may have made it meanwhile
        raise GanzooError(f"{folder} cannot be written ({error.strerror or error})") from error


def _fill(folder: Path, whole: Path) -> None:
    """Move a project into an empty folder, which may be somebody's current one and so is not replaced."""
    moved: list[Path] = []
    try:
        for entry in sorted(whole.iterdir()):
            os.rename(entry, folder / entry.name)
            moved.append(folder / entry.name)
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _refuse_occupied(folder: Path) -> None:
    try:
        is_folder, is_there = folder.is_dir(), folder.exists() or folder.is_symlink()
        occupied = is_folder and any(folder.iterdir())
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise UsageError(f"{folder} cannot be used ({error.strerror or error}): choose another --folder") from error
    if occupied or (is_there and not is_folder):
        what = "is a folder with files in it" if occupied else "is a file"
        raise UsageError(f"{folder} {what}, and nothing is overwritten: choose another --folder, or move it away")
