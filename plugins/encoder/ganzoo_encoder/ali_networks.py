"""The three networks of ALI; see `ali` for paper, code, and what differs.

B batch, L latent, C channels, H, W, K pieces.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.1
PIECES = 2
STD = 0.01
MOMENTUM = 0.05  # of batch norm's running averages
LARGEST = 7  # pixels that the last kernel covers
SMALLEST = 20  # pixels of a picture's side

Conv = tuple[int, int, int]  # kernel, stride, channels in units of the width


def convolutions(height: int, width: int) -> tuple[list[Conv], list[tuple[int, int]]]:
    """The convolutions before the last one, and the sizes (H, W) of the maps from the picture to the last kernel.

    Raises:
        ValueError: the pictures are too small.
    """
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"pictures of {height}x{width} pixels are too small for ALI's kernels without padding: wanted {SMALLEST} a side "
            "or more, for example --size 32"
        )
    layers: list[Conv] = [(5, 1, 1), (4, 2, 2), (4, 1, 4), (4, 2, 8)]
    sizes = [(height, width)]
    for kernel, stride, _ in layers:
        sizes.append(_after(sizes[-1], kernel, stride))
    while min(sizes[-1]) > LARGEST:
        layers.append((4, 2, 8))
        sizes.append(_after(sizes[-1], 4, 2))
    return layers, sizes


def _after(size: tuple[int, int], kernel: int, stride: int) -> tuple[int, int]:
    height, width = ((side - kernel) // stride + 1 for side in size)
    return height, width


def _begin(network: nn.Module) -> None:
    """N(0, STD²) for weights and 0 for biases; batch norm as torch has it."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, 0, STD)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class PairEncoder(nn.Module):
    """x_BCHW to latents z_BL.

    draws: whether it gives mean and deviation, and the latent is drawn; else it gives the latent itself.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int, *, draws: bool) -> None:
        super().__init__()
        convs, sizes = convolutions(*shape[1:])
        self.draws = draws
        layers: list[nn.Module] = []
        channels = shape[0]
        for kernel, stride, times in [*convs, (0, 1, 16), (1, 1, 16)]:
            layers += [
                nn.Conv2d(channels, times * width, kernel or sizes[-1], stride, bias=False),
                nn.BatchNorm2d(times * width, momentum=MOMENTUM),
                nn.LeakyReLU(SLOPE),
            ]
            channels = times * width
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, latent * (2 if draws else 1), 1))
        _begin(self)

    def forward(self, x_BCHW: Tensor, noise_BL: Tensor | None = None) -> Tensor:
        """mu + exp(s)·noise; without noise mu."""
        numbers: Tensor = self.layers(x_BCHW).flatten(1)
        if not self.draws:
            return numbers
        mean_BL, log_deviation_BL = numbers.chunk(2, 1)
        return mean_BL if noise_BL is None else mean_BL + log_deviation_BL.exp() * noise_BL


class PairGenerator(nn.Module):
    """z_BL to x_BCHW in [0, 1]. The transposed convolutions mirror the encoder's, from its last map to the picture."""

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__()
        convs, sizes = convolutions(*shape[1:])
        layers: list[nn.Module] = []
        channels = latent
        maps = [(1, 1), *reversed(sizes)]
        # The channels of each layer are those that its mirror image takes in; the largest map keeps the width.
        outs = [times for _, _, times in reversed(convs)]
        strides: list[tuple[int | tuple[int, int], int]] = [(sizes[-1], 1)]
        strides += [(kernel, stride) for kernel, stride, _ in reversed(convs)]
        for (kernel, stride), out, (before, after) in zip(strides, [*outs, 1], pairwise(maps), strict=True):
            layers += [_growing(channels, out * width, kernel, stride, before, after), *_normed(out * width)]
            channels = out * width
        layers += [nn.Conv2d(channels, width, 1, bias=False), *_normed(width)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, shape[0], 1, bias=False))
        self.bias_CHW = nn.Parameter(torch.zeros(shape))
        _begin(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(z_BL[:, :, None, None])
        return torch.sigmoid(x_BCHW + self.bias_CHW)


def _normed(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, momentum=MOMENTUM), nn.LeakyReLU(SLOPE)]


def _growing(
    channels: int, out: int, kernel: int | tuple[int, int], stride: int, before: tuple[int, int], after: tuple[int, int]
) -> nn.ConvTranspose2d:
    """The transposed convolution from a map of one size to another: what a stride left over is added again."""
    kernels = (kernel, kernel) if isinstance(kernel, int) else kernel
    left = tuple(big - ((small - 1) * stride + k) for small, big, k in zip(before, after, kernels, strict=True))
    return nn.ConvTranspose2d(channels, out, kernels, stride, output_padding=(left[0], left[1]), bias=False)


class MaxoutConv2d(nn.Module):
    """A convolution whose every output is the largest of K affine functions of the same patch (1302.4389).

    `dropped`: the share of what comes in that dropout sets to 0.
    """

    def __init__(
        self, channels: int, out: int, kernel: int | tuple[int, int], stride: int, *, dropped: float, bias: bool = True
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropped)
        self.conv = nn.Conv2d(channels, PIECES * out, kernel, stride, bias=bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, out, H', W')."""
        pieces = self.conv(self.dropout(x_BCHW)).chunk(PIECES, 1)
        largest: Tensor = reduce(torch.maximum, pieces)
        return largest


class JointCritic(nn.Module):
    """Pairs x_BCHW, z_BL to logits (B,).

    halved: whether a layer has half as many maps after maxout as the paper's table says, as in its code.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int, *, halved: bool) -> None:
        super().__init__()
        convs, sizes = convolutions(*shape[1:])
        unit = width / PIECES if halved else float(width)

        def maps(times: int) -> int:
            return max(1, int(times * unit))

        layers: list[nn.Module] = []
        channels = shape[0]
        for kernel, stride, times in [*convs, (0, 1, 16)]:
            dropped = 0.5 if layers else 0.2
            layers.append(MaxoutConv2d(channels, maps(times), kernel or sizes[-1], stride, dropped=dropped))
            channels = maps(times)
        self.of_x = nn.Sequential(*layers)
        self.of_z = nn.Sequential(
            MaxoutConv2d(latent, maps(16), 1, 1, dropped=0.2, bias=False),
            MaxoutConv2d(maps(16), maps(16), 1, 1, dropped=0.5, bias=False),
        )
        self.of_both = nn.Sequential(
            MaxoutConv2d(2 * maps(16), maps(32), 1, 1, dropped=0.5),
            MaxoutConv2d(maps(32), maps(32), 1, 1, dropped=0.5),
            nn.Dropout(0.5),
            nn.Conv2d(maps(32), 1, 1),
        )
        _begin(self)

    def forward(self, x_BCHW: Tensor, z_BL: Tensor) -> Tensor:
        """Logits."""
        of_x, of_z = self.of_x(x_BCHW), self.of_z(z_BL[:, :, None, None])
        logits_B111: Tensor = self.of_both(torch.cat([of_x, of_z], 1))
        return logits_B111.flatten()
