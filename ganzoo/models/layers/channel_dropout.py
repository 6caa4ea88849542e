"""Dropout of whole channels.

Tompson, Goroshin, Jain, LeCun, Bregler: Efficient Object Localization Using Convolutional Networks, 2014.
https://arxiv.org/abs/1411.4280, section 3.2: the numbers of a map are so alike that dropping single ones drops little.

torch's own, nn.Dropout2d, draws from the global generator, so that neither several processes nor steps that are traced as a
whole can repeat it. Here the mask is that of a dropout of B·C ones, which games replace by a hash as they do any other.
"""

from __future__ import annotations

from torch import Tensor, nn


class ChannelDropout(nn.Module):
    """In training each channel of each sample is 0 with probability p and else scaled by 1/(1 - p); in evaluation nothing
    changes.

    Args:
        p: probability of 0, from 0 to 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.mask = nn.Dropout(p)

    def forward(self, x: Tensor) -> Tensor:
        """x of (B, C, ...) with channels dropped, of its dtype and memory format."""
        if not self.training:
            return x
        mask: Tensor = self.mask(x.new_ones(*x.shape[:2], *[1] * (x.ndim - 2)))
        return x * mask
