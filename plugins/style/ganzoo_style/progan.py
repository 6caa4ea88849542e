"""Progressive Growing of GANs: both networks, the pictures, the batch and the rates grow from 4x4 pixels on.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2017, 1710.10196.
Where the paper and its code (tkarras/progressive_growing_of_gans, preset v2-1gpu) differ, this follows the code:
- 600,000 images a phase; 800,000 in the paper.
- Batches of 128 up to 16x16 pixels, then 64, 32, 16, 8, 4; 16 in the paper, then 14, 6 and 3 from 256x256 pixels on.
- Adam's rate is 0.0015 at 1024x1024; 0.001 throughout in the paper.
- The minibatch's deviation is taken over groups of 4; over the whole batch in the paper.
- Optimisers start afresh when a fade begins and when it ends; the paper does not say.
The preset "paper" has the paper's numbers; its deviation is over groups of 16, the code's for it, or the batch where that is
smaller.

What differs from the code:
- The first linear layer has a bias for each of its outputs and not for each channel, as in facebookresearch/pytorch_GAN_zoo,
  whose parameter counts are those of this module: 23,086,795 and 23,082,641 for 1024x1024 pixels, the latter without the
  deviation's channel (`deviation_group=0`), with it 4,608 more.
- A step's fade follows from the images before the step, not from those before four steps, and the average takes in the
  generator after its update.
- Class labels are not used, nor are pictures mirrored.

Sizes: pictures are halved as in `sizes.halvings`: 4, 8, ... 1024; 28x28 pixels grow as 7, 14, 28, 48x48 as 6, 12, 24, 48.

The networks hold the layers of all resolutions from the start, so that a seed gives the same weights whatever happens; those
that are not in use belong to no player, are in no optimiser and in no average.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, OptimizerConfig, PenaltyChoice, option
from ganzoo.models import Batch, Change, DataSpec, Game, Gan, Player, StepContext, Terms
from ganzoo.models.layers.sizes import halvings
from ganzoo_style.growth import Growth, Stage, value_from
from ganzoo_style.progan_networks import ProganDiscriminator, ProganGenerator, doubled

Height = Annotated[int, Field(ge=1)]


class ProganConfig(GanConfig):
    """Options of style/progan."""

    batch: int = option(128, "real samples an update, over all processes: the most at any resolution", "samples", ge=1)
    batches: tuple[tuple[Height, Annotated[int, Field(ge=1)]], ...] = option(
        ((32, 64), (64, 32), (128, 16), (256, 8), (512, 4)), "(height, batch): batches from that height on"
    )
    rates: tuple[tuple[Height, Annotated[float, Field(gt=0)]], ...] = option(
        ((1024, 1.5),), "(height, factor): factors of the learning rates from that height on"
    )
    train_images: int = option(600_000, "images that a resolution is trained for", "images", ge=0)
    fade_images: int = option(600_000, "images that the next resolution is faded in over", "images", ge=0)
    loss: LossChoice | None = option(LossChoice(name="wasserstein"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(
        (PenaltyChoice(name="gradient-penalty", weight=10), PenaltyChoice(name="drift", weight=1e-3)),
        "penalties of the discriminator",
    )
    generator: Optimizer | None = option(Adam(lr=1e-3, beta1=0.0, beta2=0.99, eps=1e-8), "optimiser of the generator")
    discriminator: Optimizer | None = option(
        Adam(lr=1e-3, beta1=0.0, beta2=0.99, eps=1e-8), "optimiser of the discriminator"
    )
    ema: float = option(0.999, "share of the averaged weights that a step keeps; 0: no average", ge=0, lt=1)
    latent: int = option(512, "numbers in a latent", ge=1)
    width: int = option(512, "most channels of a layer", "channels", ge=1)
    budget: int = option(
        16_384, "most channels times pixels a side, so that maps of 64x64 have 256 channels at most", ge=1
    )
    deviation_group: int | None = option(
        4, "samples that the minibatch's deviation is taken over; None: the whole batch, 0: no deviation", ge=0
    )


class Progan(Gan):
    """The game of growing networks.

    Args:
        growth: sizes over images.
        batches: of each level.
        factors: of the learning rates, of each level.
    """

    generator: ProganGenerator
    discriminator: ProganDiscriminator

    def __init__(
        self,
        generator: ProganGenerator,
        discriminator: ProganDiscriminator,
        config: ProganConfig,
        growth: Growth,
        batches: Sequence[int],
        factors: Sequence[float],
    ) -> None:
        super().__init__(generator, discriminator, config)
        self.growth, self.batches, self.factors = growth, tuple(batches), tuple(factors)
        self.ema_images = growth.half_lives(config.ema, batches)
        self._told = False  # whether the engine knows the pictures' size
        self._grow(growth.stage(0), growth.alpha(0))

    @property
    def stage(self) -> Stage:
        """What is trained now."""
        return self.generator.stage

    def _grow(self, stage: Stage, alpha: float) -> None:
        for network in (self.generator, self.discriminator):
            network.stage = stage
            with torch.no_grad():
                network.alpha.fill_(alpha)

    def on_progress(self, images: int) -> Change | None:
        """The networks of the present stage. Its pictures' size, its batch, and fresh optimisers where a stage begins."""
        before, stage = self.stage, self.growth.stage(images)
        self._grow(stage, self.growth.alpha(images))
        if stage == before and (self._told or not images):
            return None
        self._told = True
        return Change(
            resolution=self.growth.sizes[stage.level],
            batch=self.batches[stage.level],
            reset=("generator", "discriminator") if stage != before else (),
        )

    def players(self) -> Sequence[Player]:
        """Generator and discriminator with the layers in use."""
        factor = self.factors[self.stage.level]

        def player(name: str, parts: Sequence[nn.Module], optimizer: OptimizerConfig) -> Player:
            return Player(name, parts, optimizer.scaled(factor))

        generator, discriminator = super().players()
        return [
            player("generator", self.generator.in_use(), generator.optimizer),
            player("discriminator", self.discriminator.in_use(), discriminator.optimizer),
        ]

    def sampled_parts(self) -> Iterable[nn.Module]:
        """The generator's layers in use."""
        return self.generator.in_use()

    def idle_parts(self) -> Iterable[nn.Module]:
        """The layers of the other stages."""
        used = {*self.generator.in_use(), *self.discriminator.in_use()}
        return [
            part for network in (self.generator, self.discriminator) for part in network.parts() if part not in used
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """As the standard game's, on real pictures as the generator could make them."""
        return super().forward(phase, Batch({**batch, "x": self.real(batch.x)}), context)

    def real(self, x_BCHW: Tensor) -> Tensor:
        """Real pictures at the present level's size; while that is faded in, mixed with those of half the size."""
        x_BCHW = self.discriminator.fitted(x_BCHW)
        if not self.stage.fading:
            return x_BCHW
        return self.discriminator.mixed(doubled(avg_pool2d(x_BCHW, 2)), x_BCHW)

    def notes_on_processes(self) -> list[str]:
        """The minibatch's deviation looks at the whole batch."""
        own = ["the minibatch's deviation is that of each process's part"] if self.discriminator.group != 0 else []
        return [*super().notes_on_processes(), *own]


def build(config: ProganConfig, data: DataSpec) -> Game:
    """The game for pictures that halve down to 4 to 7 pixels.

    Raises:
        ValueError: they do not, or a batch does not split into the groups of the deviation.
    """
    channels, _, _ = data.image()
    times, (high, wide) = halvings(data)
    sizes = tuple((high * 2**level, wide * 2**level) for level in range(times + 1))
    widths = [max(1, min(config.width, config.budget // (4 * 2**level))) for level in range(times + 1)]
    group = config.deviation_group
    batches = [min(config.batch, int(value_from(config.batches, height, config.batch))) for height, _ in sizes]
    for batch in batches:
        if group and batch > group and batch % group:
            raise ValueError(
                f"a batch of {batch} samples does not split into groups of {group} for the deviation: choose batches that "
                f"are multiples of {group}, or another deviation_group (0: none)"
            )
    return Progan(
        ProganGenerator(config.latent, sizes, widths, channels),
        ProganDiscriminator(sizes, widths, channels, group),
        config,
        Growth(sizes, config.train_images, config.fade_images),
        batches,
        [value_from(config.rates, height, 1.0) for height, _ in sizes],
    )
