"""The kit on architectures: it finds each fault, and none where there is none."""

from __future__ import annotations

import pytest

from ganzoo.registry import OFFICIAL_ARCHITECTURES
from ganzoo.testing import Outcome, run, targets
from ganzoo.testing.architecture import GROUPS
from ganzoo.testing.declaration import PLUGIN, RECORD
from tests.engine.tiny_games import GAMES
from tests.testing.architecture_mutants import MUTANTS, PLUGIN_MUTANTS
from tests.testing.mutants import Mutant
from tests.testing.mutated.shapes import LEFT_OUT, SHAPES, name_of


def outcomes(name: str, *, slow: bool = False, only: str | None = None) -> dict[str, Outcome]:
    return {found.check: found for found in run(targets([name]), slow=slow, only=only)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_is_found(mutant: Mutant) -> None:
    found = outcomes(f"mutants/{mutant.name}", slow=True, only=mutant.caught_by)[mutant.caught_by]
    assert found.status == "FAIL", f"{found.status}: {found.reason}"
    assert found.reason
    assert found.hint


@pytest.mark.parametrize("mutant", PLUGIN_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_of_a_plugin_is_found(mutant: Mutant) -> None:
    found = outcomes(f"{mutant.name}/", only=mutant.caught_by)[mutant.caught_by]
    assert found.status == "FAIL", f"{found.status}: {found.reason}"


@pytest.mark.parametrize("name", ["mutants/whole", "mutants/whole-with-penalty"])
def test_nothing_is_found_where_there_is_nothing(name: str) -> None:
    for found in outcomes(name, slow=True).values():
        assert found.status != "FAIL", (found.check, found.reason)
        assert found.status == "ok" or found.reason, "what is skipped has a reason"


def test_every_check_is_proven_by_a_fault() -> None:
    proven = {mutant.caught_by for mutant in (*MUTANTS, *PLUGIN_MUTANTS)}
    checks = {check.name for group in (PLUGIN, RECORD, *GROUPS) for check in group}
    left = {name for name in checks - proven if not name.startswith("cuda.")}  # those want a GPU
    assert left == {"ways.compiled"}, "whole-steps is the same comparison, without the compiler"


@pytest.mark.parametrize("shape", SHAPES)
def test_games_of_every_shape_are_held_to_what_applies(shape: str) -> None:
    bound = {"networks.samples": "its pictures have no bound"} if shape == "growth" else {}
    found = {each.check: each for each in run(targets([f"shapes/{name_of(shape)}"], expected=bound))}
    assert not [(each.check, each.reason) for each in found.values() if each.status == "FAIL"]
    assert sum(each.status == "ok" for each in found.values()) >= 10


def test_the_shapes_are_all_there() -> None:
    assert {*SHAPES, *LEFT_OUT} == set(GAMES)


@pytest.mark.parametrize("arch", OFFICIAL_ARCHITECTURES)
def test_the_zoo_holds(arch: str) -> None:
    found = outcomes(arch)
    assert len(found) > 45
    assert not [(each.check, each.reason) for each in found.values() if each.status == "FAIL"]


@pytest.mark.slow
@pytest.mark.parametrize("arch", OFFICIAL_ARCHITECTURES)
def test_the_zoo_holds_for_long(arch: str) -> None:
    found = outcomes(arch, slow=True)
    assert not [(each.check, each.reason) for each in found.values() if each.status == "FAIL"]
