"""A whole conditional architecture for small grey pictures, and the same with one fault each.

B batch, L latent, K classes, H = W = 8.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import ConfigDict
from torch import Tensor, nn

from ganzoo import DataSpec, Discriminator, Game, Gan, GanConfig, Generator, LatentSpec, Phase, Player, option
from ganzoo.config import Adam, LossChoice, PenaltyChoice
from ganzoo.models import Batch, Scores, StepContext
from ganzoo.models.game import Terms
from ganzoo.models.layers import one_hot

L, WIDTH, SIDE = 6, 12, 8


class Config(GanConfig):
    width: int = option(WIDTH, "units of a layer", ge=1)


class Painter(Generator):
    """Latents and labels to pictures."""

    conditional = True

    def __init__(self, width: int, classes: int, last: nn.Module | None = None) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(L)
        self.classes = classes
        self.first = nn.Linear(L + classes, width)
        self.norm = nn.BatchNorm1d(width)
        self.second = nn.Linear(width, SIDE * SIDE)
        self.last = last or nn.Tanh()

    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        h = self.norm(self.first(torch.cat([z, self.given(y_B)], 1))).relu()
        return self.last(self.second(h)).view(-1, 1, SIDE, SIDE)

    def given(self, y_B: Tensor) -> Tensor:
        return one_hot(y_B, self.classes, self.first.weight.dtype)


class Judge(Discriminator):
    """Pictures and labels to scores."""

    conditional = True

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.first = nn.Linear(SIDE * SIDE + classes, width)
        self.second = nn.Linear(width, 1)

    def forward(self, x: Tensor, y_B: Tensor) -> Any:
        given = one_hot(y_B, self.classes, x.dtype)
        return self.second(nn.functional.leaky_relu(self.first(torch.cat([x.flatten(1), given], 1)), 0.2))


def made(
    config: Config, data: DataSpec, *, game: type[Gan] = Gan, painter: type[Painter] = Painter, **more: Any
) -> Gan:
    """A game of these parts."""
    judge: type[Judge] = more.pop("judge", Judge)
    last: nn.Module | None = more.pop("last", None)
    shape = data.image()
    if shape != (1, SIDE, SIDE):
        raise ValueError(f"this architecture makes pictures of 1x{SIDE}x{SIDE}, and {data.name} has {shape}")
    classes = max(data.classes, 1)
    return game(painter(config.width, classes, last), judge(config.width, classes), config, **more)


def whole(config: Config, data: DataSpec) -> Game:
    return made(config, data)


class PenaltyConfig(Config):
    loss: LossChoice | None = option(LossChoice(name="wasserstein"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option((PenaltyChoice(name="gradient-penalty"),), "penalties")


def whole_with_penalty(config: PenaltyConfig, data: DataSpec) -> Game:
    return made(config, data)


# Networks.


def no_tanh(config: Config, data: DataSpec) -> Game:
    return made(config, data, last=nn.Identity())


def other_range(config: Config, data: DataSpec) -> Game:
    return made(config, data, value_range=(0.0, 1.0))


class BatchStatistics(Painter):
    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.norm = nn.BatchNorm1d(self.norm.num_features, track_running_stats=False)


def batch_statistics(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=BatchStatistics)


class TranslatesAnything(Gan):
    directions = ("a-to-b",)

    def translate(self, pictures: Tensor, direction: str = "", *, generator: torch.Generator | None = None) -> Tensor:
        if pictures.shape[1:] != (1, SIDE, SIDE):
            raise ValueError(f"pictures of shape {tuple(pictures.shape)} were given, wanted (B, 1, {SIDE}, {SIDE})")
        return -pictures


def translates_anything(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=TranslatesAnything)


class AllTheSame(Gan):
    reconstructs = True

    def reconstruct(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        if x.shape[1:] != (1, SIDE, SIDE):
            raise ValueError(f"samples of shape {tuple(x.shape)} were given, wanted (B, 1, {SIDE}, {SIDE})")
        return torch.zeros_like(x)


def all_the_same(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=AllTheSame)


class Deaf(Painter):
    def given(self, y_B: Tensor) -> Tensor:
        return super().given(torch.zeros_like(y_B))


def labels_ignored(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=Deaf)


class TwoScores(Judge):
    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.second = nn.Linear(self.first.out_features, 2)


def two_scores(config: Config, data: DataSpec) -> Game:
    return made(config, data, judge=TwoScores)


class Together(Judge):
    per_sample = True

    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.norm = nn.BatchNorm1d(self.first.out_features)

    def forward(self, x: Tensor, y_B: Tensor) -> Any:
        given = one_hot(y_B, self.classes, x.dtype)
        return self.second(self.norm(self.first(torch.cat([x.flatten(1), given], 1))).relu())


def not_per_sample(config: Config, data: DataSpec) -> Game:
    return made(config, data, judge=Together)


class OtherChain(Discriminator):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def piecewise_linear(self) -> nn.Sequential:
        return nn.Sequential(*self.layers[:2], nn.ReLU(), self.layers[3])

    def forward(self, x: Tensor) -> Any:
        return self.layers(x)


def other_chain(config: Config, data: DataSpec) -> Game:
    return made(config, data, judge=OtherChain)


class Clamping(Gan):
    def sample(self, n: int, *, condition: Tensor | None = None, **options: Any) -> Tensor:
        condition = torch.zeros(n, dtype=torch.int64) if condition is None else condition.clamp(0, 2)
        return super().sample(n, condition=condition.expand(n) if len(condition) == 1 else condition, **options)


def labels_clamped(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Clamping)


class Unguarded(Gan):
    def built_for(self, data: DataSpec) -> None:
        self.data = data


class Folding(Discriminator):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(SIDE * SIDE, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Any:
        return self.layers(x.reshape(-1, SIDE * SIDE))  # twice as wide a picture becomes two


def folds_shapes(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Unguarded, judge=Folding)


# Building.


class NumpyWeights(Painter):
    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        with torch.no_grad():
            self.first.weight.copy_(torch.from_numpy(np.random.normal(0, 0.1, tuple(self.first.weight.shape))))


def numpy_weights(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=NumpyWeights)


class BufferOnCpu(Painter):
    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.register_buffer("scale", torch.ones(1, device="cpu"))


def buffer_on_cpu(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=BufferOnCpu)


class LenientConfig(Config):
    model_config = ConfigDict(frozen=True, extra="ignore")


def lenient(config: LenientConfig, data: DataSpec) -> Game:
    return made(config, data)


class LossyConfig(Config):
    """A field that is written as something else than it was."""

    rate: float = option(1 / 3, "a rate")

    def model_dump(self, **how: Any) -> dict[str, Any]:
        values = super().model_dump(**how)
        return {**values, "rate": round(values["rate"], 3)}


def lossy(config: LossyConfig, data: DataSpec) -> Game:
    return made(config, data)


def two_sources(config: Config, data: DataSpec) -> Game:
    return made(config.model_copy(update={"penalty": None}), data, penalty=["r1"])


def any_data(config: Config, data: DataSpec) -> Game:
    side = data.shape[2]
    return made(config, DataSpec((1, side, side), classes=data.classes, name=data.name))


# Objectives.


class DetachedFake(Gan):
    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        fake = self.fake(batch, context).detach()
        return {
            "adversarial": self.loss.generator(self.score(fake, batch, context), self.score(batch.x, batch, context))
        }


def detached_fake(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=DetachedFake)


class WrongPlayer(Gan):
    def phases(self) -> Sequence[Phase]:
        return [Phase("discriminator", "discriminator"), Phase("generator", "discriminator", batch="same")]


def wrong_player(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=WrongPlayer)


class BothPlayers(Gan):
    def players(self) -> Sequence[Player]:
        return [
            Player("generator", [self.generator, self.discriminator], self.generator_optimizer),
            Player("discriminator", [self.discriminator], self.discriminator_optimizer),
        ]


def both_players(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=BothPlayers)


class SpareLayer(Painter):
    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.spare = nn.Linear(3, 3)


def spare_layer(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=SpareLayer)


class Backward(Gan):
    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().discriminator_terms(batch, context)
        terms["adversarial"].backward(retain_graph=True)
        return terms


def backward_inside(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Backward)


class Clipping(Gan):
    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        with torch.no_grad():
            for parameter in self.discriminator.parameters():
                parameter.clamp_(-0.05, 0.05)
        return super().discriminator_terms(batch, context)


def clips_inside(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Clipping)


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


class Uphill(Gan):
    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        return {name: _Reversed.apply(term) for name, term in super().generator_terms(batch, context).items()}


def uphill(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Uphill)


class LogOfZero(Gan):
    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        if player == "generator" or real_scores is None:
            return {}
        return {"log": real_scores.total().clamp(max=0).mean().sub(1e6).relu().log()}


def log_of_zero(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=LogOfZero)


class FirstOrder(Gan):
    """The norm of the gradient, without the way back to the critic's weights."""

    def _penalty(
        self, term: Any, real: Tensor, fake: Tensor, batch: Batch, context: StepContext, scores: Any = None
    ) -> Tensor:
        value = super()._penalty(term, real, fake, batch, context, scores)
        return value.detach() + 0 * self.score(real, batch, context).total().mean()


def first_order(config: PenaltyConfig, data: DataSpec) -> Game:
    return made(config, data, game=FirstOrder)


class OneSideOnly(Gan):
    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        return {"adversarial": self.loss.generator(self.score(self.fake(batch, context), batch, context))}


def forgets_reals(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=OneSideOnly)


# Training.


class TorchNoise(Painter):
    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        return super().forward(z + 0.1 * torch.randn_like(z), y_B)


def torch_noise(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=TorchNoise)


class PythonFlips(Gan):
    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().discriminator_terms(batch, context)
        return {name: term * random.choice((0.9, 1.1)) for name, term in terms.items()}


def python_flips(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=PythonFlips)


class Item(Gan):
    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().generator_terms(batch, context)
        return {name: term / max(1.0, abs(term.item())) for name, term in terms.items()}


def item(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Item)


class Wide(Painter):
    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        return super().forward((z * torch.full((1,), 0.5, dtype=torch.float64, device=z.device)).to(z.dtype), y_B)


def float64_constant(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=Wide)


class OnCpu(Painter):
    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        return super().forward(z + torch.linspace(0, 1, L, device="cpu"), y_B)


def tensor_on_cpu(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=OnCpu)


class Averages(Gan):
    def sampled_parts(self) -> Iterable[nn.Module]:
        return [self.discriminator]


def averages_of_the_other(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Averages)


class Forgetful(Gan):
    """Counts in a Python attribute, which no checkpoint has."""

    calls = 0

    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        self.calls += 1
        terms = super().discriminator_terms(batch, context)
        return {name: term * (1 + 0.1 * self.calls) for name, term in terms.items()}


def python_counter(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Forgetful)


class Moody(Gan):
    asked = 0

    def phases(self) -> Sequence[Phase]:
        def repeats(step: int) -> int:
            self.asked += 1
            return 1 + self.asked % 2

        return [Phase("discriminator", "discriminator", repeats=repeats), Phase("generator", "generator", batch="same")]


def moody_phases(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Moody)


class Hoarder(Gan):
    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.seen: list[Tensor] = []

    def after_phase(self, phase: str, context: StepContext) -> None:
        self.seen += [term.clone() for term in context.terms.values()]


def hoards(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Hoarder)


def standing_still(config: Config, data: DataSpec) -> Game:
    return made(config, data, generator_optimizer=Adam(lr=0.0))


class Branching(Gan):
    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().generator_terms(batch, context)
        if context.images % 3 == 0:
            return {name: term * 0.5 for name, term in terms.items()}
        return terms


def branches_on_images(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Branching)


class BatchTerm(Gan):
    """A term that looks at the whole batch, and does not say so."""

    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        if player == "generator" or real_scores is None:
            return {}
        return {"spread": real_scores.total().mean().square()}


def batch_term(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=BatchTerm)


class ValueBranch(Painter):
    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        x = super().forward(z, y_B)
        return x if self.training or bool(x.mean() > -2) else -x


def branches_on_values(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=ValueBranch)


class Tag:
    """Something that only pickle can write."""


class Pickled(Gan):
    def get_extra_state(self) -> Any:
        return Tag()

    def set_extra_state(self, state: Any) -> None: ...


def pickled_state(config: Config, data: DataSpec) -> Game:
    return made(config, data, game=Pickled)


def _maker() -> Any:
    def build(config: Config, data: DataSpec) -> Game:
        return made(config, data)

    return build


local = _maker()


class DeepConfig(Config):
    depth: int = option(9, "more than pictures of this size have halvings for")


def default_too_deep(config: DeepConfig, data: DataSpec) -> Game:
    if config.depth > 3:
        raise ValueError(f"depth is {config.depth}, and pictures of {SIDE} pixels have 3 halvings")
    return made(config, data)


class Remembering(Painter):
    """Keeps what it computed last, in whatever precision that was."""

    def __init__(self, *sizes: Any) -> None:
        super().__init__(*sizes)
        self.register_buffer("seen", torch.zeros(self.first.out_features))

    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        self.seen = self.first(torch.cat([z, self.given(y_B)], 1)).detach().mean(0)
        return super().forward(z, y_B)


def keeps_bfloat16(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=Remembering)


class Faint(Painter):
    def forward(self, z: Tensor, y_B: Tensor) -> Tensor:
        return 1e-4 * super().forward(z, y_B)


def faint(config: Config, data: DataSpec) -> Game:
    return made(config, data, painter=Faint)


def unannotated(config, data):  # type: ignore[no-untyped-def]
    return made(config, data)
