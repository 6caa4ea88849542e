"""Components by name, for games of their own that let a user swap them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import LossChoice
from ganzoo.models.inputs import LossLike
from ganzoo.models.scores import Scores


@dataclass(frozen=True)
class NamedLoss:
    """An adversarial loss with its weight.

    Args:
        separates: whether processes can each take a part of the batch.
    """

    loss: LossLike
    weight: float
    separates: bool

    @property
    def needs_real(self) -> bool:
        """Whether the generator's side wants the scores of real samples."""
        return self.loss.needs_real

    def discriminator(self, real: Scores, fake: Scores) -> Tensor:
        """The discriminator's side, weighted."""
        return self.weight * self.loss.discriminator(real, fake)

    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """The generator's side, weighted."""
        return self.weight * self.loss.generator(fake, real)

    def notes(self) -> list[str]:
        """For `Game.notes_on_processes`."""
        return [] if self.separates else [f"loss {type(self.loss).__name__} looks at the whole batch"]


def named_loss(choice: LossChoice) -> NamedLoss:
    """The loss of that name.

    Raises:
        UsageError: there is none, or it has no such option.
    """
    loss, entry = make(plugin.Loss, choice)
    return NamedLoss(loss, choice.weight, entry.record.separates)
