"""Batches for the tiny games without the data room, and games set up for one step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzoo.data import Feed
from ganzoo.engine.ema import Ema
from ganzoo.engine.processes import Processes, see_joined_batches
from ganzoo.engine.step import Stepper, move
from ganzoo.engine.whole import Lane
from ganzoo.models import Batch, Draws, Game, StepContext
from tests.engine.tiny_games import CLASSES, FEATURES, GAMES

BATCH = 32


def batches(
    device: str, dtype: torch.dtype, *, images: bool = False, rank: int = 0, world: int = 1, seed: int = 1
) -> Callable[[int], Batch]:
    """A source of random batches of a global size; a rank gets its part."""
    generator = torch.Generator().manual_seed(seed)

    def next_batch(n: int) -> Batch:
        shape = (n, 1, 4, 4) if images else (n, FEATURES)
        whole = Batch(
            x=torch.randn(shape, generator=generator).to(dtype),
            b=torch.randn(n, FEATURES, generator=generator).to(dtype) + 1,
            y=torch.randint(CLASSES, (n,), generator=generator),
        )
        part = n // world
        return whole.map(lambda t: t[rank * part : (rank + 1) * part].to(device))

    return next_batch


def stepper(
    name: str,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    processes: Processes | None = None,
    seed: int = 0,
    micro_batches: int = 1,
) -> Stepper:
    """The game of that name, ready to step."""
    processes = processes or Processes()
    torch.manual_seed(seed)
    game: Game = GAMES[name]().to(dtype)
    move(game, torch.device(device))
    see_joined_batches(game, processes)
    game.train()
    torch.manual_seed(seed + 1)
    context = StepContext(seed, device, rank=processes.rank, world=processes.world)
    source = batches(device, dtype, images=name == "growth", rank=processes.rank, world=processes.world)
    return Stepper(game, source, context, batch=BATCH, processes=processes, micro_batches=micro_batches)


def zoo_names(*, fitted: bool = False) -> list[str]:
    """The ids of the official architectures that are installed. `fitted`: those too that are fitted, and take no steps."""
    from ganzoo import plugin
    from ganzoo.registry import registry

    entries = [entry for entry in registry().entries(plugin.Arch) if entry.distribution.startswith("ganzoo-")]
    return [entry.id for entry in entries if fitted or entry.plugin != "baselines"]


def zoo_stepper(
    name: str,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    processes: Processes | None = None,
    batch: int = 8,
    assignments: tuple[str, ...] = (),
) -> Stepper:
    """An architecture of the zoo in its default structure, small, on random pictures, ready to step."""
    from ganzoo.build import build, configure, default_spec, find_arch

    processes = processes or Processes()
    entry = find_arch(name)
    spec = default_spec(entry.record, classes=10, preset="tiny")
    config = configure(entry, (f"batch={batch}", *assignments), preset="tiny")
    game = build(entry, config, spec, seed=0).to(dtype)
    move(game, torch.device(device))
    see_joined_batches(game, processes)
    game.train()
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)
    low, high = game.value_range

    def next_batch(n: int) -> Batch:
        x = torch.rand(n, *spec.shape, generator=generator).to(dtype) * (high - low) + low
        whole = Batch(x=x, y=torch.randint(10, (n,), generator=generator))
        for name, shape in spec.fields.items():
            whole[name] = torch.rand(n, *shape, generator=generator).to(dtype) * (high - low) + low
        part = n // processes.world
        return whole.map(lambda t: t[processes.rank * part : (processes.rank + 1) * part].to(device))

    context = StepContext(0, device, rank=processes.rank, world=processes.world)
    return Stepper(game, next_batch, context, batch=batch, processes=processes)


class HandFeed(Feed):
    """A feed of batches that a function makes on the host."""

    def __init__(self, next_batch: Callable[[int], Batch]) -> None:
        self._next = next_batch
        self._sample = Batch()

    @property
    def held(self) -> dict[str, Tensor]:
        return {}

    def next(self, batch: int) -> Batch:
        return self._next(batch)

    def ahead(self, batch: int, times: int) -> Batch:
        batches = [self.next(batch) for _ in range(times)]
        return Batch({name: torch.stack([each[name] for each in batches]) for name in batches[0]})

    def example(self, batch: int, times: int) -> Batch:
        return self._sample.map(lambda value: torch.stack([value] * times))

    def made(self, part: Batch, batch: int, held: dict[str, Tensor], draws: Draws) -> Batch:
        return part


def lane(engine: Stepper) -> Lane:
    """The stepper as a lane, its batches handed out by a feed."""
    feed = HandFeed(engine._next_batch)

    def remembered(n: int) -> Batch:
        feed._sample = feed.next(n)
        return feed._sample

    engine._next_batch = remembered
    return Lane(engine, Ema(engine.game, 1000), feed)
