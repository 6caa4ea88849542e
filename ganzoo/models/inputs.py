"""What a game hands to its loss and its penalties. The objectives import this room, never the other way round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from ganzoo.models.context import StepContext
from ganzoo.models.draws import Draws
from ganzoo.models.latent import Latent
from ganzoo.models.scores import Scores

Critic = Callable[[Tensor], Tensor]
"""Samples (B, ...) to one number a sample, (B,). One with an attribute `chain`, an nn.Sequential that computes the same, has
its input gradient taken in closed form."""


@dataclass(frozen=True)
class PenaltyInputs:
    """What a penalty may use.

    Args:
        critic: samples (B, ...) to one number a sample (B,).
        real, fake: samples of one shape, in float32 or float64; no graph behind them but the fake ones' to the generator,
            where the generator is the player.
        draws: the source of chance; penalties use the stream "penalty".
        real_scores, fake_scores: critic(real) and critic(fake), (B,), where the step has them; with their graph.
        player: whose objective the term is part of, "discriminator" or "generator".
        network: the player's network.
        latent: what the fake samples were made from.
        generate: latents to samples with the batch's labels; with a graph where the generator is the player.
        judge: samples to all that the discriminator answers, features among them.
        categorical: names of the latent's parts that are one-hot vectors.
    """

    critic: Critic
    real: Tensor
    fake: Tensor
    draws: Draws
    real_scores: Tensor | None = None
    fake_scores: Tensor | None = None
    player: str = "discriminator"
    network: nn.Module | None = None
    latent: Latent | None = None
    generate: Callable[[Latent], Tensor] | None = None
    judge: Callable[[Tensor], Scores] | None = None
    categorical: frozenset[str] = frozenset()

    def start(self) -> tuple[Latent, Callable[[Latent], Tensor]]:
        """The latents, and what makes samples of them.

        Raises:
            ValueError: the game has neither.
        """
        if self.latent is None or self.generate is None:
            raise ValueError("this penalty wants latents and a generator, and the game gives it none")
        return self.latent, self.generate


class LossLike(Protocol):
    """What a game asks of a loss (objectives.Loss)."""

    @property
    def needs_real(self) -> bool: ...
    def discriminator(self, real: Scores, fake: Scores) -> Tensor: ...
    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor: ...


class PenaltyLike(Protocol):
    """What a game asks of a penalty (objectives.Penalty)."""

    @property
    def is_projection(self) -> bool: ...
    def __call__(self, inputs: PenaltyInputs) -> Tensor: ...
    def project(self, module: nn.Module) -> None: ...
    def after_phase(self, context: StepContext) -> None: ...
