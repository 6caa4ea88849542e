"""The U-Net of pix2pix (1611.07004, appendix 6.1.1), as junyanz/pytorch-CycleGAN-and-pix2pix has it.

Pictures are halved until their smaller side is one pixel, and doubled again; beside each doubling comes the map of that size
from the way down. Kernels of 4, stride 2. Down: leaky ReLU, convolution, norm; the first has the convolution alone, the last no
norm. Up: ReLU, transposed convolution, norm, in some dropout; the last has tanh instead of these. Sizes that do not halve evenly
are rounded down on the way down: 28, 14, 7, 3, 1.

Dropout is the network's only noise, and stays on in samples. Its numbers come from the streams of chance, as latents do: so a
seed means one picture, and several processes draw the joined batch's. The reference has it after the first L - 5 doublings but
the very first, of L in all. The paper's figure has it after the first three, the very first included. With L of 5 or less the
reference has none; here the second doubling always has it.

B batch, C channels, H, W, L levels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ganzoo.models import Draws
from ganzoo_translate.norms import Norm, has_bias, norm, start_

WIDEST = 8  # times the width


class Down(nn.Module):
    """A halving convolution and its norm, if it has one."""

    def __init__(self, channels: int, out: int, kind: Norm, *, normed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 4, 2, 1, bias=has_bias(kind))
        self.norm = norm(out, kind) if normed else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of half the size."""
        h_BCHW: Tensor = self.conv(x_BCHW)
        return h_BCHW if self.norm is None else self.norm(h_BCHW)


class Up(nn.Module):
    """A doubling convolution and its norm; the last one has a bias and no norm."""

    def __init__(self, channels: int, out: int, kind: Norm, *, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=last or has_bias(kind))
        self.norm = None if last else norm(out, kind)

    def forward(self, x_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps of this size, which is twice that of x, or one more."""
        h_BCHW: Tensor = self.conv(relu(x_BCHW), output_size=size)
        return h_BCHW if self.norm is None else self.norm(h_BCHW)


class UNet(nn.Module):
    """Pictures (B, C, H, W) to pictures (B, C', H, W) in [-1, 1].

    Args:
        channels, out: C and C'.
        size: (H, W). width: channels after the first convolution; later ones have up to 8 times as many.
        dropout: share of numbers that are dropped.
    """

    def __init__(
        self, channels: int, out: int, size: tuple[int, int], width: int, kind: Norm, dropout: float = 0.5
    ) -> None:
        super().__init__()
        levels = min(size).bit_length() - 1
        widths = [width * min(2**i, WIDEST) for i in range(levels)]
        self.sizes = [size]
        for _ in range(levels):
            self.sizes.append((self.sizes[-1][0] // 2, self.sizes[-1][1] // 2))
        self.dropout = dropout
        self.noisy = range(levels - 2, levels - 2 - max(1, levels - 5), -1) if dropout else range(0)
        self.down = nn.ModuleList(
            Down(widths[i - 1] if i else channels, widths[i], kind, normed=0 < i < levels - 1) for i in range(levels)
        )
        self.up = nn.ModuleList(
            Up(
                widths[i] if i == levels - 1 else 2 * widths[i],
                widths[i - 1] if i else out,
                kind,
                last=i == 0,
            )
            for i in range(levels)
        )
        start_(self)

    def forward(self, x_BCHW: Tensor, draws: Draws) -> Tensor:
        """Pictures. draws: where dropout's numbers come from, stream "noise"."""
        maps = [self.down[0](x_BCHW)]
        for down in list(self.down)[1:]:
            maps.append(down(leaky_relu(maps[-1], 0.2)))
        h_BCHW = maps[-1]
        for i in range(len(maps) - 1, -1, -1):
            h_BCHW = self.up[i](h_BCHW, self.sizes[i])
            if i in self.noisy:
                h_BCHW = self._dropped(h_BCHW, draws)
            if i:
                h_BCHW = torch.cat([maps[i - 1], h_BCHW], 1)
        return torch.tanh(h_BCHW)

    def _dropped(self, h_BCHW: Tensor, draws: Draws) -> Tensor:
        kept_BCHW = draws.uniform(*h_BCHW.shape, stream="noise") >= self.dropout
        return h_BCHW * (kept_BCHW.to(h_BCHW.dtype) / (1 - self.dropout))
