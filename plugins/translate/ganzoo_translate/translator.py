"""What games that make pictures of pictures have in common: a loss by name, pictures that `sample` starts from, schedules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ganzoo.config import AugmentChoice, LossChoice, OptimizerConfig, PenaltyChoice, Schedule
from ganzoo.models import Batch, DataSpec, Draws, Game, StepContext
from ganzoo.models.named import NamedLoss, named_loss
from ganzoo.plugin import SECOND

KEPT = 64  # pictures that samples are made of
BYTES = 255
PIXELS = 2**20  # that are translated at once, which bounds the memory: 16 pictures of 256x256


class Translator(Game):
    """A game that translates pictures of domain a into those of domain b, the data's x, in [-1, 1].

    Args:
        field: name of a's pictures in a batch.
        shape: (C, H, W) of a's pictures.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"loss"})
    directions: tuple[str, ...] = ("a-to-b",)
    kept: Tensor
    loss: NamedLoss

    def __init__(self, field: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.field = field
        self.register_buffer("kept", torch.zeros(KEPT, *shape, dtype=torch.uint8))

    def use(
        self,
        loss: LossChoice | None = None,
        penalty: Sequence[PenaltyChoice] | None = None,
        augment: AugmentChoice | None = None,
    ) -> None:
        """As Game.use; the loss alone can be swapped."""
        super().use(None, penalty, augment)
        if loss is not None:
            self.loss = named_loss(loss)

    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """Keeps the first pictures of a; of fewer, each several times."""
        found: list[Tensor] = []
        while sum(map(len, found)) < KEPT and (batch := next(batches, None)) is not None:
            found.append(batch[self.field])
        pictures = torch.cat(found)[:KEPT]
        pictures = pictures.repeat(-(-KEPT // len(pictures)), 1, 1, 1)[:KEPT]
        self.kept.copy_(((pictures + 1) * (BYTES / 2)).round().clamp(0, BYTES))

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n pictures of b, made of the kept ones of a in turn. Class indices make no difference."""
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; there are none")
        numbers = torch.arange(n, device=self.kept.device) % KEPT
        dtype = next(self.parameters()).dtype
        return self.translate(self.kept[numbers].to(dtype) * (2 / BYTES) - 1, generator=generator)

    def translate(self, pictures: Tensor, direction: str = "", *, generator: torch.Generator | None = None) -> Tensor:
        """As Game.translate."""
        direction = direction or self.directions[0]
        if direction not in self.directions:
            raise ValueError(f"it translates {' and '.join(self.directions)}, and was asked for {direction}")
        wanted = self.shape_of(direction)
        if tuple(pictures.shape[1:]) != wanted:
            given, shape = (", ".join(map(str, each)) for each in (pictures.shape, ("B", *wanted)))
            raise ValueError(f"pictures of shape ({given}) were given to translate {direction}, wanted ({shape})")
        draws = Draws(device=pictures.device, generator=generator)
        at_once = max(1, PIXELS // (wanted[1] * wanted[2]))
        starts = range(0, max(1, len(pictures)), at_once)
        return torch.cat([self.translated(pictures[i : i + at_once], direction, draws) for i in starts])

    def shape_of(self, direction: str) -> tuple[int, ...]:
        """The shape of the pictures that are translated in this direction."""
        return tuple(self.kept.shape[1:])

    def translated(self, pictures: Tensor, direction: str, draws: Draws) -> Tensor:
        """Pictures (B, C, H, W) translated; shape and direction are those that fit."""
        raise NotImplementedError


def second_shape(data: DataSpec, layout: Literal["pairs", "domains"]) -> tuple[int, int, int]:
    """(C, H, W) of the second picture of a batch.

    Raises:
        ValueError: the data are no pictures, or have no second one of that layout, or one of another size.
    """
    shape = data.image()
    field = SECOND[layout]
    if field not in data.fields:
        raise ValueError(
            f"this architecture wants {layout} of pictures, x and {field}, and {data.name} holds "
            f"{', '.join(['x', *data.fields])} of shape {shape}"
        )
    second = tuple(data.fields[field])
    if len(second) != 3 or second[1:] != shape[1:]:
        raise ValueError(
            f"{data.name} holds pictures x of shape {shape} and {field} of {second}: wanted one height and width"
        )
    return second


def decayed(optimizer: OptimizerConfig, data: DataSpec, epochs: float, decay: float) -> OptimizerConfig:
    """The optimiser, its rate held for `epochs` passes over x and falling to 0 in `decay` more; as it is where the data have no
    end, the rate is a schedule already, or nothing is to fall."""
    if data.count is None or isinstance(optimizer.lr, Schedule) or not decay:
        return optimizer
    start, end = round(epochs * data.count), round((epochs + decay) * data.count)
    schedule = Schedule(points=((start, optimizer.lr), (max(end, start + 1), 0.0)))
    return optimizer.model_copy(update={"lr": schedule})
