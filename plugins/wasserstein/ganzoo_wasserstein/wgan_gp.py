"""Improved Training of Wasserstein GANs.

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, 2017. https://arxiv.org/abs/1704.00028

Follows the authors' code, igul222/improved_wgan_training, a script a network:
- "mnist": gan_mnist.py, samples in [0, 1], no normalisation. "cifar": gan_cifar.py, batch norm in the generator. Both
  in wgan_gp_conv.py. Both use Adam 1e-4 (0.5, 0.9) where algorithm 1 of the paper has 1e-4 (0, 0.9).
- "resnet": gan_cifar_resnet.py, in wgan_gp_resnet.py, with or without class labels. Adam 2e-4 (0, 0.9), going down to
  0 in 100,000 generator updates: at 5 critic updates of 64 real samples each, 32,000,000 images.
- "dcgan" is in none of the scripts: DCGAN's networks with kernels of 4, without batch norm in the critic. It is a
  third of mnist's work and a sixth of cifar's, and has their Adam. Its generator may double pixels and convolve
  (upsampling "nearest") instead of DCGAN's transposed convolutions, whose stride shows as stripes in short training.
- "auto" is the script of the data's own shape, mnist for 28x28 grey and cifar for 32x32 colour, resnet where class
  labels are asked for, and dcgan for all other pictures.

The scripts normalise by the batch's own statistics in sampling too; here samples use running averages. gan_mnist.py
has a batch of 50 and the others 64, which is the default. The moving average of the generator's weights, which the
engine keeps, is in none of them.
Initialisation: the generator's layers from first to last, then the critic's.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, PenaltyChoice, Schedule, option, with_own_optimizers
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator
from ganzoo.models.layers.dcgan import DcganDiscriminator, DcganGenerator, Upsampling
from ganzoo.models.layers.sizes import halvings
from ganzoo_wasserstein.sizes import rounded_halvings
from ganzoo_wasserstein.wgan_gp_conv import ConvCritic, ConvGenerator
from ganzoo_wasserstein.wgan_gp_resnet import ResNetCritic, ResNetGan, ResNetGenerator

Network = Literal["auto", "mnist", "cifar", "resnet", "dcgan"]

CONV_ADAM = Adam(lr=1e-4, beta1=0.5, beta2=0.9)
RESNET_ADAM = Adam(lr=Schedule(points=((0, 2e-4), (100_000 * 5 * 64, 0.0))), beta1=0.0, beta2=0.9)
WIDTH = {"mnist": 64, "cifar": 128, "resnet": 128, "dcgan": 64}  # channels


class WganGpConfig(GanConfig):
    """Options of wasserstein/wgan-gp."""

    loss: LossChoice | None = option(LossChoice(name="wasserstein"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(
        (PenaltyChoice(name="gradient-penalty", weight=10.0),), "penalties of the critic"
    )
    generator: Optimizer | None = option(
        None, "optimiser; None: Adam 1e-4 (0.5, 0.9), resnet: 2e-4 (0, 0.9) going down to 0 in 32,000,000 images"
    )
    discriminator: Optimizer | None = option(None, "optimiser of the critic; None: as the generator's")
    d_steps: int = option(5, "critic updates a generator update", ge=1)
    network: Network = option(
        "auto", "networks; auto: mnist at 28x28 grey, cifar at 32x32 colour, resnet with labels, else dcgan"
    )
    width: int | None = option(None, "channels of the largest maps; None: 64, cifar and resnet 128", ge=1)
    upsampling: Upsampling = option("transposed", "of network dcgan: as DCGAN's, or nearest, which leaves no stripes")
    latent: int = option(128, "numbers in a latent", ge=1)
    conditional: bool = option(False, "train with class labels (resnet only)")
    class_weight: float = option(1.0, "factor of the critic's class loss, where conditional", ge=0)
    class_weight_generator: float = option(0.1, "factor of the generator's class loss, where conditional", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        own = _own(values.get("network", "auto"), bool(values.get("conditional")))
        return with_own_optimizers(values, {"generator": own, "discriminator": own})


def network_for(config: WganGpConfig, data: DataSpec) -> str:
    """The network that `auto` means, or the chosen one."""
    if config.network != "auto":
        return config.network
    if config.conditional:
        return "resnet"
    return {(1, 28, 28): "mnist", (3, 32, 32): "cifar"}.get(data.image(), "dcgan")


def build(config: WganGpConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures.

    Raises:
        ValueError: the pictures' size does not suit the networks, or labels are wanted and the data has none.
    """
    network = network_for(config, data)
    if config.conditional and network != "resnet":
        raise ValueError(f"network {network} takes no class labels: leave conditional out, or take network resnet")
    if config.upsampling != "transposed" and network != "dcgan":
        raise ValueError(f"network {network} has upsampling of its own: leave upsampling out, or take network dcgan")
    channels, height, width = data.image()
    latent, maps = config.latent, config.width or WIDTH[network]
    own = _own(network, config.conditional)
    optimizers: dict[str, Any] = {
        "generator_optimizer": config.generator or own,
        "discriminator_optimizer": config.discriminator or own,
    }
    if network == "resnet":
        if config.conditional and not data.classes:
            raise ValueError(f"{data.name} has no class labels: leave conditional out, or take data with classes")
        classes = data.classes if config.conditional else 0
        return ResNetGan(
            ResNetGenerator(latent, maps, channels, *halvings(data), classes),
            ResNetCritic(maps, channels, (height, width), classes),
            config,
            classes=classes,
            class_weight=config.class_weight,
            class_weight_generator=config.class_weight_generator,
            **optimizers,
        )
    generator: Generator
    critic: Discriminator
    if network == "dcgan":
        stages, base = halvings(data)
        generator = DcganGenerator(latent, maps, channels, stages, base, upsampling=config.upsampling)
        critic = DcganDiscriminator(maps, channels, stages, base, batch_norm=False)
    else:
        mnist, sizes = network == "mnist", rounded_halvings(data)
        generator = ConvGenerator(latent, maps, channels, sizes, batch_norm=not mnist, sigmoid=mnist)
        critic = ConvCritic(maps, channels, sizes)
    value_range = (0.0, 1.0) if network == "mnist" else (-1.0, 1.0)
    return Gan(generator, critic, config, value_range=value_range, **optimizers)


def _own(network: str, labels: bool) -> Adam:
    return RESNET_ADAM if network == "resnet" or (network == "auto" and labels) else CONV_ADAM
