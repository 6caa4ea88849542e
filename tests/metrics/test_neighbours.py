"""Nearest neighbours against brute force, and the figures that are counted from them against known ones."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.neighbours import distance_blocks, kth_neighbour, nearest, within


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def distances(a: Tensor, b: Tensor) -> list[list[float]]:
    return [[math.dist(x, y) for y in b.tolist()] for x in a.tolist()]


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 20), st.integers(1, 20), st.integers(1, 6), st.integers(1, 5000), st.floats(-1e3, 1e3), st.data())
def test_everything_is_what_brute_force_finds(
    n: int, m: int, features: int, memory: int, offset: float, data: st.DataObject
) -> None:
    a, b = noise(n, features) + offset, noise(m, features, seed=1) + offset
    k = data.draw(st.integers(1, n - 1))
    table = distances(a, b)
    rows = torch.cat([block for _, block in distance_blocks(a, b, memory=memory)])
    torch.testing.assert_close(rows, torch.tensor(table, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    assert all(block.numel() * 8 <= memory or len(block) == 1 for _, block in distance_blocks(a, b, memory=memory))

    own = distances(a, a)
    radii = kth_neighbour(a, k, memory=memory)
    wanted = [sorted(d for j, d in enumerate(row) if j != i)[k - 1] for i, row in enumerate(own)]
    assert radii.tolist() == pytest.approx(wanted, rel=1e-6, abs=1e-6)

    found = within(a, radii, b, memory=memory)
    inside = [[d < r for d in row] for row, r in zip(table, radii.tolist(), strict=True)]
    assert found.points_N.tolist() == [sum(row) for row in inside]
    assert found.balls_M.tolist() == [sum(column) for column in zip(*inside, strict=True)]

    least, which = nearest(a, b, memory=memory)
    assert least.tolist() == pytest.approx([min(row) for row in table], rel=1e-6, abs=1e-6)
    assert which.tolist() == [row.index(min(row)) for row in table]


def test_points_on_a_line() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert kth_neighbour(x, 1).tolist() == pytest.approx([1, 1, 2, 4])
    assert kth_neighbour(x, 2).tolist() == pytest.approx([3, 2, 3, 6])
    assert kth_neighbour(x, 3).tolist() == pytest.approx([7, 6, 4, 7])


def test_a_point_on_the_edge_is_outside() -> None:
    centres, points = torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.0], [-2.0], [1.5]])
    found = within(centres, torch.tensor([1.0, 1.0]), points)
    assert found.points_N.tolist() == [0, 1]
    assert found.balls_M.tolist() == [0, 0, 1]


def test_copies_are_neighbours_and_the_sample_is_not() -> None:
    x = torch.tensor([[5.0, 5.0], [5.0, 5.0], [8.0, 9.0]])
    assert kth_neighbour(x, 1).tolist() == pytest.approx([0, 0, 5], abs=1e-6)


def test_precision_recall_density_and_coverage_of_equal_and_of_distant_sets() -> None:
    real, near, far, k = noise(300, 4), noise(300, 4, seed=1), noise(300, 4, seed=2) + 100, 5
    radii = kth_neighbour(real, k)
    same, apart = within(real, radii, near), within(real, radii, far)
    assert (same.balls_M > 0).double().mean().item() > 0.8
    # 2002.09797, appendix: for equal distributions density is 1 on average, and coverage 1 - Π (N - i)/(2N - i) ≈ 1 - 2^-k.
    assert same.balls_M.double().mean().item() / k == pytest.approx(1, abs=0.15)
    assert (same.points_N > 0).double().mean().item() == pytest.approx(1 - 2**-k, abs=0.05)
    assert apart.balls_M.sum() == 0
    assert apart.points_N.sum() == 0


def test_float32_is_near_and_half_precision_features_are_taken() -> None:
    x = noise(100, 64) * 3 + 50
    exact = kth_neighbour(x, 3)
    fast = kth_neighbour(x.float(), 3, dtype=torch.float32)
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast.double(), exact, rtol=1e-4, atol=0)
    far = (x + 2000).float()  # its own rounding is 1e-4, the square of its length 3e8
    torch.testing.assert_close(kth_neighbour(far, 3, dtype=torch.float32).double(), exact, rtol=1e-3, atol=0)
    half = x.bfloat16()
    torch.testing.assert_close(kth_neighbour(half, 3), kth_neighbour(half.double(), 3))


def test_empty_sets() -> None:
    x = noise(4, 2)
    found = within(x, torch.ones(4), x[:0])
    assert found.points_N.tolist() == [0, 0, 0, 0]
    assert found.balls_M.shape == (0,)
    assert within(x[:0], torch.ones(0), x).balls_M.tolist() == [0, 0, 0, 0]
    assert nearest(x[:0], x)[0].shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kth_neighbour(noise(3, 2), 3), "3-th neighbour of a sample among 3"),
        (lambda: kth_neighbour(noise(3, 2), 0), "0-th neighbour"),
        (lambda: nearest(noise(3, 2), noise(0, 2)), "empty set"),
        (lambda: within(noise(3, 2), torch.ones(2), noise(3, 2)), "one radius a centre"),
        (lambda: nearest(noise(3, 2), noise(3, 4)), "2 and 4 features"),
        (lambda: nearest(noise(3), noise(3, 4)), "matrix of real numbers"),
        (lambda: nearest(noise(3, 2).to(torch.complex64), noise(3, 2)), "complex64"),
        (lambda: nearest(noise(3, 2), noise(3, 2), dtype=torch.bfloat16), "float32 or float64"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
