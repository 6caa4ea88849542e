"""Convolutions with the SAME padding of TensorFlow and Keras, for architectures that were published with it.

With stride s a convolution of n positions gives ⌈n/s⌉, and a transposed one n·s. Where the padding is odd, its greater
half comes after the data. Padding a stride of 2 evenly instead, or by output_padding, gives the same sizes and other
positions: weights then do not carry over, and borders differ.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after `size` positions, so that a convolution gives ⌈size/stride⌉."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A convolution to (⌈H/stride⌉, ⌈W/stride⌉).

    Args:
        in_channels, out_channels, kernel_size, stride, bias: as for nn.Conv2d, kernel and stride one number each.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 5, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """x_BCHW to (B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        top, bottom = same_padding(x.shape[-2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[-1], self.kernel_size[1], self.stride[1])
        if (top, left) == (bottom, right):
            return conv2d(x, self.weight, self.bias, self.stride, (top, left))
        return conv2d(pad(x, (left, right, top, bottom)), self.weight, self.bias, self.stride)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution to (H·stride, W·stride): the transpose of SameConv2d on samples of that size.

    Args:
        in_channels, out_channels, kernel_size, stride, bias: as for nn.ConvTranspose2d, one number each.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 5, stride: int = 2, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """x_BCHW to (B, out_channels, H·stride, W·stride).

        Raises:
            ValueError: another output size is asked for.
        """
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = x.shape[-2] * stride, x.shape[-1] * stride
        if output_size is not None and tuple(output_size[-2:]) != (height, width):
            raise ValueError(
                f"SAME padding gives {(height, width)} from {tuple(x.shape[-2:])}, asked for {tuple(output_size)}"
            )
        before = max(kernel - stride, 0) // 2
        after = max(stride - kernel, 0)
        y = conv_transpose2d(x, self.weight, self.bias, stride, before, after)
        return y[..., :height, :width]  # where kernel - stride is odd, one row and one column more lie after the end
