"""Named streams of random numbers on one device: the only source of chance in a step.

Each stream has a generator of its own, so that adding a penalty does not change the latents, and its state is part of the
checkpoint. Under several processes every rank draws the numbers of the whole batch and keeps its part: so N processes
compute what one would on the joined batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ganzoo.config import Schedule


@dataclass(frozen=True)
class Drawn:
    """One draw: what numbers, how many, from which stream. `high` is the end of integers."""

    kind: Literal["normal", "uniform", "integers"]
    shape: tuple[int, ...]
    stream: str
    high: int = 0


class Tape:
    """Writes down the draws of a step, in their order; with `numbers`, hands out those instead of drawing.

    So the engine can draw a step's numbers beforehand, and hand them to a step that was compiled or captured. One process
    only: a rank's part of a joint draw is not written down as such.
    """

    def __init__(self, numbers: Iterable[Tensor] | None = None) -> None:
        self.drawn: list[Drawn] = []
        self.scheduled: list[tuple[Schedule, int]] = []  # schedules that were asked for, and the images seen then
        self.left_out = False
        self._numbers = None if numbers is None else iter(numbers)

    def next(self, draws: Draws, drawn: Drawn) -> Tensor:
        """The numbers of the next draw."""
        self.drawn.append(drawn)
        # A copy: who draws may write into what it got, and the numbers may be the caller's.
        return draws.draw(drawn) if self._numbers is None else next(self._numbers).clone()


class Draws:
    """Streams that follow from one seed.

    Args:
        seed: of all streams together; the same on every rank.
        device: where numbers are drawn and stay.
        rank, world: this process and how many there are.
        generator: one generator for all streams instead of the seed's own, for a single call of sampling.

    Attributes:
        tape: where the engine writes down what is drawn, or plays it back.
    """

    def __init__(
        self,
        seed: int = 0,
        device: torch.device | str = "cpu",
        *,
        rank: int = 0,
        world: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        self.seed = seed
        self.device = torch.device(device)
        self.rank, self.world = rank, world
        self.tape: Tape | None = None
        self._only = generator
        self._streams: dict[str, torch.Generator] = {}

    def stream(self, name: str) -> torch.Generator | None:
        """The generator of a stream, made when first named; None on the meta device, which has no numbers."""
        if self.tape is not None:
            self.tape.left_out = True  # numbers that are drawn past the methods below cannot be played back
        return self._generator(name)

    def normal(self, *shape: int, stream: str = "latent", batched: bool = True) -> Tensor:
        """Standard normal numbers. `batched`: the first dimension counts this rank's samples."""
        return self._numbers(Drawn("normal", shape, stream), batched)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, stream: str = "latent", batched: bool = True
    ) -> Tensor:
        """Uniform numbers in [low, high)."""
        numbers = self._numbers(Drawn("uniform", shape, stream), batched)
        return numbers if (low, high) == (0.0, 1.0) else numbers.mul_(high - low).add_(low)

    def integers(self, high: int, *shape: int, stream: str = "latent", batched: bool = True) -> Tensor:
        """Whole numbers from 0 to high - 1 (int64)."""
        return self._numbers(Drawn("integers", shape, stream, high), batched)

    def draw(self, drawn: Drawn) -> Tensor:
        """What `drawn` describes, from its stream."""
        generator, shape = self._generator(drawn.stream), drawn.shape
        if drawn.kind == "normal":
            return torch.randn(shape, generator=generator, device=self.device)
        if drawn.kind == "uniform":
            return torch.rand(shape, generator=generator, device=self.device)
        return torch.randint(drawn.high, shape, generator=generator, device=self.device)

    def _generator(self, name: str) -> torch.Generator | None:
        if self._only is not None:
            return self._only
        if self.device.type == "meta":
            return None
        if name not in self._streams:
            generator = torch.Generator(device=self.device)
            digest = hashlib.blake2b(f"{self.seed}:{name}".encode(), digest_size=8).digest()
            generator.manual_seed(int.from_bytes(digest, "little") >> 1)
            self._streams[name] = generator
        return self._streams[name]

    def _numbers(self, drawn: Drawn, batched: bool) -> Tensor:
        if self.tape is not None:
            return self.tape.next(self, drawn)
        if self.world == 1 or not batched:
            return self.draw(drawn)
        n = drawn.shape[0]
        whole = self.draw(replace(drawn, shape=(n * self.world, *drawn.shape[1:])))
        return whole[self.rank * n : (self.rank + 1) * n]

    def state_dict(self) -> dict[str, Any]:
        """The seed and the state of every stream used so far."""
        return {"seed": self.seed, "streams": {name: g.get_state() for name, g in self._streams.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken. The device must be of the same type."""
        self.seed = int(state["seed"])
        self._streams.clear()
        for name, value in state["streams"].items():
            generator = self._generator(name)
            if generator is not None:
                generator.set_state(value.cpu())
