"""The built-in losses and penalties by name: every record leads to a class that says the same of itself."""

from typing import Any

import pytest

from ganzoo import components, plugin
from ganzoo.config import LossChoice, PenaltyChoice
from ganzoo.errors import UsageError
from ganzoo.objectives import GradientPenalty, Hinge, LeastSquares, Loss, Penalty, WeightClip
from ganzoo.registry import Entry, registry

LOSSES = [entry for entry in registry().entries(plugin.Loss) if entry.plugin == "ganzoo"]
PENALTIES = [entry for entry in registry().entries(plugin.Penalty) if entry.plugin == "ganzoo"]


def test_there_are_the_built_in_losses_and_penalties() -> None:
    assert {entry.record.name for entry in LOSSES} == {
        "hinge",
        "least-squares",
        "minimax",
        "non-saturating",
        "relativistic",
        "relativistic-average",
        "relativistic-average-hinge",
        "relativistic-average-least-squares",
        "wasserstein",
    }
    assert {entry.record.name for entry in PENALTIES} == {
        "bcr",
        "cr",
        "dragan",
        "drift",
        "feature-matching",
        "gradient-penalty",
        "lecam",
        "mode-seeking",
        "one-sided-gradient-penalty",
        "orthogonal",
        "r1",
        "r2",
        "weight-clip",
        "zcr",
        "zero-centred-gradient-penalty",
    }


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.id)
def test_a_loss_is_made_by_its_name_and_its_id(entry: Entry[plugin.Loss]) -> None:
    for name in (entry.record.name, entry.id):
        loss, found = components.make(plugin.Loss, name)
        assert isinstance(loss, Loss)
        assert found.id == entry.id
        assert (loss.needs_real, loss.separates) == (entry.record.needs_real, entry.record.separates)


@pytest.mark.parametrize("entry", PENALTIES, ids=lambda entry: entry.id)
def test_a_penalty_is_made_by_its_name_and_its_id(entry: Entry[plugin.Penalty]) -> None:
    for name in (entry.record.name, entry.id):
        penalty, found = components.make(plugin.Penalty, name)
        assert isinstance(penalty, Penalty)
        assert found.id == entry.id
        assert penalty.separates == entry.record.separates


def test_options_reach_the_component() -> None:
    assert components.make(plugin.Loss, LossChoice(name="least-squares", options={"a": -1, "c": 0}))[0].a == -1
    assert components.make(plugin.Penalty, PenaltyChoice(name="weight-clip", options={"limit": 0.5}))[0].limit == 0.5
    assert isinstance(components.make(plugin.Loss, "hinge")[0], Hinge)
    assert isinstance(components.make(plugin.Loss, "least-squares")[0], LeastSquares)
    assert isinstance(components.make(plugin.Penalty, "gradient-penalty")[0], GradientPenalty)
    assert isinstance(components.make(plugin.Penalty, "weight-clip")[0], WeightClip)


@pytest.mark.parametrize(
    ("kind", "choice", "message"),
    [
        (plugin.Loss, "hing", "hinge"),
        (plugin.Penalty, "gradient-penalti", "gradient-penalty"),
        (plugin.Penalty, PenaltyChoice(name="gradient-penalty", options={"tarjet": 1}), "Did you mean target"),
        (
            plugin.Penalty,
            PenaltyChoice(name="r1", options={"gamma": 1}),
            "has no option 'gamma'. Known: interval, weight",
        ),
        (plugin.Penalty, PenaltyChoice(name="gradient-penalty", options={"target": -1}), "target is -1"),
        (plugin.Loss, LossChoice(name="least-squares", options={"a": "high"}), "high"),
        (plugin.Loss, LossChoice(name="non-saturating", options={"real_label": 2}), "real_label is 2"),
    ],
)
def test_a_wrong_request_says_what_would_be_right(kind: type[plugin.Record], choice: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        components.make(kind, choice)
