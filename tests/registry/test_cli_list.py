"""`ganzoo list`, `ganzoo plugins`, and what the group does with errors."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from dataclasses import fields

import pytest
import rich_click as click
from click.testing import CliRunner, Result
from handmade import HEAD, arch_module

import ganzoo
import ganzoo.cli.main as cli
import ganzoo.registry
from ganzoo.cli.list import KINDS
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import RECORD_HOOKS, SUMMARY_LENGTH, Arch
from ganzoo.registry import Offer, Registry, discover

Ganzoo = Callable[..., Result]
LONG = "[bold]x[/bold] " + "word " * ((SUMMARY_LENGTH - 15) // 5)


@pytest.fixture
def zoo(module: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The process's registry replaced by one of three plugins, one of them broken."""
    wide = (
        f"{HEAD}@hookimpl\ndef ganzoo_architectures():\n"
        f"    yield Arch(name='mlp-gan', target='absent:build', summary={LONG!r}, year=2014, conditional=True,\n"
        "        paper='https://arxiv.org/abs/1406.2661', licence='MIT', resolution=28, tags=('small',),\n"
        "        parameters={'generator': 1510032, 'discriminator': 533505})\n"
        "    yield Arch(name='an-architecture-with-quite-a-long-name', target='absent:build', summary='Wide')\n"
    )
    offers = [
        Offer("acme", module("zoo_acme", wide), "acme-gan", "1.5"),
        Offer("beta", module("zoo_beta", arch_module("wave-gan", modality="audio", year=2018)), "beta-gan", "0.3"),
        Offer("broken", module("zoo_broken", "raise OSError('no disk')"), "broken-gan", "1.0"),
    ]
    found = discover(offers, disabled=())
    monkeypatch.setattr(ganzoo.registry, "_installed", lambda: found)
    return found


@pytest.fixture
def run() -> Ganzoo:
    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(cli.main, arguments, prog_name="ganzoo", env={"COLUMNS": "80", **environment})

    return invoke


def ids(answer: Result) -> list[str]:
    assert answer.exit_code == 0, answer.stderr
    return [row["id"] for row in json.loads(answer.stdout)]


@pytest.mark.usefixtures("zoo")
def test_json_has_the_facts_of_an_architecture(run: Ganzoo) -> None:
    row = json.loads(run("list", "--json").stdout)[1]
    assert set(row) == {"id", "family", "distribution", "version", *(item.name for item in fields(Arch))}
    wanted = {
        "id": "acme/mlp-gan",
        "name": "mlp-gan",
        "family": "acme",
        "distribution": "acme-gan",
        "version": "1.5",
        "target": "absent:build",
        "summary": LONG,
        "paper": "https://arxiv.org/abs/1406.2661",
        "year": 2014,
        "licence": "MIT",
        "modality": "image",
        "conditional": True,
        "resolution": 28,
        "parameters": {"generator": 1510032, "discriminator": 533505},
        "tags": ["small"],
    }
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.usefixtures("zoo")
def test_the_table_shows_id_year_modality_and_summary(run: Ganzoo) -> None:
    answer = run("list")
    assert answer.exit_code == 0
    header, *lines = answer.stdout.splitlines()
    assert header.split() == ["id", "year", "modality", "summary"]
    (line,) = [line for line in lines if line.startswith("acme/mlp-gan ")]
    assert line.split()[1:3] == ["2014", "image"]
    assert "[bold]x[/bold]" in line, "a plugin's words are no markup"
    assert any(line.startswith("beta/wave-gan ") and "audio" in line for line in lines)
    assert "Plugins with problems: broken." in answer.stderr
    assert "broken" not in answer.stdout


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize("kind", KINDS)
def test_tables_fit_80_columns(run: Ganzoo, kind: str) -> None:
    answer = run("list", kind)
    assert answer.exit_code == 0
    assert max((len(line) for line in answer.stdout.splitlines()), default=0) <= 80
    assert "…" not in answer.stdout


def test_every_kind_can_be_listed() -> None:
    assert set(KINDS.values()) == set(RECORD_HOOKS.values())


@pytest.mark.usefixtures("zoo")
def test_components_are_listed_by_the_name_that_commands_take(run: Ganzoo) -> None:
    assert any(line.startswith("hinge ") for line in run("list", "losses").stdout.splitlines())
    assert "ganzoo/hinge" in ids(run("list", "losses", "--json"))


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--modality", "audio"], ["beta/wave-gan"]),
        (["--modality", "video"], []),
        (["--family", "beta"], ["beta/wave-gan"]),
        (["--family", "classic"], []),
        (["--conditional"], ["acme/mlp-gan"]),
        (["--unconditional"], ["acme/an-architecture-with-quite-a-long-name", "beta/wave-gan"]),
        (["--unconditional", "--modality", "image"], ["acme/an-architecture-with-quite-a-long-name"]),
        (
            ["datasets", "--modality", "image"],
            ["ganzoo/fashion-12k", "ganzoo/fashion-edges", "ganzoo/fashion-trousers-dresses"],
        ),
    ],
)
def test_filters(run: Ganzoo, options: list[str], wanted: list[str]) -> None:
    assert ids(run("list", "--json", *options)) == wanted


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "losess"], "Did you mean losses"),
        (["list", "--modality", "imag"], "Did you mean image"),
        (["list", "--family", "acmee"], "Did you mean acme"),
        (["list", "losses", "--modality", "image"], "losses are not told apart by modality"),
        (["list", "losses", "--conditional"], "losses are not told apart by conditional"),
        (["list", "--modalty", "image"], "--modality"),
        (["lst"], "Did you mean list"),
    ],
)
def test_a_typo_is_wrong_usage_with_a_suggestion(run: Ganzoo, arguments: list[str], words: str) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert words in answer.stderr


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize("verb", ["list", "plugins"])
def test_strict(run: Ganzoo, verb: str) -> None:
    answer = run(verb, "--strict", "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "broken (broken-gan 1.0), import: OSError: no disk" in answer.stderr


def test_an_empty_zoo_says_what_to_install(run: Ganzoo, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = discover([], disabled=())
    monkeypatch.setattr(ganzoo.registry, "_installed", lambda: empty)
    answer = run("list")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "pip install 'ganzoo[zoo]'" in answer.stderr
    assert ids(run("list", "--json")) == []
    assert run("list", "--strict").exit_code == 0


@pytest.mark.usefixtures("zoo")
def test_plugins_as_json(run: Ganzoo) -> None:
    rows = {row["name"]: row for row in json.loads(run("plugins", "--json").stdout)}
    assert list(rows) == ["ganzoo", "acme", "beta", "broken"]
    assert (rows["acme"]["distribution"], rows["acme"]["version"]) == ("acme-gan", "1.5")
    assert rows["acme"]["brings"] == {"architectures": 2}
    assert rows["acme"]["import_ms"] > 0
    assert rows["ganzoo"]["brings"]["losses"] == 9
    assert rows["broken"]["import_ms"] is None
    (problem,) = rows["broken"]["problems"]
    assert set(problem) == {"source", "distribution", "version", "stage", "cause", "remedy"}


@pytest.mark.usefixtures("zoo")
def test_plugins_as_a_table(run: Ganzoo) -> None:
    answer = run("plugins")
    lines = answer.stdout.splitlines()
    assert max(map(len, lines[:5])) <= 80
    assert any(line.startswith("acme ") and "2 architectures" in line for line in lines)
    assert any(line.startswith("broken ") and "1 problem" in line for line in lines)
    assert "  cause   OSError: no disk" in answer.stdout


def test_a_disabled_plugin_is_shown_as_such(run: Ganzoo, monkeypatch: pytest.MonkeyPatch) -> None:
    found = discover([Offer("acme", "absent", "acme-gan", "1.5")], disabled=["acme"])
    monkeypatch.setattr(ganzoo.registry, "_installed", lambda: found)
    answer = run("plugins", "--strict")
    assert answer.exit_code == 0
    assert any(line.startswith("acme ") and line.rstrip().endswith("disabled") for line in answer.stdout.splitlines())


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (GanzooError("the disk is full"), 1, "error: the disk is full\n"),
        (UsageError("no such loss"), 2, "error: no such loss\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_of_commands(
    run: Ganzoo, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, text: str
) -> None:
    @click.command("boom")
    def command() -> None:
        raise error

    module = types.ModuleType("boom_command")
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boom_command", module)
    monkeypatch.setitem(cli.VERBS, "boom", ("boom_command:command", "Fails."))
    answer = run("boom")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (status, "", text)


def test_help_shows_every_verb(run: Ganzoo) -> None:
    answer = run("--help")
    assert answer.exit_code == 0
    for verb, (_, words) in cli.VERBS.items():
        assert verb in answer.stdout
        assert words in answer.stdout


def test_version(run: Ganzoo) -> None:
    assert run("--version").stdout == f"ganzoo {ganzoo.__version__}\n"
