"""Listing and help import nothing heavy, in an interpreter of their own. Times are measured elsewhere, not asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from handmade import ROOT, RUN, Site, arch_module, python

HEAVY = ("torch", "numpy", "pydantic", "yaml", "PIL", "safetensors", "scipy", "torchvision")
REPORT = """
import json, sys
try:
    exec(%r)
except SystemExit as leaving:
    status = leaving.code or 0
print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)
"""


def imported(*arguments: str, site: Site | None = None) -> set[str]:
    """The modules that a fresh interpreter has imported after `ganzoo arguments`, which must succeed."""
    answer = python(REPORT % RUN, *arguments, path=site.folder if site else None)
    status, modules = json.loads(answer.stderr.splitlines()[-1])
    assert status == 0, answer.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["list"], ["list", "losses", "--json"], ["list", "--help"], ["plugins"]],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(arguments: list[str], site: Site) -> None:
    site.add("acme-gan", {"acme": "light_acme"}, {"light_acme": arch_module("mlp-gan")})
    modules = imported(*arguments, site=site)
    assert not modules & set(HEAVY)
    assert ("light_acme" in modules) == ("--help" not in arguments and "--version" not in arguments)


def test_help_imports_no_verb_and_no_plugin() -> None:
    modules = imported("--help")
    assert {name for name in modules if name.startswith("ganzoo.cli")} == {"ganzoo.cli", "ganzoo.cli.main"}
    assert not modules & {"ganzoo.registry", "ganzoo.builtin", "packaging"}


def test_a_plugin_with_the_usual_requirement_needs_no_packaging(site: Site) -> None:
    module = {"light_acme": arch_module("mlp-gan")}
    site.add("acme-gan", {"acme": "light_acme"}, module, requires=["ganzoo<99,>=0.1"])
    assert "packaging" not in imported("list", "--json", site=site)


def test_json_imports_no_tables() -> None:
    assert "rich.table" not in imported("list", "losses", "--json")


def test_the_package_and_the_contract_import_no_torch() -> None:
    code = "import sys, ganzoo, ganzoo.plugin, ganzoo.registry, ganzoo.builtin; print(*sys.modules)"
    assert not set(python(code).stdout.split()) & set(HEAVY)


PRINTS = """
import sys, types
import rich_click as click
import ganzoo.cli.main as cli
sys.modules["prints"] = types.SimpleNamespace(command=click.command("prints")(lambda: print("words in a buffer")))
cli.VERBS["prints"] = ("prints:command", "Prints.")
"""


@pytest.mark.parametrize("arguments", [["list", "losses"], ["list", "--json"], ["--help"], ["prints"]], ids=" ".join)
def test_a_reader_that_goes_away_is_met_in_silence(arguments: list[str]) -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reading, writing = os.pipe()
    os.close(reading)
    answer = subprocess.run(
        [sys.executable, "-c", PRINTS + RUN, *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**buffered, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (answer.returncode, answer.stderr) == (1, b"")
