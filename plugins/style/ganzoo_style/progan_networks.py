"""The networks of Progressive Growing of GANs, which hold all resolutions and use those that training has come to.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2017, 1710.10196,
table 2; tkarras/progressive_growing_of_gans, networks.py (G_paper, D_paper).

In training both work at the size of the present level. In evaluation the generator enlarges its pictures to the full size by
repeating pixels, and cuts them to [-1, 1]: its colours are linear. The discriminator takes pictures of the present level's size,
or larger ones, which it averages down to it.

A convolution beside a doubling or a halving is one with it, as in that code: the same numbers with 4 to 9 of the work. So a
halving comes before the bias and the leaky ReLU, where the paper's table has it after them.

Shapes: B batch, L latent, C channels, H, W; I, O channels in and out; level 0 is the smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, pad

from ganzoo.models import Discriminator, Generator, LatentSpec
from ganzoo.models.layers.biased import bias_act
from ganzoo.models.layers.deviation import minibatch_deviation
from ganzoo.models.layers.equalised import EqualisedConv2d, EqualisedLinear
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.pixel_norm import pixel_norm
from ganzoo_style.growth import Stage


class Conv(EqualisedConv2d):
    """x_BIHW to (B, O, H, W): a convolution, bias, leaky ReLU of slope 0.2."""

    def forward(self, x_BIHW: Tensor) -> Tensor:
        """Maps."""
        return bias_act(self.convolved(x_BIHW), self.scaled_bias, "lrelu", gain=1)

    def convolved(self, x_BIHW: Tensor) -> Tensor:
        """Without bias and activation."""
        return conv2d(x_BIHW, self.scaled_weight, None, 1, self.padding)


class DoublingConv(Conv):
    """x_BIHW to (B, O, 2H, 2W): each pixel repeated twice along both axes, a convolution of kernel 3, bias, leaky ReLU."""

    def convolved(self, x_BIHW: Tensor) -> Tensor:
        """A transposed convolution of kernel 4 and stride 2."""
        return conv_transpose2d(x_BIHW, spread(self.scaled_weight).flip(2, 3).transpose(0, 1), None, 2, 1)


class HalvingConv(Conv):
    """x_BIHW to (B, O, H/2, W/2): a convolution of kernel 3, means of 2x2 pixels, bias, leaky ReLU."""

    def convolved(self, x_BIHW: Tensor) -> Tensor:
        """A convolution of kernel 4 and stride 2."""
        return conv2d(x_BIHW, spread(self.scaled_weight) / 4, None, 2, 1)


def spread(weight_OIKK: Tensor) -> Tensor:
    """The kernel followed by a sum over 2x2 pixels, (O, I, K + 1, K + 1)."""
    w = pad(weight_OIKK, (1, 1, 1, 1))
    return w[:, :, 1:, 1:] + w[:, :, :-1, 1:] + w[:, :, 1:, :-1] + w[:, :, :-1, :-1]


class Growing(nn.Module):
    """A network's place in the schedule: the stage, and `alpha`, the share of the newest level while it is faded in."""

    alpha: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(0, False)
        self.register_buffer("alpha", torch.zeros(()))

    def parts(self) -> list[nn.Module]:
        """All layers with parameters, of all stages."""
        return [module for module in self.modules() if isinstance(module, EqualisedConv2d | EqualisedLinear)]

    def mixed(self, old: Tensor, new: Tensor) -> Tensor:
        """old + α (new - old)."""
        return old + (new - old) * self.alpha


class ProganGenerator(Growing, Generator):
    """z_BL to x_BCHW: a linear layer, blocks of two convolutions, leaky ReLU, pixelwise normalisation; linear colours.

    Args:
        latent: L; latents are normalised.
        sizes: (H, W) of each level.
        widths: channels of each level.
        channels: of the pictures.
    """

    def __init__(self, latent: int, sizes: Sequence[tuple[int, int]], widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.full = sizes[-1]
        pixels = sizes[0][0] * sizes[0][1]
        # As before a transposed convolution whose fan-in counts the pixels.
        self.linear = EqualisedLinear(latent, widths[0] * pixels, gain=sqrt(2 / pixels))
        self.to_maps = ToMaps(widths[0], sizes[0])
        self.first = Conv(widths[0], widths[0], 3)
        self.doubling = nn.ModuleList(DoublingConv(i, o, 3) for i, o in pairwise(widths))
        self.second = nn.ModuleList(Conv(o, o, 3) for o in widths[1:])
        self.to_colours = nn.ModuleList(EqualisedConv2d(o, channels, 1, gain=1) for o in widths)

    def in_use(self) -> list[nn.Module]:
        """The layers of the present stage."""
        level, first = self.stage.level, self.stage.level - self.stage.fading
        blocks = [*self.doubling[:level], *self.second[:level]]
        return [self.linear, self.first, *blocks, *self.to_colours[first : level + 1]]

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures: in training of the present level's size, else of the full size in [-1, 1]."""
        level = self.stage.level
        h_BF = bias_act(self.linear(pixel_norm(z_BL)), None, "lrelu", gain=1)
        h_BCHW = pixel_norm(self.first(pixel_norm(self.to_maps(h_BF))))
        before_BCHW = h_BCHW
        for doubling, second in zip(self.doubling[:level], self.second[:level], strict=True):
            before_BCHW, h_BCHW = h_BCHW, pixel_norm(second(pixel_norm(doubling(h_BCHW))))
        x_BCHW: Tensor = self.to_colours[level](h_BCHW)
        if self.stage.fading:
            x_BCHW = self.mixed(doubled(self.to_colours[level - 1](before_BCHW)), x_BCHW)
        if self.training:
            return x_BCHW
        return interpolate(x_BCHW, self.full, mode="nearest").clamp(-1, 1)


class ProganDiscriminator(Growing, Discriminator):
    """x_BCHW to scores (B,): colours to maps, blocks of two convolutions, the minibatch's deviation, two linear layers.

    Args:
        sizes: (H, W) of each level.
        widths: channels of each level.
        channels: of the pictures.
        group: samples that a deviation is taken over; None: the whole batch; 0: without it.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int]], widths: Sequence[int], channels: int, group: int | None
    ) -> None:
        super().__init__()
        self.sizes, self.channels, self.group = tuple(sizes), channels, group
        self.per_sample = group == 0
        self.from_colours = nn.ModuleList(Conv(channels, i, 1) for i in widths)
        self.first = nn.ModuleList(Conv(i, i, 3) for i in widths[1:])
        self.halving = nn.ModuleList(HalvingConv(i, o, 3) for o, i in pairwise(widths))
        self.last = Conv(widths[0] + (group != 0), widths[0], 3)
        self.from_maps = FromMaps()
        self.hidden = EqualisedLinear(widths[0] * sizes[0][0] * sizes[0][1], widths[0])
        self.score = EqualisedLinear(widths[0], 1, gain=1)

    def in_use(self) -> list[nn.Module]:
        """The layers of the present stage."""
        level, first = self.stage.level, self.stage.level - self.stage.fading
        blocks = [*self.first[:level], *self.halving[:level]]
        return [*self.from_colours[first : level + 1], *blocks, self.last, self.hidden, self.score]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scores.

        Raises:
            ValueError: the pictures have no size of this network, or a smaller one than is trained now.
        """
        x_BCHW = self.fitted(x_BCHW)
        level = self.stage.level
        h_BCHW: Tensor = self.from_colours[level](x_BCHW)
        for i in reversed(range(level)):
            h_BCHW = self.halving[i](self.first[i](h_BCHW))
            if self.stage.fading and i == level - 1:
                h_BCHW = self.mixed(self.from_colours[i](avg_pool2d(x_BCHW, 2)), h_BCHW)
        if self.group != 0:
            h_BCHW = minibatch_deviation(h_BCHW, self.group)
        h_BF = bias_act(self.hidden(self.from_maps(self.last(h_BCHW))), None, "lrelu", gain=1)
        score_B1: Tensor = self.score(h_BF)
        return score_B1.squeeze(1)

    def fitted(self, x_BCHW: Tensor) -> Tensor:
        """Pictures of the present level's size: larger ones by the mean of each block of pixels.

        Raises:
            ValueError: as for `forward`.
        """
        shape = tuple(x_BCHW.shape)
        if len(shape) == 4 and shape[1] == self.channels and shape[2:] in self.sizes[self.stage.level :]:
            times = self.sizes.index((shape[2], shape[3])) - self.stage.level
            return avg_pool2d(x_BCHW, 2**times) if times else x_BCHW
        have = ", ".join(f"(B, {self.channels}, {h}, {w})" for h, w in self.sizes[self.stage.level :])
        raise ValueError(f"{type(self).__name__} was given samples of shape {shape}, wanted one of {have}")


def doubled(x_BCHW: Tensor) -> Tensor:
    """Each pixel repeated twice along both axes."""
    return interpolate(x_BCHW, scale_factor=2, mode="nearest")
