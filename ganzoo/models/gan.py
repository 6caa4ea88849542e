"""The standard game of one generator and one discriminator; most architectures need no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import Adam, AugmentChoice, GanConfig, LossChoice, OptimizerConfig, PenaltyChoice
from ganzoo.errors import UsageError
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.context import StepContext
from ganzoo.models.draws import Draws
from ganzoo.models.game import Game, Phase, Player, Terms
from ganzoo.models.guard import checked_labels, checked_number, guard_latents, guard_samples
from ganzoo.models.inputs import LossLike
from ganzoo.models.latent import Latent, LatentSpec, Path
from ganzoo.models.layers.maps import grey_in_order
from ganzoo.models.penalised import PenalisedGame
from ganzoo.models.scores import Scores


class Gan(PenalisedGame):
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
        self.kept_by_penalties = nn.ModuleDict()
        self._install(
            loss=LossChoice.model_validate(loss),
            penalty=[PenaltyChoice.model_validate(item) for item in _listed(penalty)],
            augment=AugmentChoice.model_validate(augment) if augment is not None else None,
        )

    def built_for(self, data: DataSpec) -> None:
        """From now on the networks refuse latents and samples of other shapes. A subclass whose networks see something else
        (packed samples, growing pictures) overrides it."""
        super().built_for(data)
        for record in self.swapped:
            self._refuse(record)
        guard_latents(self.generator, self.latent)
        if type(self).on_progress is Game.on_progress:
            guard_samples(self.discriminator, data.shape)

    def use(
        self,
        loss: LossChoice | None = None,
        penalty: Sequence[PenaltyChoice] | None = None,
        augment: AugmentChoice | None = None,
    ) -> None:
        """Swap the loss, all penalties, or the augmentation; None leaves one as it is.

        Raises:
            UsageError: the game takes no other one (`takes`), or it makes no sense in it (`lacks`).
        """
        super().use(loss, penalty, augment)
        self._install(loss, penalty, augment)

    def _install(
        self, loss: LossChoice | None, penalty: Sequence[PenaltyChoice] | None, augment: AugmentChoice | None
    ) -> None:
        if loss is not None:
            self.loss: LossLike
            self.loss, entry = make(plugin.Loss, loss)
            self.loss_weight = loss.weight
            self._loss_separates = entry.record.separates
        if penalty is not None:
            self._install_penalties(penalty)
        if augment is not None:
            made, entry = make(plugin.Augmentation, augment)
            self._refuse(entry.record)
            self.__dict__.pop("augment", None)
            self._modules.pop("augment", None)
            self.augment = made
            self._augmentation = entry.record

    def players(self) -> Sequence[Player]:
        """Generator and discriminator; the rates of one with a lazy penalty are corrected for its interval."""
        return [
            Player("generator", [self.generator], self._corrected("generator", self.generator_optimizer)),
            Player(
                "discriminator", [self.discriminator], self._corrected("discriminator", self.discriminator_optimizer)
            ),
        ]

    def phases(self) -> Sequence[Phase]:
        """The discriminator's updates on fresh samples, lazy penalties, then the generator's on the latest batch."""
        if self.update == "simultaneous":
            both = Phase("both", ("generator", "discriminator"))
            return [both, *self._lazy_phases("discriminator"), *self._lazy_phases("generator")]
        keeps = ("generator",) if self.fakes == "shared" else ()
        return [
            Phase("discriminator", "discriminator", repeats=self.d_steps, keeps=keeps),
            *self._lazy_phases("discriminator"),
            Phase("generator", "generator", batch="same"),
            *self._lazy_phases("generator"),
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of "discriminator", "generator", "both", or of one lazy penalty."""
        if phase == "generator":
            return self.generator_terms(batch, context)
        if phase == "discriminator":
            return self.discriminator_terms(batch, context)
        if phase == "both":
            return self.simultaneous_terms(batch, context)
        player = phase.partition("/")[0]
        term = next(term for term in self.penalties if term.phase(player) == phase)
        fake = self.fake(batch, context, gradient=player == "generator")
        return {term.name: self._penalty(term, batch.x, fake, batch, context, player=player)}

    def discriminator_terms(self, batch: Batch, context: StepContext) -> Terms:
        """The discriminator's side of the loss, and the penalties due in every step."""
        fake = self.fake(batch, context, gradient=self.fakes == "shared")
        if self.fakes == "shared":
            context.shared["fake"] = fake
        fake = fake.detach()
        real_scores, fake_scores = self.score_both(batch.x, fake, batch, context)
        terms = {"adversarial": self._weighted(self.loss.discriminator(real_scores, fake_scores))}
        self._note_scores(real_scores, fake_scores, context)
        terms |= self.further_terms("discriminator", batch, real_scores, fake_scores, context)
        return terms | self.penalty_terms(batch, fake, real_scores, fake_scores, context)

    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """Further terms of "discriminator" or "generator" from the same scores: a game with class heads or codes has them.

        Args:
            real_scores: None in the generator's update, unless the loss needs them.
            context: `context.shared["latent"]` is what the fakes were made from.
        """
        return {}

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        """The generator's side of the loss."""
        fake = context.shared.pop("fake", None)
        if fake is None:
            fake = self.fake(batch, context)
        fake_scores = self.score(fake, batch, context)
        real_scores = self.score(batch.x, batch, context) if self.loss.needs_real else None
        terms = {"adversarial": self._weighted(self.loss.generator(fake_scores, real_scores))}
        terms |= self.further_terms("generator", batch, real_scores, fake_scores, context)
        return terms | self._generator_penalties(batch, fake, context)

    def simultaneous_terms(self, batch: Batch, context: StepContext) -> Terms:
        """Both sides of the loss from one forward. The engine takes each player's gradient of its own terms only."""
        fake = self.fake(batch, context)
        real_scores, fake_scores = self.score_both(batch.x, fake, batch, context)
        self._note_scores(real_scores, fake_scores, context)
        scores = real_scores, fake_scores
        terms = {
            "generator": {"adversarial": self._weighted(self.loss.generator(fake_scores, real_scores))}
            | self.further_terms("generator", batch, *scores, context)
            | self._generator_penalties(batch, fake, context),
            "discriminator": {"adversarial": self._weighted(self.loss.discriminator(real_scores, fake_scores))}
            | self.further_terms("discriminator", batch, *scores, context)
            | self.penalty_terms(batch, fake.detach(), *scores, context),
        }
        return {f"{player}/{name}": term for player, own in terms.items() for name, term in own.items()}

    def _note_scores(self, real_scores: Scores, fake_scores: Scores, context: StepContext) -> None:
        """What the log, and penalties and augmentations with a state, want to know of them."""
        context.note("real", real_scores.level())
        context.note("fake", fake_scores.level())
        if hasattr(self.augment, "adjust"):
            context.note(
                "real signs", torch.stack([logits.detach().sign().mean() for logits in real_scores.heads]).mean()
            )
        if isinstance(chance := getattr(self.augment, "p", None), Tensor):
            context.note("augmentation p", chance.clone())  # as it was in this update: it moves after it

    def _weighted(self, term: Tensor) -> Tensor:
        return term if self.loss_weight == 1 else self.loss_weight * term

    def fake(self, batch: Batch, context: StepContext, *, gradient: bool = True) -> Tensor:
        """Fake samples for the batch, with its labels; without a graph unless `gradient`."""
        z = context.shared["latent"] = self.latent.sample(batch.size, context)
        return self._generated(z, batch, gradient)

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

    @torch.no_grad()
    def after_phase(self, phase: str, context: StepContext) -> None:
        """Projections of the discriminator's weights after its update, and what penalties and augmentations learn from it."""
        if phase in ("discriminator", "both"):
            if (adjust := getattr(self.augment, "adjust", None)) is not None:
                adjust(context)
            for term in self.penalties:
                term.penalty.after_phase(context)
                if term.penalty.is_projection and (term.interval == 1 or context.step % term.interval == 0):
                    term.penalty.project(self.discriminator)

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples.

        Options:
            interpolate: steps from one latent to the next, for a path of n samples.
            path: "linear" or "spherical"; None: as suits the latent's parts.
            truncation: normal latents lie within ± it.
        """
        device = next(self.generator.parameters()).device
        draws = Draws(device=device, generator=generator)
        z = self.drawn_latents(n, draws, **options)
        if not getattr(self.generator, "conditional", False):
            samples: Tensor = self.generator(z)
            return samples
        if condition is None or self.data is not None:
            condition = checked_labels(n, condition, self.data.classes if self.data else 0)
        samples = self.generator(z, condition.to(device))
        return samples

    def drawn_latents(
        self,
        n: int,
        draws: Draws,
        *,
        interpolate: int | None = None,
        path: Path | None = None,
        truncation: float | None = None,
        **unknown: Any,
    ) -> Latent:
        """n latents as the options of `sample` have them.

        Raises:
            TypeError: an option is unknown. ValueError: its value is no good.
        """
        if unknown:
            raise TypeError(f"unknown sampling option {', '.join(unknown)}; known: interpolate, path, truncation")
        if truncation is not None:
            checked_number("truncation", truncation, above=0)
        if interpolate is not None:
            checked_number("interpolate", interpolate, above=0, whole=True)
        else:
            return self.latent.sample(n, draws, truncation=truncation)
        ends = self.latent.sample(-(-n // interpolate) + 1, draws, truncation=truncation)
        return _first(self.latent.interpolate(ends, interpolate, path), n)

    def sampled_parts(self) -> Iterable[nn.Module]:
        """The generator."""
        return [self.generator]

    def notes_on_processes(self) -> list[str]:
        """Losses and penalties that look at the whole batch."""
        notes = [
            f"penalty {term.name} looks at the whole batch" for term in self.penalties if not term.record.separates
        ]
        return notes if self._loss_separates else [f"loss {type(self.loss).__name__} looks at the whole batch", *notes]


def _listed(penalty: Any) -> Sequence[Any]:
    return list(penalty) if isinstance(penalty, list | tuple) else [penalty]


def _first(z: Latent, n: int) -> Latent:
    return {name: part[:n] for name, part in z.items()} if isinstance(z, dict) else z[:n]
