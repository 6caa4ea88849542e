"""A distance of pictures in the features of a frozen network, in place of LPIPS.

Zhang, Isola, Efros, Shechtman, Wang: The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018.
https://arxiv.org/abs/1801.03924, equation 1: features of each place scaled to unit length, their squared distance averaged
over space, summed over depths. Theirs are VGG's, with learned weights for every channel; here they are EfficientNet-Lite0's
(ganzoo.metrics), with equal weights and a mean over the depths. So a number of this is no number of LPIPS.

B batch, C channels, H, W.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu6

from ganzoo.metrics import Lite0Features

DEPTHS = (1, 3, 5, 11)  # blocks whose output is compared: 16, 24, 40 and 112 channels


class FeatureDistance(nn.Module):
    """Pairs of pictures in [-1, 1] to one number, from 0 (equal features) to 4.

    Its weights stay as they are, and are in the game's checkpoints.

    Raises:
        ModuleNotFoundError: the network's package is not installed; the message says what to install.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = Lite0Features().network

    def train(self, mode: bool = True) -> FeatureDistance:
        """Always in evaluation mode."""
        return super().train(False)

    def forward(self, x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
        """The mean distance of the pairs; differentiable by both."""
        total = x_BCHW.new_zeros(())
        for one, other in zip(self._features(x_BCHW), self._features(y_BCHW), strict=True):
            total = total + (_unit(one) - _unit(other)).square().sum(1).mean()
        return total / len(DEPTHS)

    def _features(self, x_BCHW: Tensor) -> list[Tensor]:
        # The network's input is (value - 127) / 128 of values from 0 to 255.
        h: Tensor = (x_BCHW.float() * 127.5 + 0.5).div(128).expand(-1, 3, -1, -1)
        network, found = self.network, []
        h = relu6(network._bn0(network._conv_stem(h)))
        for number, block in enumerate(network._blocks[: max(DEPTHS)], 1):
            h = block(h)
            if number in DEPTHS:
                found.append(h)
        return found


def _unit(h_BCHW: Tensor) -> Tensor:
    return h_BCHW * torch.rsqrt(h_BCHW.square().sum(1, keepdim=True) + 1e-10)
