"""Equalised layers: weights of variance 1, He's constant at run time, multipliers of the learning rate; pixelwise norms."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch.nn.functional import conv2d, linear

from ganzoo.models.layers.equalised import RECTIFIED, EqualisedConv2d, EqualisedLinear
from ganzoo.models.layers.pixel_norm import pixel_norm


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_weights_are_stored_with_variance_one_over_the_multiplier_and_used_with_hes(multiplier: float) -> None:
    torch.manual_seed(0)
    layer = EqualisedLinear(200, 300, lr_multiplier=multiplier)
    assert float(layer.weight.detach().std()) == pytest.approx(1 / multiplier, rel=0.02)
    assert float(layer.scaled_weight.detach().std()) == pytest.approx(sqrt(2 / 200), rel=0.02)
    conv = EqualisedConv2d(20, 30, 3, gain=1, lr_multiplier=multiplier)
    assert float(conv.scaled_weight.detach().std()) == pytest.approx(sqrt(1 / (20 * 9)), rel=0.05)


def test_the_layers_are_the_plain_ones_with_scaled_weights_and_biases() -> None:
    torch.manual_seed(0)
    dense = EqualisedLinear(5, 4, lr_multiplier=0.5, bias_init=1.0)
    x = torch.randn(3, 5)
    torch.testing.assert_close(dense(x), linear(x, dense.weight * RECTIFIED * 0.5 / sqrt(5), torch.ones(4)))
    conv = EqualisedConv2d(5, 4, 3, gain=1)
    picture = torch.randn(2, 5, 6, 7)
    torch.testing.assert_close(conv(picture), conv2d(picture, conv.weight / sqrt(45), conv.bias, padding=1))
    assert conv(picture).shape == (2, 4, 6, 7)
    assert EqualisedConv2d(5, 4, 3, stride=2, padding=0)(picture).shape == (2, 4, 2, 3)
    assert EqualisedLinear(5, 4, bias=False).scaled_bias is None


@pytest.mark.parametrize("multiplier", [1.0, 0.1])
def test_a_step_of_fixed_size_moves_what_is_used_by_the_multiplier(multiplier: float) -> None:
    """An update of 1 in each stored weight, as Adam's, is one of gain·λ/√(fan in): the same share of weights of any layer."""
    layer = EqualisedLinear(16, 3, lr_multiplier=multiplier)
    before = layer.scaled_weight.detach().clone()
    with torch.no_grad():
        layer.weight += 1
    moved = (layer.scaled_weight - before) / (RECTIFIED / sqrt(16))
    torch.testing.assert_close(moved, torch.full_like(moved, multiplier), rtol=1e-4, atol=1e-5)


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        EqualisedLinear(5, 4, gain=0)
    with pytest.raises(ValueError, match="above 0"):
        EqualisedConv2d(5, 4, 3, lr_multiplier=0)


def test_pixel_norm_gives_each_position_a_mean_square_of_one() -> None:
    x = torch.randn(2, 8, 3, 3) * 7
    y = pixel_norm(x)
    torch.testing.assert_close(y.square().mean(1), torch.ones(2, 3, 3))
    torch.testing.assert_close(y, x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt())
    assert torch.equal(pixel_norm(torch.zeros(1, 4)), torch.zeros(1, 4))
    assert pixel_norm(x.bfloat16()).dtype == torch.bfloat16
