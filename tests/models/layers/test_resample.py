"""Halving and doubling with a fixed filter: what they compute, and their transposes within a chain."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from ganzoo.models.layers.piecewise import LinearMap, input_gradient, is_piecewise_linear
from ganzoo.models.layers.resample import Doubling, Halving


def test_doubling_interpolates_linearly_and_halving_means_over_its_taps() -> None:
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # torch repeats the border, where zeros lie here
    wanted = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(Doubling().double()(x)[inner], wanted[inner])
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    pixel = (torch.outer(taps, taps) * x[0, 0, 1:5, 1:5]).sum()
    torch.testing.assert_close(Halving().double()(x)[0, 0, 1, 1], pixel)
    torch.testing.assert_close(Halving((1, 1)).double()(x), nn.AvgPool2d(2)(x))


@pytest.mark.parametrize("layer", [Halving(), Doubling(), Halving((1, 1)), Doubling((1, 2, 3, 3, 2, 1))])
def test_the_transpose_is_autograds_gradient(layer: Halving | Doubling) -> None:
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64, requires_grad=True)
    y = layer.double()(x)
    g = torch.randn_like(y)
    torch.testing.assert_close(layer.transposed(g, x.shape), torch.autograd.grad(y, x, g)[0])


def test_they_are_layers_of_a_chain() -> None:
    torch.manual_seed(0)
    chain = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.LeakyReLU(0.2), Halving(), nn.Conv2d(4, 1, 4)).double()
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert is_piecewise_linear(chain)
    torch.testing.assert_close(input_gradient(chain, x.detach()), torch.autograd.grad(chain(x).sum(), x)[0])
    assert list(Halving().parameters()) == []
    assert Halving().state_dict() == {}


def test_taps_without_a_middle_between_pixels_are_refused() -> None:
    for taps in ((1, 2, 1), (1, 2)):
        with pytest.raises(ValueError, match="even number of taps"):
            Halving(taps)
    with pytest.raises(NotImplementedError, match="no transposed"):
        LinearMap().transposed(torch.zeros(1), torch.Size([1]))
