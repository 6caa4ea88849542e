"""StyleGAN2 with adaptive discriminator augmentation (ADA).

Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2019. https://arxiv.org/abs/1912.04958
Karras, Aittala, Hellsten, Laine, Lehtinen, Aila: Training Generative Adversarial Networks with Limited Data, 2020.
https://arxiv.org/abs/2006.06676

Follows the second paper's published settings (NVlabs/stylegan2-ada-pytorch, train.py); where they differ from the first
paper's appendix B, the former. The code was read for facts and run beside this one; nothing of it is here.
- The default is the configuration for CIFAR-10: two layers in the mapping network, no path length regularisation, no style
  mixing, a discriminator without residual connections ("orig"), γ = .01, an average with a half-life of 500,000 images.
- Presets: "paper256" and "paper1024" (config F) with 8 mapping layers, mixing, path length and a residual discriminator;
  "auto" with the rules for any size, γ = .0002·size²/batch and a half-life of 10,000/32·batch images.
- Lazy regularisation: R1 every 16 steps and path length every 4, times their interval, with rates and decays of Adam
  corrected for it (appendix B). The generator's are corrected also where there is no path length, as in their train.py.

What differs: the discriminator is updated before the generator, each with the latest batch, as everywhere in ganzoo. Their
networks run partly in float16 and clamp maps at ±256 for it; here the engine may run them in bfloat16, whose range is that
of float32, and nothing is clamped. Maps may start at 4 to 7 pixels a side, so that 28x28 pictures grow from 7x7. Sizes
decide the channels by the larger side.

Initialisation: the generator's mapping, constant, convolutions and colours, then the discriminator's layers.

Shapes: B batch, L styles a picture, S numbers of a style, H, W.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ganzoo.config import Adam, AugmentChoice, GanConfig, LossChoice, Optimizer, PenaltyChoice, option
from ganzoo.models import Batch, DataSpec, Draws, Game, Gan, Phase, StepContext, Terms
from ganzoo.models.guard import checked_labels, checked_number
from ganzoo.models.layers.sizes import halvings
from ganzoo_style.stylegan2_networks import Size, StyleDiscriminator, StyleGenerator

NOISE = "noise"  # the stream of the layers' noise
PATH = "path length"
R1_INTERVAL, PATH_INTERVAL = 16, 4
PATH_DECAY = 0.01  # share of the newest lengths in their mean
PATH_SHARE = 2  # path lengths are taken of one in so many samples of the batch

ADAM = Adam(lr=0.0025, beta1=0.0, beta2=0.99)

KNOWN = "interpolate, path, psi, cutoff, mix, noise"  # options of sampling


class StyleGan2Config(GanConfig):
    """Options of style/stylegan2."""

    loss: LossChoice | None = option(LossChoice(name="non-saturating"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(None, "penalties of the discriminator; None: R1, see gamma")
    augment: AugmentChoice | None = option(AugmentChoice(name="ada"), "augmentation")
    generator: Optimizer | None = option(ADAM, "optimiser of the generator, before the correction for lazy penalties")
    discriminator: Optimizer | None = option(ADAM, "optimiser of the discriminator, likewise")
    gamma: float | None = option(0.01, "weight γ of R1; None: .0002·size²/batch", ge=0)
    ema: float | None = option(
        500_000.0, "half-life of the averaged weights; None: 10,000/32·batch", unit="images", ge=0
    )
    latent: int = option(512, "numbers in a latent", ge=1)
    style: int = option(512, "numbers in a style", ge=1)
    mapping: int = option(2, "layers of the mapping network", ge=1)
    label_mapping: int = option(8, "layers of the discriminator's mapping network, where conditional", ge=1)
    channels: int | None = option(
        32768, "channels are this over the size; None: 32768 from 512 pixels, 16384 below", ge=1
    )
    most_channels: int = option(512, "largest number of channels", ge=1)
    blocks: Literal["orig", "resnet"] = option("orig", "discriminator without or with residual connections")
    group: int = option(32, "samples that the minibatch deviation compares, at most the batch", ge=1)
    mixing: float = option(0.0, "chance that a picture is made of the styles of two latents", ge=0, le=1)
    path_weight: float = option(0.0, "weight of the path length penalty; 0: none", ge=0)
    conditional: bool = option(False, "train with class labels")


class StyleGan2(Gan):
    """The game: noise and mixed styles from the context, path length, truncation in sampling.

    Args:
        mixing, path_weight: see the configuration.
        half_life: of the averaged weights, in images.
    """

    generator: StyleGenerator
    path_mean: Tensor

    def __init__(
        self, *args: Any, mixing: float = 0.0, path_weight: float = 0.0, half_life: float = 500_000.0, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.mixing, self.path_weight, self.ema_images = mixing, path_weight, half_life
        self.register_buffer("path_mean", torch.zeros(()))

    def phases(self) -> Sequence[Phase]:
        """Those of every game, and the path length's."""
        phases = list(super().phases())
        return [*phases, Phase(PATH, "generator", every=PATH_INTERVAL, batch="same")] if self.path_weight else phases

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of a phase."""
        return self.path_terms(batch, context) if phase == PATH else super().forward(phase, batch, context)

    def fake(self, batch: Batch, context: StepContext, *, gradient: bool = True) -> Tensor:
        """Fake samples with noise, perhaps of mixed styles; the average style follows them."""
        with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
            styles_BLS = self._styles(batch.size, batch, context)
            return self.generator.synthesis(styles_BLS, self._noise(batch.size, context, styles_BLS))

    def path_terms(self, batch: Batch, context: StepContext) -> Terms:
        """w·E(‖Jᵀy‖ - a)² with y ~ N(0, 1)/√(H·W) and J the pictures' Jacobian by their styles (1912.04958, equation 4), for
        half of the batch. ‖·‖² is the mean over layers of the sums of squares; a is the moving mean, with the newest lengths
        in it, and their graph."""
        n = max(1, batch.size // PATH_SHARE)
        generator = self.generator
        with context.full_precision():
            styles_BLS = self._styles(n, batch, context)
            noise_BN = self._noise(n, context, styles_BLS)

            def projected(styles_BLS: Tensor) -> tuple[Tensor, Tensor]:
                x_BCHW = generator.synthesis(styles_BLS, noise_BN)
                return (x_BCHW * y_BCHW).sum(), x_BCHW

            H, W = generator.noise_sizes[-1]
            y_BCHW = context.normal(n, generator.channels, H, W, stream="path").to(styles_BLS.dtype) / (H * W) ** 0.5
            slope_BLS, _ = torch.func.grad(projected, has_aux=True)(styles_BLS)
            lengths_B = slope_BLS.square().sum(2).mean(1).sqrt()
            mean = torch.lerp(self.path_mean, lengths_B.mean(), PATH_DECAY)
            context.note("path length", lengths_B.mean())
            return {PATH: self.path_weight * PATH_INTERVAL * (lengths_B - mean).square().mean()}

    @torch.no_grad()
    def after_phase(self, phase: str, context: StepContext) -> None:
        """The moving mean of path lengths; and all that a standard game does."""
        super().after_phase(phase, context)
        if phase == PATH:
            self.path_mean.lerp_(context.notes["path length"].to(self.path_mean.dtype), PATH_DECAY)

    def _styles(self, n: int, batch: Batch, context: StepContext) -> Tensor:
        """Styles for the first n samples of a batch, (n, L, S); one cut for all of them."""
        labels = tuple(y[:n] for y in self.condition(self.generator, batch))
        z = context.shared["latent"] = self.latent.sample(n, context)
        assert isinstance(z, Tensor)
        style_BS = self.generator.style(z, *labels)
        self.generator.follow(style_BS)
        styles_BLS = self.generator.spread(style_BS)
        if not self.mixing:
            return styles_BLS
        other = self.latent.sample(n, context, "mixing")
        assert isinstance(other, Tensor)
        L = self.generator.styles_per_picture
        chance, place = context.uniform(2, stream="mixing places", batched=False).unbind()
        cut = torch.where(chance < self.mixing, 1 + (place * (L - 1)).floor(), L)
        first_L = torch.arange(L, device=style_BS.device) < cut
        return torch.where(
            first_L[None, :, None], styles_BLS, self.generator.spread(self.generator.style(other, *labels))
        )

    def _noise(self, n: int, draws: Draws, like: Tensor) -> Tensor:
        return draws.normal(n, self.generator.noise_numbers, stream=NOISE).to(like.dtype)

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples, cut off at the value range.

        Options:
            interpolate: steps from one latent to the next, for a path of n samples; with the layers' own noise.
            psi: truncation, from 0 (the average style) to 1 (none), for the first `cutoff` styles (all of them if None).
            mix: how many styles, from the first, are those of one latent; the others are those of a second one.
            noise: "random", or "const": the layers' own, the same for all samples.
            path: of an interpolation, "linear" or "spherical".
        """
        psi, cutoff, mix = options.pop("psi", 1.0), options.pop("cutoff", None), options.pop("mix", None)
        steps, path = options.pop("interpolate", None), options.pop("path", None)
        noise = options.pop("noise", "const" if steps else "random")
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; known: {KNOWN}")
        if noise not in ("random", "const"):
            raise ValueError(f"noise is {noise!r}, wanted random or const")
        checked_number("psi", psi)
        if cutoff is not None:
            checked_number("cutoff", cutoff, least=0, whole=True)
        network = self.generator
        styles = network.styles_per_picture
        if mix is not None and not (isinstance(mix, int) and 0 < mix < styles):
            raise ValueError(
                f"mix is {mix!r}, wanted how many of the {styles} styles are the first latent's: 1 to {styles - 1}"
            )
        device = network.start.device
        draws = Draws(device=device, generator=generator)
        z: Any = self.drawn_latents(n, draws, interpolate=steps, path=path)
        labels: tuple[Tensor, ...] = ()
        if network.conditional:
            labels = (checked_labels(n, condition, self.data.classes if self.data else 0).to(device),)
        styles_BLS = network.spread(network.style(z, *labels), psi, cutoff)
        if mix is not None:
            other: Any = self.drawn_latents(n, draws, interpolate=steps, path=path)
            others_BLS = network.spread(network.style(other, *labels), psi, cutoff)
            styles_BLS = torch.cat([styles_BLS[:, :mix], others_BLS[:, mix:]], 1)
        noise_BN = self._noise(n, draws, styles_BLS) if noise == "random" else None
        return network.synthesis(styles_BLS, noise_BN).clamp(*self.value_range)

    def notes_on_processes(self) -> list[str]:
        """What looks at the whole batch."""
        notes = ["the minibatch deviation and the average style are of each process's part"]
        if self.path_weight:
            notes.append("path lengths are compared with a mean that has each process's own newest ones in it")
        return [*super().notes_on_processes(), *notes]


def build(config: StyleGan2Config, data: DataSpec) -> Game:
    """The game on the data's pictures.

    Raises:
        ValueError: the pictures' size does not halve down to 4 to 7 pixels, labels are wanted and the data has none, or the
            batch is no multiple of the group.
    """
    channels, height, width = data.image()
    stages, (base_h, base_w) = halvings(data)
    if config.conditional and not data.classes:
        raise ValueError(f"{data.name} has no class labels: leave conditional out, or take data with classes")
    group = min(config.group, config.batch)
    if config.batch % group:
        raise ValueError(
            f"a batch of {config.batch} does not split into groups of {group} for the minibatch deviation: set batch to a "
            "multiple of group"
        )
    classes = data.classes if config.conditional else 0
    sizes: list[Size] = [(base_h * 2**i, base_w * 2**i) for i in range(stages + 1)]
    largest = max(height, width)
    base = config.channels or (32768 if largest >= 512 else 16384)
    widths = [min(max(base // max(size), 1), config.most_channels) for size in sizes]
    gamma = 0.0002 * height * width / config.batch if config.gamma is None else config.gamma
    penalty = config.penalty
    if penalty is None:
        penalty = (PenaltyChoice(name="r1", weight=gamma, interval=R1_INTERVAL),) if gamma else ()
    own = config.generator or ADAM
    return StyleGan2(
        StyleGenerator(config.latent, config.style, config.mapping, widths, sizes, channels, classes),
        StyleDiscriminator(
            widths[::-1], sizes[::-1], channels, config.blocks == "resnet", group, classes, config.label_mapping
        ),
        config,
        penalty=penalty,
        generator_optimizer=own.lazy(PATH_INTERVAL) if isinstance(own, Adam) else own,
        discriminator_optimizer=config.discriminator or ADAM,
        mixing=config.mixing,
        path_weight=config.path_weight,
        half_life=config.batch * 10_000 / 32 if config.ema is None else config.ema,
    )
