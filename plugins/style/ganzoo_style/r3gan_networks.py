"""The networks of R3GAN: residual blocks of grouped convolutions, resampling with a fixed filter, and nothing that normalises.

Huang, Gokaslan, Kuleshov, Tompkin: The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024, 2501.05441, section 4.

A stage is a change of size and so many blocks; the generator's stages go from the smallest maps up, the discriminator's are its
mirror image. A block is a 1x1 convolution to `expansion` times the channels, a grouped 3x3 convolution, and a 1x1 convolution
back, whose weights begin at 0; the first two have a bias and a leaky ReLU, nothing else has a bias. Weights are
N(0, gain²/fan in) with gain 1; in the first two layers of a block He's gain for the slope 0.2, times n^(-1/4) for a network of
n blocks, which is the initialisation of Fixup (1901.09321) for branches of three layers.

Shapes: B batch, L latent, K classes, E numbers of a class embedding, C channels, H, W, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn

from ganzoo.models import Discriminator, Generator, LatentSpec
from ganzoo.models.layers import one_hot
from ganzoo.models.layers.maps import FromMaps
from ganzoo.models.layers.piecewise import Sum
from ganzoo.models.layers.resample import Doubling, Halving

SLOPE = 0.2  # of the leaky ReLU below 0
HE = sqrt(2 / (1 + SLOPE**2))


def linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """A linear layer without bias, N(0, gain²/inputs)."""
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=gain / sqrt(inputs))
    return layer


def conv(
    inputs: int, outputs: int, kernel: int, gain: float = 1.0, *, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution that keeps the size, N(0, gain²/fan in); the bias begins at 0."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, std=gain * (inputs // groups * kernel**2) ** -0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def block(channels: int, groups: int, expansion: int, blocks: int) -> Sum:
    """A residual block, (B, C, H, W) to the same.

    Args:
        groups: of the middle convolution.
        expansion: its channels over C.
        blocks: n, in the whole network.
    """
    wide, gain = channels * expansion, HE * blocks**-0.25
    branch = nn.Sequential(
        conv(channels, wide, 1, gain, bias=True),
        nn.LeakyReLU(SLOPE),
        conv(wide, wide, 3, gain, groups=groups, bias=True),
        nn.LeakyReLU(SLOPE),
        conv(wide, channels, 1, 0.0),
    )
    return Sum(nn.Identity(), branch)


class Basis(nn.Module):
    """z_BL to x_BCHW: C learned maps, each times a number that a linear layer makes of z.

    Args:
        inputs: L.
        channels, size: C and (H, W).
    """

    def __init__(self, inputs: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.maps_HWC = nn.Parameter(torch.randn(*size, channels))  # the channels last, as in the maps that they become
        self.linear = linear(inputs, channels)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Maps."""
        x_BHWC: Tensor = self.linear(z_BL)[:, None, None, :] * self.maps_HWC
        return x_BHWC.permute(0, 3, 1, 2)


class R3ganGenerator(Generator):
    """z_BL (and y_B) to x_BCHW: a basis, stages of blocks, linear colours.

    In evaluation pictures are cut to [-1, 1].

    Args:
        latent: L.
        widths, groups: channels, and groups of the middle convolutions, by stage, the smallest maps first.
        blocks: of a stage.
        expansion: channels within a block over those between blocks.
        base: (H, W) of the smallest maps.
        channels: of the pictures.
        classes, embedding: K and E; K = 0: without labels.
    """

    def __init__(
        self,
        latent: int,
        widths: Sequence[int],
        groups: Sequence[int],
        blocks: int,
        expansion: int,
        base: tuple[int, int],
        channels: int,
        classes: int = 0,
        embedding: int = 0,
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.classes, self.conditional = classes, classes > 0
        self.embedding = linear(classes, embedding) if classes else None
        layers: list[nn.Module] = [Basis(latent + (embedding if classes else 0), widths[0], base)]
        for stage, (width, group) in enumerate(zip(widths, groups, strict=True)):
            if stage:
                layers += [*_changed(widths[stage - 1], width), Doubling()]
            layers += [block(width, group, expansion, blocks * len(widths)) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, conv(widths[-1], channels, 1))

    def forward(self, z_BL: Tensor, *condition: Tensor) -> Tensor:
        """Pictures."""
        if self.embedding is not None:
            (y_B,) = condition
            z_BL = torch.cat([z_BL, self.embedding(one_hot(y_B, self.classes, z_BL.dtype))], 1)
        x_BCHW: Tensor = self.layers(z_BL)
        return x_BCHW if self.training else x_BCHW.clamp(-1, 1)


class R3ganDiscriminator(Discriminator):
    """x_BCHW (and y_B) to scores (B,): colours to maps, stages of blocks, a basis of one map a channel, a linear layer.

    With labels the linear layer makes E features, whose product with the label's embedding is the score.

    Args:
        widths, groups, blocks, expansion, base, channels: as of the generator, in its order.
        classes, embedding: K and E; K = 0: without labels.
    """

    per_sample = True

    def __init__(
        self,
        widths: Sequence[int],
        groups: Sequence[int],
        blocks: int,
        expansion: int,
        base: tuple[int, int],
        channels: int,
        classes: int = 0,
        embedding: int = 0,
    ) -> None:
        super().__init__()
        self.classes, self.conditional = classes, classes > 0
        ways = [*pairwise(reversed(widths)), (widths[0], widths[0])]
        layers: list[nn.Module] = [conv(channels, widths[-1], 1)]
        for stage, ((width, following), group) in enumerate(zip(ways, reversed(groups), strict=True)):
            layers += [block(width, group, expansion, blocks * len(widths)) for _ in range(blocks)]
            if stage + 1 < len(ways):
                layers += [Halving(), *_changed(width, following)]
        basis = nn.Conv2d(widths[0], widths[0], base, groups=widths[0], bias=False)
        nn.init.normal_(basis.weight, std=(base[0] * base[1]) ** -0.5)
        self.layers = nn.Sequential(*layers, basis, FromMaps(), linear(widths[0], embedding if classes else 1))
        self.embedding = linear(classes, embedding, embedding**-0.5) if classes else None

    def piecewise_linear(self) -> nn.Sequential | None:
        """All layers, if there are no labels."""
        return None if self.conditional else self.layers

    def forward(self, x_BCHW: Tensor, *condition: Tensor) -> Tensor:
        """Scores."""
        h_BF: Tensor = self.layers(x_BCHW)
        if self.embedding is None:
            return h_BF.squeeze(1)
        (y_B,) = condition
        own_BF: Tensor = self.embedding(one_hot(y_B, self.classes, h_BF.dtype))
        return (h_BF * own_BF).sum(1)


def _changed(inputs: int, outputs: int) -> list[nn.Module]:
    """A 1x1 convolution where the number of channels changes."""
    return [] if inputs == outputs else [conv(inputs, outputs, 1)]
