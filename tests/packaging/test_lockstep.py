"""The core and its families are one release: versions, requirements, and every list that names them."""

from __future__ import annotations

import importlib
import tomllib

import pytest

import ganzoo
from ganzoo.discovery import OFFICIAL_PLUGINS
from ganzoo.registry import OFFICIAL_ARCHITECTURES
from tests.packaging.distributions import FAMILIES, ROOT, SOURCES, package, project

MAJOR, MINOR = map(int, ganzoo.__version__.split(".")[:2])
BOUNDS = f">={MAJOR}.{MINOR},<{MAJOR}.{MINOR + 1}"
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_there_are_families() -> None:
    assert {"classic", "wasserstein"} <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_the_version_of_the_core(family: str) -> None:
    facts = project(SOURCES[f"ganzoo-{family}"])
    assert facts["name"] == f"ganzoo-{family}"
    assert facts["version"] == ganzoo.__version__
    assert facts["requires-python"] == WHOLE["project"]["requires-python"]
    assert facts["license"] == WHOLE["project"]["license"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_works_with_this_minor_release_alone(family: str) -> None:
    wanted = project(SOURCES[f"ganzoo-{family}"])["dependencies"]
    assert [line for line in wanted if line.startswith("ganzoo")] == [f"ganzoo{BOUNDS}"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_an_entry_point_of_its_name(family: str) -> None:
    entry_points = project(SOURCES[f"ganzoo-{family}"])["entry-points"]["ganzoo"]
    assert entry_points == {family: package(f"ganzoo-{family}")}


def test_the_core_takes_its_version_from_the_package() -> None:
    assert WHOLE["project"]["dynamic"] == ["version"]
    assert WHOLE["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ganzoo.__version__"}


def test_the_extra_zoo_has_the_families_of_this_release() -> None:
    extras = WHOLE["project"]["optional-dependencies"]
    assert sorted(extras["zoo"]) == [f"ganzoo-{family}{BOUNDS}" for family in FAMILIES]


def test_developers_install_the_core_and_the_families_from_the_checkout() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    editable = [line.removeprefix("-e").strip() for line in lines if line.startswith("-e")]
    assert sorted(editable) == [".", *(f"plugins/{family}" for family in FAMILIES)]


def test_the_tools_look_at_every_family() -> None:
    assert {package(f"ganzoo-{family}") for family in FAMILIES} <= set(WHOLE["tool"]["mypy"]["packages"])
    tests = {f"plugins/{family}/tests" for family in FAMILIES if (ROOT / "plugins" / family / "tests").is_dir()}
    assert tests <= set(WHOLE["tool"]["pytest"]["ini_options"]["testpaths"])


def test_the_official_plugins_are_the_families() -> None:
    assert dict(OFFICIAL_PLUGINS) == {family: f"ganzoo-{family}" for family in FAMILIES}


def test_the_official_architectures_are_those_of_the_families() -> None:
    brought = {
        record.name: family
        for family in FAMILIES
        for record in importlib.import_module(package(f"ganzoo-{family}")).ganzoo_architectures()
    }
    assert brought == dict(OFFICIAL_ARCHITECTURES)
    many = [
        len(list(importlib.import_module(package(f"ganzoo-{family}")).ganzoo_architectures())) for family in FAMILIES
    ]
    assert sum(many) == len(OFFICIAL_ARCHITECTURES), "two families bring an architecture of one name"
