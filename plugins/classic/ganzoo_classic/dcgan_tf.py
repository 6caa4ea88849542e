"""DCGAN as TensorFlow's tutorial has it: Deep Convolutional Generative Adversarial Network.

Radford, Metz, Chintala, 2015. https://arxiv.org/abs/1511.06434

Follows tensorflow/docs, site/en/tutorials/generative/dcgan.ipynb, which differs from the paper in most things: leaky
units in the generator, dropout instead of batch norm in the discriminator, 256 to 64 channels, and one step for both
players: one forward pass gives both gradients at the same weights.

Keras's defaults are part of it: LeakyReLU has slope 0.3, batch norm momentum 0.99 (torch counts the rest: 0.01) and
eps 1e-3, weights are Glorot uniform and biases 0, SAME padding puts the odd row after the data, Adam has (0.9, 0.999)
and eps 1e-7. What differs: Keras adds eps to the root of a variance that is not yet corrected for its start at 0,
torch to that of the corrected one; and the last batch of the tutorial's epoch, 96 real samples against 256 fakes,
does not occur.

Sizes: the first map is a quarter of the picture, which two stages double, so both sides have to be multiples of 4.
Initialisation: the generator's layers from first to last, then the discriminator's, after torch's own, which are
overwritten.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, option
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.same import Mirror, SameConv2d, SameConvTranspose2d

KERAS_ADAM = Adam(lr=1e-4, beta1=0.9, beta2=0.999, eps=1e-7)
EPS, MOMENTUM = 1e-3, 0.01  # of batch norm
SLOPE = 0.3
BASE = 4  # the picture's side over the first map's


class DcganTfConfig(GanConfig):
    """Options of classic/dcgan-tf."""

    batch: int = option(256, "real samples an update, over all processes", "samples", ge=1)
    generator: Optimizer = option(KERAS_ADAM, "optimiser of the generator")
    discriminator: Optimizer = option(KERAS_ADAM, "optimiser of the discriminator")
    width: int = option(64, "channels of the largest maps", "channels", ge=1)
    latent: int = option(100, "numbers in a latent", ge=1)
    dropout: float = option(0.3, "chance that the discriminator drops a number", ge=0, lt=1)


class TutorialGenerator(Generator):
    """z_BL to x_BCHW in [-1, 1]: a linear layer and three transposed convolutions of kernel 5 and strides 1, 2, 2."""

    def __init__(self, latent: int, width: int, channels: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        numbers = 4 * width * base[0] * base[1]
        self.layers = nn.Sequential(
            nn.Linear(latent, numbers, bias=False),
            nn.BatchNorm1d(numbers, eps=EPS, momentum=MOMENTUM),
            nn.LeakyReLU(SLOPE),
            ToMaps(4 * width, base),
            SameConvTranspose2d(4 * width, 2 * width, 5, 1, bias=False, mirrored=True),
            nn.BatchNorm2d(2 * width, eps=EPS, momentum=MOMENTUM),
            nn.LeakyReLU(SLOPE),
            SameConvTranspose2d(2 * width, width, 5, 2, bias=False, mirrored=True),
            nn.BatchNorm2d(width, eps=EPS, momentum=MOMENTUM),
            nn.LeakyReLU(SLOPE),
            SameConvTranspose2d(width, channels, 5, 2, bias=False, mirrored=True),
            Mirror(),
            nn.Tanh(),
        )
        _glorot_(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(z_BL)
        return x_BCHW


class TutorialDiscriminator(Discriminator):
    """x_BCHW to logits (B,): two convolutions of kernel 5 and stride 2, each with dropout, and a linear layer."""

    def __init__(self, width: int, channels: int, base: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Mirror(),
            SameConv2d(channels, width, 5, 2, mirrored=True),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(dropout),
            SameConv2d(width, 2 * width, 5, 2, mirrored=True),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(dropout),
            FromMaps(),
            nn.Linear(2 * width * base[0] * base[1], 1),
        )
        _glorot_(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BCHW)
        return logits_B1.squeeze(1)


def build(config: DcganTfConfig, data: DataSpec) -> Game:
    """The game on the data's pictures.

    Raises:
        ValueError: a side of the pictures is no multiple of 4.
    """
    channels, height, width = data.image()
    if height % BASE or width % BASE:
        near = max(height // BASE, 1) * BASE
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels. This network doubles a map twice, so both sides "
            f"have to be multiples of {BASE}: choose another resolution, "
            f"for example {near}x{near}"
        )
    base = (height // BASE, width // BASE)
    generator = TutorialGenerator(config.latent, config.width, channels, base)
    discriminator = TutorialDiscriminator(config.width, channels, base, config.dropout)
    return Gan(generator, discriminator, config, update="simultaneous")


@torch.no_grad()
def _glorot_(module: nn.Module) -> None:
    """Keras's own initialisation: weights U(±√(6 / (fan in + fan out))), biases 0, layer by layer."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                part.bias.zero_()
