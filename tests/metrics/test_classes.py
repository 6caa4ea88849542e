"""Fréchet distances of classes, and the extrapolated one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzoo.metrics.classes import frechet_by_class, frechet_infinity, frechet_line, intra_frechet
from ganzoo.metrics.frechet import frechet_distance


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def labels(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def test_the_mean_over_classes_whatever_their_sizes_and_order() -> None:
    real, fake = noise(60, 3), noise(90, 3, seed=1) + 1
    real_of, fake_of = labels(*[7, 2, 4] * 20), labels(*[2] * 50, *[4] * 30, *[7] * 10)
    wanted = {k: frechet_distance(real[real_of == k], fake[fake_of == k]) for k in (2, 4, 7)}
    assert frechet_by_class(real, fake, real_of, fake_of) == wanted
    assert list(frechet_by_class(real, fake, real_of, fake_of)) == [2, 4, 7]
    assert intra_frechet(real, fake, real_of, fake_of) == pytest.approx(sum(wanted.values()) / 3, rel=1e-14)
    order = torch.randperm(90)
    assert intra_frechet(real, fake[order], real_of, fake_of[order]) == pytest.approx(sum(wanted.values()) / 3)


def test_labels_that_are_exchanged_are_seen_where_all_samples_together_are_the_same() -> None:
    x = torch.cat((noise(50, 2) - 5, noise(50, 2, seed=1) + 5))
    right, wrong = labels(*[0] * 50, *[1] * 50), labels(*[1] * 50, *[0] * 50)
    assert frechet_distance(x, x) < 1e-9
    assert intra_frechet(x, x, right, right) < 1e-9
    assert intra_frechet(x, x, right, wrong) == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize(
    ("real_of", "fake_of", "message"),
    [
        ([0, 0, 0, 1, 1, 1], [0] * 6, "1 of 2 classes .* class 1 has 3 real and 0 fake"),
        ([0] * 6, [0, 0, 0, 0, 0, 5], "class 5 has 0 real and 1 fake"),
        ([0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1], "class 1 has 1 real and 3 fake"),
        ([0, 1, 2, 3, 4, 5], [0] * 6, r"6 of 6 classes .*, \.\.\.; draw more"),
    ],
)
def test_classes_that_are_missing_or_too_small(real_of: list[int], fake_of: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        intra_frechet(noise(6, 2), noise(6, 2, seed=1), labels(*real_of), labels(*fake_of))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.zeros(5, dtype=torch.int64), "5 fake labels for 6 fake samples"),
        (torch.zeros(6), "whole numbers, got torch.float32"),
        (torch.zeros(6, 1, dtype=torch.int64), r"vector of whole numbers, got torch.int64 of shape \(6, 1\)"),
    ],
)
def test_labels_that_are_none(wrong: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        intra_frechet(noise(6, 2), noise(6, 2), torch.zeros(6, dtype=torch.int64), wrong)


def test_the_intercept_of_a_line_over_one_over_the_samples() -> None:
    real, fake = noise(2000, 8), noise(3000, 8, seed=1) * 1.2
    sizes, values = frechet_line(real, fake)
    assert (sizes[0], sizes[-1], len(sizes)) == (300, 3000, 15)
    assert values[-1] == pytest.approx(frechet_distance(real, fake), rel=1e-12)
    _, intercept = np.polyfit(1 / np.array(sizes), values, 1)
    assert frechet_infinity(real, fake) == pytest.approx(intercept, rel=1e-9)


def test_it_is_nearer_to_the_distance_of_the_distributions() -> None:
    scale = 1.3
    truth = 20 * (scale - 1) ** 2
    real = noise(50_000, 20, seed=5)
    plain, straight = [], []
    for seed in range(4):
        fake = scale * noise(1000, 20, seed=10 + seed)
        plain.append(frechet_distance(real, fake) - truth)
        straight.append(frechet_infinity(real, fake) - truth)
    assert np.mean(plain) > 0.1  # few samples make the plain distance larger
    assert abs(np.mean(straight)) < 0.3 * np.mean(plain)


def test_the_seed_decides_and_nothing_else_does() -> None:
    real, fake = noise(200, 4), noise(200, 4, seed=1)
    one = frechet_infinity(real, fake, seed=1)
    torch.manual_seed(3)
    assert frechet_infinity(real, fake, seed=1) == one
    assert frechet_infinity(real, fake, seed=2) != one


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frechet_infinity(noise(9, 2), noise(14, 2)), "15 numbers of samples from 2 to 14"),
        (lambda: frechet_infinity(noise(9, 2), noise(99, 2), points=1), "1 numbers of samples"),
        (lambda: frechet_infinity(noise(9, 2), noise(99, 2), points=0), "points is 0"),
        (lambda: frechet_infinity(noise(9, 2), noise(99, 2), least=1), "from 2 up"),
        (lambda: frechet_infinity(noise(9, 2), noise(99, 2), least=200), "from 200 to 99"),
        (lambda: frechet_infinity(noise(1, 2), noise(99, 2)), "1 real samples, wanted 2"),
        (lambda: frechet_infinity(noise(9, 2), noise(99, 3)), "2 features and fake ones 3"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
