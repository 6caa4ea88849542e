"""The networks of StyleGAN2: mapping, synthesis with skips, and a discriminator with or without residual connections.

Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2019, 1912.04958,
sections 2 to 4; class labels as in 2006.06676, appendix D. `stylegan2` says which code the details follow.

Shapes: B batch, Z numbers of a latent, S of a style, L styles of a picture, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ganzoo.models import Discriminator, Generator, LatentSpec
from ganzoo.models.layers import one_hot
from ganzoo.models.layers.biased import Activation, bias_act
from ganzoo.models.layers.deviation import MinibatchDeviation
from ganzoo.models.layers.equalised import EqualisedConv2d, EqualisedLinear
from ganzoo.models.layers.maps import FromMaps
from ganzoo.models.layers.modulated import modulated_conv2d
from ganzoo.models.layers.upfirdn import setup_filter, upfirdn2d, upsample2d

TAPS = (1, 3, 3, 1)  # of every resampling
MAPPING_SPEED = 0.01  # learning-rate multiplier of mapping networks
AVERAGE = 0.995  # share that the average style keeps in each forward

Size = tuple[int, int]


class Dense(EqualisedLinear):
    """A linear layer with a learning-rate multiplier, a bias and an activation: (B, I) to (B, O)."""

    def __init__(self, inputs: int, outputs: int, act: Activation, speed: float = 1.0) -> None:
        super().__init__(inputs, outputs, gain=1.0, lr_multiplier=speed)
        self.act: Activation = act

    def forward(self, x_BI: Tensor) -> Tensor:
        """(B, O)."""
        return bias_act(nn.functional.linear(x_BI, self.scaled_weight), self.scaled_bias, self.act)


class Mapping(nn.Module):
    """A latent and a class to a style, (B, S); each is scaled to a mean square of 1 first.

    Args:
        latent: Z, 0 without a latent. classes: 0 without labels. style: S.
        layers: how many.
    """

    def __init__(self, latent: int, classes: int, style: int, layers: int) -> None:
        super().__init__()
        self.classes = classes
        self.embed = EqualisedLinear(classes, style, gain=1.0) if classes else None
        widths = [latent + (style if classes else 0), *[style] * layers]
        self.layers = nn.Sequential(*(Dense(widths[i], widths[i + 1], "lrelu", MAPPING_SPEED) for i in range(layers)))

    def forward(self, z_BZ: Tensor | None, y_B: Tensor | None = None) -> Tensor:
        """(B, S)."""
        parts = [] if z_BZ is None else [_scaled(z_BZ)]
        if self.embed is not None:
            assert y_B is not None
            parts.append(_scaled(self.embed(one_hot(y_B, self.classes, self.embed.weight.dtype))))
        style: Tensor = self.layers(torch.cat(parts, 1))
        return style


class Styled(nn.Module):
    """A modulated convolution, noise, bias and leaky ReLU: maps and a style to maps of the same or twice the size.

    Args:
        inputs, outputs: channels. style: S. size: of the result. up: 1 or 2.
    """

    noise: Tensor
    taps: Tensor

    def __init__(self, inputs: int, outputs: int, style: int, size: Size, up: int) -> None:
        super().__init__()
        self.up = up
        self.affine = EqualisedLinear(style, inputs, gain=1.0, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(size))
        self.register_buffer("taps", setup_filter(TAPS))

    def forward(self, x_BCHW: Tensor, style_BS: Tensor, noise_B1HW: Tensor | None) -> Tensor:
        """(B, outputs, H·up, W·up); without noise given, with that of the buffer."""
        y = modulated_conv2d(
            x_BCHW, self.weight, self.affine(style_BS), up=self.up, taps=self.taps if self.up > 1 else None
        )
        noise = self.noise if noise_B1HW is None else noise_B1HW
        return bias_act(y + (noise * self.noise_strength).to(y.dtype), self.bias)


class ToColours(nn.Module):
    """A modulated 1x1 convolution without demodulation: maps and a style to a picture."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.affine = EqualisedLinear(style, inputs, gain=1.0, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = 1 / sqrt(inputs)

    def forward(self, x_BCHW: Tensor, style_BS: Tensor) -> Tensor:
        """(B, outputs, H, W)."""
        y = modulated_conv2d(x_BCHW, self.weight, self.affine(style_BS) * self.scale, demodulate=False)
        return bias_act(y, self.bias, "linear")


class StyleGenerator(Generator):
    """Latents (and labels) to styles, and styles to pictures: a learned constant, two modulated convolutions a size, and
    at each size a picture that is added to the upsampled one of the size before.

    Args:
        latent, style: Z and S. mapping: layers of the mapping network.
        widths, sizes: channels and (H, W) of the maps, from the smallest. channels: of the pictures.
        classes: 0 without labels.
    """

    average: Tensor
    taps: Tensor

    def __init__(
        self,
        latent: int,
        style: int,
        mapping: int,
        widths: Sequence[int],
        sizes: Sequence[Size],
        channels: int,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.conditional = classes > 0
        self.channels = channels
        self.mapping = Mapping(latent, classes, style, mapping)
        start = torch.randn(1, widths[0], *sizes[0]).contiguous(memory_format=torch.channels_last)
        self.start = nn.Parameter(start)
        convolutions = [Styled(widths[0], widths[0], style, sizes[0], 1)]
        for i in range(1, len(widths)):
            convolutions.append(Styled(widths[i - 1], widths[i], style, sizes[i], 2))
            convolutions.append(Styled(widths[i], widths[i], style, sizes[i], 1))
        self.convolutions = nn.ModuleList(convolutions)
        self.colours = nn.ModuleList([ToColours(width, channels, style) for width in widths])
        self.register_buffer("average", torch.zeros(style))
        self.register_buffer("taps", setup_filter(TAPS))
        self.noise_sizes: list[Size] = [(int(conv.noise.shape[0]), int(conv.noise.shape[1])) for conv in convolutions]

    @property
    def styles_per_picture(self) -> int:
        """L: one for each convolution, and one for the last picture."""
        return len(self.convolutions) + 1

    @property
    def noise_numbers(self) -> int:
        """Numbers of noise in one picture."""
        return sum(prod(size) for size in self.noise_sizes)

    def style(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        """(B, S)."""
        style: Tensor = self.mapping(z_BZ, y_B)
        return style

    def spread(self, style_BS: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """The same style for every layer, (B, L, S).

        Args:
            psi: 0 is the average style, 1 no truncation. cutoff: how many styles are truncated, from the first; None: all.
        """
        styles_BLS = style_BS[:, None].expand(-1, self.styles_per_picture, -1)
        if psi == 1:
            return styles_BLS
        first = torch.arange(self.styles_per_picture, device=style_BS.device) < (
            self.styles_per_picture if cutoff is None else cutoff
        )
        return torch.where(first[None, :, None], torch.lerp(self.average, styles_BLS, psi), styles_BLS)

    @torch.no_grad()
    def follow(self, style_BS: Tensor) -> None:
        """Move the average style towards the mean of these."""
        self.average.lerp_(style_BS.detach().mean(0).to(self.average.dtype), 1 - AVERAGE)

    def synthesis(self, styles_BLS: Tensor, noise_BN: Tensor | None = None) -> Tensor:
        """Pictures, (B, C, H, W).

        Args:
            noise_BN: normal numbers, `noise_numbers` a picture; None: those that the layers keep.
        """
        B = styles_BLS.shape[0]
        noises: list[Tensor | None] = [None] * len(self.convolutions)
        if noise_BN is not None:
            parts = torch.split(noise_BN, [prod(size) for size in self.noise_sizes], 1)
            noises = [part.view(B, 1, *size) for part, size in zip(parts, self.noise_sizes, strict=True)]
        x = self.start.expand(B, -1, -1, -1)
        picture: Tensor | None = None
        for i, (convolution, noise) in enumerate(zip(self.convolutions, noises, strict=True)):
            x = convolution(x, styles_BLS[:, i], noise)
            if i % 2 == 0:
                colours = self.colours[i // 2](x, styles_BLS[:, i + 1])
                picture = colours if picture is None else upsample2d(picture, self.taps) + colours
        assert picture is not None
        return picture

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        """Pictures with the noise that the layers keep: a function of latents and labels alone. In evaluation what lies outside
        of the value range is cut off, as it is when pictures are written."""
        x = self.synthesis(self.spread(self.style(z_BZ, y_B)))
        return x if self.training else x.clamp(-1.0, 1.0)


class Halving(EqualisedConv2d):
    """A convolution of smoothed maps with stride 2, (B, I, H, W) to (B, O, H/2, W/2)."""

    taps: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool) -> None:
        super().__init__(inputs, outputs, kernel, bias=bias, gain=1.0)
        self.register_buffer("taps", setup_filter(TAPS))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Without bias, which comes with the activation."""
        around = self.padding + 1  # a filter of 4 taps wants 1 pixel on each side
        if self.weight.shape[-1] == 1:  # fewer pixels to convolve, and the same numbers
            return conv2d(upfirdn2d(x_BCHW, self.taps, down=2, padding=around), self.scaled_weight)
        return conv2d(upfirdn2d(x_BCHW, self.taps, padding=around), self.scaled_weight, stride=2)


class Stage(nn.Module):
    """Two convolutions, the second of which halves the maps; with `skip` a residual block.

    Args:
        inputs, outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int, skip: bool) -> None:
        super().__init__()
        self.first = EqualisedConv2d(inputs, inputs, 3, gain=1.0)
        self.second = Halving(inputs, outputs, 3, bias=True)
        self.skip = Halving(inputs, outputs, 1, bias=False) if skip else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, outputs, H/2, W/2)."""
        y = self.second(_active(self.first, x_BCHW))
        if self.skip is None:
            return bias_act(y, self.second.scaled_bias)
        skipped: Tensor = self.skip(x_BCHW)
        return bias_act(y, self.second.scaled_bias, gain=1.0) + skipped * sqrt(0.5)


class StyleDiscriminator(Discriminator):
    """Pictures (and labels) to logits (B,).

    Args:
        widths, sizes: channels and (H, W) of the maps, from the largest. channels: of the pictures.
        skip: residual blocks ("resnet"), or none ("orig").
        group: samples that are compared by the minibatch deviation.
        classes: 0 without labels. mapping: layers of the labels' mapping network.
    """

    def __init__(
        self,
        widths: Sequence[int],
        sizes: Sequence[Size],
        channels: int,
        skip: bool,
        group: int,
        classes: int = 0,
        mapping: int = 8,
    ) -> None:
        super().__init__()
        self.conditional = classes > 0
        last = widths[-1]
        self.colours = EqualisedConv2d(channels, widths[0], 1, gain=1.0)
        self.stages = nn.Sequential(*(Stage(widths[i], widths[i + 1], skip) for i in range(len(widths) - 1)))
        self.mapping = Mapping(0, classes, last, mapping) if classes else None
        self.deviation = MinibatchDeviation(group)
        self.last = EqualisedConv2d(last + 1, last, 3, gain=1.0)
        self.flat = FromMaps()
        self.dense = Dense(last * prod(sizes[-1]), last, "lrelu")
        self.out = Dense(last, last if classes else 1, "linear")

    def forward(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        """(B,); with labels the product with the label's map, over √(its length)."""
        x = self.deviation(self.stages(_active(self.colours, x_BCHW)))
        out_BF = self.out(self.dense(self.flat(_active(self.last, x))))
        if self.mapping is None:
            logits: Tensor = out_BF.squeeze(1)
            return logits
        map_BF: Tensor = self.mapping(None, y_B)
        product: Tensor = (out_BF * map_BF).sum(1) / sqrt(map_BF.shape[1])
        return product


def _active(layer: EqualisedConv2d, x_BCHW: Tensor) -> Tensor:
    """The convolution with bias and leaky ReLU."""
    y = conv2d(x_BCHW, layer.scaled_weight, None, layer.stride, layer.padding)
    return bias_act(y, layer.scaled_bias)


def _scaled(x_BF: Tensor) -> Tensor:
    """Each vector with a mean square of 1."""
    return x_BF * torch.rsqrt(x_BF.square().mean(1, keepdim=True) + 1e-8)
