"""Layers that start as those of igul222/improved_wgan_training do (tflib/ops: conv2d.py, deconv2d.py, linear.py).

Weights are uniform with a mean of 0 and the variance gain / (fan in + fan out), biases 0. The gain is 4 before
rectified units ("he_init") and 2 elsewhere. A stride divides the number of positions that a weight meets on the finer
side.
Each layer draws torch's own initialisation when it is made, and at once its own: so the order is that of
construction.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from ganzoo.models.layers.same import SameConv2d, SameConvTranspose2d


def conv(
    channels: int, out: int, kernel: int, stride: int = 1, gain: float = 4, *, mirrored: bool = False
) -> SameConv2d:
    """A convolution with SAME padding."""
    layer = SameConv2d(channels, out, kernel, stride, mirrored=mirrored)
    _start(layer, layer.bias, channels * kernel**2 + out * kernel**2 / stride**2, gain)
    return layer


def conv_transpose(channels: int, out: int, kernel: int, gain: float = 4) -> SameConvTranspose2d:
    """A transposed convolution of stride 2 with SAME padding."""
    layer = SameConvTranspose2d(channels, out, kernel, 2)
    _start(layer, layer.bias, channels * kernel**2 / 4 + out * kernel**2, gain)
    return layer


def linear(features: int, out: int, gain: float = 2) -> nn.Linear:
    """A linear layer."""
    layer = nn.Linear(features, out)
    _start(layer, layer.bias, features + out, gain)
    return layer


@torch.no_grad()
def _start(
    layer: SameConv2d | SameConvTranspose2d | nn.Linear, bias: torch.Tensor | None, fans: float, gain: float
) -> None:
    limit = math.sqrt(3 * gain / fans)
    layer.weight.uniform_(-limit, limit)
    assert bias is not None
    bias.zero_()
