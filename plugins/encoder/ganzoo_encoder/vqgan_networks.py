"""Encoder, decoder and critic of VQ-GAN; see `vqgan` for paper, code, and what differs.

B batch, C channels, H, W, P = H·W.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

GROUPS = 32  # of group norm, or what divides fewer channels
PATCH_SLOPE = 0.2


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm of 32 groups; of fewer where the channels do not divide by 32."""
    return nn.GroupNorm(gcd(GROUPS, channels), channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), with a convolution of kernel 1 for x where the channels change."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = group_norm(channels), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = group_norm(out), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, out, H, W)."""
        h = self.conv1(silu(self.norm1(x_BCHW)))
        h = self.conv2(silu(self.norm2(h)))
        total: Tensor = self.shortcut(x_BCHW) + h
        return total


class Attention(nn.Module):
    """x plus what each place reads from all places: one head, softmax(q·k/√C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.query, self.key, self.value, self.out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Of x's shape."""
        h = self.norm(x_BCHW)
        query, key, value = (part(h).flatten(2).mT for part in (self.query, self.key, self.value))  # (B, P, C)
        weight_BPP = (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)
        read_BCHW = (weight_BPP @ value).mT.reshape(x_BCHW.shape)
        total: Tensor = x_BCHW + self.out(read_BCHW)
        return total


class Halve(nn.Module):
    """A convolution of kernel 3 and stride 2, with a row of zeros below and a column to the right alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 2)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H/2, W/2)."""
        half: Tensor = self.conv(pad(x_BCHW, (0, 1, 0, 1)))
        return half


class Double(nn.Module):
    """Every pixel four times, then a convolution of kernel 3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, 2H, 2W)."""
        double: Tensor = self.conv(interpolate(x_BCHW, scale_factor=2.0, mode="nearest"))
        return double


def _blocks(channels: int, out: int, blocks: int, attention: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i in range(blocks):
        layers.append(ResidualBlock(channels if i == 0 else out, out))
        if attention:
            layers.append(Attention(out))
    return layers


def _middle(channels: int) -> list[nn.Module]:
    return [ResidualBlock(channels, channels), Attention(channels), ResidualBlock(channels, channels)]


class Encoder(nn.Module):
    """x_BCHW to (B, features, H/f, W/f), f = 2^(levels - 1).

    Args:
        channels: of the pictures. width: of the first maps. multipliers: of the width, a level each.
        blocks: residual blocks a level. attention: levels, the coarsest ones, that have it.
        features: of the result.
    """

    def __init__(
        self, channels: int, width: int, multipliers: tuple[int, ...], blocks: int, attention: int, features: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        now = width
        for level, times in enumerate(multipliers):
            left = len(multipliers) - 1 - level
            layers += _blocks(now, times * width, blocks, left < attention)
            now = times * width
            if left:
                layers.append(Halve(now))
        layers += [*_middle(now), group_norm(now), nn.SiLU(), nn.Conv2d(now, features, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps."""
        h: Tensor = self.layers(x_BCHW)
        return h


class Decoder(nn.Module):
    """(B, features, H/f, W/f) to pictures x_BCHW without a bound; arguments as for `Encoder`, one more block a level."""

    def __init__(
        self, channels: int, width: int, multipliers: tuple[int, ...], blocks: int, attention: int, features: int
    ) -> None:
        super().__init__()
        now = multipliers[-1] * width
        layers: list[nn.Module] = [nn.Conv2d(features, now, 3, padding=1), *_middle(now)]
        for left, times in enumerate(reversed(multipliers)):
            layers += _blocks(now, times * width, blocks + 1, left < attention)
            now = times * width
            if left < len(multipliers) - 1:
                layers.append(Double(now))
        self.layers = nn.Sequential(*layers, group_norm(now), nn.SiLU(), nn.Conv2d(now, channels, 3, padding=1))

    @property
    def last_weight(self) -> Tensor:
        """The weight of the last convolution, at which the two gradients are compared."""
        weight = self.layers[-1].weight
        assert isinstance(weight, Tensor)
        return weight

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(h_BCHW)
        return x_BCHW


class PatchCritic(nn.Module):
    """x_BCHW to a map of logits (B, 1, H', W'), each of a patch (Isola et al. 2016, 1611.07004, section 3.2.2).

    Args:
        channels: of the pictures. width: of the first maps.
        layers: convolutions of stride 2; of 3, a logit sees 70 pixels.
    """

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(PATCH_SLOPE)]
        now = width
        for i in range(1, layers + 1):
            out = width * min(2**i, 8)
            stride = 2 if i < layers else 1
            parts += [nn.Conv2d(now, out, 4, stride, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(PATCH_SLOPE)]
            now = out
        self.layers = nn.Sequential(*parts, nn.Conv2d(now, 1, 4, 1, 1))
        self.apply(_begin)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.layers(x_BCHW)
        return logits


def _begin(part: Any) -> None:
    """As in the code: weights N(0, 0.02²), scales N(1, 0.02²), offsets 0; biases of convolutions as torch has them."""
    with torch.no_grad():
        if isinstance(part, nn.Conv2d):
            part.weight.normal_(0, 0.02)
        elif isinstance(part, nn.BatchNorm2d):
            part.weight.normal_(1, 0.02)
            part.bias.zero_()
