"""Contenders in turn: order, paired ratios, and the rounds that a busy machine spoils. Nothing here is really timed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ganzoo.bench.timing import Calibration, Rounds, in_turn


def chunk(name: str, seen: list[str], rates: list[int]) -> object:
    values = iter(rates)

    def run(seconds: float) -> tuple[int, float]:
        seen.append(name)
        assert seconds == 0.5
        return next(values), 2.0

    return run


def steady(*speeds: float) -> object:
    values: Iterator[float] = iter(speeds)
    return lambda: next(values)


def test_each_round_begins_with_another_contender() -> None:
    seen: list[str] = []
    contenders = {name: chunk(name, seen, [10] * 9) for name in "abc"}
    in_turn(contenders, 4, 0.5, calibrate=lambda: 1.0)  # type: ignore[arg-type]
    assert "".join(seen) == "abcbcacababc"


def test_ratios_are_of_the_same_round() -> None:
    seen: list[str] = []
    contenders = {"a": chunk("a", seen, [10, 40, 30]), "b": chunk("b", seen, [10, 20, 10])}
    rounds = in_turn(contenders, 3, 0.5, calibrate=lambda: 1.0)  # type: ignore[arg-type]
    assert rounds.ratio("a", "b") == (2.0, 1.0, 3.0)
    assert rounds.ratio("b", "a") == (0.5, pytest.approx(1 / 3), 1.0)
    assert rounds.rate("a") == (15.0, 5.0, 20.0)
    assert rounds.best("b") == 10.0
    assert rounds.discarded == 0


def test_a_round_beside_a_slow_calibration_is_replaced() -> None:
    """The reading between two rounds spoils both."""
    seen: list[str] = []
    told: list[int] = []
    calibrate = steady(100, 100, 60, 100, 100, 100)
    contenders = {"a": chunk("a", seen, [1, 2, 3, 4, 5])}
    rounds = in_turn(contenders, 3, 0.5, calibrate=calibrate, after_round=told.append)  # type: ignore[arg-type]
    assert rounds.done["a"] == ((1, 2.0), (4, 2.0), (5, 2.0))
    assert rounds.discarded == 2
    assert rounds.calibrations == (100, 100, 100)
    assert told == [1, 1, 1, 2, 3]


def test_a_later_and_better_reading_spoils_the_rounds_before_it() -> None:
    contenders = {"a": chunk("a", [], [1, 2, 3, 4])}
    rounds = in_turn(contenders, 2, 0.5, calibrate=steady(60, 60, 100, 100, 100))  # type: ignore[arg-type]
    assert rounds.done["a"] == ((3, 2.0), (4, 2.0))


def test_it_ends_on_a_machine_that_never_rests_and_keeps_the_best_round() -> None:
    contenders = {"a": chunk("a", [], [1, 2, 3, 4])}
    rounds = in_turn(contenders, 2, 0.5, calibrate=steady(10, 100, 20, 30, 10))  # type: ignore[arg-type]
    assert rounds.done["a"] == ((2, 2.0),)
    assert rounds.discarded == 3


@pytest.mark.parametrize("answer", [(0, 1.0), (5, 0.0)])
def test_a_chunk_that_did_nothing_is_an_error(answer: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="lazy"):
        in_turn({"lazy": lambda seconds: answer}, 2, 0.5, calibrate=lambda: 1.0)


def test_no_rounds_are_an_error() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        in_turn({"a": lambda seconds: (1, 1.0)}, 0, 0.5, calibrate=lambda: 1.0)


def test_the_calibration_is_a_speed_and_leaves_the_threads() -> None:
    import torch

    threads = torch.get_num_threads()
    assert Calibration(0.005, threads=2)() > 1e6
    assert torch.get_num_threads() == threads


def test_rounds_of_one_kind_only() -> None:
    rounds = Rounds({"a": ((10, 2.0), (30, 2.0))})
    assert rounds.rates("a") == [5.0, 15.0]
    assert rounds.rate("a") == (10.0, 5.0, 15.0)
