"""Critics and samples that penalties are tried on, and threads that stand for processes."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzoo.models import Draws, Scores, StepContext
from ganzoo.models.inputs import PenaltyInputs
from ganzoo.objectives import Penalty
from ganzoo.testing.check import Skipped
from ganzoo.testing.component import Component, normal, seeded

BATCH = 8
UPDATES = 2000  # of the discriminator, after which a penalty with a state is tried
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


class Maker(nn.Module):
    """Latents (B, 4) to samples of a kind, in float64: the generator of penalties that look at one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.shape = SHAPES[kind]
        self.weight = nn.Parameter(normal(4, math.prod(self.shape), seed=40))

    def forward(self, z_BL: Tensor) -> Tensor:
        """Samples, between -2 and 2."""
        return 2 * torch.tanh(z_BL.to(self.weight.dtype) @ self.weight).view(-1, *self.shape)


def inputs_of(
    kind: str,
    critic: Any,
    *,
    player: str = "discriminator",
    maker: Maker | None = None,
    seed: int = 0,
    draws: Draws | None = None,
    scored: bool = False,
    device: str = "cpu",
) -> PenaltyInputs:
    """What a game would hand to the penalty. `scored`: with the scores that the step has already."""
    own = (maker or Maker(kind)).to(device)
    real, z = normal(BATCH, *SHAPES[kind], seed=seed + 1).to(device), normal(BATCH, 4, seed=seed + 2).to(device)

    def generate(z: Any) -> Tensor:
        with torch.set_grad_enabled(player == "generator"):
            return cast(Tensor, own(z))

    fake = generate(z)
    module = getattr(critic, "module", None)
    return PenaltyInputs(
        critic,
        real,
        fake,
        draws or Draws(3, device),
        real_scores=critic(real) if scored else None,
        fake_scores=critic(fake) if scored else None,
        player=player,
        network=own if player == "generator" else module,
        latent=z,
        generate=generate,
        judge=None if module is None else lambda x: _judged(module, x),
    )


def part_of(inputs: PenaltyInputs, rows: slice, draws: Draws) -> PenaltyInputs:
    """Some rows of the inputs, as another process has them."""
    z = cast(Tensor, inputs.latent)
    return replace(inputs, real=inputs.real[rows], fake=inputs.fake[rows], latent=z[rows], draws=draws)


def _judged(module: nn.Module, x: Tensor) -> Scores:
    """The scores with the features before the last layer."""
    *inner, last = cast(nn.Sequential, module)
    for layer in inner:
        x = layer(x)
    return Scores(last(x), features=[x])


class PenaltySubject(Component):
    """A penalty or a projection."""

    @property
    def term(self) -> Penalty:
        """It, as a term.

        Raises:
            Skipped: it is a projection.
        """
        if self.own.is_projection:
            raise Skipped("it is a projection, which has no term")
        if isinstance(self.own, nn.Module) and not self._under_way:
            self._under_way = True
            own = cast(Penalty, self.own)
            context = StepContext()
            context.notes = {"real": torch.tensor(0.3), "fake": torch.tensor(-0.2)}
            for _ in range(UPDATES):
                own.after_phase(context)
        return cast(Penalty, self.own)

    _under_way = False  # whether a penalty with a state has been brought to where it is in a run

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of samples that it is for."""
        only = {"image": ("pictures",), "points": ("points",)}
        return only.get(self.record.modality, tuple(SHAPES))

    def sides(self) -> Iterator[tuple[str, str]]:
        """Each kind of samples with each of its players."""
        return itertools.product(self.kinds, self.record.players)

    def of_the_critic(self) -> None:
        """Raises Skipped where it is no term of the discriminator."""
        if "discriminator" not in self.record.players:
            raise Skipped("it is a term of the generator alone")


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
