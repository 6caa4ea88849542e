"""The networks of BigGAN; see biggan.py.

B batch, L latent, C channels, H, W, F features, V numbers that steer a batch norm, K classes.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganzoo.models import Discriminator, Generator, LatentSpec
from ganzoo.models.layers.attention import SelfAttention
from ganzoo.models.layers.conditional import Projection, VectorBatchNorm2d
from ganzoo.models.layers.maps import ToMaps
from ganzoo.models.layers.orthogonal import orthogonal_
from ganzoo.models.layers.spectral import spectral_norm
from ganzoo_resnet.blocks import DownBlock, FirstBlock, UpBlock, summed

EPSILON = 1e-4  # added to variances in batch norm


class BigGanGenerator(Generator):
    """z_BL (and y_B) to x_BCHW in [-1, 1]: a linear layer, up blocks, norm, ReLU, a convolution, tanh.

    The latent is cut in as many chunks as there are blocks and one more. The first chunk makes the smallest maps, each other one
    goes, beside the class's embedding, to the norms of a block.

    Args:
        chunk: numbers in a chunk.
        widths: channels of the smallest maps, then after each block.
        channels, base: of the pictures, and (H, W) of the smallest maps.
        attention: number of the block after which attention stands, from 1; None: none.
        classes: K, or 0: without labels.
        shared: numbers in the embedding of a class.
    """

    def __init__(
        self,
        chunk: int,
        widths: list[int],
        channels: int,
        base: tuple[int, int],
        *,
        attention: int | None,
        classes: int = 0,
        shared: int = 128,
    ) -> None:
        super().__init__()
        self.chunk = chunk
        self.latent = LatentSpec.normal(chunk * len(widths))
        self.conditional = classes > 0
        self.shared: nn.Embedding | None = None
        if classes:
            self.shared = nn.Embedding(classes, shared)
            orthogonal_(self.shared)
        norm = partial(VectorBatchNorm2d, features=chunk + (shared if classes else 0), linear=linear_alone, eps=EPSILON)
        self.first = linear(chunk, widths[0] * base[0] * base[1])
        self.to_maps = ToMaps(widths[0], base)
        self.blocks = nn.ModuleList(UpBlock(before, after, convolution, norm) for before, after in pairwise(widths))
        self.attends_after = attention
        self.attention = SelfAttention(widths[attention], attending) if attention is not None else None
        self.norm = nn.BatchNorm2d(widths[-1], EPSILON)
        self.last = convolution(widths[-1], channels, 3)

    def forward(self, z_BL: Tensor, *condition: Tensor) -> Tensor:
        """Pictures."""
        first, *chunks = torch.split(z_BL, self.chunk, 1)
        if self.shared is not None:
            class_BV = self.shared(*condition)
            chunks = [torch.cat([class_BV, chunk], 1) for chunk in chunks]
        h_BCHW: Tensor = self.to_maps(self.first(first))
        for number, (block, vector_BV) in enumerate(zip(self.blocks, chunks, strict=True), start=1):
            h_BCHW = block(h_BCHW, vector_BV)
            if self.attention is not None and number == self.attends_after:
                h_BCHW = self.attention(h_BCHW)
        return torch.tanh(self.last(relu(self.norm(h_BCHW))))


class BigGanDiscriminator(Discriminator):
    """x_BCHW (and y_B) to scores (B,): blocks, ReLU, the sum over the maps, a linear layer, the projection on the class.

    Args:
        channels: of the pictures.
        blocks: of each block its channels and whether it halves the maps; the first one does.
        attention: number of the block after which attention stands, from 1; None: none.
        classes: K, or 0: without labels.
    """

    per_sample = True

    def __init__(
        self, channels: int, blocks: list[tuple[int, bool]], *, attention: int | None, classes: int = 0
    ) -> None:
        super().__init__()
        self.conditional = classes > 0
        widths = [width for width, _ in blocks]
        layers: list[nn.Module] = [FirstBlock(channels, widths[0], convolution)]
        for before, (after, halves) in zip(widths, blocks[1:], strict=False):
            layers.append(DownBlock(before, after, after, convolution, halves=halves))
        if attention is not None:
            layers.insert(attention, SelfAttention(widths[attention - 1], attending))
        self.blocks = nn.Sequential(*layers)
        self.linear = linear(widths[-1], 1)
        self.projection = Projection(classes, widths[-1], embedded) if classes else None

    def forward(self, x_BCHW: Tensor, *condition: Tensor) -> Tensor:
        """Scores."""
        h_BF = summed(relu(self.blocks(x_BCHW)))
        score_B: Tensor = self.linear(h_BF).squeeze(1)
        return score_B if self.projection is None else score_B + self.projection(h_BF, *condition)


def convolution(channels: int, out: int, kernel: int) -> nn.Conv2d:
    """An orthogonal convolution, normalised."""
    layer = nn.Conv2d(channels, out, kernel, padding=kernel // 2)
    orthogonal_(layer)
    return spectral_norm(layer)


def attending(channels: int, out: int) -> nn.Conv2d:
    """A 1x1 convolution without bias, likewise."""
    layer = nn.Conv2d(channels, out, 1, bias=False)
    orthogonal_(layer)
    return spectral_norm(layer)


def linear(features: int, out: int, bias: bool = True) -> nn.Linear:
    """A linear layer, likewise."""
    layer = nn.Linear(features, out, bias)
    orthogonal_(layer)
    return spectral_norm(layer)


def linear_alone(features: int, out: int) -> nn.Linear:
    """One without bias."""
    return linear(features, out, bias=False)


def embedded(embedding: nn.Embedding) -> nn.Embedding:
    """An embedding, likewise."""
    orthogonal_(embedding)
    return spectral_norm(embedding)
