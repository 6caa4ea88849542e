"""The discriminator of a standard game as its penalties see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.func import functional_call

from ganzoo.models.batch import Batch
from ganzoo.models.context import StepContext
from ganzoo.models.layers.piecewise import is_piecewise_linear
from ganzoo.models.scores import Scores

if TYPE_CHECKING:
    from ganzoo.models.penalised import PenalisedGame


class Critic:
    """Samples (B, ...) to one number each, (B,), with the labels of a batch and the game's augmentation."""

    def __init__(self, game: PenalisedGame, batch: Batch, context: StepContext) -> None:
        self._game, self._batch, self._context = game, batch, context
        self._buffers = dict(game.discriminator.named_buffers())
        find = getattr(game.discriminator, "piecewise_linear", None)
        chain = find() if find is not None and game.augment is None else None
        self.chain = chain if chain is not None and is_piecewise_linear(chain) else None

    def __call__(self, x: Tensor) -> Tensor:
        return self.scores(x).total()

    def scores(self, x: Tensor) -> Scores:
        """All that the discriminator answers."""
        game = self._game
        if game.augment is not None:
            x = game.augment(x, self._context)
        condition = game.condition(game.discriminator, self._batch)
        if not self._buffers:
            return Scores.of(game.discriminator(x, *condition))
        # Running statistics are for real and fake batches: the penalty's own samples must not enter them.
        copies = {name: value.clone() for name, value in self._buffers.items()}
        return Scores.of(functional_call(game.discriminator, copies, (x, *condition)))
