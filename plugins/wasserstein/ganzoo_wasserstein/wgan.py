"""Wasserstein GAN.

Arjovsky, Chintala, Bottou, 2017. https://arxiv.org/abs/1701.07875

Follows the authors' code, martinarjovsky/WassersteinGAN, main.py:
- The critic has 5 updates a generator update, but 100 in each of the first 25 steps and in every 500th, which brings
  it to its optimum; the paper does not mention them. The code breaks such a series off at the end of an epoch; here
  it goes on.
- The code clips the critic's weights before each of its updates, the paper's algorithm 1 after it, and so do we: the
  generator sees a clipped critic, where the code's is one update out of the box. Every critic update starts from
  clipped weights in both, so the critic's weights are clipped here when it is built, too. Scales and offsets of batch
  norm are clipped with them in both.
- The code's critic returns the mean of the batch and gives real samples low scores; here scores are one a sample and
  high for real ones. The box and the initialisation are symmetric, so this is the same game.
network="mlp" is the code's `--mlp_G --mlp_D --ngf 512 --ndf 512`: three hidden layers of rectified units, and a
generator without tanh, whose samples can leave [-1, 1].

Sizes: the DCGAN networks as in `sizes.halvings`, the others any.
Initialisation: the generator's layers from first to last, then the critic's; fully connected layers keep torch's own.

B batch, L latent, C channels, H, W, F = C·H·W numbers of a picture.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

from torch import Tensor, nn

from ganzoo.config import GanConfig, LossChoice, Optimizer, PenaltyChoice, RMSprop, option
from ganzoo.models import DataSpec, Discriminator, Game, Gan, Generator, LatentSpec
from ganzoo.models.layers.dcgan import DcganDiscriminator, DcganGenerator
from ganzoo.models.layers.sizes import halvings

WIDTH = {"dcgan": 64, "mlp": 512}


class WganConfig(GanConfig):
    """Options of wasserstein/wgan."""

    loss: LossChoice | None = option(LossChoice(name="wasserstein"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(
        (PenaltyChoice(name="weight-clip", options={"limit": 0.01}),), "penalties of the critic"
    )
    generator: Optimizer = option(RMSprop(lr=5e-5), "optimiser of the generator")
    discriminator: Optimizer = option(RMSprop(lr=5e-5), "optimiser of the critic")
    d_steps: int = option(5, "critic updates a generator update", ge=1)
    warm_up: int = option(
        100, "critic updates in each of the first 25 steps and in every 500th; 1: as in the others", ge=1
    )
    network: Literal["dcgan", "mlp"] = option("dcgan", "DCGAN's networks, or fully connected ones")
    width: int | None = option(None, "channels of the largest maps, or hidden units; None: dcgan 64, mlp 512", ge=1)
    latent: int = option(100, "numbers in a latent", ge=1)


class MlpGenerator(Generator):
    """z_BL to x_BCHW without bounds: three hidden layers of rectified units."""

    def __init__(self, latent: int, width: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.shape = shape
        self.layers = _mlp(latent, width, math.prod(shape))

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        B = z_BL.shape[0]
        x_BF: Tensor = self.layers(z_BL)
        return x_BF.view(B, *self.shape)


class MlpCritic(Discriminator):
    """x_BCHW to scores (B,): three hidden layers of rectified units."""

    per_sample = True

    def __init__(self, width: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layers = _mlp(math.prod(shape), width, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scores."""
        scores_B1: Tensor = self.layers(x_BCHW.flatten(1))
        return scores_B1.squeeze(1)


def critic_updates(step: int, *, usual: int, warm_up: int) -> int:
    """Updates of the critic in step number `step` (generator updates done): more in the first 25 and in every 500th."""
    return max(usual, warm_up) if step < 25 or step % 500 == 0 else usual


def build(config: WganConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures."""
    shape = data.image()
    width = config.width or WIDTH[config.network]
    generator: Generator
    critic: Discriminator
    if config.network == "mlp":
        generator, critic = MlpGenerator(config.latent, width, shape), MlpCritic(width, shape)
    else:
        stages, base = halvings(data)
        generator = DcganGenerator(config.latent, width, shape[0], stages, base)
        critic = DcganDiscriminator(width, shape[0], stages, base, batch_norm=True)
    d_steps = functools.partial(critic_updates, usual=config.d_steps, warm_up=config.warm_up)
    game = Gan(generator, critic, config, d_steps=d_steps)
    for term in game.penalties:
        if term.penalty.is_projection:
            term.penalty.project(critic)
    return game


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )
