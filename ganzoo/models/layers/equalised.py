"""Equalised learning rate: weights are stored with variance 1, and scaled by their initialisation's factor at run time.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2017, 1710.10196,
section 4.1: ŵ = w·c with He's constant c = gain / √(fan in). An optimiser whose updates do not depend on the gradient's size
(Adam, RMSprop) then changes all layers at the same relative speed. The learning-rate multiplier λ is that of StyleGAN
(1812.04948, appendix C): w ~ N(0, 1)/λ is stored and λ·c·w used, so that the layer learns λ times as fast.

Shapes: B batch, I and O features or channels in and out, K kernel, H, W.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

RECTIFIED = sqrt(2)
"""He's gain, for layers before a rectifier (1502.01852)."""


class _Equalised(nn.Module):
    """A weight (O, I, ...) and a bias (O,), each with the factor that it is used with.

    Attributes:
        weight, bias: what is stored and trained.
        scale: factor of the weight, gain·λ/√(fan in).
        lr_multiplier: λ, factor of the bias.
    """

    def __init__(self, shape: tuple[int, ...], bias: bool, gain: float, lr_multiplier: float, bias_init: float) -> None:
        super().__init__()
        fan_in = 1
        for size in shape[1:]:
            fan_in *= size
        if min(shape) < 1 or gain <= 0 or lr_multiplier <= 0:
            raise ValueError(
                f"sizes of 1 or more, gain and lr_multiplier above 0 are wanted, given {shape}, {gain}, {lr_multiplier}"
            )
        self.scale, self.lr_multiplier = gain * lr_multiplier / sqrt(fan_in), lr_multiplier
        self.weight = nn.Parameter(torch.randn(shape) / lr_multiplier)
        self.bias: nn.Parameter | None
        self.register_parameter(
            "bias", nn.Parameter(torch.full(shape[:1], bias_init / lr_multiplier)) if bias else None
        )

    @property
    def scaled_weight(self) -> Tensor:
        """The weight as it is used, (O, I, ...); with derivatives, for a modulated convolution say."""
        return self.weight * self.scale

    @property
    def scaled_bias(self) -> Tensor | None:
        """The bias as it is used, (O,), or None."""
        if self.bias is None or self.lr_multiplier == 1:
            return self.bias
        return self.bias * self.lr_multiplier

    def extra_repr(self) -> str:
        """The sizes, for print."""
        shape = "x".join(map(str, self.weight.shape))
        return f"{shape}, bias={self.bias is not None}, scale={self.scale:.4g}, lr_multiplier={self.lr_multiplier:g}"


class EqualisedLinear(_Equalised):
    """y = λ·c·W·x + λ·b, (B, I) to (B, O), with W ~ N(0, 1)/λ and c = gain/√I.

    Args:
        in_features, out_features: I and O.
        bias: whether it has one.
        gain: 1, or √2 (RECTIFIED) before a rectifier.
        lr_multiplier: λ.
        bias_init: the bias at the start, as it is used.

    Raises:
        ValueError: a number out of its range.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        gain: float = RECTIFIED,
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__((out_features, in_features), bias, gain, lr_multiplier, bias_init)

    def forward(self, x_BI: Tensor) -> Tensor:
        """(B, O)."""
        return linear(x_BI, self.scaled_weight, self.scaled_bias)


class EqualisedConv2d(_Equalised):
    """A convolution with weights λ·c·W, W ~ N(0, 1)/λ and c = gain/√(I·K²).

    Args:
        in_channels, out_channels, kernel: I, O and K.
        bias: whether it has one.
        gain: 1, or √2 (RECTIFIED) before a rectifier.
        lr_multiplier: λ.
        stride, padding: as of any convolution; without padding K // 2 zeros, which keep the size if K is odd.
        bias_init: the bias at the start, as it is used.

    Raises:
        ValueError: a number out of its range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        bias: bool = True,
        gain: float = RECTIFIED,
        lr_multiplier: float = 1.0,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__((out_channels, in_channels, kernel, kernel), bias, gain, lr_multiplier, bias_init)
        self.stride, self.padding = stride, kernel // 2 if padding is None else padding

    def forward(self, x_BIHW: Tensor) -> Tensor:
        """(B, O, H', W')."""
        return conv2d(x_BIHW, self.scaled_weight, self.scaled_bias, self.stride, self.padding)
