"""Critics and samples that penalties are tried on, and threads that stand for processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzoo.models import Draws
from ganzoo.models.inputs import PenaltyInputs
from ganzoo.testing.component import normal, seeded

BATCH = 8
SHAPES = {"points": (3,), "pictures": (2, 5, 5)}


class Critic:
    """A module as penalties see it, without the closed form of its input gradient."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        """One number a sample."""
        return cast(Tensor, self.module(x)).flatten(1).sum(1)


class ChainCritic(Critic):
    """With it."""

    @property
    def chain(self) -> nn.Module:
        """The layers."""
        return self.module


class Linear(Critic):
    """x to norm * (direction · x): its gradient has that norm everywhere."""

    def __init__(self, shape: tuple[int, ...], norm: float, dtype: torch.dtype = torch.float64) -> None:
        direction = normal(*shape, seed=5)
        self.weight: Tensor = (norm * direction / direction.norm()).to(dtype).requires_grad_()

    def __call__(self, x: Tensor) -> Tensor:
        """One number a sample."""
        return (x * self.weight).flatten(1).sum(1)


def critic_of(kind: str, unit: type[nn.Module] = nn.Softplus, *, scale: float = 1.0, device: str = "cpu") -> nn.Module:
    """A small critic of points or pictures in float64. `scale`: of its weights, and so of its gradients."""
    layers: list[nn.Module]
    with seeded(0):
        if kind == "points":
            layers = [nn.Linear(3, 6), unit(), nn.Linear(6, 4), unit(), nn.Linear(4, 1)]
        else:
            layers = [nn.Conv2d(2, 3, 3), unit(), nn.Conv2d(3, 2, 2), unit(), nn.Flatten(), nn.Linear(8, 1)]
    module = nn.Sequential(*layers).to(torch.float64)
    for number, parameter in enumerate(module.parameters()):
        fan = max(1, parameter[0].numel())
        parameter.data = normal(*parameter.shape, seed=20 + number) * scale / fan**0.5
    return module.to(device)


def inputs_of(kind: str, critic: Any, *, seed: int = 0, draws: Draws | None = None, scored: bool = False) -> Any:
    """What a game would hand to the penalty. `scored`: with the scores that the step has already."""
    real, fake = normal(BATCH, *SHAPES[kind], seed=seed + 1), normal(BATCH, *SHAPES[kind], seed=seed + 2) + 0.5
    scores = (critic(real), critic(fake)) if scored else (None, None)
    return PenaltyInputs(critic, real, fake, draws or Draws(3), *scores)


@contextmanager
def joined(world: int) -> Iterator[None]:
    """Inside it threads stand for processes: torch.distributed.all_reduce adds up over `world` of them."""
    barrier = threading.Barrier(world, timeout=5)  # seconds: a thread may have failed
    given: list[Tensor] = []

    def all_reduce(tensor: Tensor, *args: Any, **kwargs: Any) -> None:
        if barrier.wait() == 0:
            given.clear()
        barrier.wait()
        given.append(tensor.clone())
        barrier.wait()
        tensor.copy_(torch.stack(given).sum(0))
        barrier.wait()

    distributed: Any = torch.distributed
    before = distributed.all_reduce
    distributed.all_reduce = all_reduce
    try:
        yield
    finally:
        distributed.all_reduce = before
