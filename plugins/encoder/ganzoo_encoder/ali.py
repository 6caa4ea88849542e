"""Adversarially Learned Inference.

Dumoulin, Belghazi, Poole, Mastropietro, Lamb, Arjovsky, Courville, 2016. https://arxiv.org/abs/1606.00704
Donahue, Krähenbühl, Darrell: Adversarial Feature Learning (BiGAN), 2016. https://arxiv.org/abs/1605.09782

An encoder E and a generator G play together against one critic D of pairs: it tells (x, E(x)) of data from (G(z), z) of the
prior (1606.00704, equation 1). The critic minimises

    E sp(-D(x, E(x))) + E sp(D(G(z), z)),

encoder and generator together the same with the labels exchanged (equation for V'), which has the same fixed points and a
stronger gradient. At the optimum both joint distributions are one, and E inverts G.

Follows the paper's table of hyperparameters for CIFAR10, and its code, IshmaelBelghazi/ALI, experiments/ali_cifar10.py:

- Both gradients are taken at the same point, from one forward, with the same dropout masks for both players.
- E(x) = mu(x) + exp(s(x))·noise: the second half of the encoder's output is the logarithm of the deviation.
  `encoder=deterministic` is BiGAN's: E(x) = mu(x); there `prior=uniform` is the published one.
- Samples are in [0, 1], by a sigmoid. The generator's last bias has a value for each place ("untied"). As in the code it
  begins at the log-odds of the mean of the first 500 samples (`fit`); the table says 0.
- The table gives beta2 = 10^-3 in the notation of the code's library, whose decays are 1 less those of others: .999.
- Dropout falls on numbers, not on channels: .2 on what comes in, .5 before every other layer of the critic, as in the table.
  The code's slices leave some layers out and drop one maxout's input instead.
- Batch norm's running averages take 5 % of each batch, as in the code.

`critic`: the table names the maps after maxout (the pair's critic takes 1024 = 512 + 512 of them), so a convolution before it
has twice as many: 10,366,593 parameters. In the code the same numbers are those before maxout: 2,611,009.

Sizes: the table's kernels at 32x32. Elsewhere more convolutions of kernel 4 and stride 2 come before the last one while the
map's smaller side is above 7 pixels, and the last kernel covers what is left: 3 at 28x28, 5 at 64x64. The generator mirrors
it. The paper's networks for 64x64 pictures of CelebA are others.

Initialisation: weights N(0, 0.01²), biases 0, scales of batch norm 1; encoder, generator, critic in this order.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.config import Adam, ArchConfig, Optimizer, option
from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Draws, Game, LatentSpec, Phase, Player, StepContext, Terms
from ganzoo.models.guard import guard_samples
from ganzoo_encoder.ali_networks import JointCritic, PairEncoder, PairGenerator

MARGINAL_SAMPLES = 500  # that the generator's last bias begins with the mean of


class AliConfig(ArchConfig):
    """Options of encoder/ali."""

    batch: int = option(100, "real samples an update, over all processes", "samples", ge=1)
    generator: Optimizer = option(Adam(lr=1e-4, beta1=0.5, beta2=0.999), "optimiser of generator and encoder together")
    discriminator: Optimizer = option(Adam(lr=1e-4, beta1=0.5, beta2=0.999), "optimiser of the critic")
    width: int = option(32, "channels of the largest maps; all others are multiples", "channels", ge=1)
    latent: int = option(64, "numbers in a latent", ge=1)
    encoder: Literal["gaussian", "deterministic"] = option("gaussian", "ALI's encoder draws, BiGAN's does not")
    prior: Literal["normal", "uniform"] = option("normal", "of the latent: N(0, 1), or U(-1, 1)")
    critic: Literal["table", "code"] = option(
        "table", "maps after maxout as in the paper's table, or half as in its code"
    )


class Ali(Game):
    """The game of (x, E(x)) against (G(z), z)."""

    value_range = (0.0, 1.0)
    reconstructs = True

    def __init__(self, config: AliConfig, shape: tuple[int, int, int]) -> None:
        super().__init__()
        latent, width = config.latent, config.width
        self.latent = LatentSpec.normal(latent) if config.prior == "normal" else LatentSpec.uniform(latent)
        self.encoder = PairEncoder(shape, latent, width, draws=config.encoder == "gaussian")
        guard_samples(self.encoder, shape)
        self.generator = PairGenerator(shape, latent, width)
        self.discriminator = JointCritic(shape, latent, width, halved=config.critic == "code")
        self._optimizers = (config.generator, config.discriminator)

    def players(self) -> Sequence[Player]:
        """Encoder and generator are one player."""
        return [
            Player("generator", [self.encoder, self.generator], self._optimizers[0]),
            Player("discriminator", [self.discriminator], self._optimizers[1]),
        ]

    def phases(self) -> Sequence[Phase]:
        """One: both players at the same weights."""
        return [Phase("both", ("discriminator", "generator"))]

    @torch.no_grad()
    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """The generator's last bias: the log-odds of the mean picture."""
        parts: list[Tensor] = []
        for batch in batches:
            parts.append(batch.x)
            if sum(len(part) for part in parts) >= MARGINAL_SAMPLES:
                break
        mean_CHW = torch.cat(parts)[:MARGINAL_SAMPLES].mean(0).clamp(1e-7, 1 - 1e-7)
        self.generator.bias_CHW.copy_(torch.logit(mean_CHW))

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """Each player's side."""
        if phase != "both":
            raise UsageError(f"ALI has one phase, both, and {phase!r} was asked for")
        z_BL = self._prior(batch.size, context)
        noise_BL = context.normal(*z_BL.shape, stream="encoder") if self.encoder.draws else None
        own_BL = self.encoder(batch.x, noise_BL)
        # Pairs of data and of the prior apart: dropout numbers a batch's samples, and several processes share each batch.
        data_B = self.discriminator(batch.x, own_BL).float()
        prior_B = self.discriminator(self.generator(z_BL), z_BL).float()
        context.note("real", data_B.mean())
        context.note("fake", prior_B.mean())
        return {
            "discriminator/adversarial": softplus(-data_B).mean() + softplus(prior_B).mean(),
            "generator/adversarial": softplus(data_B).mean() + softplus(-prior_B).mean(),
        }

    def _prior(self, n: int, draws: Draws) -> Tensor:
        z = self.latent.sample(n, draws)
        assert isinstance(z, Tensor)  # of one part
        return z

    def encode(self, x_BCHW: Tensor, *, generator: torch.Generator | None = None, mean: bool = False) -> Tensor:
        """Latents of pictures, (B, L).

        Args:
            x_BCHW: in [0, 1].
            generator: the source of chance, for an encoder that draws.
            mean: the middle of the encoder's distribution instead of a draw from it.
        """
        noise = None
        if self.encoder.draws and not mean:
            noise = Draws(device=x_BCHW.device, generator=generator).normal(len(x_BCHW), self.latent.size)
        z_BL: Tensor = self.encoder(x_BCHW, noise)
        return z_BL

    def reconstruct(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """G(E(x)), in [0, 1], with a draw of an encoder that draws."""
        again_BCHW: Tensor = self.generator(self.encode(x, generator=generator))
        return again_BCHW

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples. Option `interpolate`: steps from one latent to the next, for a path of n samples."""
        draws = Draws(device=self.generator.bias_CHW.device, generator=generator)
        steps = options.pop("interpolate", None)
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; known: interpolate")
        if steps:
            path = self.latent.interpolate(self._prior(-(-n // steps) + 1, draws), steps)
            assert isinstance(path, Tensor)
            z_BL = path[:n]
        else:
            z_BL = self._prior(n, draws)
        x: Tensor = self.generator(z_BL)
        return x

    def sampled_parts(self) -> Iterable[nn.Module]:
        """Generator and encoder: what `sample`, `encode` and `reconstruct` use."""
        return [self.generator, self.encoder]


def build(config: AliConfig, data: DataSpec) -> Game:
    """The game for pictures of 20 pixels a side or more."""
    return Ali(config, data.image())
