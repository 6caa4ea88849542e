"""Wheels and sdists of the core and the families: what is in them, and that they work away from the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ganzoo
from ganzoo.registry import OFFICIAL_ARCHITECTURES
from tests.packaging.distributions import FAMILIES, ROOT, SOURCES, Built, Environment, build_all, files_of, package

DISTRIBUTIONS = list(SOURCES)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """All distributions by name."""
    return build_all(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def environment(built: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With the wheels installed, and nothing else of this project within reach."""
    made = Environment(tmp_path_factory.mktemp("installed"))
    made.install("--no-deps", "--no-index", *(str(one.wheel) for one in built.values()))
    made.lend_packages()
    return made


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_has_what_it_must(built: dict[str, Built], name: str) -> None:
    files, top = built[name].files(), package(name)
    info = f"{top}-{ganzoo.__version__}.dist-info"
    assert {f"{top}/py.typed", f"{info}/METADATA", f"{info}/licenses/LICENSE", f"{info}/entry_points.txt"} <= files
    wanted = {path.relative_to(SOURCES[name]).as_posix() for path in (SOURCES[name] / top).rglob("*.py")}
    assert {file for file in files if file.endswith(".py")} == wanted
    assert {file.partition("/")[0] for file in files} == {top, info}


def test_the_core_has_its_data_and_its_templates(built: dict[str, Built]) -> None:
    files = built["ganzoo"].files()
    assert {"ganzoo/data/fashion-12k.npz", "ganzoo/data/fashion-12k.LICENSE"} <= files
    templates = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "ganzoo" / "scaffold" / "templates").rglob("*.*")
    }
    assert templates <= files
    assert f"ganzoo-{ganzoo.__version__}.dist-info/licenses/ganzoo/data/fashion-12k.LICENSE" in files


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_has_no_tests(built: dict[str, Built], name: str) -> None:
    for file in built[name].files():
        assert "tests" not in file.split("/")
        assert not (file.endswith(".py") and file.rsplit("/", 1)[-1].startswith(("test_", "conftest")))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_says_who_it_is(built: dict[str, Built], name: str) -> None:
    metadata = built[name].read(".dist-info/METADATA").splitlines()
    assert f"Name: {name}" in metadata
    assert f"Version: {ganzoo.__version__}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    assert "Root-Is-Purelib: true" in built[name].read(".dist-info/WHEEL")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_an_sdist_builds_the_same_wheel(built: dict[str, Built], name: str) -> None:
    one = built[name]
    assert one.again.name == one.wheel.name

    assert files_of(one.again) == one.files()
    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= one.sources()


def test_building_leaves_nothing_in_the_checkout(built: dict[str, Built]) -> None:
    assert not [path for source in SOURCES.values() for path in (source / "build", source / "dist") if path.exists()]


def test_the_environment_knows_nothing_of_the_checkout(environment: Environment) -> None:
    packages = [package(name) for name in DISTRIBUTIONS]
    code = f"import sys, {', '.join(packages)}; print(*[sys.modules[name].__file__ for name in {packages}], sep='\\n')"
    for file in environment.run("python", "-c", code).splitlines():
        assert Path(file).is_relative_to(environment.folder)
    paths = environment.run("python", "-c", "import sys; print(*sys.path, sep='\\n')").splitlines()
    assert not [path for path in paths if path and Path(path) in (ROOT, *SOURCES.values())]


def test_all_official_architectures_are_there(environment: Environment) -> None:
    listed = json.loads(environment.run("ganzoo", "list", "--json"))
    assert {f"{family}/{name}" for name, family in OFFICIAL_ARCHITECTURES.items()} == {row["id"] for row in listed}
    assert {(row["distribution"], row["version"]) for row in listed} == {
        (f"ganzoo-{family}", ganzoo.__version__) for family in FAMILIES
    }
    plugins = json.loads(environment.run("ganzoo", "plugins", "--json", "--strict"))
    assert [row["name"] for row in plugins] == ["ganzoo", *FAMILIES]


def test_pictures_are_trained_and_sampled(environment: Environment) -> None:
    small = ["--set", "batch=8", "--set", "width=4", "--size", 28, "--images", 32]
    environment.run("ganzoo", "train", "--arch", "dcgan", "--data", "fashion-12k", *small, "--out", "run")
    environment.run("ganzoo", "sample", "run", "-n", 4, "--out", "grid.png")
    assert (environment.place / "grid.png").stat().st_size > 0
    config = (environment.place / "run" / "config.yaml").read_text()
    assert "id: classic/dcgan" in config
    assert f"version: {ganzoo.__version__}" in config


def test_a_plugin_is_begun(environment: Environment) -> None:
    environment.run("ganzoo", "new", "my-gan", "--kind", "architecture")
    assert (environment.place / "my-gan" / "pyproject.toml").is_file()
    environment.run("python", "-m", "compileall", "-q", "my-gan")


def test_an_architecture_is_checked(environment: Environment) -> None:
    said = json.loads(environment.run("ganzoo", "check", "classic/gan-2d", "--json", timeout=300))
    assert said["failed"] == 0
    assert said["passed"] > 0
