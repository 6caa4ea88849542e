"""The penalties of a standard game: which there are, whether they make sense in it, when they are due, and their terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import Adam, OptimizerConfig, PenaltyChoice, Schedule
from ganzoo.errors import UsageError
from ganzoo.models.batch import Batch
from ganzoo.models.context import StepContext
from ganzoo.models.critic import Critic
from ganzoo.models.draws import Draws
from ganzoo.models.game import Game, Phase, Terms
from ganzoo.models.inputs import PenaltyInputs, PenaltyLike
from ganzoo.models.latent import Latent, LatentSpec
from ganzoo.models.layers.maps import grey_in_order
from ganzoo.models.scores import Scores


@dataclass(frozen=True)
class _Term:
    """A penalty in this game, with its weight, how often it is due, and whose objective it is part of."""

    record: plugin.Penalty
    penalty: PenaltyLike
    weight: float | Schedule
    interval: int

    @property
    def name(self) -> str:
        return self.record.name

    def phase(self, player: str) -> str:
        """The phase of its own that it has for the player if it is lazy."""
        return f"{player}/{self.name}"


class PenalisedGame(Game):
    """What the standard game is made of, as far as penalties see it."""

    generator: nn.Module
    discriminator: nn.Module
    latent: LatentSpec
    augment: Callable[[Tensor, Draws], Tensor] | None
    penalties: list[_Term]
    _augmentation: plugin.Record

    def _install_penalties(self, choices: Sequence[PenaltyChoice]) -> None:
        terms = [self._term(choice) for choice in choices]
        for term in terms:
            self._refuse(term.record)
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
        # Those with a state are part of the game, so that a checkpoint has it.
        states = {term.name: term.penalty for term in terms if isinstance(term.penalty, nn.Module)}
        self.kept_by_penalties = nn.ModuleDict(states)

    @property
    def swapped(self) -> list[plugin.Record]:
        """The records of the components that are in use and may not suit the game."""
        found: list[plugin.Record] = [term.record for term in self.penalties]
        return found if self.augment is None else [*found, self._augmentation]

    def lacks(self, record: plugin.Record) -> str | None:
        """Why a penalty or an augmentation makes no sense in this game; None if it does."""
        modality = getattr(record, "modality", "")
        if self.data is not None and modality and modality != self.data.modality:
            return (
                f"{record.kind} {record.name} is for samples of the kind {modality}, and these are {self.data.modality}"
            )
        needs = record.needs if isinstance(record, plugin.Penalty) else frozenset()
        if "features" in needs and not getattr(self.discriminator, "has_features", False):
            network = type(self.discriminator).__name__
            return (
                f"penalty {record.name} looks at features of the discriminator's inner layers, and {network} gives none"
            )
        if "latent" in needs and not any(part.distribution != "categorical" for part in self.latent.parts):
            return f"penalty {record.name} wants a latent of real numbers, and this one is categorical"
        return None

    def _refuse(self, record: plugin.Record) -> None:
        reason = self.lacks(record)
        if reason is not None:
            raise UsageError(f"{reason}: leave it out, or take another architecture")

    @staticmethod
    def _term(choice: PenaltyChoice) -> _Term:
        penalty, entry = make(plugin.Penalty, choice)
        record = entry.record
        weight = record.weight if choice.weight is None else choice.weight
        return _Term(record, penalty, weight, choice.interval or record.interval)

    def _terms(self, player: str, *, lazy: bool) -> list[_Term]:
        """The penalties of a player that come with every update, or the lazy ones."""
        own = [term for term in self.penalties if player in term.record.players and not term.penalty.is_projection]
        return [term for term in own if (term.interval > 1) == lazy]

    def _corrected(self, player: str, optimizer: OptimizerConfig) -> OptimizerConfig:
        longest = max((term.interval for term in self._terms(player, lazy=True)), default=1)
        return optimizer.lazy(longest) if longest > 1 and isinstance(optimizer, Adam) else optimizer

    def _lazy_phases(self, player: str) -> list[Phase]:
        lazy = self._terms(player, lazy=True)
        return [Phase(term.phase(player), player, every=term.interval, batch="same") for term in lazy]

    def _generator_penalties(self, batch: Batch, fake: Tensor, context: StepContext) -> Terms:
        due = self._terms("generator", lazy=False)
        return {term.name: self._penalty(term, batch.x, fake, batch, context, player="generator") for term in due}

    def penalty_terms(
        self, batch: Batch, fake: Tensor, real_scores: Scores, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """The weighted terms of the discriminator's penalties that are due in every step."""
        due = self._terms("discriminator", lazy=False)
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
        player: str = "discriminator",
    ) -> Tensor:
        critic = Critic(self, batch, context)
        with context.full_precision(closed=critic.chain is not None):
            inputs = PenaltyInputs(
                critic,
                _at_least_float32(grey_in_order(real)),
                _at_least_float32(grey_in_order(fake)),
                context,
                real_scores=scores[0] if scores else None,
                fake_scores=scores[1] if scores else None,
                player=player,
                network=self.generator if player == "generator" else self.discriminator,
                latent=context.shared.get("latent"),
                generate=lambda z: self._generated(z, batch, gradient=player == "generator"),
                judge=critic.scores,
                categorical=frozenset(p.name for p in self.latent.parts if p.distribution == "categorical"),
            )
            return context.at(term.weight) * term.interval * term.penalty(inputs)

    def _generated(self, z: Latent, batch: Batch, gradient: bool) -> Tensor:
        with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
            sample: Tensor = self.generator(z, *self.condition(self.generator, batch))
        return sample

    @staticmethod
    def condition(network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """The labels, for a network that takes them."""
        if not getattr(network, "conditional", False):
            return ()
        if batch.y is None:
            raise UsageError(f"{type(network).__name__} wants class labels, and the data has none")
        return (batch.y,)


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
