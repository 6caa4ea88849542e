"""Self-attention over the positions of maps.

Zhang, Goodfellow, Metaxas, Odena: Self-Attention Generative Adversarial Networks, 2018, 1805.08318, section 3, in the form
of the authors' code: keys and values are pooled to a quarter of the positions, values have half the channels. The scores of
a position are the plain products with the keys, without a scale.

Shapes: B batch, C channels, H, W, N = H·W positions, M = (H/2)·(W/2) pooled positions, D channels of queries and keys, E of
values.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

Convolution = Callable[[int, int], nn.Module]
"""Makes a 1x1 convolution without bias, from its channels in and out."""


class SelfAttention(nn.Module):
    """x + γ·attention(x), with γ = 0 at first: the network begins as if the layer were not there (1805.08318, equation 3).

    Args:
        channels: C, 2 or more.
        convolution: makes the four 1x1 convolutions; by default plain ones.

    Raises:
        ValueError: there is 1 channel.
    """

    def __init__(self, channels: int, convolution: Convolution | None = None) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"attention wants 2 channels or more, given {channels}")
        make = convolution or (lambda channels, out: nn.Conv2d(channels, out, 1, bias=False))
        inner = max(channels // 8, 1)
        self.query = make(channels, inner)
        self.key = make(channels, inner)
        self.value = make(channels, channels // 2)
        self.last = make(channels // 2, channels)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of the same shape; both sides 2 pixels or more."""
        B, _, H, W = x_BCHW.shape
        # Channels last, as the maps lie in memory, so that no transposition copies them.
        query_BND = _positions(self.query(x_BCHW))
        key_BMD = _positions(max_pool2d(self.key(x_BCHW), 2))
        value_BME = _positions(max_pool2d(self.value(x_BCHW), 2))
        # Written out: fused attention kernels have no second derivative, which penalties take.
        share_BNM = torch.softmax(query_BND @ key_BMD.transpose(1, 2), -1)
        seen_BNE = share_BNM @ value_BME
        seen_BEHW = seen_BNE.view(B, H, W, -1).permute(0, 3, 1, 2)
        attended: Tensor = self.last(seen_BEHW)
        return x_BCHW + self.gamma * attended


def _positions(x_BCHW: Tensor) -> Tensor:
    """(B, H·W, C)."""
    return x_BCHW.permute(0, 2, 3, 1).flatten(1, 2)
