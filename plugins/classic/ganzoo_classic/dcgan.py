"""Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks.

Radford, Metz, Chintala, 2015. https://arxiv.org/abs/1511.06434

network="example" follows pytorch/examples, dcgan/main.py: kernels of 4 where the paper has 5, 512 to 64 channels
where it has 1024 to 128, normal latents where it has uniform ones. Its discriminator ends in a sigmoid before binary
cross-entropy; here it gives logits, and the loss is the same function of them. Its generator's update uses the fakes
of the discriminator's.
network="paper" follows the paper's code, Newmu/dcgan_code, faces/train_uncond_dcgan.py: batch norm with eps 1e-8 (in
the generator's first layer over all numbers, because it comes before they are made a map), an L2 penalty of 1e-5
added to the gradients, and alternating updates on different real samples. The code normalises by the batch's own
statistics in sampling too; here samples use running averages.

Real and fake samples are normalised in batches of their own, as in both codes.
Sizes: `sizes.halvings`; the widest map has `width`·2^(stages-1) channels, so at 64x64 the published networks come
out.
Initialisation (both): the generator's layers from first to last, then the discriminator's: weights N(0, 0.02²),
scales of batch norm N(1, 0.02²), biases 0, after torch's own, which are overwritten.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from pydantic import model_validator
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, option, with_own_optimizers
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec
from ganzoo.models.layers.dcgan import DcganDiscriminator, DcganGenerator
from ganzoo.models.layers.init import normal_
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.sizes import halvings

OWN = {
    "example": Adam(lr=2e-4, beta1=0.5, beta2=0.999),
    "paper": Adam(lr=2e-4, beta1=0.5, beta2=0.999, weight_decay=1e-5),
}
WIDTH = {"example": 64, "paper": 128}  # channels


class DcganConfig(GanConfig):
    """Options of classic/dcgan."""

    batch: int = option(64, "real samples an update, over all processes (the paper's has 128)", "samples", ge=1)
    generator: Optimizer | None = option(None, "optimiser; None: Adam 2e-4 (0.5, 0.999), paper: with L2 1e-5")
    discriminator: Optimizer | None = option(None, "optimiser; None: as the generator's")
    network: Literal["example", "paper"] = option(
        "example", "PyTorch's example, or the paper's own networks (5x5 kernels)"
    )
    width: int | None = option(None, "channels of the largest maps; None: 64, paper: 128", "channels", ge=1)
    latent: int = option(100, "numbers in a latent", ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        own = OWN.get(values.get("network", "example")) if isinstance(values, dict) else None
        return with_own_optimizers(values, {"generator": own, "discriminator": own}) if own else values


class PaperGenerator(Generator):
    """z_BL to x_BCHW in [-1, 1]: a linear layer, transposed convolutions of kernel 5, batch norm, ReLU, tanh."""

    def __init__(self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.uniform(latent)
        widths = [width * 2**i for i in reversed(range(stages))]
        numbers = widths[0] * base[0] * base[1]
        layers: list[nn.Module] = [
            nn.Linear(latent, numbers, bias=False),
            nn.BatchNorm1d(numbers, eps=1e-8),
            ToMaps(widths[0], base),
            nn.ReLU(),
        ]
        for wide, narrow in pairwise(widths):
            layers += [_doubling(wide, narrow), nn.BatchNorm2d(narrow, eps=1e-8), nn.ReLU()]
        self.layers = nn.Sequential(*layers, _doubling(width, channels), nn.Tanh())
        normal_(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(z_BL)
        return x_BCHW


class PaperDiscriminator(Discriminator):
    """x_BCHW to logits (B,): convolutions of kernel 5 and stride 2, batch norm but after the first, a linear layer."""

    def __init__(self, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(stages)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 5, 2, 2, bias=False), nn.LeakyReLU(0.2)]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 5, 2, 2, bias=False), nn.BatchNorm2d(wide, eps=1e-8), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, FromMaps(), nn.Linear(widths[-1] * base[0] * base[1], 1, bias=False))
        normal_(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BCHW)
        return logits_B1.squeeze(1)


def build(config: DcganConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures."""
    channels, _, _ = data.image()
    stages, base = halvings(data)
    width = config.width or WIDTH[config.network]
    optimizers: dict[str, Any] = {
        "generator_optimizer": config.generator or OWN[config.network],
        "discriminator_optimizer": config.discriminator or OWN[config.network],
    }
    if config.network == "paper":
        generator = PaperGenerator(config.latent, width, channels, stages, base)
        return Gan(generator, PaperDiscriminator(width, channels, stages, base), config, **optimizers)
    example = DcganGenerator(config.latent, width, channels, stages, base)
    discriminator = DcganDiscriminator(width, channels, stages, base, batch_norm=True)
    return Gan(example, discriminator, config, fakes="shared", **optimizers)


def _doubling(channels: int, out: int) -> nn.ConvTranspose2d:
    """The transpose of a convolution of kernel 5, stride 2 and padding 2 on maps of even size: it doubles them."""
    return nn.ConvTranspose2d(channels, out, 5, 2, 2, output_padding=1, bias=False)
