"""What a project consists of, that the tools accept it unchanged, and that it is written as a whole or not at all."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

import ganzoo
from ganzoo.errors import GanzooError, UsageError
from ganzoo.scaffold import project as scaffold
from ganzoo.scaffold.kinds import KINDS
from ganzoo.scaffold.project import TEMPLATES, Project, ganzoo_requirement, python_literal, write
from tests.scaffold.projects import AWKWARD_NAMES, EVERY_KIND, ROOT, run, written

ALWAYS = {
    ".github/workflows/check.yml",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "my_gan/__init__.py",
    "my_gan/py.typed",
    "pyproject.toml",
    "tests/test_conformance.py",
}
SETS = [*((kind,) for kind in EVERY_KIND), EVERY_KIND]


@pytest.mark.parametrize("kinds", SETS, ids="+".join)
def test_a_project_has_its_files(kinds: tuple[str, ...]) -> None:
    modules = [KINDS[kind].module for kind in kinds]
    own = {f"my_gan/{module}.py" for module in modules} | {f"tests/test_{module}.py" for module in modules}
    files = Project.checked("my-gan", kinds).files()
    assert set(files) == ALWAYS | own
    for path, text in files.items():
        assert text.endswith("\n") or path.endswith("py.typed"), path
        assert "\n\n\n" not in text or path.endswith((".py", "LICENSE")), path
        assert not re.search(r"[{%]%|\{\{ |[ \t]$", text.replace("${{ matrix.python }}", "3.11"), re.MULTILINE), path


def test_an_architecture_is_what_a_project_brings_by_default() -> None:
    assert Project.checked("my-gan").names == {"architecture": "my-gan"}


def test_of_several_kinds_the_first_has_the_plugins_name() -> None:
    project = Project.checked("my-gan", ["loss", "architecture"])
    assert project.names == {"architecture": "my-gan", "loss": "my-gan-loss"}
    assert project.command == "ganzoo train --arch my-gan --loss my-gan-loss --images 200k"


def test_the_formatter_and_the_linter_have_nothing_to_say(tmp_path: Path) -> None:
    for name in ("my-gan", *AWKWARD_NAMES):
        for kinds in SETS:
            written(tmp_path, name, kinds)
    written(tmp_path, "quoted", ["loss"], summary="""It's a "loss" with a \\""", author='"')
    written(tmp_path, "quoted-twice", ["loss"], summary="'" * 20 + '"' * 21 + "\\" * 31, author="O'Neill")
    written(tmp_path, "wide", ["metric"], summary="度" * 72, author="Ö" * 100)
    answer = run("ruff", "check", "--no-cache", ".", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout
    answer = run("ruff", "format", "--no-cache", "--diff", ".", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
def test_the_type_checker_has_nothing_to_say(tmp_path: Path) -> None:
    projects = [written(tmp_path, "my-gan", kinds) for kinds in SETS]
    projects += [written(tmp_path, name) for name in AWKWARD_NAMES]
    for project in projects:  # with one cache, since all but the first look at torch again
        answer = run("mypy", "--cache-dir", str(tmp_path / "cache"), cwd=project, timeout=300)
        assert answer.returncode == 0, f"{project.name}: {answer.stdout}"


def test_requirements_are_those_of_this_ganzoo() -> None:
    facts = tomllib.loads(Project.checked("my-gan", EVERY_KIND).files()["pyproject.toml"])["project"]
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert facts["dependencies"][0] == ganzoo_requirement(ganzoo.__version__)
    assert set(facts["dependencies"][1:]) == {
        line for line in own["dependencies"] if line.startswith(("numpy", "torch"))
    }
    assert facts["requires-python"] == own["requires-python"]
    assert facts["license"] == own["license"]


@pytest.mark.parametrize(
    ("version", "requirement"),
    [
        ("0.1.0", "ganzoo>=0.1,<0.2"),
        ("0.9.3", "ganzoo>=0.9,<0.10"),
        ("1.4", "ganzoo>=1.4,<1.5"),
        ("0.2.0.dev1", "ganzoo>=0.2.0.dev1,<0.3"),
        ("0.2.0+local", "ganzoo>=0.2,<0.3"),
    ],
)
def test_the_requirement_admits_this_ganzoo_and_not_the_next(version: str, requirement: str) -> None:
    from packaging.requirements import Requirement

    assert ganzoo_requirement(version) == requirement
    assert Requirement(requirement).specifier.contains(version, prereleases=True)


def test_the_licence_is_the_projects_own() -> None:
    assert (TEMPLATES / "LICENSE.jinja").read_text() == (ROOT / "LICENSE").read_text()


def test_the_templates_are_packaged() -> None:
    globs = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["ganzoo"]
    packaged = {path for glob in globs for path in (ROOT / "ganzoo").glob(glob)}
    assert set(TEMPLATES.iterdir()) <= packaged


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "a\ttab", "x" * 73, "\u200b"], ids=repr)
def test_a_summary_is_one_printable_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"--summary has \d+ characters"):
        Project.checked("my-gan", summary=text)


@pytest.mark.parametrize("text", ["plain", 'a "b"', "it's", """it's "it\"""", "back\\slash", "é"], ids=repr)
def test_a_literal_means_its_text(text: str) -> None:
    assert eval(python_literal(text)) == text


FILES = {"a.txt": "é\n", "deep/er/b.txt": "b\n", "z.txt": "z\n"}


class TestWriting:
    def read(self, folder: Path) -> dict[str, str]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}

    def test_a_new_folder_is_made_with_those_above_it(self, tmp_path: Path) -> None:
        write(tmp_path / "x" / "y", FILES)
        assert self.read(tmp_path / "x" / "y") == FILES
        assert [path.name for path in (tmp_path / "x").iterdir()] == ["y"]

    def test_others_may_read_it(self, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        write(tmp_path / "x", FILES)
        assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_an_empty_folder_is_filled_and_stays_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "x").mkdir()
        before = (tmp_path / "x").stat().st_ino
        monkeypatch.chdir(tmp_path / "x")
        write(Path(), FILES)
        assert self.read(tmp_path / "x") == FILES
        assert (tmp_path / "x").stat().st_ino == before

    def test_what_is_there_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / ".hidden").touch()
        (tmp_path / "file").touch()
        (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
        for name in ("x", "file", "nowhere"):
            with pytest.raises(UsageError, match="nothing is overwritten"):
                write(tmp_path / name, FILES)
        assert sorted(path.name for path in tmp_path.rglob("*")) == [".hidden", "file", "nowhere", "x"]

    @pytest.mark.parametrize("exists", [False, True])
    @pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
    def test_an_interruption_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool, failure: type[BaseException]
    ) -> None:
        if exists:
            (tmp_path / "x").mkdir()
        done: list[Path] = []

        def rename(old: Path, new: Path) -> None:
            if len(done) == (2 if exists else 0):
                raise failure
            done.append(new)
            old.rename(new)

        monkeypatch.setattr(scaffold.os, "rename", rename)
        with pytest.raises(GanzooError if failure is OSError else failure):
            write(tmp_path / "x", FILES)
        assert [path.name for path in tmp_path.rglob("*")] == ["x"] * exists

    def test_a_folder_that_cannot_be_written_is_said_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(GanzooError, match="file"):
            write(tmp_path / "file" / "x", FILES)
        with pytest.raises(GanzooError):
            write(tmp_path / ("x" * 300), FILES)

    def test_a_folder_that_appears_meanwhile_is_not_replaced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def rename(old: Path, new: Path) -> None:
            new.mkdir()
            (new / "theirs").touch()
            os.replace(old, new)

        monkeypatch.setattr(scaffold.os, "rename", rename)
        with pytest.raises(UsageError, match="nothing is overwritten"):
            write(tmp_path / "x", FILES)
        assert [path.name for path in (tmp_path / "x").iterdir()] == ["theirs"]
