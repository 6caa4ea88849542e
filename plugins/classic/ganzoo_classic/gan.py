"""Generative Adversarial Nets.

Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio, 2014. https://arxiv.org/abs/1406.2661

network="maxout" follows the authors' code, goodfeli/adversarial, mnist.yaml with AdversaryCost2:
- It samples latents from U(-√3, √3), of variance 1; the paper gives no interval.
- It trains the generator with the heuristic of section 3 (log D), not with the saturating game: `--loss minimax` is
  that.
- Its discriminator's cost is half of the sum that the losses here are, which momentum SGD notices: so the
  discriminator's learning rate is half of the code's 0.1.
- The generator's last bias starts where it gives the mean of each pixel of the training data (`fit`).
- Rates change over images: an epoch is the 50,000 training images of the paper's MNIST, whatever the data is, so that
  the number of updates is the paper's. The code divides the rate by 1.000004 after each batch of 100.
- pylearn2 puts the learning rate inside the momentum's average and torch outside: no difference but while a rate
  changes.

network="mlp-bn" follows eriklindernoren/PyTorch-GAN, gan.py. There BatchNorm1d(n, 0.8) sets eps to 0.8, which was
meant as a momentum; here eps and momentum are torch's. It takes both gradients at the same weights: a simultaneous
update.

Both work on pictures of any size and number of channels, which they see as one vector.
Initialisation: the generator's layers from first to last, then the discriminator's.

B batch, L latent, C channels, H, W, F = C·H·W numbers of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, Schedule, Sgd, option, with_own_optimizers
from ganzoo.models import Batch, DataSpec, Discriminator, Game, Gan, Generator, LatentSpec, StepContext
from ganzoo.models.layers.maxout import Maxout

EPOCH = 50_000  # images
BATCH = 100  # images a step of the published schedule
DECAY, LOWEST = 1.000004, 1e-5  # divisor of the learning rate a step, and its floor as a share of the first rate


def _sgd(lr: float) -> Sgd:
    end = round(BATCH * math.log(1 / LOWEST) / math.log(DECAY))  # images until the floor is reached
    return Sgd(
        lr=Schedule(points=((0, lr), (end, lr * LOWEST)), shape="geometric"),
        momentum=Schedule(points=((0, 0.5), (249 * EPOCH, 0.7))),  # 0.5 in the first of 250 epochs, 0.7 in the last
    )


OWN: dict[str, dict[str, Sgd | Adam]] = {
    "maxout": {"generator": _sgd(0.1), "discriminator": _sgd(0.05)},
    "mlp-bn": {"generator": Adam(lr=2e-4, beta1=0.5), "discriminator": Adam(lr=2e-4, beta1=0.5)},
}


class MlpConfig(GanConfig):
    """Options of classic/gan."""

    batch: int = option(
        BATCH, "real samples an update, over all processes (mlp-bn was published with 64)", "samples", ge=1
    )
    generator: Optimizer | None = option(None, "optimiser; None: the network's own, SGD or for mlp-bn Adam")
    discriminator: Optimizer | None = option(None, "optimiser; None: the network's own, SGD or for mlp-bn Adam")
    network: Literal["maxout", "mlp-bn"] = option("maxout", "the paper's networks, or PyTorch-GAN's with batch norm")
    latent: int = option(100, "numbers in a latent", ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        network = values.get("network", "maxout") if isinstance(values, dict) else ""
        return with_own_optimizers(values, OWN.get(network, {}))


class MaxoutGenerator(Generator):
    """z_BL to x_BCHW in [0, 1]: two hidden layers of 1,200 rectified linear units. Weights U(-0.05, 0.05), biases 0."""

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.uniform(latent)
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Linear(latent, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, math.prod(shape))
        )
        _uniform_(self, 0.05)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        B = z_BL.shape[0]
        x_BF: Tensor = self.layers(z_BL * math.sqrt(3)).sigmoid()
        return x_BF.view(B, *self.shape)

    @property
    def last_bias(self) -> nn.Parameter:
        """b_F, what each pixel's logit is without the hidden units."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)
        return layer.bias


class MaxoutDiscriminator(Discriminator):
    """x_BCHW to logits (B,): two layers of 240 maxout units with 5 pieces. Weights U(-0.005, 0.005), biases 0."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.2),
            Maxout(math.prod(shape), 240, 5),
            nn.Dropout(0.5),
            Maxout(240, 240, 5),
            nn.Dropout(0.5),
            nn.Linear(240, 1),
        )
        _uniform_(self, 0.005)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BCHW.flatten(1))
        return logits_B1.squeeze(1)


class MaxoutGan(Gan):
    """The game of the paper's networks."""

    @torch.no_grad()
    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """The generator's last bias: the logit of each pixel's mean over the data, kept 1e-7 away from 0 and 1."""
        assert isinstance(self.generator, MaxoutGenerator)
        bias_F = self.generator.last_bias
        sum_F, count = torch.zeros_like(bias_F), 0
        for batch in batches:
            sum_F += batch.x.flatten(1).sum(0)
            count += batch.size
        bias_F.copy_(torch.logit(sum_F / count, eps=1e-7))


class NormGenerator(Generator):
    """z_BL to x_BCHW in [-1, 1]: 128, 256, 512, 1,024 leaky units, batch norm in all but the first. torch's weights."""

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.shape = shape
        layers: list[nn.Module] = [nn.Linear(latent, 128), nn.LeakyReLU(0.2)]
        for narrow, wide in ((128, 256), (256, 512), (512, 1024)):
            layers += [nn.Linear(narrow, wide), nn.BatchNorm1d(wide), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(1024, math.prod(shape)), nn.Tanh())

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        B = z_BL.shape[0]
        x_BF: Tensor = self.layers(z_BL)
        return x_BF.view(B, *self.shape)


class NormDiscriminator(Discriminator):
    """x_BCHW to logits (B,): 512 and 256 leaky units, no normalisation. torch's weights."""

    per_sample = True

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(math.prod(shape), 512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 1),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits."""
        logits_B1: Tensor = self.layers(x_BCHW.flatten(1))
        return logits_B1.squeeze(1)


def build(config: MlpConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures."""
    shape = data.image()
    own = OWN[config.network]
    optimizers: dict[str, Any] = {
        "generator_optimizer": config.generator or own["generator"],
        "discriminator_optimizer": config.discriminator or own["discriminator"],
    }
    if config.network == "maxout":
        generator = MaxoutGenerator(config.latent, shape)
        return MaxoutGan(generator, MaxoutDiscriminator(shape), config, value_range=(0.0, 1.0), **optimizers)
    return Gan(
        NormGenerator(config.latent, shape), NormDiscriminator(shape), config, update="simultaneous", **optimizers
    )


@torch.no_grad()
def _uniform_(module: nn.Module, limit: float) -> None:
    """Weights U(-limit, limit) and biases 0, layer by layer."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.weight.uniform_(-limit, limit)
            part.bias.zero_()
