"""Spectral Normalization for Generative Adversarial Networks, and cGANs with Projection Discriminator.

Miyato, Kataoka, Koyama, Yoshida, 2018. https://arxiv.org/abs/1802.05957
Miyato, Koyama, 2018. https://arxiv.org/abs/1802.05637 (conditional=true)

Follows the authors' code, pfnet-research/sngan_projection, with the sizes of kwotsin/mimicry, which has the networks for
48x48 to 128x128 without classes too. Nothing but the discriminator's weights is normalised. Its features are summed over
the map, and with labels the inner product with an embedding of the class is added to the score; the generator then has a
scale and an offset of batch norm for each class, but for its last norm.
Both players: the hinge loss, Adam 2e-4 (0, 0.9) going down to 0 in 100,000 generator updates, which at 5 updates of the
discriminator of 64 real samples each are 32,000,000 images.
Initialisation: Xavier's uniform, with gain √2 in the blocks' 3x3 convolutions and 1 elsewhere; biases 0, as in the
authors' framework (mimicry leaves those of torch).

Where the two codes differ, the authors' holds: the generator doubles pixels, where mimicry interpolates, and no ReLU
works in place. One size alone has a last block that halves its maps, to 2x2 at 64x64: both codes have it so.
Other differences: the batch of a generator update is the discriminator's (the authors' is twice as large for CIFAR-10;
mimicry's is the same); with labels, fakes have those of the batch's real samples (both codes draw them evenly); real
and fake samples are scored in one batch, so that an update takes one power iteration and not two. The moving average of
the generator's weights, which the engine keeps, is in neither.

Sizes: the generator as in `sizes.halvings`. Up to 32x32 all maps have as many channels, above that the number doubles
with each halving, to 16 widths.

B batch, L latent, C channels, H, W, F features, K classes.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import sqrt
from typing import Any, TypeVar

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import relu

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, Schedule, option, with_own_optimizers
from ganzoo.models import DataSpec, Discriminator, Gan, Generator, LatentSpec
from ganzoo.models.layers.conditional import ClassBatchNorm2d, Projection
from ganzoo.models.layers.maps import ToMaps
from ganzoo.models.layers.sizes import halvings
from ganzoo.models.layers.spectral import spectral_norm
from ganzoo_resnet.blocks import DownBlock, FirstBlock, UpBlock, summed
from ganzoo_resnet.plan import Network, discriminator_blocks, generator_channels, is_constant

ADAM = Adam(lr=Schedule(points=((0, 2e-4), (100_000 * 5 * 64, 0.0))), beta1=0.0, beta2=0.9)
HALVES_TO_TWO = 4  # stages of the size, 64x64, at which the last block halves too

M = TypeVar("M", nn.Linear, nn.Conv2d, nn.Embedding)


class SnganConfig(GanConfig):
    """Options of resnet/sngan."""

    loss: LossChoice | None = option(LossChoice(name="hinge"), "adversarial loss")
    generator: Optimizer | None = option(ADAM, "optimiser of the generator")
    discriminator: Optimizer | None = option(ADAM, "optimiser of the discriminator")
    d_steps: int = option(5, "discriminator updates a generator update", ge=1)
    conditional: bool = option(False, "train with class labels, by projection")
    network: Network = option("auto", "channels over the sizes; auto: constant up to 32x32, else tapering")
    generator_width: int | None = option(
        None, "channels of the generator, of tapering ones at the picture's size; None: 256, tapering 64", ge=1
    )
    discriminator_width: int | None = option(
        None, "channels of the discriminator, likewise; None: 128, tapering 64", ge=1
    )
    latent: int = option(128, "numbers in a latent", ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        return with_own_optimizers(values, {"generator": ADAM, "discriminator": ADAM})


class SnganGenerator(Generator):
    """z_BL (and y_B) to x_BCHW in [-1, 1]: a linear layer, up blocks, norm, ReLU, a convolution, tanh.

    Args:
        latent: L.
        widths: channels of the smallest maps, then after each block.
        channels, base: of the pictures, and (H, W) of the smallest maps.
        classes: K, or 0: without labels.
    """

    def __init__(self, latent: int, widths: list[int], channels: int, base: tuple[int, int], classes: int = 0) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.conditional = classes > 0
        norm = partial(ClassBatchNorm2d, classes=classes) if classes else nn.BatchNorm2d
        self.first = xavier(nn.Linear(latent, widths[0] * base[0] * base[1]))
        self.to_maps = ToMaps(widths[0], base)
        self.blocks = nn.ModuleList(UpBlock(before, after, convolution, norm) for before, after in pairwise(widths))
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = xavier(nn.Conv2d(widths[-1], channels, 3, padding=1))

    def forward(self, z_BL: Tensor, *condition: Tensor) -> Tensor:
        """Pictures."""
        h_BCHW: Tensor = self.to_maps(self.first(z_BL))
        for block in self.blocks:
            h_BCHW = block(h_BCHW, *condition)
        return torch.tanh(self.last(relu(self.norm(h_BCHW))))


class SnganDiscriminator(Discriminator):
    """x_BCHW (and y_B) to scores (B,): blocks, ReLU, the sum over the maps, a linear layer, the projection on the class.

    Args:
        channels: of the pictures.
        blocks: of each block its channels and whether it halves the maps; the first one does.
        classes: K, or 0: without labels.
    """

    per_sample = True

    def __init__(self, channels: int, blocks: list[tuple[int, bool]], classes: int = 0) -> None:
        super().__init__()
        self.conditional = classes > 0
        widths = [width for width, _ in blocks]
        layers: list[nn.Module] = [FirstBlock(channels, widths[0], normalized)]
        for before, (after, halves) in zip(widths, blocks[1:], strict=False):
            layers.append(DownBlock(before, after, before, normalized, halves=halves))
        self.blocks = nn.Sequential(*layers)
        self.linear = spectral_norm(xavier(nn.Linear(widths[-1], 1)))
        self.projection = Projection(classes, widths[-1], lambda made: spectral_norm(xavier(made))) if classes else None

    def forward(self, x_BCHW: Tensor, *condition: Tensor) -> Tensor:
        """Scores."""
        h_BF = summed(relu(self.blocks(x_BCHW)))
        score_B: Tensor = self.linear(h_BF).squeeze(1)
        return score_B if self.projection is None else score_B + self.projection(h_BF, *condition)


def build(config: SnganConfig, data: DataSpec) -> Gan:
    """The networks for the data's pictures, in the standard game.

    Raises:
        ValueError: the pictures' sides cannot be halved evenly, or labels are wanted and the data has none.
    """
    channels, height, width = data.image()
    if config.conditional and not data.classes:
        raise ValueError(f"{data.name} has no class labels: leave conditional out, or take data with classes")
    stages, base = halvings(data)
    constant = is_constant(config.network, (height, width))
    classes = data.classes if config.conditional else 0
    g_width = config.generator_width or (256 if constant else 64)
    d_width = config.discriminator_width or (128 if constant else 64)
    widths = generator_channels(g_width, stages, constant=constant)
    blocks = discriminator_blocks(
        d_width, stages, (height, width), constant=constant, last_halves=stages == HALVES_TO_TWO
    )
    return Gan(
        SnganGenerator(config.latent, widths, channels, base, classes),
        SnganDiscriminator(channels, blocks, classes),
        config,
    )


@torch.no_grad()
def xavier(layer: M, gain: float = 1.0) -> M:
    """The layer, its weight drawn anew from Xavier's uniform distribution and its bias 0."""
    nn.init.xavier_uniform_(layer.weight, gain)
    bias = getattr(layer, "bias", None)
    if isinstance(bias, Tensor):
        bias.zero_()
    return layer


def convolution(channels: int, out: int, kernel: int) -> nn.Conv2d:
    """A convolution of a block."""
    return xavier(nn.Conv2d(channels, out, kernel, padding=kernel // 2), sqrt(2) if kernel > 1 else 1.0)


def normalized(channels: int, out: int, kernel: int) -> nn.Conv2d:
    """A convolution of a block of the discriminator."""
    return spectral_norm(convolution(channels, out, kernel))
