"""Between vectors and maps, in the order that convolutions are fast in: channels last, as in Keras.

Which number of a vector belongs to which position is free, since a linear layer comes before or after. torch's own Flatten
and Unflatten put the channels first: then every layer up to the next convolution meets tensors in two orders, which is many
times slower, and copies them.
"""

from __future__ import annotations

from torch import Tensor, nn


class ToMaps(nn.Module):
    """(B, C·H·W) to x_BCHW, whose numbers lie as they came, with the channels last.

    Args:
        channels, size: C and (H, W).
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def forward(self, x_BF: Tensor) -> Tensor:
        """Maps."""
        return x_BF.view(-1, *self.size, self.channels).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """The sizes, for print."""
        return f"channels={self.channels}, size={self.size}"


class FromMaps(nn.Module):
    """x_BCHW to (B, C·H·W), a position's channels together."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Vectors; without a copy where the channels lie last."""
        return x_BCHW.permute(0, 2, 3, 1).flatten(1)


def grey_in_order(x: Tensor) -> Tensor:
    """The same samples; grey pictures with strides that tell of channels last.

    With one channel both orders are the same, and torch takes such pictures for contiguous ones, so that a network would
    begin in one order and change to the other midway.
    """
    if x.ndim != 4 or x.shape[1] != 1 or x.stride(1) == 1:
        return x
    B, _, H, W = x.shape
    return x.reshape(B, H, W, 1).permute(0, 3, 1, 2)
