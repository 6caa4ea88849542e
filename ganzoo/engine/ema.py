"""The average of the weights over time (EMA), which samples are drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganzoo.config import Schedule
from ganzoo.models import Game


class Ema:
    """Averages of the parameters and copies of the buffers that the game samples with.

    The decay follows from images, not steps: half of the average is younger than `half_life` images; in a run's first
    part the half-life is `ramp` times the images seen, so that the random start is soon forgotten.

    Args:
        half_life: images, or a schedule of them over the images seen, where 0 makes the average the weights themselves. The
            number 0 switches it off.
        ramp: share of the images seen; a schedule says by itself how it begins.
    """

    def __init__(self, game: Game, half_life: float | Schedule, ramp: float = 0.05) -> None:
        self.half_life, self.ramp = half_life, ramp
        self._game = game
        self._average: dict[str, Tensor] = {}
        self._live: dict[str, Tensor] = {}
        self._lerp: tuple[list[Tensor], list[Tensor]] = ([], [])
        self.follow()

    def follow(self) -> None:
        """Take up parameters that the game has gained, at their present value, and drop those that it lost."""
        if not self.half_life:
            return
        wanted = {id(tensor) for part in self._game.sampled_parts() for tensor in (*part.parameters(), *part.buffers())}
        live = {name: p for name, p in self._game.named_parameters() if id(p) in wanted}
        # Constants that no checkpoint holds (persistent=False) are the same in both.
        kept = self._game.state_dict().keys()
        buffers = {name: b for name, b in self._game.named_buffers() if id(b) in wanted and name in kept}
        self._average = {name: self._kept(name, tensor) for name, tensor in (live | buffers).items()}
        floating = [name for name, p in live.items() if p.is_floating_point()]
        self._lerp = ([self._average[name] for name in floating], [live[name].detach() for name in floating])
        self._copy = ([self._average[name] for name in buffers], list(buffers.values()))
        self._live = live | buffers

    def _kept(self, name: str, tensor: Tensor) -> Tensor:
        old = self._average.get(name)
        if old is not None and old.shape == tensor.shape and old.device == tensor.device:
            return old
        return tensor.detach().clone()

    def weight(self, images: int, step_images: int) -> float:
        """The live weights' share in the average after a step that showed `step_images`, the images seen being `images`."""
        if isinstance(self.half_life, Schedule):
            half_life = self.half_life.at(images)
        else:
            half_life = min(self.half_life, self.ramp * images)
        return 1 - (0.5 ** (step_images / half_life) if half_life else 0.0)

    def pairs(self) -> list[tuple[Tensor, Tensor, bool]]:
        """Each average, the game's own tensor, and whether it is averaged (or else copied, as buffers are)."""
        averaged = {id(average) for average in self._lerp[0]}
        return [(average, self._live[name], id(average) in averaged) for name, average in self._average.items()]

    @torch.no_grad()
    def begin(self) -> None:
        """The averages become what the game has now: what `fit` wrote is no step that they could lag behind."""
        for name, average in self._average.items():
            average.copy_(self._live[name])

    @torch.no_grad()
    def update(self, images: int, step_images: int) -> None:
        """After a step that showed `step_images`, the images seen being `images`."""
        if not self.half_life:
            return
        average, live = self._lerp
        if average:
            torch._foreach_lerp_(average, live, self.weight(images, step_images))
        average, live = self._copy
        if average:
            torch._foreach_copy_(average, live)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside it the game has the averaged weights; the live ones return at its end."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, average in self._average.items():
            live = self._live[name]
            live.data, average.data = average.data, live.data

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by the game's names."""
        return dict(self._average)

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from `state`; the game must have the same structure."""
        for name, value in state.items():
            self._average[name].copy_(value)
