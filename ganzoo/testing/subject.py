"""An architecture that is being checked: its smallest configuration, data for it, and worlds in which it takes steps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo import plugin
from ganzoo.build import build, configure, default_spec
from ganzoo.config import ArchConfig, OptimizerConfig
from ganzoo.data import DataChoice, Feed, Source, open_source
from ganzoo.engine.ema import Ema
from ganzoo.engine.processes import Processes, see_joined_batches
from ganzoo.engine.step import Stepper, move
from ganzoo.engine.whole import Lane
from ganzoo.models import Batch, DataSpec, Game, Gan, StepContext
from ganzoo.registry import Entry
from ganzoo.testing.check import Skipped

TINY = "tiny"  # the preset that checks build
CONDITIONAL = "conditional"  # the preset that makes an architecture take class labels, where an option does
BATCH = 8  # samples an update, where no preset says it
CLASSES = 3  # of the made-up data for conditional architectures
COUNT = 48  # made-up samples
MADE = ("image", "points")  # modalities that samples are made up for


@dataclass
class World:
    """A game with all that takes its steps."""

    game: Game
    context: StepContext
    feed: Feed
    stepper: Stepper
    ema: Ema

    @property
    def lane(self) -> Lane:
        """What whole steps are made of."""
        return Lane(self.stepper, self.ema, self.feed)

    def step(self) -> None:
        """One step, and its part in the averages, as a run takes it."""
        shown = self.stepper.step()
        self.ema.update(self.context.images, shown)


class ArchSubject:
    """An architecture at its smallest configuration.

    Args:
        entry: of the registry.
        data: a text as for `ganzoo train --data`; None: random samples of the shape that the record names.
    """

    def __init__(self, entry: Entry[plugin.Arch], data: str | None = None) -> None:
        self.entry, self.record, self._data = entry, entry.record, data
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def id(self) -> str:
        """plugin/name."""
        return self.entry.id

    @property
    def assignments(self) -> tuple[str, ...]:
        """Of the smallest configuration."""
        return tuple(self.record.presets.get(TINY, (f"batch={BATCH}",)))

    @cached_property
    def config(self) -> ArchConfig:
        """The smallest configuration."""
        return configure(self.entry, self.assignments)

    @cached_property
    def conditional_config(self) -> ArchConfig:
        """The smallest one that takes class labels."""
        return configure(self.entry, (*self.assignments, *self.record.presets.get(CONDITIONAL, ())))

    @property
    def data(self) -> str:
        """What `ganzoo train --data` takes for it.

        Raises:
            Skipped: no samples of its modality can be made up, and none were given.
        """
        if self._data is not None:
            return self._data
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ganzoo-check-")
            made_up(self.record, Path(self._folder.name) / "samples.npz")
        return str(Path(self._folder.name) / "samples.npz")

    @cached_property
    def source(self) -> Source:
        """The samples."""
        shape = default_spec(self.record, preset=TINY).shape
        size = (shape[1], shape[2]) if self.record.resolution else None
        choice = DataChoice(path=self.data).resolved(self.record.modality, self.record.layout)
        return open_source(choice, modality=self.record.modality, resolution=size)

    @property
    def spec(self) -> DataSpec:
        """What the architecture is told of them."""
        return self.source.spec

    def game(self, *, config: ArchConfig | None = None, seed: int = 0, device: str = "cpu") -> Game:
        """The game, freshly built, in training mode."""
        with torch.random.fork_rng():
            game = build(self.entry, config or self.config, self.spec, seed=seed, device=device)
        return game.train()

    def gan(self, *, config: ArchConfig | None = None) -> Gan:
        """The game as the standard game of one generator and one discriminator.

        Raises:
            Skipped: it is another one.
        """
        game = self.game(config=config)
        if not isinstance(game, Gan):
            raise Skipped(f"{type(game).__name__} is not the standard game of one generator and one discriminator")
        return game

    def world(
        self,
        *,
        config: ArchConfig | None = None,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: torch.dtype = torch.float32,
        processes: Processes | None = None,
        optimizer: OptimizerConfig | None = None,
    ) -> World:
        """A freshly built game, ready to step, on data in the order of the seed.

        Args:
            dtype: of weights and samples. precision: that the networks compute in, as for a run.
            optimizer: of every player instead of its own.
        """
        processes = processes or Processes()
        config = config or self.config
        game = self.game(config=config, seed=seed, device="meta" if device == "meta" else "cpu").to(dtype)
        move(game, torch.device(device))
        see_joined_batches(game, processes)
        if optimizer is not None:
            players = game.players
            game.players = lambda: [replace(each, optimizer=optimizer) for each in players()]  # type: ignore[method-assign]
        context = StepContext(seed, device, rank=processes.rank, world=processes.world)
        feed = Feed(
            self.source,
            seed=seed,
            device=device,
            value_range=game.value_range,
            draws=context,
            rank=processes.rank,
            world=processes.world,
        )

        def next_batch(n: int) -> Batch:
            return feed.next(n).map(lambda t: t.to(dtype) if t.is_floating_point() else t)

        stepper = Stepper(
            game,
            feed.next if dtype == torch.float32 else next_batch,
            context,
            batch=config.batch,
            dtype=precision,
            processes=processes,
        )
        game.fit(feed.epoch(stepper.batch), context)
        return World(game, context, feed, stepper, Ema(game, half_life=20_000))

    def trained_world(self, **how: Any) -> World:
        """A world, with the arguments of `world`, if there is something to train.

        Raises:
            Skipped: the game has no phases.
        """
        if not self._phases:
            raise Skipped("it has no phases: it is fitted, not trained")
        return self.world(**how)

    @cached_property
    def _phases(self) -> list[str]:
        return [phase.name for phase in self.game().phases()]


def made_up(record: plugin.Arch, path: Path) -> None:
    """Writes random samples of the shape that the record names.

    Raises:
        Skipped: of another modality than image and points.
    """
    if record.modality not in MADE:
        raise Skipped(
            f"no {record.modality} can be made up: name data, by --data or conformance(data=...), as `ganzoo train` takes it"
        )
    spec = default_spec(record, preset=TINY)
    chance = np.random.default_rng(0)
    arrays: dict[str, Any] = {"y": np.arange(COUNT) % CLASSES} if record.conditional else {}
    if record.modality == "points":
        arrays["x"] = chance.normal(size=(COUNT, *spec.shape)).astype(np.float32)
        np.savez(path, **arrays)
        return
    channels, height, width = spec.image()
    second = [plugin.SECOND[record.layout]] if record.layout in plugin.SECOND else []
    for name in ("images", *second):
        # Smooth shapes and noise: neither constant, nor so alike that a batch could not be told from another.
        coarse = chance.integers(0, 256, (COUNT, -(-height // 4), -(-width // 4), channels))
        smooth = coarse.repeat(4, 1).repeat(4, 2)[:, :height, :width]
        arrays[name] = np.clip(smooth + chance.integers(-20, 21, smooth.shape), 0, 255).astype(np.uint8)
    np.savez(path, **arrays)


@contextmanager
def double_precision() -> Iterator[None]:
    """Inside it new tensors and random numbers are float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def tensors_of(game: Game) -> dict[str, Tensor]:
    """Copies of the game's parameters and buffers by name."""
    return {name: value.detach().clone() for name, value in game.state_dict(keep_vars=True).items()}


def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> str | None:
    """The name of the first tensor that differs by a bit, None if all are equal."""
    if one.keys() != other.keys():
        return ", ".join(sorted(one.keys() ^ other.keys()))
    return next((name for name in one if not torch.equal(one[name], other[name])), None)
