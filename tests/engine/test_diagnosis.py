"""Each trouble is called by its name when its numbers say so, and no trouble is seen in healthy numbers."""

from __future__ import annotations

from typing import Any

import pytest

from ganzoo.engine.diagnosis import IN_A_ROW, Doctor

HEALTHY = {
    "health.diversity": 0.9,
    "health.nearest": 1.3,
    "health.accuracy": 0.9,
    "health.margin": 2.2,
    "health.over-fit": 0.1,
    "discriminator.gradient norm": 30.0,
    "generator.gradient norm": 10.0,
}
# What is seen at the last looks, after healthy ones.
TROUBLES: dict[str, dict[str, float]] = {
    "collapse": {"health.diversity": 0.2},
    "discriminator-won": {"health.accuracy": 1.0, "health.margin": 12.0},
    "discriminator-over-fits": {"health.over-fit": 0.8},
    "memorising": {"health.nearest": 0.3},
    "divergence": {"discriminator.gradient norm": 5e4},
}


def looks(doctor: Doctor, count: int, changes: dict[str, float] | None = None, first: int = 0) -> list[list[str]]:
    """The names of the troubles at each of `count` looks."""
    found = []
    for i in range(count):
        row: dict[str, Any] = HEALTHY | {"images": 20_000 + 4000 * (first + i)} | (changes or {})
        found.append([diagnosis.name for diagnosis in doctor.look(row)[0]])
    return found


def test_healthy_numbers_mean_nothing() -> None:
    assert not any(looks(Doctor(), 50))


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_named_after_some_looks_and_once(name: str) -> None:
    doctor = Doctor()
    assert not any(looks(doctor, 6))
    assert not any(looks(doctor, IN_A_ROW - 1, TROUBLES[name], 6))
    row = HEALTHY | TROUBLES[name] | {"images": 60_000}
    found, new = doctor.look(row)
    assert [diagnosis.name for diagnosis in found] == [diagnosis.name for diagnosis in new] == [name]
    assert any(digit in new[0].evidence for digit in "0123456789"), "evidence has numbers"
    assert "Try" in new[0].suggestion
    again, new = doctor.look(row | {"images": 64_000})
    assert [diagnosis.name for diagnosis in again] == [name]
    assert not new, "it is said once"
    assert not any(looks(doctor, 5, first=12)[1:]), "and gone when the numbers are"


@pytest.mark.parametrize("name", TROUBLES)
def test_one_bad_look_is_no_trouble(name: str) -> None:
    doctor = Doctor()
    looks(doctor, 6)
    for i in range(8):
        assert not any(looks(doctor, 1, TROUBLES[name], 6 + 2 * i))
        assert not any(looks(doctor, 1, first=7 + 2 * i))


def test_in_the_beginning_all_samples_are_alike_and_that_is_no_collapse() -> None:
    doctor = Doctor()
    for i in range(20):
        rising = {"health.diversity": 0.02 * i}
        assert not any(looks(doctor, 1, rising, i))


def test_figures_that_get_worse_are_a_divergence() -> None:
    doctor = Doctor()
    names: list[str] = []
    for i, value in enumerate([300.0, 200.0, 150.0, 160.0, 240.0, 260.0, 300.0]):
        found, _ = doctor.look({"images": 10_000.0 * i, "evaluation.fd": value})
        names = [diagnosis.name for diagnosis in found]
    assert names == ["divergence"]


def test_numbers_that_are_missing_are_no_reason_to_fail() -> None:
    doctor = Doctor()
    for i in range(5):
        assert doctor.look({"images": 50_000.0 + i}) == ([], [])
