"""The kit on components that are no architectures: it finds each fault, and none where there is none."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from ganzoo.engine import chance
from ganzoo.plugin import Arch
from ganzoo.testing import Outcome, Target, run, targets
from ganzoo.testing.suite import MODULES
from tests.testing.component_mutants import MUTANTS, WHOLE
from tests.testing.mutants import Mutant

PLUGIN = "mutant-parts"
BUILT_IN = [target for target in targets(["ganzoo/"]) if target.entry is not None]
KINDS = [kind for kind in MODULES if kind is not Arch]


def outcomes(*chosen: Target, only: str | None = None) -> dict[str, Outcome]:
    return {found.check: found for found in run(chosen, slow=True, only=only)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_is_found(mutant: Mutant) -> None:
    found = outcomes(*targets([f"{PLUGIN}/{mutant.name}"]), only=mutant.caught_by)[mutant.caught_by]
    assert found.status == "FAIL", f"{found.status}: {found.reason}"
    assert found.reason
    assert found.hint


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_found_where_there_is_nothing(name: str) -> None:
    for found in outcomes(*targets([f"{PLUGIN}/{name}"])).values():
        assert found.status != "FAIL", (found.check, found.reason)
        assert found.status == "ok" or found.reason, "what is skipped has a reason"


@pytest.mark.parametrize("target", BUILT_IN, ids=lambda target: f"{target.entry.record.kind}-{target.name}")
def test_what_is_built_in_holds(target: Target) -> None:
    before = chance.read_all(torch.device("cpu"))
    for found in outcomes(target).values():
        assert found.status != "FAIL", (found.check, found.reason)
    after = chance.read_all(torch.device("cpu"))
    assert torch.equal(before.pop("torch"), after.pop("torch"))
    assert before == after


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_check_has_found_something(kind: type) -> None:
    names = {check.name for group in importlib.import_module(MODULES[kind]).GROUPS for check in group}
    assert names <= {mutant.caught_by for mutant in MUTANTS}


def test_what_needs_a_missing_package_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.metrics.features.LITE0_PACKAGE", "no_such_package")
    found = outcomes(*targets(["ganzoo/lite0"]), only="features.")
    assert {each.status for each in found.values()} == {"skipped"}
    assert all("not installed" in each.reason for each in found.values())


def test_what_cannot_be_made_fails_once() -> None:
    found = outcomes(*targets([f"{PLUGIN}/penalty-no-default"]))
    assert [check for check, each in found.items() if each.status == "FAIL"] == ["penalty.made"]


def test_names_are_told_by_kind_and_used_once() -> None:
    names = [*WHOLE, *(mutant.name for mutant in MUTANTS)]
    assert len(set(names)) == len(names)
    found = {target.entry.record.name for target in targets([f"{PLUGIN}/"]) if target.entry is not None}
    assert found == set(names)


def test_a_check_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tracker-working-folder", "tracker-writes-when-made", "tracker-whole"):
        outcomes(*targets([f"{PLUGIN}/{name}"]))
    assert not list(tmp_path.iterdir())
