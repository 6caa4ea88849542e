"""On Convergence and Stability of GANs (DRAGAN).

Kodali, Abernethy, Hays, Kira, 2017. https://arxiv.org/abs/1705.07215

network="mlp" follows the authors' notebook, kodalinaveen3/DRAGAN: one hidden layer of 128 rectified units in each
network, on 28x28 grey. network="dcgan" has DCGAN's networks, for all other pictures, without batch norm in the
discriminator: the penalty is on the gradient of each sample alone.
The loss is the non-saturating one, with the penalty on real samples' neighbourhoods; "penalties.dragan_samples" says
which of the noises that go by this name it is (the notebook's). One discriminator update a generator update, each
with its own latents. eriklindernoren/PyTorch-GAN's networks for 32x32 (1,049,985 and 98,113 parameters) are other
ones, with batch norm under the penalty, and are not offered.

Sizes: mlp any, dcgan as in `sizes.halvings`.
Initialisation: the generator's layers from first to last, then the discriminator's. The notebook's "xavier_init" has
the variance 2/(fan in), which is He's, and biases 0.

B batch, L latent, C channels, H, W, F = C·H·W numbers of a picture.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, PenaltyChoice, option
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec
from ganzoo.models.layers.dcgan import DcganDiscriminator, DcganGenerator
from ganzoo.models.layers.sizes import halvings

DRAGAN_ADAM = Adam(lr=1e-4, beta1=0.5, beta2=0.9)
WIDTH = {"mlp": 128, "dcgan": 64}


class DraganConfig(GanConfig):
    """Options of wasserstein/dragan."""

    batch: int = option(128, "real samples an update, over all processes", "samples", ge=1)
    penalty: tuple[PenaltyChoice, ...] | None = option(
        (PenaltyChoice(name="dragan", weight=10.0),), "penalties of the discriminator"
    )
    generator: Optimizer = option(DRAGAN_ADAM, "optimiser of the generator")
    discriminator: Optimizer = option(DRAGAN_ADAM, "optimiser of the discriminator")
    network: Literal["auto", "mlp", "dcgan"] = option("auto", "networks; auto: mlp at 28x28 grey, else dcgan")
    width: int | None = option(None, "hidden units, or channels of the largest maps; None: mlp 128, dcgan 64", ge=1)
    latent: int = option(100, "numbers in a latent", ge=1)


class NotebookGenerator(Generator):
    """z_BL to x_BCHW in [0, 1]: one hidden layer of rectified units."""

    def __init__(self, latent: int, width: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.uniform(latent)
        self.shape = shape
        self.layers = _two_layers(latent, width, math.prod(shape))

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        B = z_BL.shape[0]
        x_BF: Tensor = self.layers(z_BL).sigmoid()
        return x_BF.view(B, *self.shape)


class NotebookDiscriminator(Discriminator):
    """x_BCHW to logits (B,): one hidden layer of rectified units."""

    per_sample = True

    def __init__(self, width: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layers = _two_layers(math.prod(shape), width, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BCHW.flatten(1))
        return logits_B1.squeeze(1)


def build(config: DraganConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures."""
    shape = data.image()
    network = config.network
    if network == "auto":
        network = "mlp" if shape == (1, 28, 28) else "dcgan"
    width = config.width or WIDTH[network]
    if network == "mlp":
        mlp = NotebookGenerator(config.latent, width, shape)
        return Gan(mlp, NotebookDiscriminator(width, shape), config, value_range=(0.0, 1.0))
    stages, base = halvings(data)
    generator = DcganGenerator(config.latent, width, shape[0], stages, base)
    return Gan(generator, DcganDiscriminator(width, shape[0], stages, base, batch_norm=False), config)


@torch.no_grad()
def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.weight.normal_(0.0, math.sqrt(2 / layer.in_features))
            layer.bias.zero_()
    return layers
