"""Which names a plugin may have, and that an accepted one makes a sound project."""

from __future__ import annotations

import ast
import importlib.metadata
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganzoo.errors import UsageError
from ganzoo.plugin import NAME_PATTERN
from ganzoo.registry import OFFICIAL_ARCHITECTURES, OFFICIAL_PLUGINS
from ganzoo.scaffold.kinds import KINDS
from ganzoo.scaffold.names import LONGEST, check_name, package_of
from ganzoo.scaffold.project import Project
from tests.scaffold.projects import AWKWARD_NAMES, EVERY_KIND

REFUSED = {
    "": "wanted lower-case letters",
    "My_Gan": "my-gan?",
    "my--gan": "my-gan?",
    "-gan": "gan?",
    "gan\n": "joined by single hyphens",
    "gän": "joined by single hyphens",
    "../gan": "gan?",
    "q" * (LONGEST + 1): "41 characters",
    "3d-gan": "begins with a digit",
    "class": "a keyword of Python",
    "none": "a value on the command line",
    "test": "of the project itself",
    "tests": "of the project itself",
    "build": "of the project itself",
    "json": "standard library",
    "distutils": "standard library",  # of Python 3.11 alone
    "compression": "standard library",  # from Python 3.14 on
    "torch": "a package that the project uses",
    "ganzoo": "reserved",
    "ganzoo-acme": "reserved",
    "classic": "ganzoo-classic",
    "wgan-gp": "wasserstein/wgan-gp",
    "hinge": "the loss ganzoo/hinge",
    "ring": "the data set ganzoo/ring",
    "jsonl": "the tracker ganzoo/jsonl",
    "rich-click": "a distribution that is installed",
    "yaml": "would hide the module yaml",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=map(repr, REFUSED))
def test_a_refusal_says_what_was_given_and_why(name: str, reason: str) -> None:
    with pytest.raises(UsageError) as refusal:
        check_name(name)
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith(repr(name))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["my-gan", "gan-3d", "match", *AWKWARD_NAMES])
def test_other_names_are_free(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", [*OFFICIAL_PLUGINS, *OFFICIAL_ARCHITECTURES])
def test_official_names_are_taken_whether_installed_or_not(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


def test_each_component_of_a_plugin_needs_a_free_name() -> None:
    check_name("gradient")
    Project.checked("gradient", ["penalty"])
    with pytest.raises(UsageError, match="'gradient-penalty' is the penalty ganzoo/gradient-penalty"):
        Project.checked("gradient", ["loss", "penalty"])


def test_a_folder_below_the_current_one_is_no_module_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mygan").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    check_name("mygan")
    (tmp_path / "mygan" / "__init__.py").touch()
    with pytest.raises(UsageError, match="would hide the module mygan"):
        check_name("mygan")


def test_a_distribution_without_metadata_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert any(found.metadata["Name"] is None for found in importlib.metadata.distributions(path=[str(tmp_path)]))
    check_name("my-gan")


NAMES = st.one_of(
    st.text(max_size=50),
    st.from_regex(NAME_PATTERN, fullmatch=True),
    st.from_regex(r"[a-z]{1,8}(-[a-z0-9]{1,8}){0,4}", fullmatch=True),
    st.sampled_from([*REFUSED, *AWKWARD_NAMES]),
)


@given(name=NAMES, kinds=st.sets(st.sampled_from(EVERY_KIND)), words=st.text(max_size=80))
@example(name="my-gan", kinds=set(), words='"')
@example(name="my-gan", kinds={"loss"}, words="'''\\")
@example(name="my-gan", kinds={"loss"}, words="{{ name }} {% raw %}")
@example(name="\ud800", kinds=set(), words="\ud800")
def test_whatever_is_accepted_makes_files_that_parse(name: str, kinds: set[str], words: str) -> None:
    try:
        project = Project.checked(name, kinds, author=words, summary=words)
    except UsageError:
        return
    files = project.files()
    facts = tomllib.loads(files["pyproject.toml"])["project"]
    assert facts["name"] == name
    assert facts["description"] == facts["authors"][0]["name"] == words.strip()
    assert facts["entry-points"] == {"ganzoo": {name: package_of(name)}}
    for path, text in files.items():
        if path.endswith(".py"):
            ast.parse(text)
    if len(kinds) == 1:
        assert words.strip() in _strings(files[f"{package_of(name)}/__init__.py"])


def _strings(source: str) -> set[object]:
    return {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}


def test_the_kinds_are_those_of_the_contract() -> None:
    from ganzoo.plugin import RECORD_HOOKS

    assert sorted(kind.record for kind in KINDS.values()) == sorted(record.__name__ for record in RECORD_HOOKS.values())
    for kind in KINDS.values():
        record = next(record for record in RECORD_HOOKS.values() if record.__name__ == kind.record)
        assert kind.title == record.kind
