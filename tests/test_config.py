"""Configurations: what they refuse, how overrides reach every field, schedules."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.config import Adam, ArchConfig, GanConfig, Schedule, option, override, parse_value, validate, value_at
from ganzoo.errors import UsageError


class Plain(GanConfig):
    width: int = option(64, "hidden units", ge=1)


def changed(*assignments: str, config: GanConfig | None = None) -> GanConfig:
    return override(config or Plain(), assignments, "test")


def test_every_level_can_be_set() -> None:
    config = changed("loss.weight=5", "generator.lr=1e-4", "width=32", "discriminator.beta1=0.0", "batch=7")
    assert config.loss is not None
    assert config.loss.weight == 5
    assert isinstance(config.generator, Adam)
    assert config.generator.lr == 1e-4
    assert config.batch == 7


def test_toml_reads_what_yaml_would_not() -> None:
    assert parse_value("1e-4") == 1e-4
    assert parse_value("[1, 2]") == [1, 2]
    assert parse_value("true") is True
    assert parse_value("hinge") == "hinge"
    assert parse_value("none") is None


def test_an_optimiser_changes_its_kind_with_its_own_defaults() -> None:
    config = changed("generator.kind=sgd", "generator.momentum=0.9")
    assert type(config.generator).__name__ == "Sgd"
    assert config.generator.lr == 0.1


def test_a_penalty_is_reached_with_and_without_its_name() -> None:
    two = Plain(penalty=({"name": "r1"}, {"name": "drift"}))  # type: ignore[arg-type]
    assert changed("penalty.r1.weight=3", "penalty.1.interval=2", config=two).penalty[0].weight == 3  # type: ignore[index]
    one = Plain(penalty=({"name": "r1"},))  # type: ignore[arg-type]
    assert changed("penalty.weight=3", config=one).penalty[0].weight == 3  # type: ignore[index]
    assert changed("penalty.target=0.5", config=one).penalty[0].options == {"target": 0.5}  # type: ignore[index]
    with pytest.raises(UsageError, match="name one of them"):
        changed("penalty.weight=3", config=two)
    with pytest.raises(UsageError, match="numbered from 0"):
        changed("penalty.2.weight=3", config=two)


def test_a_schedule_can_be_given() -> None:
    config = changed("generator.lr={points=[[0, 2e-4], [1000, 0.0]]}")
    assert value_at(config.generator.lr, 500) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("widht=3", "Did you mean width"),
        ("generator.lrr=3", "Did you mean lr"),
        ("width=wide", "width = 'wide'"),
        ("width=0", "greater than or equal to 1"),
        ("width.x=1", "has no fields"),
        ("width", "FIELD=VALUE"),
        ("=3", "FIELD=VALUE"),
        ("generator.kind=lbfgs", "lbfgs"),
        ("batch=0", "batch"),
        ("augment.name.x=1", "augment"),
        ("loss.weight=-1", "loss.weight"),
        ("generator.lr=nan", "finite"),
    ],
)
def test_a_wrong_assignment_says_what_and_suggests(assignment: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        changed(assignment)


@given(st.text(max_size=40))
def test_no_assignment_ends_in_a_traceback(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(changed(text), Plain)


@given(st.text(max_size=30))
def test_any_text_is_some_value(text: str) -> None:
    parse_value(text)


def test_a_component_changed_in_part_without_a_name_is_told() -> None:
    with pytest.raises(UsageError, match=r"loss\.name is missing.*--loss hinge"):
        override(ArchConfig(), ["loss.weight=5"], "test")


def test_unknown_fields_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="unknown field bath"):
        validate(ArchConfig, {"bath": 3}, "test")


@given(st.floats(0, 1), st.sampled_from(["linear", "cosine", "geometric", "step"]))
def test_a_schedule_stays_between_its_points(way: float, shape: str) -> None:
    schedule = Schedule(points=((100, 1.0), (1100, 4.0)), shape=shape)  # type: ignore[arg-type]
    value = schedule.at(100 + round(1000 * way))
    assert 1.0 - 1e-9 <= value <= 4.0 + 1e-9
    assert schedule.at(0) == 1.0
    assert schedule.at(10**9) == 4.0


def test_schedule_shapes() -> None:
    points = ((0, 1.0), (100, 4.0))
    assert Schedule(points=points).at(50) == 2.5
    assert Schedule(points=points, shape="geometric").at(50) == pytest.approx(2.0)
    assert Schedule(points=points, shape="cosine").at(25) == pytest.approx(1 + 3 * 0.1464466)
    assert Schedule(points=points, shape="step").at(99) == 1.0


@pytest.mark.parametrize("points", [(), ((5, 1.0), (5, 2.0)), ((9, 1.0), (5, 2.0)), ((-1, 1.0),)])
def test_a_schedule_without_order_is_refused(points: object) -> None:
    with pytest.raises(ValueError):
        Schedule(points=points)  # type: ignore[arg-type]


def test_lazy_rates() -> None:
    adam = Adam(lr=Schedule(points=((0, 1.0), (10, 0.0))), beta1=0.5, beta2=0.9).lazy(16)
    assert value_at(adam.lr, 0) == pytest.approx(16 / 17)
    assert adam.beta1 == pytest.approx(0.5 ** (16 / 17))
    assert adam.beta2 == pytest.approx(0.9 ** (16 / 17))


def test_a_penaltys_weight_may_follow_a_schedule_that_is_nowhere_below_zero() -> None:
    config = override(GanConfig(), ['penalty=[{name="r1", weight={points=[[0, 5], [10, 1]], shape="cosine"}}]'], "test")
    assert config.penalty is not None
    weight = config.penalty[0].weight
    assert isinstance(weight, Schedule)
    assert weight.at(5) == pytest.approx(3)
    for wrong in ("-1", "{points=[[0, 1], [10, -1]]}"):
        with pytest.raises(UsageError, match="0 or more"):
            override(GanConfig(), [f'penalty=[{{name="r1", weight={wrong}}}]'], "test")
