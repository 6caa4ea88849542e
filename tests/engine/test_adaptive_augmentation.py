"""ADA's feedback through the real engine: it moves, a trace of the step moves it alike, and a resumed run goes on in its middle."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ganzoo.config import AugmentChoice
from ganzoo.engine.program import Program
from ganzoo.engine.step import Stepper
from ganzoo.engine.way import Way
from ganzoo.engine.whole import Lane
from ganzoo.models import Batch, Discriminator, Gan, Generator, LatentSpec, StepContext
from tests.engine.worlds import lane

SIZE, BATCH = 8, 8


class Pictures(Generator):
    """A linear layer and tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(4)
        self.net = nn.Linear(4, 3 * SIZE * SIZE)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).tanh().view(-1, 3, SIZE, SIZE)


class Convolution(Discriminator):
    """A convolution and a sum, which begins sure that all is real."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.LazyLinear(1))
        self.net(torch.zeros(1, 3, SIZE, SIZE))
        with torch.no_grad():
            self.net[-1].bias.fill_(9.0)  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def adaptive(penalty: str | tuple[str, ...] = "r1", **options: object) -> Lane:
    """A lane whose p moves by half in every second update."""
    torch.manual_seed(0)
    choice = AugmentChoice(name="ada", options={"pipe": "bgc", "interval": 2, "speed": 4 * BATCH, **options})
    game = Gan(Pictures(), Convolution(), augment=choice, penalty=penalty).train()
    generator = torch.Generator().manual_seed(1)

    def next_batch(n: int) -> Batch:
        return Batch(x=torch.rand(n, 3, SIZE, SIZE, generator=generator) * 2 - 1)

    return lane(Stepper(game, next_batch, StepContext(5), batch=BATCH))


def chance(trained: Lane) -> float:
    game = trained.stepper.game
    assert isinstance(game, Gan)
    assert isinstance(game.augment, nn.Module)
    return float(game.augment.get_buffer("p"))


def steps(trained: Lane, way: Way, n: int) -> list[float]:
    """The chance after each step."""
    program, found = Program([trained], way, lambda text: None), []
    for _ in range(n):
        program.call(None, 1.0)
        found.append(chance(trained))
    assert not program.eager or way.kind == "eager", "the step could not be traced"
    return found


def state(trained: Lane) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trained.stepper.game.state_dict().items()}


EAGER, TRACED = (Way(kind, 1, "test") for kind in ("eager", "traced"))  # type: ignore[arg-type]


def test_the_chance_moves_after_every_interval_by_the_batch_over_the_speed() -> None:
    assert steps(adaptive(), EAGER, 6) == [0.0, 0.5, 0.5, 1.0, 1.0, 1.5]


def test_a_traced_step_moves_it_alike() -> None:
    one, other = adaptive(), adaptive()
    assert steps(one, EAGER, 3) == steps(other, TRACED, 3)
    for name, value in state(one).items():
        torch.testing.assert_close(state(other)[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_a_scheduled_chance_is_that_of_the_images_in_a_trace_too() -> None:
    schedule = {"points": [[0, 0.0], [8 * BATCH, 1.0]]}
    one, other = (adaptive((), p=schedule, pipe="c") for _ in range(2))
    assert steps(one, EAGER, 4) == steps(other, TRACED, 4)
    assert chance(one) == 0.5
    for name, value in state(one).items():
        torch.testing.assert_close(state(other)[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_a_run_goes_on_in_the_middle_of_the_feedback_bit_for_bit() -> None:
    """Three steps are one and a half intervals: the sum of signs and the turn are state too."""
    whole = adaptive()
    steps(whole, EAGER, 3)
    later = adaptive()
    steps(later, EAGER, 3)
    engine, fresh = later.stepper, adaptive()
    fresh.stepper.game.load_state_dict(copy.deepcopy(engine.game.state_dict()))
    for name, seat in fresh.stepper.seats.items():
        seat.optimizer.load_state_dict(copy.deepcopy(engine.seats[name].optimizer.state_dict()))
    fresh.stepper.context.load_state_dict(engine.context.state_dict())
    fresh.stepper.context.step, fresh.stepper.context.images = engine.context.step, engine.context.images
    for _ in range(3):
        fresh.stepper._next_batch(BATCH)
    steps(whole, EAGER, 5)
    steps(fresh, EAGER, 5)
    expected, found = state(whole), state(fresh)
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert chance(whole) == chance(fresh)
