"""The residual generator of CycleGAN (1703.10593, appendix 7.2), as junyanz/pytorch-CycleGAN-and-pix2pix has it.

A convolution of kernel 7, two that halve the maps, residual blocks, two that double them, one of kernel 7, tanh. Borders are
mirrored in the first, the last, and the blocks'; convolutions and norms have no ReLU after the second of a block. The paper has
6 blocks for pictures of 128 pixels and 9 for larger ones. Sizes that do not halve evenly are rounded up on the way down and
restored on the way up.

B batch, C channels, H, W.
"""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo_translate.norms import Norm, has_bias, norm, start_


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int, kind: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=has_bias(kind)),
            norm(channels, kind),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=has_bias(kind)),
            norm(channels, kind),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of the same shape."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return x_BCHW + h_BCHW


class ResNet(nn.Module):
    """Pictures (B, C, H, W) to pictures (B, C', H, W) in [-1, 1].

    Args:
        channels, out: C and C'.
        size: (H, W). width: channels after the first convolution, of 4 times as many in the blocks.
    """

    def __init__(
        self, channels: int, out: int, size: tuple[int, int], width: int, blocks: int, kind: Norm = "instance"
    ) -> None:
        super().__init__()
        bias = has_bias(kind)
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, width, 7, bias=bias),
            norm(width, kind),
            nn.ReLU(),
        ]
        sizes = [size]
        for i in range(2):
            narrow, wide = width * 2**i, width * 2 ** (i + 1)
            layers += [nn.Conv2d(narrow, wide, 3, 2, 1, bias=bias), norm(wide, kind), nn.ReLU()]
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        layers += [Block(width * 4, kind) for _ in range(blocks)]
        for i in (1, 0):
            narrow, wide = width * 2**i, width * 2 ** (i + 1)
            # One pixel more where halving cut an even number, none where it rounded an odd one up.
            fine, coarse = sizes[i], sizes[i + 1]
            extra = (fine[0] + 1 - 2 * coarse[0], fine[1] + 1 - 2 * coarse[1])
            layers += [
                nn.ConvTranspose2d(wide, narrow, 3, 2, 1, output_padding=extra, bias=bias),
                norm(narrow, kind),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, out, 7), nn.Tanh())
        start_(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Pictures."""
        y_BCHW: Tensor = self.layers(x_BCHW)
        return y_BCHW
