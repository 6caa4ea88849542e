"""A GAN of two small fully connected networks for points, such as those of a distribution in the plane.

The game is that of Generative Adversarial Nets (1406.2661, algorithm 1, with the generator's objective of section 3); the
networks are those of experiments in the plane: hidden layers of one width with ReLU, latents from N(0, 1), no normalisation.
A step takes well under a millisecond, so a student sees the samples move, and many seeds fit into one run (`--seeds 16`).

torch's own initialisation: the generator's layers first, then the discriminator's.

B batch, L latent, F numbers of a point.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, option
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec


class PlaneConfig(GanConfig):
    """Options of classic/gan-2d."""

    batch: int = option(256, "real samples an update, over all processes", "samples", ge=1)
    generator: Optimizer = option(Adam(lr=1e-3, beta1=0.5), "optimiser")
    discriminator: Optimizer = option(Adam(lr=1e-3, beta1=0.5), "optimiser")
    width: int = option(128, "units of a hidden layer", ge=1)
    depth: int = option(2, "hidden layers of each network", ge=1)
    latent: int = option(2, "numbers in a latent", ge=1)


def layers(first: int, width: int, depth: int, last: int) -> nn.Sequential:
    """`depth` hidden layers of `width` units with ReLU, and a linear one."""
    sizes = [first, *[width] * depth]
    hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, last))


class PlaneGenerator(Generator):
    """z_BL to x_BF, unbounded."""

    def __init__(self, config: PlaneConfig, features: int) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(config.latent)
        self.layers = layers(config.latent, config.width, config.depth, features)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Points."""
        x_BF: Tensor = self.layers(z_BL)
        return x_BF


class PlaneDiscriminator(Discriminator):
    """x_BF to scores (B, 1)."""

    per_sample = True

    def __init__(self, config: PlaneConfig, features: int) -> None:
        super().__init__()
        self.layers = layers(features, config.width, config.depth, 1)

    def piecewise_linear(self) -> nn.Sequential:
        """All layers."""
        return self.layers

    def forward(self, x_BF: Tensor) -> Tensor:
        """Scores."""
        scores_B1: Tensor = self.layers(x_BF)
        return scores_B1


def build(config: PlaneConfig, data: DataSpec) -> Game:
    """The game for points of any number of coordinates."""
    features = data.points()
    return Gan(PlaneGenerator(config, features), PlaneDiscriminator(config, features), config)
