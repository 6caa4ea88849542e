"""Residual blocks with the activation before the convolution, as in SNGAN (1802.05957, figure 9) and BigGAN (1809.11096,
figure 15).

No ReLU works in place: it would reach the shortcut, which has to see its input as it came.
Shortcuts have a 1x1 convolution, which gives the same before doubling as after it, and after halving as before it: it is
computed where there are four times fewer pixels.

B batch, C channels in, O out, H, W.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

Convolution = Callable[[int, int, int], nn.Conv2d]
"""Makes a convolution of stride 1 that keeps the size, from channels in, channels out and kernel."""
Norm = Callable[[int], nn.Module]
"""Makes a normalisation of so many channels."""


class UpBlock(nn.Module):
    """x_BCHW to (B, O, 2H, 2W): norm, ReLU, doubling, convolution, norm, ReLU, convolution; a convolved shortcut."""

    def __init__(self, channels: int, out: int, convolution: Convolution, norm: Norm) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(channels), convolution(channels, out, 3)
        self.norm2, self.conv2 = norm(out), convolution(out, out, 3)
        self.shortcut = convolution(channels, out, 1)

    def forward(self, x_BCHW: Tensor, *condition: Tensor) -> Tensor:
        """Maps of twice the size; the condition goes to the norms."""
        h: Tensor = self.conv1(_doubled(relu(self.norm1(x_BCHW, *condition))))
        h = self.conv2(relu(self.norm2(h, *condition)))
        return h + _doubled(self.shortcut(x_BCHW))


class FirstBlock(nn.Module):
    """x_BCHW to (B, O, H/2, W/2), of pictures: no ReLU before the first convolution."""

    def __init__(self, channels: int, out: int, convolution: Convolution) -> None:
        super().__init__()
        self.conv1, self.conv2 = convolution(channels, out, 3), convolution(out, out, 3)
        self.shortcut = convolution(channels, out, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of half the size."""
        h = avg_pool2d(self.conv2(relu(self.conv1(x_BCHW))), 2)
        shortcut: Tensor = self.shortcut(avg_pool2d(x_BCHW, 2))
        return h + shortcut


class DownBlock(nn.Module):
    """x_BCHW to (B, O, H, W), or half of H and W: ReLU, convolution, ReLU, convolution, mean over 2x2 pixels.

    Args:
        hidden: channels between the convolutions.
        halves: whether it halves the maps. The shortcut has a convolution if it does, or if C is not O.
    """

    def __init__(self, channels: int, out: int, hidden: int, convolution: Convolution, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1, self.conv2 = convolution(channels, hidden, 3), convolution(hidden, out, 3)
        self.shortcut = convolution(channels, out, 1) if halves or channels != out else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps."""
        h: Tensor = self.conv2(relu(self.conv1(relu(x_BCHW))))
        shortcut = x_BCHW
        if self.halves:
            h, shortcut = avg_pool2d(h, 2), avg_pool2d(shortcut, 2)
        return h + (shortcut if self.shortcut is None else self.shortcut(shortcut))


def summed(x_BCHW: Tensor) -> Tensor:
    """(B, C): the sum over each map, not the mean, as both papers' discriminators pool."""
    # Pooling over the whole map: its derivative keeps the order of the maps in memory, and that of sum does not.
    return avg_pool2d(x_BCHW, x_BCHW.shape[2:], divisor_override=1).flatten(1)


def _doubled(x_BCHW: Tensor) -> Tensor:
    return interpolate(x_BCHW, scale_factor=2, mode="nearest")
