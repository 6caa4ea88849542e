"""The warp beside a slow definition in float64, and its derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.augmentations.warp import SYM6, Affine, bilinear, mirrored, warped

Array = NDArray[np.float64]
TAPS = torch.tensor(SYM6, dtype=torch.float64) / math.sqrt(2)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def mirror(i: int, size: int) -> int:
    """The row of a picture that is seen at i, which may lie outside."""
    i %= 2 * (size - 1)
    return min(i, 2 * (size - 1) - i)


def upsampled(x_HW: Array) -> Array:
    """(2H - 1, 2W - 1): zeros between the mirrored picture's pixels, and the filter along both axes."""
    for axis in (0, 1):
        size = x_HW.shape[axis]
        rows = []
        for u in range(2 * size - 1):
            total = np.zeros(x_HW.shape[1 - axis])
            for t, tap in enumerate(SYM6):
                place = u + 5 - t
                if place % 2 == 0:
                    total += math.sqrt(2) * tap * x_HW.take(mirror(place // 2, size), axis)
            rows.append(total)
        x_HW = np.stack(rows, axis)
    return x_HW


def between(x: Array, at: tuple[float, float]) -> float:
    """Bilinear, at (y, x), mirrored at the borders."""
    total = 0.0
    y0, x0 = math.floor(at[0]), math.floor(at[1])
    for dy in (0, 1):
        for dx in (0, 1):
            share = (1 - abs(at[0] - y0 - dy)) * (1 - abs(at[1] - x0 - dx))
            total += share * float(x[mirror(y0 + dy, x.shape[0]), mirror(x0 + dx, x.shape[1])])
    return total


def slowly(x_HW: Array, matrix: Array) -> Array:
    """A picture whose pixel p, from the middle, comes from matrix·(p, 1)."""
    H, W = x_HW.shape
    up = upsampled(x_HW)
    found = np.zeros((2 * H + 10, 2 * W + 10))
    for i in range(2 * H + 10):
        for j in range(2 * W + 10):
            p = np.array([(j - 5) / 2 - (W - 1) / 2, (i - 5) / 2 - (H - 1) / 2, 1.0])
            q = matrix @ p
            found[i, j] = between(up, (2 * (q[1] + (H - 1) / 2), 2 * (q[0] + (W - 1) / 2)))
    taps = np.array(SYM6) / math.sqrt(2)
    rows = np.stack([taps @ found[2 * i : 2 * i + 12] for i in range(H)])
    return np.stack([rows[:, 2 * j : 2 * j + 12] @ taps for j in range(W)], 1)


def turned(batch: int) -> Affine:
    """Moved, made larger, turned and stretched, each sample otherwise."""
    affine = Affine(batch, TAPS)
    each = torch.arange(batch, dtype=torch.float64)
    affine.move(2.0 + each, -1.0 - each)
    affine.scale(1.3 + each / 8, 1.3 + each / 8)
    affine.rotate(0.7 + each)
    affine.scale(0.8 + each / 8, 1 / (0.8 + each / 8))
    affine.move(0.3 * each, 0.2 * each)
    return affine


@pytest.mark.parametrize("shape", [(6, 6), (5, 8)])
def test_the_warp_is_what_loops_make(shape: tuple[int, int]) -> None:
    x, affine = noise(2, 1, *shape), turned(2)
    y = warped(x, affine, TAPS)
    matrices = torch.stack([affine.c0_B2, affine.c1_B2, affine.t_B2], 2).numpy()
    for i in range(2):
        np.testing.assert_allclose(y[i, 0].numpy(), slowly(x[i, 0].numpy(), matrices[i]), atol=1e-12)


def test_transforms_are_inverted_in_their_order() -> None:
    """Scaling by 2 and then moving by 3 brings the middle to 3, and its neighbour to 5."""
    affine = Affine(1, TAPS)
    affine.scale(torch.tensor([2.0]).double(), torch.tensor([2.0]).double())
    affine.move(torch.tensor([3.0]).double(), torch.tensor([0.0]).double())
    assert affine.t_B2.tolist() == [[-1.5, 0.0]]
    assert affine.c0_B2.tolist() == [[0.5, 0.0]]


def test_a_quarter_turn_is_almost_that_of_pixels() -> None:
    """The filter goes there and back; turned in between, it is no longer exactly its own inverse."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    smooth = torch.sin(x / 3 + y / 5)[None, None].double()
    affine = Affine(1, TAPS)
    affine.rotate(torch.tensor([math.pi / 2]).double())
    inner = (slice(None), slice(None), slice(4, 12), slice(4, 12))
    torch.testing.assert_close(warped(smooth, affine, TAPS)[inner], smooth.rot90(1, (2, 3))[inner], atol=0.06, rtol=0)


def test_what_is_not_moved_stays_bit_for_bit() -> None:
    x = noise(3, 2, 8, 8).float()
    affine = Affine(3, TAPS.float())
    affine.move(torch.tensor([0.0, 1.5, 0.0]), torch.zeros(3))
    affine.rotate(torch.zeros(3))
    assert affine.moves().tolist() == [False, True, False]
    y = warped(x, affine, TAPS.float())
    assert torch.equal(y[::2], x[::2])
    assert not torch.equal(y[1], x[1])


def test_mirroring_goes_on_beyond_one_picture() -> None:
    x = torch.tensor([0.0, 1.0, 2.0])
    assert mirrored(x, 0, 5, 4).tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]


@pytest.mark.parametrize("size", [2, 3])
def test_the_smallest_pictures_are_warped(size: int) -> None:
    y = warped(noise(2, 1, size, size), turned(2), TAPS)
    assert y.shape == (2, 1, size, size)
    assert bool(torch.isfinite(y).all())


def test_sampling_is_torchs() -> None:
    x, grid = noise(2, 3, 5, 7), noise(2, 4, 6, 2, seed=1).tanh()
    expected = torch.nn.functional.grid_sample(x, grid, align_corners=True)
    assert torch.equal(bilinear(x, grid), expected)


def test_derivatives_of_the_first_and_second_order() -> None:
    x, affine = noise(2, 1, 4, 5).requires_grad_(), turned(2)
    assert torch.autograd.gradcheck(lambda x: warped(x, affine, TAPS).square(), [x])
    assert torch.autograd.gradgradcheck(lambda x: warped(x, affine, TAPS).square(), [x])


def test_the_second_derivative_through_func_grad_is_that_of_a_matrix() -> None:
    """The warp is linear, y = A·x: the gradient of w·tanh(A·x) is Aᵀ(w·(1 - tanh²)), whose derivative by w is known."""
    x, affine, w = noise(1, 1, 4, 4), turned(1), noise(1, 1, 4, 4, seed=2).requires_grad_()

    def critic(x: Tensor) -> Tensor:
        return (warped(x, affine, TAPS).tanh() * w).sum()

    gradient = torch.func.grad(critic)(x)
    (found,) = torch.autograd.grad(gradient.square().sum(), [w])
    A = torch.func.jacrev(lambda x: warped(x, affine, TAPS))(x).view(16, 16)
    slope = 1 - (A @ x.flatten()).tanh().square()
    expected = 2 * slope * (A @ (A.T @ (w.detach().flatten() * slope)))
    torch.testing.assert_close(found.flatten(), expected)
