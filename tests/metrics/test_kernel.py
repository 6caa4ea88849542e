"""Kernel and energy distances against their definitions, written out, and against closed forms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.kernel import cmmd, energy_distance, kid, kid_whole


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def line(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def cubic(x: list[float], y: list[float]) -> float:
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def unbiased(a: Tensor, b: Tensor) -> float:
    """Gretton et al. (2012), equation 3, pair by pair."""
    x, y = a.tolist(), b.tolist()
    return (
        mean([cubic(*pair) for pair in itertools.permutations(x, 2)])
        + mean([cubic(*pair) for pair in itertools.permutations(y, 2)])
        - 2 * mean([cubic(*pair) for pair in itertools.product(x, y)])
    )


def test_kid_of_four_numbers() -> None:
    # Within {0, 1} the kernel is 1, within {2, 3} it is 7³, and across 1, 1, 3³ and 4³.
    assert kid_whole(line(0, 1), line(2, 3)) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4, rel=1e-14)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 5), st.integers(1, 20), st.integers(0, 1000))
def test_kid_is_its_definition_in_pieces_of_any_size(n: int, m: int, features: int, chunk: int, seed: int) -> None:
    a, b = noise(n, features, seed=seed), noise(m, features, seed=seed + 1) + 1
    assert kid_whole(a, b, chunk=chunk) == pytest.approx(unbiased(a, b), rel=1e-9, abs=1e-9)


def test_a_subset_of_all_is_the_whole() -> None:
    a, b = noise(60, 4), noise(60, 4, seed=1) + 0.3
    found = kid(a, b, subsets=3, size=60)
    assert found["kid"] == pytest.approx(kid_whole(a, b), rel=1e-12)
    assert found["kid-std"] < 1e-12


def test_kid_has_no_bias() -> None:
    values = torch.tensor([kid_whole(noise(20, 3, seed=2 * i), noise(30, 3, seed=2 * i + 1)) for i in range(400)])
    assert abs(values.mean()) < 3 * values.std() / 20


def test_the_seed_decides_the_subsets_and_nothing_else_does() -> None:
    a, b = noise(50, 4), noise(70, 4, seed=1)
    one = kid(a, b, subsets=4, size=20, seed=1)
    torch.manual_seed(5)
    assert kid(a, b, subsets=4, size=20, seed=1) == one
    assert kid(a, b, subsets=4, size=20, seed=2) != one


def test_cmmd_of_two_directions() -> None:
    real, fake = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 0.1]])  # directions at a right angle: √2 apart
    assert cmmd(real, fake) == pytest.approx(1000 * (2 - 2 * math.exp(-2 / 200)), rel=1e-13)
    assert cmmd(real, fake, sigma=1) == pytest.approx(1000 * (2 - 2 * math.exp(-1)), rel=1e-13)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(2, 5), st.floats(0.3, 20), st.integers(0, 1000))
def test_cmmd_is_its_definition_and_lengths_do_not_matter(n: int, m: int, f: int, sigma: float, seed: int) -> None:
    a, b = noise(n, f, seed=seed), noise(m, f, seed=seed + 1)

    def kernel(x: Tensor, y: Tensor) -> float:
        x, y = x / x.norm(dim=1, keepdim=True), y / y.norm(dim=1, keepdim=True)
        return float(torch.exp(-torch.cdist(x, y).square() / (2 * sigma**2)).mean())

    wanted = 1000 * (kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))
    assert cmmd(a, b, sigma=sigma) == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    assert cmmd(7 * a, b * torch.rand(m, 1) + b, sigma=sigma) == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_cmmd_keeps_its_digits_near_zero() -> None:
    a = noise(50, 8)
    shifted = a + 1e-6 * noise(1, 8, seed=1)
    u, v = (x / x.norm(dim=1, keepdim=True) for x in (a, shifted))
    # So near, the figure is the squared distance of the means over σ², to first order.
    assert cmmd(a, shifted) == pytest.approx(1000 * float((u.mean(0) - v.mean(0)).square().sum()) / 100, rel=1e-2)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.floats(0.1, 100), st.integers(0, 1000))
def test_energy_is_its_definition_moves_with_nothing_and_scales(n: int, m: int, f: int, c: float, seed: int) -> None:
    a, b = noise(n, f, seed=seed), noise(m, f, seed=seed + 1) + 0.5
    across, own_a, own_b = (
        mean([math.dist(x, y) for x in p.tolist() for y in q.tolist()]) for p, q in ((a, b), (a, a), (b, b))
    )
    wanted = 2 * across - own_a - own_b
    assert energy_distance(a, b) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert energy_distance(c * a - 40, c * b - 40) == pytest.approx(c * wanted, rel=1e-6, abs=1e-6 * c)


def test_energy_of_two_points_and_of_normal_distributions() -> None:
    assert energy_distance(line(0), line(7)) == pytest.approx(14)
    shift = 1.5
    # X - Y is normal with variance 2; the mean of its absolute value is that of a folded normal distribution.
    across = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
    found = energy_distance(noise(5000, 1), noise(5000, 1, seed=1) + shift)
    assert found == pytest.approx(2 * across - 4 / math.sqrt(math.pi), rel=0.05)


@pytest.mark.parametrize("distance", [cmmd, energy_distance])
def test_a_set_is_at_distance_zero_from_itself_and_order_is_nothing(distance: Any) -> None:
    x = 10 * noise(200, 6) + 5
    assert distance(x, x) < 1e-8  # a product leaves some 1e-8 of the length between copies
    assert distance(x, x.flip(0)) < 1e-8
    assert distance(x.float(), x.float()) < 1e-8


@pytest.mark.parametrize("distance", [cmmd, energy_distance, kid_whole])
def test_pieces_do_not_show(distance: Any) -> None:
    a, b = noise(83, 6), noise(131, 6, seed=1) + 0.2
    wanted = distance(a, b)
    for chunk in (1, 7, 64, 10_000):
        assert distance(a, b, chunk=chunk) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kid(noise(999, 2), noise(1000, 2)), "there are 999 real samples, and subsets of 1000"),
        (lambda: kid(noise(1000, 2), noise(10, 2)), "there are 10 fake samples"),
        (lambda: kid(noise(9, 2), noise(9, 2), size=1), "size is 1, wanted 2"),
        (lambda: kid(noise(9, 2), noise(9, 2), subsets=0), "subsets is 0"),
        (lambda: kid_whole(noise(1, 2), noise(9, 2)), "there are 1 real samples, wanted 2 or more"),
        (lambda: kid_whole(noise(9, 2), noise(9, 2), chunk=0), "chunk is 0"),
        (lambda: cmmd(noise(9, 2), noise(9, 3)), "real samples have 2 features and fake ones 3"),
        (lambda: cmmd(torch.zeros(4, 2), noise(9, 2)), "all features of 4 of 4 real samples are 0"),
        (lambda: cmmd(noise(9, 2), noise(9, 2), sigma=0), "sigma is 0, wanted more than 0"),
        (lambda: cmmd(noise(9, 2), noise(9, 2), chunk=-1), "chunk is -1"),
        (lambda: energy_distance(noise(9, 2), noise(0, 2)), "there are 0 fake samples"),
        (lambda: energy_distance(noise(9), noise(9, 2)), r"must be a matrix .* got torch.float64 of shape \(9,\)"),
        (lambda: energy_distance(noise(9, 2).to(torch.complex64), noise(9, 2)), "real numbers"),
        (lambda: energy_distance(noise(9, 0), noise(9, 0)), "have no columns"),
        (lambda: energy_distance(noise(9, 2) / 0, noise(9, 2)), "9 of 9 real samples have features that are NaN"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
