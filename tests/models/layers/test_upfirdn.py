"""Resampling with a filter against a reference that does the four steps one by one in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.models.layers.upfirdn import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d

Array = NDArray[np.float64]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def slow_upfirdn(
    x: Array, taps: Array, up: int, down: int, sides: tuple[int, int, int, int], flip: bool, gain: float
) -> Array:
    """The definition: zeros between, zeros around or cut, convolution where the filter lies inside, every n-th kept."""
    left, right, top, bottom = sides
    batch, channels, height, width = x.shape
    stuffed = np.zeros((batch, channels, height * up, width * up))
    stuffed[:, :, ::up, ::up] = x
    wide = np.pad(stuffed, ((0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
    wide = wide[:, :, max(-top, 0) : wide.shape[2] - max(-bottom, 0), max(-left, 0) : wide.shape[3] - max(-right, 0)]
    kernel = np.outer(taps, taps) if taps.ndim == 1 else taps
    if not flip:
        kernel = kernel[::-1, ::-1]
    rows, columns = wide.shape[2] - kernel.shape[0] + 1, wide.shape[3] - kernel.shape[1] + 1
    y = np.zeros((batch, channels, rows, columns))
    for i in range(rows):
        for j in range(columns):
            y[:, :, i, j] = (wide[:, :, i : i + kernel.shape[0], j : j + kernel.shape[1]] * kernel).sum((2, 3))
    return y[:, :, ::down, ::down] * gain


@settings(deadline=None, max_examples=200)
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    taps=st.one_of(st.integers(1, 7).map(lambda n: (n,)), st.tuples(st.integers(1, 5), st.integers(1, 5))),
    up=st.integers(1, 4),
    down=st.integers(1, 3),
    sides=st.tuples(*[st.integers(-3, 5)] * 4),
    flip=st.booleans(),
)
def test_it_is_the_definition(
    size: tuple[int, int], taps: tuple[int, ...], up: int, down: int, sides: tuple[int, int, int, int], flip: bool
) -> None:
    left, right, top, bottom = sides
    # More cannot be cut off a side than there is.
    assume(size[0] * up + min(top, 0) + min(bottom, 0) >= 1 and size[1] * up + min(left, 0) + min(right, 0) >= 1)
    assume(size[0] * up + top + bottom >= taps[0] and size[1] * up + left + right >= taps[-1])
    x, kernel = noise(2, 3, *size), noise(*taps, seed=1)
    wanted = slow_upfirdn(x.numpy(), kernel.numpy(), up, down, sides, flip, 1.5)
    for given_x in (x, x.to(memory_format=torch.channels_last), x.mT.contiguous().mT):
        y = upfirdn2d(given_x, kernel, up, down, sides, flip=flip, gain=1.5)
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("taps", [3, 5])
def test_first_and_second_derivatives(up: int, down: int, taps: int) -> None:
    x, kernel = noise(1, 2, 3, 4).requires_grad_(), noise(taps, seed=1).requires_grad_()

    def call(x: Tensor, kernel: Tensor) -> Tensor:
        return upfirdn2d(x, kernel, up, down, (2, 3, 1, 4))

    assert torch.autograd.gradcheck(call, (x, kernel))
    assert torch.autograd.gradgradcheck(call, (x, kernel))


@pytest.mark.parametrize("taps", [[1, 3, 3, 1], [1, 2, 1], [1], [1, 1], [1, 4, 6, 4, 1], [1, 2, 3, 3, 2, 1]])
@pytest.mark.parametrize("factor", [2, 3])
def test_the_helpers_keep_sizes_and_constants(taps: list[int], factor: int) -> None:
    kernel = setup_filter(taps).double()
    x = torch.full((1, 2, 12, 18), 3.0, dtype=torch.float64)
    inner = (..., slice(4, -4), slice(4, -4))
    for y, size in (
        (upsample2d(x, kernel, factor), (12 * factor, 18 * factor)),
        (downsample2d(x, kernel, factor), (12 // factor, 18 // factor)),
        (filter2d(x, kernel), (12, 18)),
    ):
        assert y.shape == (1, 2, *size)
    middle = filter2d(x, kernel)[inner]
    torch.testing.assert_close(middle, torch.full_like(middle, 3.0))
    if len(taps) >= factor and (taps, factor) in (([1, 3, 3, 1], 2), ([1, 2, 1], 2), ([1, 1], 2)):
        middle = upsample2d(x, kernel, factor)[inner]
        torch.testing.assert_close(middle, torch.full_like(middle, 3.0))


def test_upsampling_by_1331_is_bilinear_away_from_the_border() -> None:
    x = noise(2, 3, 6, 5)
    wanted = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
    y = upsample2d(x, setup_filter([1, 3, 3, 1]).double())
    torch.testing.assert_close(y[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1])


def test_downsampling_is_the_transpose_of_upsampling() -> None:
    kernel = setup_filter([1, 3, 3, 1]).double()
    x, y = noise(1, 2, 5, 4), noise(1, 2, 10, 8, seed=1)
    torch.testing.assert_close((upsample2d(x, kernel) * y).sum(), 4 * (x * downsample2d(y, kernel)).sum())


def test_downsampling_known_numbers() -> None:
    x = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    y = downsample2d(x, setup_filter([1, 1]))
    assert y.tolist() == [[[[0.5, 2.5], [0.5, 2.5]]]]
    filtered = filter2d(torch.eye(3).view(1, 1, 3, 3), setup_filter([1, 2, 1], normalize=False))
    assert filtered[0, 0].tolist() == [[5, 4, 1], [4, 6, 4], [1, 4, 5]]


def test_a_filter_and_its_gain() -> None:
    assert setup_filter([1, 3, 3, 1]).tolist() == [0.125, 0.375, 0.375, 0.125]
    assert setup_filter([1, 3], normalize=False, flip=True).tolist() == [3, 1]
    assert setup_filter([[1, 2], [3, 4]], normalize=False, flip=True).tolist() == [[4, 3], [2, 1]]
    assert setup_filter(5).tolist() == [1]  # type: ignore[arg-type]
    one, two = setup_filter([1, 3, 3, 1], gain=4), setup_filter(torch.ones(4, 4), gain=4)
    assert one.sum().item() ** 2 == pytest.approx(4)
    assert two.sum().item() == pytest.approx(4)


def test_a_matrix_of_taps_equals_its_two_vectors() -> None:
    kernel = setup_filter([1, 2, 4, 1, 1, 3]).double()
    x = noise(2, 3, 8, 9)
    for up, down in ((1, 1), (2, 1), (1, 2)):
        vectors = upfirdn2d(x, kernel, up, down, (2, 1, 0, 3))
        torch.testing.assert_close(vectors, upfirdn2d(x, torch.outer(kernel, kernel), up, down, (2, 1, 0, 3)))


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_half_precision_and_autocast(up: int, down: int) -> None:
    kernel = setup_filter([1, 3, 3, 1])
    x = noise(2, 4, 8, 8).float()
    wanted = upfirdn2d(x, kernel, up, down, 2)
    half = upfirdn2d(x.bfloat16(), kernel, up, down, 2)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), wanted, rtol=0.02, atol=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(upfirdn2d(x, kernel, up, down, 2), wanted)


def test_memory_format_meta_and_functional_transforms() -> None:
    kernel = setup_filter([1, 3, 3, 1])
    x = torch.randn(2, 4, 8, 8).to(memory_format=torch.channels_last)
    for up, down in ((1, 1), (2, 1), (1, 2)):
        assert upfirdn2d(x, kernel, up, down, 2).is_contiguous(memory_format=torch.channels_last)
    assert upsample2d(torch.empty(2, 4, 8, 8, device="meta"), kernel.to("meta")).shape == (2, 4, 16, 16)
    gradient = torch.func.grad(lambda x: upsample2d(x, kernel).square().sum())(x)
    leaf = x.clone().requires_grad_()
    torch.testing.assert_close(gradient, torch.autograd.grad(upsample2d(leaf, kernel).square().sum(), leaf)[0])
    stacked = torch.randn(3, 2, 4, 8, 8)
    each = torch.stack([upsample2d(part, kernel) for part in stacked])
    torch.testing.assert_close(torch.vmap(lambda x: upsample2d(x, kernel))(stacked), each)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"up": 0}, "factors of 1 or more"),
        ({"down": 0}, "factors of 1 or more"),
        ({"padding": -2}, "nothing left of 3x3"),
        ({"taps": torch.ones(0)}, "taps"),
        ({"taps": torch.ones(1, 1, 1)}, "taps"),
        ({"x_BCHW": torch.ones(3, 3)}, "pictures"),
    ],
)
def test_wrong_arguments(change: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"x_BCHW": torch.ones(1, 1, 3, 3), "taps": torch.ones(2)}
    with pytest.raises(ValueError, match=message):
        upfirdn2d(**(usual | change))


def test_taps_that_cannot_be_normalised() -> None:
    with pytest.raises(ValueError, match="add up to 0"):
        setup_filter([1, -1])
    with pytest.raises(ValueError, match="taps"):
        setup_filter([])


def test_a_filter_is_made_on_the_meta_device_too() -> None:
    """Where it has no numbers, and a sum of 0 cannot be found."""
    with torch.device("meta"):
        taps = setup_filter([1, 3, 3, 1])
    assert (taps.device.type, tuple(taps.shape)) == ("meta", (4,))
