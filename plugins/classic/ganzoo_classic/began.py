"""BEGAN: Boundary Equilibrium Generative Adversarial Networks.

Berthelot, Schumm, Metz, 2017. https://arxiv.org/abs/1703.10717

The critic is an autoencoder, and a sample's score is how badly it is reconstructed, L(v) = mean |v - D(v)|. A controller keeps
L(G(z)) at γ·L(x) by the weight k of fakes in the critic's loss (section 3.4):
    L_D = L(x) - k·L(G(z)),  L_G = L(G(z)),  k ← clip(k + λ_k (γ L(x) - L(G(z))), 0, 1)
The measure of convergence is M = L(x) + |γ L(x) - L(G(z))| (section 3.4.1); both are noted, and rows of a run have them.

Follows carpedm20/BEGAN-tensorflow (models.py, trainer.py): both players take their gradients from one forward pass, latents
are U(-1, 1), samples have no last activation. The skip connections and the vanishing residuals that the paper tries further
on are not part of it. Its learning rate halves after 100,000 updates of 16 and again after as many, not as the paper's when M
stalls. The code declares Adam's beta1 of 0.5 and does not hand it on, so that it trains with 0.9; here it is 0.5.
Samples are clipped to [-1, 1], as the code clips its pictures; in training they are what the network says.

Sizes: maps are halved until their smaller side is 5 to 8 pixels, so that 64x64 and 32x32 come down to the published 8x8, and
28x28 to 7x7.
Initialisation: weights Glorot uniform, biases 0. Strided convolutions pad as TensorFlow does.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, Schedule, option
from ganzoo.models import Batch, DataSpec, Discriminator, Game, Gan, Generator, LatentSpec, Scores, StepContext, Terms
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.same import SameConv2d

HALVING = 100_000 * 16  # images
ADAM = Adam(lr=Schedule(points=((0, 8e-5), (HALVING, 4e-5), (2 * HALVING, 2e-5)), shape="step"), beta1=0.5)
LARGEST = 8  # pixels of the smaller side of the smallest map


class BeganConfig(GanConfig):
    """Options of classic/began."""

    batch: int = option(16, "real samples an update, over all processes", "samples", ge=1)
    loss: LossChoice | None = option(None, "none: it has its own")
    generator: Optimizer = option(ADAM, "optimiser of the generator")
    discriminator: Optimizer = option(ADAM, "optimiser of the autoencoder")
    width: int = option(
        128, "channels of the largest maps, and by how many the encoder grows a stage", "channels", ge=1
    )
    latent: int = option(64, "numbers in a latent, and in the autoencoder's bottleneck", ge=1)
    gamma: float = option(0.5, "the ratio L(G(z)) / L(x) to be kept: more of it, more diverse samples", ge=0, le=1)
    lambda_k: float = option(0.001, "gain of the controller: how much k moves an update", ge=0)


class Decoder(nn.Sequential):
    """z_BL to x_BCHW without bound: a linear layer, then two convolutions of kernel 3 with ELU a stage, and pixels doubled.

    Args:
        stages: one more than maps are doubled.
    """

    def __init__(self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        layers: list[nn.Module] = [nn.Linear(latent, width * base[0] * base[1]), ToMaps(width, base)]
        for i in range(stages):
            layers += [nn.Upsample(scale_factor=2)] if i else []
            layers += _two_convolutions(width)
        super().__init__(*layers, nn.Conv2d(width, channels, 3, padding=1))


class BeganGenerator(Generator):
    """z_BL to x_BCHW: the decoder. In evaluation its pictures are clipped to [-1, 1]."""

    def __init__(self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.uniform(latent)
        self.decoder = Decoder(latent, width, channels, stages, base)
        _glorot_(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.decoder(z_BL)
        return x_BCHW if self.training else x_BCHW.clamp(-1, 1)


class BeganDiscriminator(Discriminator):
    """x_BCHW to scores: the reconstruction, and as logits (B,) its mean error, negative."""

    per_sample = True

    def __init__(self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ELU()]
        before = width
        for wide in (width * i for i in range(1, stages + 1)):
            layers += [SameConv2d(before, before, 3, 2), nn.ELU()] if wide > width else []
            layers += _two_convolutions(wide, before)
            before = wide
        self.encoder = nn.Sequential(*layers, FromMaps(), nn.Linear(before * base[0] * base[1], latent))
        self.decoder = Decoder(latent, width, channels, stages, base)
        _glorot_(self)

    def forward(self, x_BCHW: Tensor) -> Scores:
        """The errors and the reconstruction."""
        again_BCHW = self.decoder(self.encoder(x_BCHW))
        wide = torch.promote_types(again_BCHW.dtype, torch.float32)  # a mean in bfloat16 keeps two or three digits
        error_B = (again_BCHW.to(wide) - x_BCHW.to(wide)).abs().flatten(1).mean(1)
        return Scores(-error_B, reconstruction=again_BCHW)


class Began(Gan):
    """Generator and autoencoder, updated at the same point, and the controller between them.

    The loss is its own: the Wasserstein loss of the scores -L, with a weight k of the fakes. k is a buffer.
    """

    takes = frozenset({"penalty", "augment"})
    k: Tensor

    def __init__(self, generator: BeganGenerator, discriminator: BeganDiscriminator, config: BeganConfig) -> None:
        super().__init__(generator, discriminator, config, loss="wasserstein", update="simultaneous")
        self.gamma, self.lambda_k = config.gamma, config.lambda_k
        self.register_buffer("k", torch.zeros(()))

    def score_both(self, real: Tensor, fake: Tensor, batch: Batch, context: StepContext) -> tuple[Scores, Scores]:
        """The scores of real and of fake samples, each by themselves: so the generator's gradient passes through the fakes'
        half alone."""
        scores = context.shared["scores"] = self.score(real, batch, context), self.score(fake, batch, context)
        return scores

    def simultaneous_terms(self, batch: Batch, context: StepContext) -> Terms:
        """Both sides from one forward, and what the controller wants to know."""
        terms = super().simultaneous_terms(batch, context)
        real_error, fake_error = (-scores.total().mean() for scores in context.shared.pop("scores"))
        balance = self.gamma * real_error - fake_error
        context.note("balance", balance)
        context.note("convergence", real_error + balance.abs())
        context.note("k", self.k.clone())
        del terms["discriminator/adversarial"]
        terms["discriminator/real error"] = real_error
        terms["discriminator/fake error"] = -self.k * fake_error
        return terms

    @torch.no_grad()
    def after_phase(self, phase: str, context: StepContext) -> None:
        """The controller's move, and projections."""
        super().after_phase(phase, context)
        if phase == "both":
            self.k.add_(self.lambda_k * context.notes["balance"]).clamp_(0, 1)


def build(config: BeganConfig, data: DataSpec) -> Game:
    """The game on the data's pictures.

    Raises:
        ValueError: the pictures' size cannot be halved down to 5 to 8 pixels.
    """
    channels, _, _ = data.image()
    stages, base = halved(data)
    sizes: tuple[Any, ...] = (config.latent, config.width, channels, stages, base)
    return Began(BeganGenerator(*sizes), BeganDiscriminator(*sizes), config)


def halved(data: DataSpec) -> tuple[int, tuple[int, int]]:
    """The stages of a network, one more than it halves pictures until their smaller side is 5 to 8 pixels, and the size (H, W)
    that is left.

    Raises:
        ValueError: a side cannot be halved as often, or the pictures are smaller than 5 pixels.
    """
    _, height, width = data.image()
    times, side = 0, min(height, width)
    while side > LARGEST and side % 2 == 0:
        times, side = times + 1, side // 2
    step = 2**times
    if not LARGEST // 2 < side <= LARGEST or height % step or width % step:
        sides = [base * 2**n for n in range(10) for base in range(LARGEST // 2 + 1, LARGEST + 1)]
        near = min(sides, key=lambda size: (abs(size - min(height, width)), size))
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels. This network doubles a map of 5 to 8 pixels a side "
            f"until it is the picture, so both sides have to halve evenly down to that: choose another resolution, for "
            f"example {near}x{near}"
        )
    return times + 1, (height // step, width // step)


def _two_convolutions(width: int, before: int | None = None) -> list[nn.Module]:
    """Two convolutions of kernel 3 to `width` channels, with ELU."""
    first = nn.Conv2d(before or width, width, 3, padding=1)
    return [first, nn.ELU(), nn.Conv2d(width, width, 3, padding=1), nn.ELU()]


@torch.no_grad()
def _glorot_(module: nn.Module) -> None:
    """Weights U(±√(6 / (fan in + fan out))), biases 0, layer by layer."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                part.bias.zero_()
