"""InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets.

Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel, 2016. https://arxiv.org/abs/1606.03657

A latent is noise z and codes c1, c2, ... A recognition network Q guesses the codes from a sample, on the discriminator's own
trunk. Both are trained on L_I = E[log Q(c|x)] + H(c), a lower bound of the mutual information of codes and samples
(equation 5), with the factor λ of equation 6.

Follows openai/InfoGAN, the paper's code, in its configuration for MNIST. There -λ·L_I is part of both players' losses, and Q is
trained with the discriminator (`code_player="discriminator"`). PyTorch-StudioGAN trains Q with the generator
("generator"): the discriminator's loss then has no part in it. "own" is a third optimiser over generator and Q with an
update of its own, as other ports have it; it does not train the trunk.
H(c) does not depend on any weight. For continuous codes the code takes Q's own kind of distribution, a normal one of standard
deviation 1, for their prior too, so that L_I is 0 where Q knows nothing; so does this.
The trunk's leaky units have the paper's slope, 0.1; the code's are 0.01 (`slope=0.01`). The code's Q has two further outputs,
for standard deviations that it then fixes at 1: they are left out, 258 numbers. It adds 1e-8 within logarithms, which are
taken of logits here.

Sizes: maps are doubled twice, so both sides are multiples of 4.
Initialisation: weights N(0, 0.02²), of convolutions cut off at two standard deviations; scales of batch norm N(1, 0.02²),
biases 0.

B batch, F numbers of all parts of a latent, E of the trunk, Q outputs of the recognition network, C channels, H, W.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Optimizer, option
from ganzoo.models import (
    Batch,
    DataSpec,
    Discriminator,
    Draws,
    Game,
    Gan,
    Generator,
    LatentPart,
    LatentSpec,
    Phase,
    Player,
    Scores,
    StepContext,
    Terms,
)
from ganzoo.models.layers import one_hot
from ganzoo.models.layers.init import normal_
from ganzoo.models.layers.maps import FromMaps, ToMaps

SWEEP = 10  # values of a continuous code from -1 to 1


class InfoganConfig(GanConfig):
    """Options of classic/infogan."""

    batch: int = option(128, "real samples an update, over all processes", "samples", ge=1)
    generator: Optimizer = option(Adam(lr=1e-3), "optimiser of the generator")
    discriminator: Optimizer = option(Adam(lr=2e-4), "optimiser of the discriminator")
    noise: int = option(62, "numbers of a latent that are no code", ge=1)
    categories: tuple[int, ...] = option((10,), "categorical codes: how many values each has")
    continuous: int = option(2, "continuous codes, from -1 to 1", ge=0)
    information: float = option(1.0, "factor of the mutual information (λ)", ge=0)
    code_player: Literal["discriminator", "generator", "own"] = option(
        "discriminator", "with whom the recognition network is trained"
    )
    slope: float = option(0.1, "of leaky units below 0 (the paper's code has 0.01)", ge=0, lt=1)
    width: int = option(64, "channels of the largest maps", "channels", ge=1)
    hidden: int = option(1024, "numbers in the linear layers; the recognition network has an eighth", ge=8)


class InfoganGenerator(Generator):
    """Latents to x_BCHW in [0, 1]: two linear layers and two transposed convolutions of kernel 4, batch norm, ReLU."""

    def __init__(self, latent: LatentSpec, width: int, hidden: int, channels: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = latent
        numbers = 2 * width * base[0] * base[1]
        self.layers = nn.Sequential(
            nn.Linear(latent.size, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, numbers),
            nn.BatchNorm1d(numbers),
            nn.ReLU(),
            ToMaps(2 * width, base),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
            nn.Sigmoid(),
        )
        normal_(self)

    def forward(self, z: dict[str, Tensor]) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(torch.cat([z[part.name] for part in self.latent.parts], 1))
        return x_BCHW


class InfoganDiscriminator(Discriminator):
    """x_BCHW to scores; their embedding (B, E) is what the trunk has found."""

    def __init__(self, width: int, hidden: int, channels: int, base: tuple[int, int], slope: float) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(slope),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(slope),
            FromMaps(),
            nn.Linear(2 * width * base[0] * base[1], hidden),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(slope),
        )
        self.head = nn.Linear(hidden, 1)
        normal_(self)
        for part in self.trunk:
            if isinstance(part, nn.Conv2d):
                nn.init.trunc_normal_(part.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x_BCHW: Tensor) -> Scores:
        """Logits (B,) and the trunk's numbers."""
        h_BE = self.trunk(x_BCHW)
        return Scores(self.head(h_BE).squeeze(1), embedding=h_BE)


class Recognition(nn.Module):
    """h_BE to what Q says of the codes, (B, Q): logits of each categorical code, then the means of the continuous ones."""

    def __init__(self, hidden: int, outputs: int, slope: float) -> None:
        super().__init__()
        narrow = hidden // 8
        self.layers = nn.Sequential(
            nn.Linear(hidden, narrow), nn.BatchNorm1d(narrow), nn.LeakyReLU(slope), nn.Linear(narrow, outputs)
        )
        normal_(self)

    def forward(self, h_BE: Tensor) -> Tensor:
        """Guesses."""
        guesses_BQ: Tensor = self.layers(h_BE)
        return guesses_BQ


def information(parts: Sequence[LatentPart], codes: dict[str, Tensor], guesses_BQ: Tensor) -> Tensor:
    """L_I, the lower bound of the mutual information in nats, one number (equation 5).

    Args:
        parts: the codes, in the order of Q's outputs.
        codes: what they were, (B, K) one-hot or (B, 1).
    """
    guesses_BQ = guesses_BQ.to(torch.promote_types(guesses_BQ.dtype, torch.float32))
    bound_B = guesses_BQ.new_zeros(guesses_BQ.shape[0])
    for part, guess in zip(parts, torch.split(guesses_BQ, [part.shape[0] for part in parts], 1), strict=True):
        code = codes[part.name]
        if part.distribution == "categorical":
            bound_B = bound_B + (code * guess.log_softmax(1)).sum(1) + math.log(part.shape[0])
        else:
            bound_B = bound_B + 0.5 * (code.square() - (code - guess).square()).sum(1)
    return bound_B.mean()


class Infogan(Gan):
    """The standard game with a third network, the recognition network, on the discriminator's trunk.

    Args:
        recognition: the trunk's numbers to guesses of the codes.
        codes: the latent's parts that are guessed.
    """

    def __init__(
        self,
        generator: InfoganGenerator,
        discriminator: InfoganDiscriminator,
        recognition: Recognition,
        codes: Sequence[LatentPart],
        config: InfoganConfig,
    ) -> None:
        super().__init__(generator, discriminator, config, value_range=(0.0, 1.0))
        self.recognition = recognition
        self.codes = {part.name: part for part in codes}
        self.weight, self.code_player = config.information, config.code_player

    def players(self) -> Sequence[Player]:
        """Generator and discriminator, one of them with the recognition network; or a third player."""
        generator, discriminator = super().players()
        if self.code_player == "discriminator":
            parts = [self.discriminator, self.recognition]
            return [generator, Player("discriminator", parts, discriminator.optimizer)]
        parts = [self.generator, self.recognition]
        if self.code_player == "generator":
            return [Player("generator", parts, generator.optimizer), discriminator]
        return [generator, discriminator, Player("codes", parts, generator.optimizer, shares=("generator",))]

    def phases(self) -> Sequence[Phase]:
        """As in the standard game, with an update for the codes at last if they have a player of their own."""
        own = [Phase("codes", "codes", batch="same")] if self.code_player == "own" else []
        return [*super().phases(), *own]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of the standard game's phases, or of "codes"."""
        if phase != "codes":
            return super().forward(phase, batch, context)
        scores = self.score(self.fake(batch, context), batch, context)
        return {"information": self._lost(scores, context)}

    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """The codes of fakes: for the generator unless they have a player of their own, for the discriminator where Q is
        trained with it."""
        trained = player == self.code_player or (player == "generator" and self.code_player == "discriminator")
        return {"information": self._lost(fake_scores, context)} if trained else {}

    def _lost(self, scores: Scores, context: StepContext) -> Tensor:
        """-λ·L_I of the latest fakes."""
        guesses_BQ = self.recognition(scores.embedding)
        return -self.weight * information(list(self.codes.values()), context.shared["latent"], guesses_BQ)

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples. Options: those of the standard game; or codes by their names, and `sweep`.

        c1=3, c2=0.5: the value of a code, one number or n of them: a class of a categorical code, any number for a continuous
        one, which was drawn from -1 to 1.
        sweep="c2": rows of one latent each, along which the code takes its values: all those of a categorical code, 10 from -1
        to 1 of a continuous one. So n=100 is a square picture of what a code with 10 values does.

        Raises:
            ValueError: there is no such code, or it has no such value.
        """
        own = {name: options.pop(name) for name in (*self.codes, "sweep") if name in options}
        if not own:
            return super().sample(n, condition=condition, generator=generator, **options)
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)} beside codes; known: {self._known()}, sweep")
        draws = Draws(device=next(self.generator.parameters()).device, generator=generator)
        swept = own.pop("sweep", None)
        if swept is None:
            z = self.latent.sample(n, draws)
        elif swept in self.codes:
            z = self._swept(n, self.codes[swept], draws)
        else:
            raise ValueError(f"sweep is {swept!r}, wanted a code: {self._known()}")
        assert isinstance(z, dict)
        z |= {name: self._given(self.codes[name], value, n, draws.device) for name, value in own.items()}
        samples: Tensor = self.generator(z)
        return samples

    def _known(self) -> str:
        return ", ".join(self.codes)

    def _swept(self, n: int, part: LatentPart, draws: Draws) -> dict[str, Tensor]:
        """n latents in rows; in each row all parts but one stay."""
        categorical = part.distribution == "categorical"
        steps = part.shape[0] if categorical else SWEEP
        rows = -(-n // steps)
        drawn = self.latent.sample(rows, draws)
        assert isinstance(drawn, dict)
        z = {name: value.repeat_interleave(steps, 0)[:n] for name, value in drawn.items()}
        values = torch.arange(steps) if categorical else torch.linspace(-1, 1, steps)
        z[part.name] = self._given(part, values.repeat(rows)[:n], n, draws.device)
        return z

    @staticmethod
    def _given(part: LatentPart, value: Any, n: int, device: torch.device) -> Tensor:
        """The code of these values, (n, K) one-hot or (n, 1)."""
        values = torch.as_tensor(value).flatten()
        values_N = values.expand(n) if len(values) == 1 else values
        if len(values_N) != n:
            raise ValueError(
                f"{part.name} was given {len(values_N)} values, wanted one, or one for each of {n} samples"
            )
        if part.distribution != "categorical":
            return values_N.to(device, torch.float32).view(n, 1)
        size = part.shape[0]
        if values_N.dtype.is_floating_point or int(values_N.min()) < 0 or int(values_N.max()) >= size:
            raise ValueError(f"{part.name} was given {value}, wanted whole numbers from 0 to {size - 1}")
        return one_hot(values_N.to(device, torch.int64), size)


def build(config: InfoganConfig, data: DataSpec) -> Game:
    """The game on the data's pictures.

    Raises:
        ValueError: a side of the pictures is no multiple of 4, or there are no codes to guess.
    """
    channels, height, width = data.image()
    if height % 4 or width % 4:
        near = max(round(height / 4), 1) * 4
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels. This network doubles a map twice, so both sides "
            f"have to be multiples of 4: choose another resolution, for example {near}x{near}"
        )
    if any(size < 2 for size in config.categories):
        raise ValueError(f"categories is {list(config.categories)}, wanted 2 values or more for each categorical code")
    kinds = [(size, "categorical") for size in config.categories] + [(1, "uniform")] * config.continuous
    if not kinds:
        raise ValueError("categories is empty and continuous is 0, wanted one code or more: else it is a DCGAN")
    codes = [LatentPart(f"c{i}", (size,), kind) for i, (size, kind) in enumerate(kinds, 1)]  # type: ignore[arg-type]
    latent = LatentSpec((LatentPart("z", (config.noise,), "uniform"), *codes))
    base = (height // 4, width // 4)
    generator = InfoganGenerator(latent, config.width, config.hidden, channels, base)
    discriminator = InfoganDiscriminator(config.width, config.hidden, channels, base, config.slope)
    recognition = Recognition(config.hidden, sum(part.shape[0] for part in codes), config.slope)
    return Infogan(generator, discriminator, recognition, codes, config)
