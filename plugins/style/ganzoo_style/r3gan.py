"""R3GAN: a relativistic loss, both zero-centred gradient penalties, and residual networks without normalisation.

Huang, Gokaslan, Kuleshov, Tompkin: The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024, 2501.05441. Written from the
paper; its code has no licence. Numbers that the paper leaves to its code (brownvc/R3GAN) are facts of that code: they are the
default, which is its CIFAR-10, and the presets named after data sets.

Five numbers follow half a cosine over `schedule_images` real images and then stay: the learning rate, Adam's β2, the penalties'
weight γ, the half-life of the averaged weights, and the chance of the augmentation, whose pipe is ADA's with all changes of
place, those of colour half as often, and cutout.

What differs from the code:
- The generator's update pairs its fakes with the real samples of the step's discriminator update; there it draws others.
- Penalties see augmented samples too, but with draws of their own; there their gradient is that of the same pass as the scores.
- Penalties are computed in float32 unless asked otherwise, and all stages in the run's precision; there stages above a size are
  in bfloat16.
- Pictures are not mirrored beforehand; a data set can be.

Sizes: pictures are halved as in `sizes.halvings`: 32x32 pixels have four stages from 4x4 on, 28x28 three from 7x7, whose learned
maps are 7x7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from ganzoo.config import (
    Adam,
    AugmentChoice,
    GanConfig,
    LossChoice,
    Optimizer,
    PenaltyChoice,
    Schedule,
    option,
    with_own_optimizers,
)
from ganzoo.models import DataSpec, Game, Gan
from ganzoo.models.layers.sizes import halvings
from ganzoo_style.r3gan_networks import R3ganDiscriminator, R3ganGenerator

Ends = tuple[float, float]

PIPE = {
    **dict.fromkeys(("xflip", "rot90", "xint", "scale", "rotate", "aniso", "xfrac", "cutout"), 1.0),
    **dict.fromkeys(("brightness", "contrast", "lumaflip", "hue", "saturation"), 0.5),
}
"""How often each change of the augmentation comes, as a factor of its chance."""
IMAGES, LR, BETA2 = 20_000_000, (2e-4, 5e-5), (0.9, 0.99)


class R3ganConfig(GanConfig):
    """Options of style/r3gan."""

    batch: int = option(512, "real samples an update, over all processes", "samples", ge=1)
    schedule_images: int = option(
        IMAGES, "images over which rates go from their first to their last value", "images", ge=1
    )
    lr: Ends = option(LR, "learning rate, first and last")
    beta2: Ends = option(BETA2, "decay of the squared gradient's mean, first and last")
    gamma: Ends = option((0.05, 0.005), "weight of both penalties, first and last")
    ema: Ends = option((0.0, 5_000_000.0), "half-life of the averaged weights, first and last", "images")
    augment_p: Ends = option((0.0, 0.55), "chance of each change of the augmentation, first and last; 0,0: none")
    loss: LossChoice | None = option(LossChoice(name="relativistic"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(None, "penalties; None: R1 and R2 with the weight gamma")
    generator: Optimizer | None = option(None, "optimiser; None: Adam with lr and beta2, and beta1 of 0")
    discriminator: Optimizer | None = option(None, "optimiser; None: as the generator's")
    conditional: bool | None = option(None, "train with class labels; None: if the data has them")
    latent: int = option(64, "numbers in a latent, and in the generator's embedding of a class", ge=1)
    width: int = option(768, "channels of the smallest maps", "channels", ge=1)
    wide_until: int = option(
        32, "pixels a side up to which maps have all channels; larger ones half as many, a quarter, ..."
    )
    expansion: int = option(2, "channels within a block over those between blocks", ge=1)
    group_size: int = option(16, "channels in a group of a block's middle convolution", "channels", ge=1)
    blocks: int = option(2, "residual blocks of a stage", ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = [
            values.get(name, default) for name, default in (("schedule_images", IMAGES), ("lr", LR), ("beta2", BETA2))
        ]
        try:
            own = optimizer(*given)
        except (TypeError, ValueError):  # what is wrong with them is told field by field
            return values
        return with_own_optimizers(values, {"generator": own, "discriminator": own})


def cosine(ends: Ends, images: int) -> Schedule:
    """From the first number to the last along half a cosine."""
    first, last = ends
    return Schedule(points=((0, first), (images, last)), shape="cosine")


def optimizer(images: int, lr: Ends, beta2: Ends) -> Adam:
    """The optimiser of both players."""
    return Adam(lr=cosine(lr, images), beta1=0.0, beta2=cosine(beta2, images), eps=1e-8)


def stage_widths(config: R3ganConfig, stages: int) -> list[int]:
    """Channels by stage, the smallest maps first: the published rule, for maps from 4x4 pixels on."""
    return [max(1, config.width // max(1, 4 * 2**stage // config.wide_until)) for stage in range(stages)]


def build(config: R3ganConfig, data: DataSpec) -> Game:
    """The game for pictures that halve down to 4 to 7 pixels, with labels where the data has them.

    Raises:
        ValueError: the pictures do not, there are no labels though they are asked for, or channels do not split into groups.
    """
    channels, _, _ = data.image()
    times, base = halvings(data)
    if config.conditional and not data.classes:
        raise ValueError(f"{data.name} has no class labels: leave conditional out, or take data with classes")
    classes = data.classes if config.conditional is not False else 0
    widths = stage_widths(config, times + 1)
    for width in widths:
        if width * config.expansion % config.group_size:
            raise ValueError(
                f"{width * config.expansion} channels within a block do not split into groups of {config.group_size}: choose "
                f"another group_size, or a width of which {config.expansion} times is a multiple of it at all {times + 1} sizes"
            )
    groups = [width * config.expansion // config.group_size for width in widths]
    shape = (widths, groups, config.blocks, config.expansion, base, channels, classes)
    own = optimizer(config.schedule_images, config.lr, config.beta2)
    gamma = cosine(config.gamma, config.schedule_images)
    chance = cosine(config.augment_p, config.schedule_images)
    game = Gan(
        R3ganGenerator(config.latent, *shape, config.latent),
        R3ganDiscriminator(*shape, config.width),
        config,
        penalty=[PenaltyChoice(name=name, weight=gamma) for name in ("r1", "r2")],
        augment=AugmentChoice(name="ada", options={"p": chance, "pipe": PIPE}) if any(config.augment_p) else None,
        generator_optimizer=config.generator or own,
        discriminator_optimizer=config.discriminator or config.generator or own,
    )
    game.ema_images = cosine(config.ema, config.schedule_images)
    return game
