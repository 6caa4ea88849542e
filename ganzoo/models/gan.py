"""The standard game of one generator and one discriminator; most architectures need no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import Adam, AugmentChoice, GanConfig, LossChoice, OptimizerConfig, PenaltyChoice
from ganzoo.errors import UsageError
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.context import StepContext
from ganzoo.models.critic import Critic
from ganzoo.models.draws import Draws
from ganzoo.models.game import Game, Phase, Player, Terms
from ganzoo.models.guard import checked_labels, guard_latents, guard_samples
from ganzoo.models.inputs import LossLike, PenaltyInputs, PenaltyLike
from ganzoo.models.latent import Latent, LatentSpec
from ganzoo.models.layers.maps import grey_in_order
from ganzoo.models.scores import Scores


@dataclass(frozen=True)
class _Term:
    """A penalty in this game, with its weight and how often it is due."""

    name: str
    penalty: PenaltyLike
    weight: float
    interval: int
    separates: bool

    @property
    def phase(self) -> str:
        return f"discriminator/{self.name}"


class Gan(Game):
    """Discriminator and generator in turn, with a loss, penalties and an augmentation by name.

    Args:
        generator: z (and y_B, if it is conditional) to samples; has `latent`, unless that is given.
        discriminator: samples (and y_B) to logits or Scores.
        config: where the other arguments come from, if it is given.
        loss, penalty, augment: names or choices.
        generator_optimizer, discriminator_optimizer: configurations.
        d_steps: discriminator updates a generator update, or a function of the step's number.
        fakes: "fresh": the generator's update draws its own latents; "shared": it uses the discriminator's fakes again.
        update: "alternating", or "simultaneous": both gradients from one forward at the same weights.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"loss", "penalty", "augment"})

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        config: GanConfig | None = None,
        *,
        loss: LossChoice | str = "non-saturating",
        penalty: Sequence[PenaltyChoice | str] | PenaltyChoice | str = (),
        augment: AugmentChoice | str | None = None,
        generator_optimizer: OptimizerConfig | None = None,
        discriminator_optimizer: OptimizerConfig | None = None,
        d_steps: int | Callable[[int], int] | None = None,
        fakes: Literal["fresh", "shared"] = "fresh",
        update: Literal["alternating", "simultaneous"] = "alternating",
        latent: LatentSpec | None = None,
        value_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        spec = latent or getattr(generator, "latent", None)
        if not isinstance(spec, LatentSpec):
            raise TypeError(
                f"{type(generator).__name__} has no latent: set self.latent or give Gan(latent=LatentSpec.normal(128))"
            )
        self.latent = spec
        self.value_range = value_range
        if config is not None:
            loss, augment = config.loss or loss, config.augment or augment
            penalty = penalty if config.penalty is None else config.penalty
        self.generator_optimizer = generator_optimizer or (config and config.generator) or Adam()
        self.discriminator_optimizer = discriminator_optimizer or (config and config.discriminator) or Adam()
        self.d_steps = d_steps if d_steps is not None else (config.d_steps if config else 1)
        self.fakes, self.update = fakes, update
        if update == "simultaneous" and self.d_steps != 1:
            raise UsageError(
                f"d_steps is {self.d_steps}, and this architecture updates both players at once: leave it at 1"
            )
        self.conditional = bool(
            getattr(generator, "conditional", False) or getattr(discriminator, "conditional", False)
        )
        self.augment: Callable[[Tensor, Draws], Tensor] | None = None
        self.use(
            loss=LossChoice.model_validate(loss),
            penalty=[PenaltyChoice.model_validate(item) for item in _listed(penalty)],
            augment=AugmentChoice.model_validate(augment) if augment is not None else None,
        )

    def built_for(self, data: DataSpec) -> None:
        """From now on the networks refuse latents and samples of other shapes. A subclass whose networks see something else
        (packed samples, growing pictures) overrides it."""
        super().built_for(data)
        guard_latents(self.generator, self.latent)
        if type(self).on_progress is Game.on_progress:
            guard_samples(self.discriminator, data.shape)

    def use(
        self,
        loss: LossChoice | None = None,
        penalty: Sequence[PenaltyChoice] | None = None,
        augment: AugmentChoice | None = None,
    ) -> None:
        """Swap the loss, all penalties, or the augmentation; None leaves one as it is."""
        if loss is not None:
            self.loss: LossLike
            self.loss, entry = make(plugin.Loss, loss)
            self.loss_weight = loss.weight
            self._loss_separates = entry.record.separates
        if penalty is not None:
            terms = [self._term(choice) for choice in penalty]
            names = [term.name for term in terms]
            if len(set(names)) < len(names):
                raise UsageError(
                    f"penalties {', '.join(names)}: one of them is named twice; give it once, with its whole weight"
                )
            if "adversarial" in names:
                raise UsageError(
                    "a penalty called adversarial would take the place of the loss: its author has to rename it"
                )
            self.penalties = terms
        if augment is not None:
            self.augment = make(plugin.Augmentation, augment)[0]

    @staticmethod
    def _term(choice: PenaltyChoice) -> _Term:
        penalty, entry = make(plugin.Penalty, choice)
        record = entry.record
        return _Term(
            record.name,
            penalty,
            record.weight if choice.weight is None else choice.weight,
            choice.interval or record.interval,
            record.separates,
        )

    def players(self) -> Sequence[Player]:
        """Generator and discriminator; the rates of a discriminator with a lazy penalty are corrected for its interval."""
        optimizer = self.discriminator_optimizer
        longest = max((term.interval for term in self.penalties if not term.penalty.is_projection), default=1)
        if longest > 1 and isinstance(optimizer, Adam):
            optimizer = optimizer.lazy(longest)
        return [
            Player("generator", [self.generator], self.generator_optimizer),
            Player("discriminator", [self.discriminator], optimizer),
        ]

    def phases(self) -> Sequence[Phase]:
        """The discriminator's updates on fresh samples, lazy penalties, then the generator's on the latest batch."""
        if self.update == "simultaneous":
            return [Phase("both", ("generator", "discriminator")), *self._lazy_phases()]
        keeps = ("generator",) if self.fakes == "shared" else ()
        return [
            Phase("discriminator", "discriminator", repeats=self.d_steps, keeps=keeps),
            *self._lazy_phases(),
            Phase("generator", "generator", batch="same"),
        ]

    def _lazy_phases(self) -> list[Phase]:
        return [
            Phase(term.phase, "discriminator", every=term.interval, batch="same")
            for term in self.penalties
            if term.interval > 1 and not term.penalty.is_projection
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of "discriminator", "generator", "both", or of one lazy penalty."""
        if phase == "generator":
            return self.generator_terms(batch, context)
        if phase == "discriminator":
            return self.discriminator_terms(batch, context)
        if phase == "both":
            return self.simultaneous_terms(batch, context)
        term = next(term for term in self.penalties if term.phase == phase)
        fake = self.fake(batch, context, gradient=False)
        return {term.name: self._penalty(term, batch.x, fake, batch, context)}

    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        """The discriminator's side of the loss, and the penalties due in every step."""
        fake = self.fake(batch, context, gradient=self.fakes == "shared")
        if self.fakes == "shared":
            context.shared["fake"] = fake
        fake = fake.detach()
        real_scores, fake_scores = self.score_both(batch.x, fake, batch, context)
        terms = {"adversarial": self._weighted(self.loss.discriminator(real_scores, fake_scores))}
        context.note("real", real_scores.level())
        context.note("fake", fake_scores.level())
        terms |= self.auxiliary_terms(batch, real_scores, fake_scores)
        return terms | self.penalty_terms(batch, fake, real_scores, fake_scores, context)

    def auxiliary_terms(self, batch: Batch, real_scores: Scores, fake_scores: Scores) -> Terms:
        """Further terms of the discriminator from the same scores; a game with class heads or features has them."""
        return {}

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        """The generator's side of the loss."""
        fake = context.shared.pop("fake", None)
        if fake is None:
            fake = self.fake(batch, context)
        real_scores = self.score(batch.x, batch, context) if self.loss.needs_real else None
        return {"adversarial": self._weighted(self.loss.generator(self.score(fake, batch, context), real_scores))}

    def simultaneous_terms(self, batch: Batch, context: StepContext) -> Terms:
        """Both sides of the loss from one forward. The engine takes each player's gradient of its own terms only."""
        fake = self.fake(batch, context)
        real_scores, fake_scores = self.score_both(batch.x, fake, batch, context)
        terms = {
            "generator/adversarial": self._weighted(self.loss.generator(fake_scores, real_scores)),
            "discriminator/adversarial": self._weighted(self.loss.discriminator(real_scores, fake_scores)),
        }
        penalties = self.penalty_terms(batch, fake.detach(), real_scores, fake_scores, context)
        return terms | {f"discriminator/{name}": term for name, term in penalties.items()}

    def _weighted(self, term: Tensor) -> Tensor:
        return term if self.loss_weight == 1 else self.loss_weight * term

    def penalty_terms(
        self, batch: Batch, fake: Tensor, real_scores: Scores, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """The weighted terms of the penalties that are due in every step."""
        due = [term for term in self.penalties if term.interval == 1 and not term.penalty.is_projection]
        if not due:
            return {}
        scores = (real_scores.total(), fake_scores.total())
        return {term.name: self._penalty(term, batch.x, fake, batch, context, scores) for term in due}

    def _penalty(
        self,
        term: _Term,
        real: Tensor,
        fake: Tensor,
        batch: Batch,
        context: StepContext,
        scores: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        critic = Critic(self, batch, context)
        with context.full_precision(closed=critic.chain is not None):
            inputs = PenaltyInputs(
                critic,
                _at_least_float32(grey_in_order(real)),
                _at_least_float32(grey_in_order(fake)),
                context,
                *(scores or (None, None)),
            )
            return term.weight * term.interval * term.penalty(inputs)

    def fake(self, batch: Batch, context: StepContext, *, gradient: bool = True) -> Tensor:
        """Fake samples for the batch, with its labels; without a graph unless `gradient`."""
        z = self.latent.sample(batch.size, context)
        with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
            sample: Tensor = self.generator(z, *self.condition(self.generator, batch))
        return sample

    def score(self, x: Tensor, batch: Batch, context: StepContext) -> Scores:
        """The scores of samples, augmented if an augmentation is set."""
        if self.augment is not None:
            x = self.augment(x, context)
        x = grey_in_order(x)
        return Scores.of(self.discriminator(x, *self.condition(self.discriminator, batch)))

    def score_both(self, real: Tensor, fake: Tensor, batch: Batch, context: StepContext) -> tuple[Scores, Scores]:
        """The scores of real and of fake samples; from one forward where the discriminator scores each by itself."""
        if self.augment is not None or not getattr(self.discriminator, "per_sample", False):
            return self.score(real, batch, context), self.score(fake, batch, context)
        both = Batch(y=torch.cat([batch.y, batch.y])) if batch.y is not None else batch
        return self.score(torch.cat([real, fake]), both, context).split(len(real))

    @staticmethod
    def condition(network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """The labels, for a network that takes them."""
        if not getattr(network, "conditional", False):
            return ()
        if batch.y is None:
            raise UsageError(f"{type(network).__name__} wants class labels, and the data has none")
        return (batch.y,)

    @torch.no_grad()
    def after_phase(self, phase: str, context: StepContext) -> None:
        """Projections of the discriminator's weights, after its update."""
        if phase in ("discriminator", "both"):
            for term in self.penalties:
                if term.penalty.is_projection and (term.interval == 1 or context.step % term.interval == 0):
                    term.penalty.project(self.discriminator)

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples. Option `interpolate`: steps from one latent to the next, for a path of n samples."""
        device = next(self.generator.parameters()).device
        draws = Draws(device=device, generator=generator)
        steps = options.pop("interpolate", None)
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; known: interpolate")
        if steps:
            z = _first(self.latent.interpolate(self.latent.sample(-(-n // steps) + 1, draws), steps), n)
        else:
            z = self.latent.sample(n, draws)
        if not getattr(self.generator, "conditional", False):
            samples: Tensor = self.generator(z)
            return samples
        if condition is None or self.data is not None:
            condition = checked_labels(n, condition, self.data.classes if self.data else 0)
        samples = self.generator(z, condition.to(device))
        return samples

    def sampled_parts(self) -> Iterable[nn.Module]:
        """The generator."""
        return [self.generator]

    def notes_on_processes(self) -> list[str]:
        """Losses and penalties that look at the whole batch."""
        notes = [f"penalty {term.name} looks at the whole batch" for term in self.penalties if not term.separates]
        return notes if self._loss_separates else [f"loss {type(self.loss).__name__} looks at the whole batch", *notes]


def _listed(penalty: Any) -> Sequence[Any]:
    return list(penalty) if isinstance(penalty, list | tuple) else [penalty]


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _first(z: Latent, n: int) -> Latent:
    return {name: part[:n] for name, part in z.items()} if isinstance(z, dict) else z[:n]
