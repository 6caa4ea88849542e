"""Least Squares Generative Adversarial Networks.

Mao, Li, Xie, Lau, Wang, Smolley, 2016. https://arxiv.org/abs/1611.04076

Networks, rates and initialisation follow POSTECH-CVLab/PyTorch-StudioGAN, models/deep_conv.py with
configs/CIFAR10/LSGAN.yaml, whose figures are public; they are not the paper's, which are wider and for 112x112.
StudioGAN trains two discriminator updates a generator update, uses rectified units in the discriminator too, sums its
last maps over space, and turns half of the real samples left to right (an option of the data). Targets are 0 and 1
(equation 9), with the paper's ½; `--set loss.a=-1 --set loss.c=0` minimises Pearson's χ² (equation 8).

Sizes: `sizes.halvings`; with n stages the generator's widest map has 64·2^n channels: at 32x32 the published
networks.
Initialisation: orthogonal weights and biases 0, the generator's layers from first to last, then the discriminator's,
after torch's own, which are overwritten. Batch norm starts at scale 1.

B batch, L latent, C channels, H, W, F features.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, option
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec
from ganzoo.models.layers.maps import ToMaps
from ganzoo.models.layers.sizes import halvings

STUDIO_ADAM = Adam(lr=2e-4, beta1=0.5, beta2=0.999, eps=1e-6)
EPS = 1e-4  # of batch norm


class LsganConfig(GanConfig):
    """Options of classic/lsgan."""

    loss: LossChoice | None = option(LossChoice(name="least-squares"), "adversarial loss")
    generator: Optimizer = option(STUDIO_ADAM, "optimiser of the generator")
    discriminator: Optimizer = option(STUDIO_ADAM, "optimiser of the discriminator")
    d_steps: int = option(2, "discriminator updates a generator update", ge=1)
    width: int = option(64, "channels of the largest maps", "channels", ge=1)
    latent: int = option(128, "numbers in a latent", ge=1)


class DeepConvGenerator(Generator):
    """z_BL to x_BCHW in [-1, 1]: a linear layer, transposed convolutions of kernel 4 with batch norm, a convolution."""

    def __init__(self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        widths = [width * 2**i for i in reversed(range(stages + 1))]
        numbers = widths[0] * base[0] * base[1]
        layers: list[nn.Module] = [nn.Linear(latent, numbers), ToMaps(widths[0], base)]
        for wide, narrow in pairwise(widths):
            layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.BatchNorm2d(narrow, eps=EPS), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh())
        _orthogonal_(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(z_BL)
        return x_BCHW


class DeepConvDiscriminator(Discriminator):
    """x_BCHW to logits (B,): blocks of convolutions of kernels 3 and 4, a last one, a sum over space, a linear one."""

    def __init__(self, width: int, channels: int, stages: int) -> None:
        super().__init__()
        widths = [channels, *(width * 2**i for i in range(stages))]
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, 1, 1), nn.BatchNorm2d(wide, eps=EPS), nn.ReLU()]
            layers += [nn.Conv2d(wide, wide, 4, 2, 1), nn.BatchNorm2d(wide, eps=EPS), nn.ReLU()]
        last = width * 2**stages
        layers += [nn.Conv2d(widths[-1], last, 3, 1, 1), nn.BatchNorm2d(last, eps=EPS), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.linear = nn.Linear(last, 1)
        _orthogonal_(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        h_BF: Tensor = self.features(x_BCHW).sum((2, 3))
        logits_B1: Tensor = self.linear(h_BF)
        return logits_B1.squeeze(1)


def build(config: LsganConfig, data: DataSpec) -> Game:
    """The game on the data's pictures."""
    channels, _, _ = data.image()
    stages, base = halvings(data)
    generator = DeepConvGenerator(config.latent, config.width, channels, stages, base)
    return Gan(generator, DeepConvDiscriminator(config.width, channels, stages), config)


@torch.no_grad()
def _orthogonal_(module: nn.Module) -> None:
    """Orthogonal weights and biases 0, layer by layer."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.orthogonal_(part.weight)
            if part.bias is not None:
                part.bias.zero_()
