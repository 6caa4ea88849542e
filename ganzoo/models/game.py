"""The contract between an architecture and the engine: networks, players, phases and the terms of each phase.

A game computes; the engine steps. A game's methods never call backward, step an optimiser, read a device value on the
host, print, or write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, AugmentChoice, LossChoice, OptimizerConfig, PenaltyChoice, Schedule
from ganzoo.errors import UsageError
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.context import StepContext

Terms = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Player:
    """Parameters that are updated together by one optimiser. Two players may share parameters.

    Args:
        name: unique in its game.
        parts: modules and parameters; what is named twice counts once.
        optimizer: its configuration; rates may be schedules over images.
        clip_norm: largest norm of the player's whole gradient; None: not clipped.
        shares: names of players that it shares parameters with. Said aloud, so that `ganzoo check` can tell it from a mistake.
    """

    name: str
    parts: Sequence[nn.Module | nn.Parameter]
    optimizer: OptimizerConfig = field(default_factory=Adam)
    clip_norm: float | None = None
    shares: tuple[str, ...] = ()

    def parameters(self) -> list[nn.Parameter]:
        """Each parameter once, in order."""
        found: dict[int, nn.Parameter] = {}
        for part in self.parts:
            for parameter in part.parameters() if isinstance(part, nn.Module) else [part]:
                found[id(parameter)] = parameter
        return list(found.values())


@dataclass(frozen=True)
class Phase:
    """One update of one player, or of several at the same point.

    Args:
        name: handed to the game's forward.
        player: the player's name, or several: their gradients are taken from one forward at the same weights, and all
            optimisers step together. Terms are then named "player/term".
        every: due in each step whose number it divides.
        repeats: updates in a due step, or a function of the step's number.
        batch: "fresh" draws samples for each update; "same" takes the step's latest batch, drawing one if it has none.
        start, until: images seen from which and before which the phase is due; until None: to the end.
        keeps: players whose graph the forward records for a later phase of the step (shared fakes).
    """

    name: str
    player: str | tuple[str, ...]
    every: int = 1
    repeats: int | Callable[[int], int] = 1
    batch: Literal["fresh", "same"] = "fresh"
    start: int = 0
    until: int | None = None
    keeps: tuple[str, ...] = ()

    @property
    def players(self) -> tuple[str, ...]:
        """The players as a tuple."""
        return (self.player,) if isinstance(self.player, str) else self.player

    def times(self, step: int, images: int) -> int:
        """Updates of this phase in step number `step`, when `images` samples have been seen; 0 where it is not due."""
        if step % self.every or images < self.start or (self.until is not None and images >= self.until):
            return 0
        return self.repeats if isinstance(self.repeats, int) else self.repeats(step)


@dataclass(frozen=True)
class Change:
    """What the engine has to follow after `on_progress` changed the game. Players and phases are always read again.

    Args:
        resolution: height and width of the samples from now on; None: as before.
        batch: samples an update from now on; None: as before.
        reset: names of players whose optimiser starts afresh; the others keep the state of parameters that remain.
    """

    resolution: tuple[int, int] | None = None
    batch: int | None = None
    reset: tuple[str, ...] = ()


class Game(nn.Module):
    """Networks and the rules by which they are trained. Subclass it for what `Gan` does not cover.

    value_range: interval of the samples that the networks take and make; images are delivered in it.
    """

    value_range: tuple[float, float] = (-1.0, 1.0)
    takes: ClassVar[frozenset[str]] = frozenset()
    """Which of loss, penalty and augment can be swapped."""
    directions: tuple[str, ...] = ()
    """Ways in which it translates pictures of one domain into another, such as a-to-b, where b are the data's x; that of `sample`
    first. Empty: it does not translate."""
    reconstructs: bool = False
    """Whether it has a code of its own for samples of the data: then `reconstruct` brings them through it and back."""
    data: DataSpec | None = None
    """What it was built for."""
    ema_images: float | Schedule = 20_000
    """Half-life in images of the averaged weights that samples are drawn from, or a schedule; 0: none. A run can have another."""

    def built_for(self, data: DataSpec) -> None:
        """Told once, by `ganzoo.build`, what the game was built for."""
        self.data = data

    def players(self) -> Sequence[Player]:
        """The players; read at the start and after each change. None: the game is only fitted."""
        return []

    def phases(self) -> Sequence[Phase]:
        """The phases of a step in order."""
        return []

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The named terms of the phase's objective, each one number; the engine minimises their sum."""
        raise UsageError(f"{type(self).__name__} has no phase {phase!r}")

    def after_phase(self, phase: str, context: StepContext) -> None:
        """Controllers, buffers and projections, on the device, without gradients."""

    def on_progress(self, images: int) -> Change | None:
        """Bring the structure to what it is when `images` samples have been seen; None if nothing changed.

        It is called after each step, and on a freshly built game before a checkpoint is loaded: so it must be able to go
        to any point at once.
        """
        return None

    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """Called once, before the first step, with one pass over the data (normalised, on the device)."""

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples in the value range. condition: class indices (n,). generator: the source of chance.

        A game that translates makes them of pictures of the data that it has kept, and heeds no class indices.

        Raises:
            ValueError: the condition is missing, or is not n class indices (models.guard.checked_labels).
        """
        raise UsageError(f"{type(self).__name__} cannot sample")

    def translate(self, pictures: Tensor, direction: str = "", *, generator: torch.Generator | None = None) -> Tensor:
        """Pictures of the other domain, in the value range, as pictures are. direction: one of `directions`; empty: the first.

        Raises:
            ValueError: it does not translate in that direction, or pictures of this shape.
        """
        raise UsageError(f"{type(self).__name__} does not translate pictures")

    def reconstruct(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Samples of the data through the game's code and back: of x's shape, in the value range as x is.

        Raises:
            ValueError: samples of this shape do not fit.
        """
        raise UsageError(f"{type(self).__name__} has no code of samples to reconstruct them from")

    def sampled_parts(self) -> Iterable[nn.Module]:
        """What `sample`, `translate` and `reconstruct` use: the average of the weights over time (EMA) is kept for these."""
        return [self]

    def idle_parts(self) -> Iterable[nn.Module]:
        """Parts that no player has at present, though they are not frozen: a growing game trains them at another time."""
        return []

    def use(
        self,
        loss: LossChoice | None = None,
        penalty: Sequence[PenaltyChoice] | None = None,
        augment: AugmentChoice | None = None,
    ) -> None:
        """Swap components; None leaves one as it is.

        Raises:
            UsageError: the game has an objective of its own.
        """
        for name, given in (("loss", loss), ("penalty", penalty), ("augment", augment)):
            if given is not None and name not in self.takes:
                raise UsageError(f"this architecture has its own objective and takes no other {name}")

    def notes_on_processes(self) -> list[str]:
        """Why several processes would not give one process's gradients; empty if they do."""
        return []
