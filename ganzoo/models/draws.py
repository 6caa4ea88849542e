"""Named streams of random numbers on one device: the only source of chance in a step.

Each stream has a generator of its own, so that adding a penalty does not change the latents, and its state is part of the
checkpoint. Under several processes every rank draws the numbers of the whole batch and keeps its part: so N processes
compute what one would on the joined batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Draws:
    """Streams that follow from one seed.

    Args:
        seed: of all streams together; the same on every rank.
        device: where numbers are drawn and stay.
        rank, world: this process and how many there are.
        generator: one generator for all streams instead of the seed's own, for a single call of sampling.
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
        self._only = generator
        self._streams: dict[str, torch.Generator] = {}

    def stream(self, name: str) -> torch.Generator | None:
        """The generator of a stream, made when first named; None on the meta device, which has no numbers."""
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

    def normal(self, *shape: int, stream: str = "latent", batched: bool = True) -> Tensor:
        """Standard normal numbers. `batched`: the first dimension counts this rank's samples."""
        return self._part(
            lambda size: torch.randn(size, generator=self.stream(stream), device=self.device), shape, batched
        )

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, stream: str = "latent", batched: bool = True
    ) -> Tensor:
        """Uniform numbers in [low, high)."""
        numbers = self._part(
            lambda size: torch.rand(size, generator=self.stream(stream), device=self.device), shape, batched
        )
        return numbers if (low, high) == (0.0, 1.0) else numbers.mul_(high - low).add_(low)

    def integers(self, high: int, *shape: int, stream: str = "latent", batched: bool = True) -> Tensor:
        """Whole numbers from 0 to high - 1 (int64)."""
        return self._part(
            lambda size: torch.randint(high, size, generator=self.stream(stream), device=self.device), shape, batched
        )

    def _part(self, draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...], batched: bool) -> Tensor:
        if self.world == 1 or not batched:
            return draw(shape)
        n = shape[0]
        return draw((n * self.world, *shape[1:]))[self.rank * n : (self.rank + 1) * n]

    def state_dict(self) -> dict[str, Any]:
        """The seed and the state of every stream used so far."""
        return {"seed": self.seed, "streams": {name: g.get_state() for name, g in self._streams.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken. The device must be of the same type."""
        self.seed = int(state["seed"])
        self._streams.clear()
        for name, value in state["streams"].items():
            generator = self.stream(name)
            if generator is not None:
                generator.set_state(value.cpu())
