"""Taming Transformers for High-Resolution Image Synthesis: the first stage, VQ-GAN.

Esser, Rombach, Ommer, 2020. https://arxiv.org/abs/2012.09841

An autoencoder whose code is a map of entries of a codebook, trained to reconstruct, with a critic of patches that begins late.
The autoencoder (encoder, codebook, decoder) minimises (equations 4 to 7)

    mean |x - x'| + perceptual + |sg[z] - e|² + beta·|z - sg[e]|² + lambda·0.8·(-mean D(x')),
    lambda = |d reconstruction| / (|d adversarial| + 1e-4), at most 1e4, both gradients at the decoder's last convolution,

and the critic half of the hinge loss. Before `critic_start` images there is no critic and no adversarial term.

It is no generator by itself. In the paper a transformer, trained in a second stage, writes the codes. That stage is not here:
`sample` draws codes from counts of the codes of the last training samples (`models/layers/code_prior.py`), which know textures
and places and no shapes. What this game is for is `reconstruct`, `encode` and `decode`.

Follows CompVis/taming-transformers, imagenet_vqgan.yaml (f16, 1024 codes) and the modules that it names:

- The autoencoder's update comes first; the critic's, on the same samples, reconstructs them again with the new weights.
- The rate is 4.5e-6 for each sample of the batch, for both players.
- `critic_start` 3,000,012 images are its 250,001 steps of 12.
- beta weighs the commitment, as in the paper that the term is from. The code's default weighs the other term with it
  (it says so, "legacy"): `legacy=true`.
- The perceptual term is LPIPS, of weight 1, in paper and code. Its weights are no part of ganzoo, and the default leaves the
  term out. `perceptual_weight` above 0 takes another: the distance of unit features of a frozen EfficientNet-Lite0, averaged
  over four depths and over space. A figure from the paper is not to be expected with either.
- Dropout, of rate 0 there, is left out. Attention is on the coarsest level (16x16 of 256x256).

Sizes: sides that halve evenly at every level but the first, with 2x2 codes or more, and pictures that leave the critic a
map: with 3 layers 24 pixels or more.

Initialisation: torch's own for the autoencoder, the codebook uniform in (-1/K, 1/K), the critic N(0, 0.02²); encoder, codebook,
decoder, critic in this order.

B batch, F numbers of a code, C channels, H, W, K codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganzoo.config import Adam, ArchConfig, Optimizer, option
from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Draws, Game, Phase, Player, StepContext, Terms
from ganzoo.models.guard import guard_samples
from ganzoo.models.layers.code_prior import CodePrior
from ganzoo.models.layers.codebook import Codebook, perplexity
from ganzoo_encoder.perceptual import FeatureDistance
from ganzoo_encoder.vqgan_networks import Decoder, Encoder, PatchCritic

RATE = 4.5e-6  # a sample of the batch
LARGEST_WEIGHT = 1e4
BEGIN_VECTORS = 20_000  # that `codes_from=data` chooses from
ADVERSARIAL = ("adversarial autoencoder", "critic")


class VqganConfig(ArchConfig):
    """Options of encoder/vqgan."""

    batch: int = option(12, "real samples an update, over all processes", "samples", ge=1)
    autoencoder: Optimizer | None = option(None, "optimiser; None: Adam (0.5, 0.9) of rate 4.5e-6 x batch")
    discriminator: Optimizer | None = option(None, "optimiser of the critic; None: the same")
    width: int = option(128, "channels of the largest maps", "channels", ge=1)
    multipliers: tuple[int, ...] = option(
        (1, 1, 2, 2, 4), "channels by level, in widths; each but the first halves", min_length=1
    )
    blocks: int = option(2, "residual blocks a level (the decoder has one more)", ge=1)
    attention: int = option(1, "levels with attention, the coarsest ones", ge=0)
    features: int = option(256, "channels between autoencoder and codebook", "channels", ge=1)
    codes: int = option(1024, "entries of the codebook", ge=2)
    code_width: int = option(256, "numbers of an entry", ge=1)
    codes_from: Literal["uniform", "data"] = option(
        "uniform", "the codebook begins as in the code, or at vectors of the data"
    )
    beta: float = option(0.25, "weight of the commitment", ge=0)
    legacy: bool = option(False, "beta weighs the codebook's own term instead, as in the published code")
    codebook_weight: float = option(1.0, "factor of the codebook's terms", ge=0)
    perceptual_weight: float = option(
        0.0, "factor of a distance of Lite0's features; the paper's LPIPS is not here", ge=0
    )
    critic_width: int = option(64, "channels of the critic's largest maps", "channels", ge=1)
    critic_layers: int = option(3, "convolutions of stride 2 in the critic", ge=1)
    critic_start: int = option(3_000_012, "when the critic begins", "images", ge=0)
    critic_weight: float = option(0.8, "factor of the adversarial term, beside the adaptive one", ge=0)


class VqGan(Game):
    """The autoencoder with its codebook, and the late critic."""

    reconstructs = True

    def __init__(self, config: VqganConfig, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, height, width = shape
        shrink = 2 ** (len(config.multipliers) - 1)
        sizes = (channels, config.width, config.multipliers, config.blocks, config.attention, config.features)
        self.encoder = Encoder(*sizes)
        guard_samples(self.encoder, shape)
        self.codebook = Codebook(config.codes, config.code_width, beta=config.beta, legacy=config.legacy)
        self.to_code = nn.Conv2d(config.features, config.code_width, 1)
        self.from_code = nn.Conv2d(config.code_width, config.features, 1)
        self.decoder = Decoder(*sizes)
        self.discriminator = PatchCritic(channels, config.critic_width, config.critic_layers)
        self.prior = CodePrior((height // shrink, width // shrink), config.codes)
        self.perceptual = FeatureDistance() if config.perceptual_weight else None
        self._config = config

    def players(self) -> Sequence[Player]:
        """The autoencoder and the critic."""
        config = self._config
        own = Adam(lr=RATE * config.batch, beta1=0.5, beta2=0.9)
        parts = [self.encoder, self.codebook, self.to_code, self.from_code, self.decoder]
        return [
            Player("autoencoder", parts, config.autoencoder or own),
            Player("discriminator", [self.discriminator], config.discriminator or own),
        ]

    def phases(self) -> Sequence[Phase]:
        """The autoencoder alone; from `critic_start` on with the adversarial term, and then the critic."""
        start = self._config.critic_start
        together, critic = ADVERSARIAL
        late = [
            Phase(together, "autoencoder", start=start),
            Phase(critic, "discriminator", batch="same", start=start),
        ]
        return [Phase("autoencoder", "autoencoder", until=start), *late] if start else late

    @torch.no_grad()
    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """With `codes_from=data` each entry begins at what the new encoder makes of a random place of the first samples: so
        more of them are in use from the start."""
        if self._config.codes_from != "data":
            return
        found: list[Tensor] = []
        for batch in batches:
            found.append(self.to_code(self.encoder(batch.x)).movedim(1, -1).flatten(0, -2).float())
            if sum(len(part) for part in found) >= BEGIN_VECTORS:
                break
        vectors_NF = torch.cat(found)
        chosen_K = context.integers(len(vectors_NF), self._config.codes, stream="codebook", batched=False)
        self.codebook.weight.copy_(vectors_NF[chosen_K])

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of the phase."""
        together, critic = ADVERSARIAL
        if phase == critic:
            return self._critic_terms(batch.x, context)
        if phase not in ("autoencoder", together):
            raise UsageError(f"VQ-GAN has the phases autoencoder, {together} and {critic}, and {phase!r} was asked for")
        entries, codebook, codes = self._quantised(batch.x)
        context.shared["codes"] = codes
        context.note("codes in use", perplexity(codes, self._config.codes))
        fake = self._decoded(entries)
        reconstruction = (batch.x - fake).abs().mean()
        terms = {"codebook": self._config.codebook_weight * codebook}
        if self.perceptual is not None:
            with context.full_precision():
                distance = self._config.perceptual_weight * self.perceptual(batch.x, fake)
            terms["perceptual"] = distance
        terms["reconstruction"] = reconstruction
        if phase == together:
            whole = reconstruction + terms["perceptual"] if self.perceptual is not None else reconstruction
            terms["adversarial"] = self._adversarial(whole, fake, context)
        return terms

    def _adversarial(self, reconstruction: Tensor, fake: Tensor, context: StepContext) -> Tensor:
        """The generator's side of the hinge loss, brought to the reconstruction's size (equation 7)."""
        fool = -self.discriminator(fake).float().mean()
        last = self.decoder.last_weight
        own, other = (
            torch.autograd.grad(term, last, retain_graph=True)[0].float().norm() for term in (reconstruction, fool)
        )
        weight = (own / (other + 1e-4)).clamp(0, LARGEST_WEIGHT).detach()
        context.note("adaptive weight", weight)
        term: Tensor = self._config.critic_weight * weight * fool
        return term

    def _critic_terms(self, x_BCHW: Tensor, context: StepContext) -> Terms:
        """Half of the hinge loss of patches."""
        with torch.no_grad():
            fake_BCHW = self.decode(self.encode(x_BCHW))
        real, fake = (self.discriminator(each).float() for each in (x_BCHW, fake_BCHW))
        context.note("real", real.mean())
        context.note("fake", fake.mean())
        return {"adversarial": 0.5 * (relu(1 - real).mean() + relu(1 + fake).mean())}

    def after_phase(self, phase: str, context: StepContext) -> None:
        """The codes of the autoencoder's phase are counted."""
        if phase != ADVERSARIAL[1]:
            self.prior.count(context.shared["codes"])

    def _quantised(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found: tuple[Tensor, Tensor, Tensor] = self.codebook(self.to_code(self.encoder(x_BCHW)))
        return found

    def _decoded(self, entries_BFHW: Tensor) -> Tensor:
        x_BCHW: Tensor = self.decoder(self.from_code(entries_BFHW))
        return x_BCHW

    def encode(self, x_BCHW: Tensor) -> Tensor:
        """Codes of pictures, int64 (B, H/f, W/f)."""
        return self.codebook.nearest(self.to_code(self.encoder(x_BCHW)))

    def decode(self, codes_BHW: Tensor) -> Tensor:
        """Pictures of codes, in no bounds."""
        return self._decoded(self.codebook.entries(codes_BHW))

    def reconstruct(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Pictures through the codes and back, in [-1, 1]; nothing is drawn."""
        return self.decode(self.encode(x)).clamp(-1, 1)

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n pictures of codes that the counts give, in [-1, 1]."""
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; there are none")
        draws = Draws(device=self.codebook.weight.device, generator=generator)
        return self.decode(self.prior.sample(n, draws)).clamp(-1, 1)

    def sampled_parts(self) -> Iterable[nn.Module]:
        """The autoencoder, with the codebook and the counts of its codes."""
        return [self.encoder, self.to_code, self.codebook, self.prior, self.from_code, self.decoder]

    def notes_on_processes(self) -> list[str]:
        """The adaptive weight, and the counts."""
        return [
            "the adaptive weight is the ratio of two gradients' norms of each process's part",
            "codes are counted of the first process's part alone",
        ]


def build(config: VqganConfig, data: DataSpec) -> Game:
    """The game for pictures that the levels halve evenly.

    Raises:
        ValueError: they do not, or are too small for the codes or the critic.
    """
    channels, height, width = data.image()
    shrink = 2 ** (len(config.multipliers) - 1)
    if height % shrink or width % shrink or min(height, width) < 2 * shrink:
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels, and {len(config.multipliers)} levels halve them "
            f"{len(config.multipliers) - 1} times: wanted multiples of {shrink} of {2 * shrink} or more. Choose another size, or "
            "fewer multipliers, for example --set multipliers=[1,2,4]"
        )
    least = 3 * 2**config.critic_layers
    if min(height, width) < least:
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels, and a critic of {config.critic_layers} layers wants "
            f"{least} or more a side: --set critic_layers=2"
        )
    return VqGan(config, (channels, height, width))
