"""What a game hands to its loss and its penalties. The objectives import this room, never the other way round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from ganzoo.models.draws import Draws
from ganzoo.models.scores import Scores

Critic = Callable[[Tensor], Tensor]
"""Samples (B, ...) to one number a sample, (B,). One with an attribute `chain`, an nn.Sequential that computes the same, has
its input gradient taken in closed form."""


@dataclass(frozen=True)
class PenaltyInputs:
    """What a penalty may use.

    Args:
        critic: samples (B, ...) to one number a sample (B,).
        real, fake: samples of one shape, in float32 or float64; no graph behind them.
        draws: the source of chance; penalties use the stream "penalty".
        real_scores, fake_scores: critic(real) and critic(fake), (B,), where the step has them; with their graph.
    """

    critic: Critic
    real: Tensor
    fake: Tensor
    draws: Draws
    real_scores: Tensor | None = None
    fake_scores: Tensor | None = None


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
