"""The inception score against its definition and where it is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.inception import inception_score


def probabilities(samples: int, classes: int, seed: int = 0, sharpness: float = 3.0) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(samples, classes, dtype=torch.float64, generator=draws)
    return torch.softmax(logits, 1)


def score(p_MK: Tensor, **options: Any) -> float:
    return inception_score(p_MK, **options)["inception-score"]


def test_sure_of_all_classes_alike_is_their_number_and_unsure_is_one() -> None:
    assert score(torch.eye(7).repeat(10, 1), splits=1) == pytest.approx(7, rel=1e-14)
    assert score(torch.full((40, 7), 1 / 7)) == pytest.approx(1, abs=1e-6)
    assert score(torch.eye(7)[[2] * 30]) == 1


def test_unequal_classes_are_the_exponential_of_their_entropy() -> None:
    shares = (0.5, 0.3, 0.2)
    sure = torch.eye(3)[[0] * 5 + [1] * 3 + [2] * 2]
    assert score(sure, splits=1) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(2, 6), st.floats(0, 30), st.integers(0, 1000))
def test_it_is_the_mean_divergence_in_one_to_the_number_of_classes(m: int, k: int, sharp: float, seed: int) -> None:
    p = probabilities(m, k, seed, sharp)
    overall = p.mean(0).tolist()
    divergence = sum(
        a * math.log(a / b) for row in p.tolist() for a, b in zip(row, overall, strict=True) if a > 0
    ) / len(p)
    found = score(p, splits=1)
    assert found == pytest.approx(math.exp(divergence), rel=1e-9)
    assert 1 <= found <= k + 1e-9


def test_parts_have_every_sample_once_and_a_spread() -> None:
    p = probabilities(103, 5)
    found = inception_score(p, splits=10)
    assert found["inception-score"] < score(p, splits=1)  # of fewer samples it is lower
    assert found["inception-score-std"] > 0
    assert inception_score(p, splits=1)["inception-score-std"] == 0
    assert score(p.repeat(3, 1), splits=1) == pytest.approx(score(p, splits=1), rel=1e-12)


def test_the_seed_decides_the_order_and_nothing_else_does() -> None:
    p = probabilities(100, 5)
    one = inception_score(p, seed=1)
    torch.manual_seed(3)
    assert inception_score(p, seed=1) == one
    assert inception_score(p, seed=2) != one


def test_half_precision_is_taken() -> None:
    p = probabilities(100, 5)
    assert score(p.bfloat16()) == pytest.approx(score(p), rel=1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: score(probabilities(9, 4)), "there are 9 samples for 10 splits"),
        (lambda: score(probabilities(9, 4), splits=0), "splits is 0"),
        (lambda: score(torch.ones(20, 1)), "there is 1 class"),
        (lambda: score(torch.randn(20, 4)), "rows are no probabilities, the first is number"),
        (lambda: score(2 * probabilities(20, 4)), "20 of 20 rows .* with a sum of 2 .* take a softmax"),
        (lambda: score(torch.full((20, 4), math.nan)), "NaN or infinite"),
        (lambda: score(torch.ones(20)), "must be a matrix"),
        (lambda: score(torch.ones(0, 4)), "there are 0 fake samples"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
