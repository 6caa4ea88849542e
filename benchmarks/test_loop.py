"""What the engine's loop costs: a step of a two-layer game through the engine and written by hand in plain torch.

The two do the same work: one update of each player with fused Adam on fresh latents and the same samples. The engine adds
the finite check, the averaged weights, the measurements and the clock. `test_ratio` alternates them in one process, so that
the machine's drift falls out; its median is the figure to quote.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.config import Adam
from ganzoo.engine.ema import Ema
from ganzoo.engine.step import Stepper
from ganzoo.models import Batch, Gan, LatentSpec, StepContext

LATENT, FEATURES, BATCH = 2, 2, 64
ROUNDS, STEPS = 15, 100  # chunks of 100 steps, alternating
SIZES = [(32, 64), (128, 256)]  # width, batch


def network(sizes: tuple[int, ...]) -> nn.Sequential:
    first, width, last = sizes
    return nn.Sequential(nn.Linear(first, width), nn.ReLU(), nn.Linear(width, last))


def by_hand(width: int, batch: int) -> Callable[[], None]:
    """The step as a script would have it."""
    torch.manual_seed(0)
    generator, critic = network((LATENT, width, FEATURES)), network((FEATURES, width, 1))
    options: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    optimizer_g = torch.optim.Adam(generator.parameters(), **options)
    optimizer_d = torch.optim.Adam(critic.parameters(), **options)
    data = torch.randn(10_000, FEATURES)

    def step() -> None:
        real = data[torch.randint(10_000, (batch,))]
        fake = generator(torch.randn(batch, LATENT))
        optimizer_d.zero_grad(set_to_none=True)
        loss_d = softplus(-critic(real)).mean() + softplus(critic(fake.detach())).mean()
        loss_d.backward()
        optimizer_d.step()
        fake = generator(torch.randn(batch, LATENT))
        optimizer_g.zero_grad(set_to_none=True)
        loss_g: Tensor = softplus(-critic(fake)).mean()
        loss_g.backward()
        optimizer_g.step()

    return step


def by_engine(width: int, batch: int) -> Callable[[], None]:
    """The step as the engine takes it."""
    torch.manual_seed(0)
    generator, critic = network((LATENT, width, FEATURES)), network((FEATURES, width, 1))
    game = Gan(
        generator,
        critic,
        latent=LatentSpec.normal(LATENT),
        generator_optimizer=Adam(),
        discriminator_optimizer=Adam(),
    )
    context = StepContext(0)
    data = torch.randn(10_000, FEATURES)
    stepper = Stepper(game, lambda n: Batch(x=data[torch.randint(10_000, (n,))]), context, batch=batch)
    ema = Ema(game, 20_000)

    def step() -> None:
        shown = stepper.step()
        ema.update(context.images, shown)

    return step


@pytest.mark.parametrize(("width", "batch"), SIZES)
@pytest.mark.parametrize("way", [by_hand, by_engine])
def test_step(benchmark: Any, way: Callable[[int, int], Callable[[], None]], width: int, batch: int) -> None:
    """Seconds a step of each way by itself."""
    torch.set_num_threads(1)
    step = way(width, batch)
    benchmark.pedantic(step, rounds=200, iterations=5, warmup_rounds=20)
    benchmark.extra_info["images_per_second"] = batch / benchmark.stats["median"]


@pytest.mark.parametrize(("width", "batch"), SIZES)
def test_ratio(benchmark: Any, width: int, batch: int) -> None:
    """Engine over hand-written, the median of paired chunks, and the difference in microseconds."""
    torch.set_num_threads(1)
    steps = [by_hand(width, batch), by_engine(width, batch)]
    for step in steps:
        for _ in range(STEPS):
            step()
    pairs = []
    for _ in range(ROUNDS):
        seconds = []
        for step in steps:
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            seconds.append((time.perf_counter() - start) / STEPS)
        pairs.append(seconds)
    ratios = [engine / hand for hand, engine in pairs]
    benchmark.extra_info["ratio"] = statistics.median(ratios)
    benchmark.extra_info["ratio_min_max"] = (min(ratios), max(ratios))
    benchmark.extra_info["overhead_microseconds"] = statistics.median(e - h for h, e in pairs) * 1e6
    benchmark.pedantic(steps[1], rounds=20, iterations=5)
