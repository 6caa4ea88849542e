"""The Vendi score where it is known, and by eigenvalues of the whole matrix."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.diversity import vendi, vendi_of


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_all_different_and_all_alike() -> None:
    assert vendi(3 * torch.eye(6)) == pytest.approx(6, rel=1e-12)
    assert vendi(torch.tensor([[1.0, 2.0]]).repeat(5, 1)) == pytest.approx(1, abs=1e-12)
    assert vendi(torch.eye(6).repeat(4, 1)) == pytest.approx(6, rel=1e-12)  # copies count for nothing
    assert vendi(100 * torch.eye(6), kernel="rbf") == pytest.approx(6, rel=1e-12)
    assert vendi(torch.ones(6, 2), kernel="rbf") == pytest.approx(1, abs=1e-9)


def test_groups_are_the_exponential_of_their_entropy() -> None:
    shares = (0.5, 0.3, 0.2)
    groups = torch.eye(3)[[0] * 5 + [1] * 3 + [2] * 2]
    assert vendi(groups) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-12)


def test_two_samples_at_an_angle() -> None:
    cosine = math.cos(0.7)
    values = (1 + cosine) / 2, (1 - cosine) / 2
    found = vendi(torch.tensor([[1.0, 0.0], [5 * math.cos(0.7), 5 * math.sin(0.7)]], dtype=torch.float64))
    assert found == pytest.approx(math.exp(-sum(v * math.log(v) for v in values)), rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000), st.floats(0.2, 5))
def test_the_smaller_matrix_is_enough_and_the_score_within_bounds(n: int, f: int, seed: int, sigma: float) -> None:
    x = noise(n, f, seed=seed)
    unit = x / x.norm(dim=1, keepdim=True)
    assert vendi(x) == pytest.approx(vendi_of((unit @ unit.T).clamp(-1, 1)), rel=1e-6)
    assert 1 - 1e-9 <= vendi(x) <= min(n, f) + 1e-9
    similar = torch.exp(-torch.cdist(x, x).square() / (2 * sigma**2))
    assert vendi(x, kernel="rbf", sigma=sigma) == pytest.approx(vendi_of(similar), rel=1e-6)
    assert vendi(x[torch.randperm(n)]) == pytest.approx(vendi(x), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vendi(torch.zeros(3, 2)), "all features of 3 of 3 fake samples are 0"),
        (lambda: vendi(noise(0, 2)), "there are 0 fake samples"),
        (lambda: vendi(noise(5)), "must be a matrix"),
        (lambda: vendi(noise(5, 2).log()), "NaN or infinite"),
        (lambda: vendi(noise(5, 2), kernel="linear"), "kernel is 'linear', wanted one of cosine, rbf"),
        (lambda: vendi(noise(5, 2), kernel="rbf", sigma=0), "sigma is 0"),
        (lambda: vendi_of(noise(5, 2)), "square matrix"),
        (lambda: vendi_of(torch.tensor([[1.0, 0.5], [0.1, 1.0]])), "symmetric"),
        (lambda: vendi_of(2 * torch.eye(3)), "to itself must be 1"),
        (lambda: vendi_of(torch.tensor([[1.0, 2.0], [2.0, 1.0]])), "no eigenvalue below 0, the least is -0.5"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
