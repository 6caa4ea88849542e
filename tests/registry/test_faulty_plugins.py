"""Broken plugins are named with distribution, stage and cause, and never stop the others."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handmade import HEAD, Site, arch_module, witness_module

from ganzoo.plugin import Arch, Loss
from ganzoo.registry import OFFICIAL_PLUGINS, Offer, discover

LOSS = "Loss(name={!r}, target='absent:Absent', summary='Made for a test')"
ONE_LOSS = f"@hookimpl\ndef ganzoo_losses():\n    yield {LOSS.format('spare')}\n"

# source of the module, stage, part of the cause; the distribution is NAME-plugin, the entry point NAME
FAULTS: dict[str, tuple[str, str, str]] = {
    "raises": ("raise RuntimeError('no driver found')", "import", "RuntimeError: no driver found"),
    "missing": ("import absent_dependency", "import", "No module named 'absent_dependency'"),
    "exits": ("import sys\nsys.exit(3)", "import", "SystemExit: 3"),
    "syntax": ("def f(:\n", "import", "SyntaxError"),
    "mute": (
        "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mute()",
        "import",
        "Mute: (no message",
    ),
    "argument": (HEAD + "@hookimpl\ndef ganzoo_losses(config):\n    return []\n", "register", "config"),
    "typo": (
        HEAD + "@hookimpl\ndef ganzoo_architecture():\n    return []\n",
        "register",
        "there is no hook ganzoo_architecture. Did you mean ganzoo_architectures?",
    ),
    "bare": ("def ganzoo_architectures():\n    return []\n", "register", "lacks the decorator @ganzoo.hookimpl"),
    "wrapper": (
        HEAD + "@hookimpl(wrapper=True)\ndef ganzoo_losses():\n    return (yield)\n",
        "register",
        "ganzoo_losses is a wrapper",
    ),
    "kind": (
        HEAD + f"@hookimpl\ndef ganzoo_architectures():\n    yield {LOSS.format('x')}\n" + ONE_LOSS,
        "hook",
        "ganzoo_architectures: answered with a Loss, wanted Arch",
    ),
    "invalid": (
        HEAD + f"@hookimpl\ndef ganzoo_architectures():\n    yield Arch(name='No Name', target='a:b', summary='x')\n"
        f"{ONE_LOSS}",
        "hook",
        "a name is lower-case letters",
    ),
    "type": (
        HEAD + "@hookimpl\ndef ganzoo_architectures():\n"
        "    yield Arch(name='x', target='a:b', summary='x', resolution='64')\n" + ONE_LOSS,
        "hook",
        "architecture 'x': resolution is '64', wanted int | None",
    ),
    "nothing": (
        HEAD + "@hookimpl\ndef ganzoo_architectures():\n    pass\n" + ONE_LOSS,
        "hook",
        "ganzoo_architectures: answered NoneType, wanted an iterable of Arch",
    ),
    "midway": (
        arch_module("first").replace("return [", "yield (").replace("]", ")") + "    1 / 0\n" + ONE_LOSS,
        "hook",
        "ganzoo_architectures raised ZeroDivisionError",
    ),
    "leaves": (
        HEAD + "@hookimpl\ndef ganzoo_architectures():\n    raise SystemExit('bye')\n" + ONE_LOSS,
        "hook",
        "ganzoo_architectures raised SystemExit: bye",
    ),
    "twice": (arch_module("same", "same") + ONE_LOSS, "hook", "two records have the name 'same'"),
}
HOOK_FAULTS = {name for name, (_, stage, _) in FAULTS.items() if stage == "hook"}
HEALTHY = ["acme/mlp-gan", "beta/conv-gan", "noisy/loud-gan"]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path]:
    """Every fault at once beside three healthy plugins, and the file that code which must not run would write."""
    folder = tmp_path_factory.mktemp("crowd")
    witness = folder / "witness"
    site = Site(folder / "site")
    site.add("acme-gan", {"acme": "acme_gan"}, {"acme_gan": arch_module("mlp-gan")})
    site.add("zeta-beta", {"beta": "beta_gan:plugin"}, {"beta_gan": _as_object(arch_module("conv-gan"))})
    noise = arch_module("loud-gan").replace("return", "print('and a hook')\n    return")
    noise += "print('hello from import')\n"
    site.add("noisy-gan", {"noisy": "noisy_gan"}, {"noisy_gan": noise})
    for name, (source, _, _) in FAULTS.items():
        site.add(f"{name}-plugin", {name: f"faulty_{name}"}, {f"faulty_{name}": source})
    spy = {"faulty_witness": witness_module(witness)}
    site.add("future-gan", {"future": "faulty_witness"}, spy, requires=["ganzoo>=99"])
    site.add("left-gan", {"twin": "faulty_witness"})
    site.add("right-gan", {"twin": "faulty_witness"})
    site.add("impostor", {"classic": "faulty_witness"})
    site.add("squatter", {"ganzoo": "faulty_witness"})
    site.add("shouting", {"Loud_Name": "faulty_witness"})
    site.add("hollow", "[ganzoo]\nhollow\n")
    (site.add("stripped", {"stripped": "faulty_witness"}) / "METADATA").unlink()
    site.add("unrelated", "[other]\nthis line is malformed\n")
    return site, witness


def _as_object(source: str) -> str:
    body = source.removeprefix(HEAD).replace("():", "(self):").replace("\n", "\n    ")
    return f"{HEAD}class Plugin:\n    {body}\nplugin = Plugin()\n"


REFUSED = {  # distribution: (entry point, stage, part of the cause)
    "future-gan": ("future", "version", "it needs ganzoo>=99, this is ganzoo "),
    "left-gan": ("twin", "conflict", "twin is also offered by right-gan 1.0"),
    "right-gan": ("twin", "conflict", "twin is also offered by left-gan 1.0"),
    "impostor": ("classic", "conflict", "the name classic belongs to ganzoo-classic"),
    "squatter": ("ganzoo", "conflict", "reserved"),
    "shouting": ("Loud_Name", "conflict", "'Loud_Name' is no name for a plugin"),
    "hollow": ("hollow", "import", "the entry point is ''"),
    "stripped": ("stripped", "version", "metadata cannot be read"),
}


@pytest.fixture(scope="module")
def listed(crowd: tuple[Site, Path]) -> subprocess.CompletedProcess[str]:
    return crowd[0].run("list", "--json")


@pytest.fixture(scope="module")
def problems(crowd: tuple[Site, Path]) -> dict[str, list[dict[str, Any]]]:
    """Problems by distribution, as `ganzoo plugins --json` tells them."""
    answer = crowd[0].run("plugins", "--json")
    assert answer.returncode == 0, answer.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for plugin in json.loads(answer.stdout):
        found.setdefault(plugin["distribution"], []).extend(plugin["problems"])
    return found


def test_healthy_plugins_are_listed_beside_broken_ones(listed: subprocess.CompletedProcess[str]) -> None:
    assert listed.returncode == 0, listed.stderr
    official = OFFICIAL_PLUGINS.values()  # installed beside them, or not
    found = [row["id"] for row in json.loads(listed.stdout) if row["distribution"] not in official]
    assert found == HEALTHY


def test_what_plugins_print_goes_to_stderr(listed: subprocess.CompletedProcess[str]) -> None:
    assert "hello from import" in listed.stderr
    assert "and a hook" in listed.stderr


def test_list_closes_with_one_line_about_problems(listed: subprocess.CompletedProcess[str]) -> None:
    line = listed.stderr.strip().splitlines()[-1]
    assert "`ganzoo plugins`" in line
    assert {*FAULTS, "future", "twin", "classic"} <= set(line.replace(",", "").replace(".", "").split())


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str, problems: dict[str, list[dict[str, Any]]]) -> None:
    (problem,) = problems[f"{name}-plugin"]
    _, stage, cause = FAULTS[name]
    assert (problem["source"], problem["version"], problem["stage"]) == (name, "1.0", stage)
    assert cause in problem["cause"]
    assert problem["remedy"]
    assert "\n" not in problem["cause"] + problem["remedy"]


@pytest.mark.parametrize("distribution", REFUSED)
def test_refused_plugin_is_named(distribution: str, problems: dict[str, list[dict[str, Any]]]) -> None:
    (problem,) = problems[distribution]
    source, stage, cause = REFUSED[distribution]
    assert (problem["source"], problem["stage"]) == (source, stage)
    assert cause in problem["cause"]


def test_nothing_else_has_a_problem(problems: dict[str, list[dict[str, Any]]]) -> None:
    broken = {distribution for distribution, found in problems.items() if found}
    assert broken == {*REFUSED, *(f"{name}-plugin" for name in FAULTS)}


@pytest.mark.usefixtures("listed", "problems")
def test_code_of_refused_plugins_never_runs(crowd: tuple[Site, Path]) -> None:
    assert not crowd[1].exists()
    exec((crowd[0].folder / "faulty_witness.py").read_text(), {})
    assert crowd[1].exists(), "the witness would not have told"
    crowd[1].unlink()


def test_other_hooks_of_a_plugin_with_a_broken_hook_are_used(crowd: tuple[Site, Path]) -> None:
    answer = crowd[0].run("list", "losses", "--json")
    spares = {row["family"] for row in json.loads(answer.stdout) if row["name"] == "spare"}
    assert spares == HOOK_FAULTS


def test_the_plugins_table_names_stage_cause_and_remedy(crowd: tuple[Site, Path]) -> None:
    answer = crowd[0].run("plugins")
    assert answer.returncode == 0
    for words in ("exits of exits-plugin 1.0", "stage   import", "SystemExit: 3", "remedy"):
        assert words in answer.stdout


def test_strict_fails_and_lists_all_problems(crowd: tuple[Site, Path]) -> None:
    answer = crowd[0].run("list", "--strict", "--json")
    assert answer.returncode == 1
    assert answer.stdout == ""
    for distribution in (*REFUSED, *(f"{name}-plugin" for name in FAULTS)):
        assert distribution in answer.stderr


def test_an_import_error_names_the_line_of_the_plugin(module: Callable[[str, str], str]) -> None:
    name = module("faulty_line", "x = 1\n\nraise OSError('no disk')\n")
    (problem,) = discover([Offer("acme", name, "acme-gan", "1.0")]).problems
    assert problem.cause.startswith("OSError: no disk (")
    assert problem.cause.endswith("faulty_line.py, line 3)")


def test_an_invalid_record_names_the_line_of_the_plugin(module: Callable[[str, str], str]) -> None:
    name = module("faulty_record", arch_module("No Name"))
    (problem,) = discover([Offer("acme", name, "acme-gan", "1.0")]).problems
    assert "faulty_record.py, line 4" in problem.cause


def test_keyboard_interrupt_is_not_the_plugins(module: Callable[[str, str], str]) -> None:
    name = module("faulty_interrupt", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover([Offer("acme", name, "acme-gan", "1.0")])


def test_a_plugin_that_equals_everything_hides_no_other(module: Callable[[str, str], str]) -> None:
    odd = HEAD + "class Odd:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\nplugin = Odd()\n"
    offers = [
        Offer("acme", module("faulty_odd", odd) + ":plugin", "acme-gan", "1.0"),
        Offer("beta", module("healthy_beta", arch_module("conv-gan")), "beta-gan", "1.0"),
    ]
    found = discover(offers)
    assert found.problems == []
    assert [entry.id for entry in found.entries(Arch)] == ["beta/conv-gan"]


def test_nothing_of_a_plugin_that_fails_to_register_is_kept(module: Callable[[str, str], str]) -> None:
    name = module("faulty_half", HEAD + ONE_LOSS + "@hookimpl\ndef ganzoo_metric():\n    return []\n")
    found = discover([Offer("acme", name, "acme-gan", "1.0")])
    assert [problem.stage for problem in found.problems] == ["register"]
    assert {entry.plugin for entry in found.entries(Loss)} == {"ganzoo"}


def test_an_optional_hook_of_a_later_ganzoo_is_no_problem(module: Callable[[str, str], str]) -> None:
    later = HEAD + "@hookimpl(optionalhook=True)\ndef ganzoo_later():\n    return []\n"
    assert discover([Offer("acme", module("healthy_later", later), "acme-gan", "1.0")]).problems == []
