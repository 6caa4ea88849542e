"""Whole steps beside single ones: traced, several a call, several seeds, compiled; and games that no trace can hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ganzoo.engine.program import DrawsAhead, Program
from ganzoo.engine.step import Stepper
from ganzoo.engine.way import Way
from ganzoo.engine.whole import Lane
from ganzoo.errors import GanzooError
from ganzoo.models import Batch, Draws, Gan, StepContext, Terms
from ganzoo.models.draws import Drawn, Tape
from tests.engine.tiny_games import GAMES, TinyCritic, TinyGenerator
from tests.engine.worlds import BATCH, batches, lane, stepper, zoo_names, zoo_stepper

STEPS = 6


class Counting(Gan):
    """Keeps a count of the host that its objective follows."""

    seen = 0

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        self.seen += 1
        return super().generator_terms(batch, context)


class Noisy(Gan):
    """Draws from torch's own generator."""

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().generator_terms(batch, context)
        return {name: term * (1 + torch.rand(())) for name, term in terms.items()}


class Fading(Gan):
    """Asks for the progress."""

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().generator_terms(batch, context)
        return {name: term / (1 + context.images) for name, term in terms.items()}


class Looking(Gan):
    """Looks at a value of the device."""

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        terms = super().generator_terms(batch, context)
        return {name: term * (2 if float(term) > 0 else 1) for name, term in terms.items()}


class Moving(TinyCritic):
    """Writes to a buffer in each forward, in place, after its weights have entered the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.zeros(()))

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        """The scores and the level before."""
        scores: Tensor = super().forward(x, *condition)
        before = self.get_buffer("level").clone()
        self.get_buffer("level").lerp_(scores.detach().mean(), 0.1)
        return scores + before


REFUSED: dict[type[Gan], str] = {
    Counting: "keeps a state outside its buffers",
    Noisy: "torch's global generator",
    Fading: "asks for the images seen",
    Looking: "",
}


def refused(kind: type[Gan], seed: int = 0) -> Lane:
    torch.manual_seed(seed)
    game = kind(TinyGenerator(), TinyCritic())
    return lane(Stepper(game, batches("cpu", torch.float32), StepContext(seed), batch=BATCH))


def silent(text: str) -> None:
    raise AssertionError(f"the program said: {text}")


def run(lanes: list[Lane], way: Way, steps: int, say: Callable[[str], None] = silent) -> Program:
    program = Program(lanes, way, say)
    batch = lanes[0].stepper.batch
    while lanes[0].stepper.context.step < steps:
        left = steps - lanes[0].stepper.context.step
        fresh = sum(1 for p in lanes[0].stepper.phases if p.batch == "fresh") or 1
        program.call(left * fresh * batch if len(lanes) == 1 else None, 1.0)
    return program


def states(of: Lane) -> list[Tensor]:
    """All that a step changes."""
    found = [t.detach().clone() for t in (*of.stepper.game.parameters(), *of.stepper.game.buffers())]
    for seat in of.stepper.seats.values():
        for state in seat.optimizer.state.values():
            found += [value.clone() for value in state.values() if isinstance(value, Tensor)]
    return found + [average.clone() for average, _, _ in of.ema.pairs()]


def apart(a: Tensor, b: Tensor) -> float:
    """The distance relative to the length of `a`."""
    return float((a.double() - b.double()).norm() / a.double().norm().clamp_min(1e-6))


@pytest.mark.parametrize("name", [n for n in GAMES if n not in ("fit and sample only", "growth", "shared fakes")])
def test_a_traced_step_is_the_single_step(name: str) -> None:
    single, traced = lane(stepper(name)), lane(stepper(name))
    said: list[str] = []
    run([single], Way("eager", 1, ""), STEPS)
    program = run([traced], Way("traced", 1, ""), STEPS, said.append)
    assert single.stepper.context.images == traced.stepper.context.images
    worst = max(apart(a, b) for a, b in zip(states(single), states(traced), strict=True))
    assert worst < 1e-4
    assert not program.eager, said
    assert not said
    for each in (single, traced):
        each.stepper.gauges.fetch()
    run([single], Way("eager", 1, ""), 2 * STEPS)
    while traced.stepper.context.step < 2 * STEPS:
        program.call(None, 1.0)
    means, _ = single.stepper.gauges.fetch()
    others, _ = traced.stepper.gauges.fetch()
    assert set(means) == set(others)
    for key, value in means.items():
        assert others[key] == pytest.approx(value, rel=1e-3, abs=1e-4), key


@pytest.mark.parametrize("steps", [2, 4])
def test_several_steps_a_call_are_single_steps(steps: int) -> None:
    single, several = lane(stepper("generator's loss needs reals")), lane(stepper("generator's loss needs reals"))
    run([single], Way("eager", 1, ""), 10)
    run([several], Way("traced", steps, ""), 10)
    assert several.stepper.context.step == 10  # the rest that makes no whole call is taken singly
    assert max(apart(a, b) for a, b in zip(states(single), states(several), strict=True)) < 1e-4


def test_a_layer_may_write_to_its_buffer_in_place() -> None:
    """The state of a small game is one tensor in a trace: to autograd the weights would seem to have changed too."""

    def moving() -> Lane:
        torch.manual_seed(0)
        game = Gan(TinyGenerator(), Moving())
        return lane(Stepper(game, batches("cpu", torch.float32), StepContext(0), batch=BATCH))

    single, traced = moving(), moving()
    run([single], Way("eager", 1, ""), STEPS)
    run([traced], Way("traced", 1, ""), STEPS)
    assert max(apart(a, b) for a, b in zip(states(single), states(traced), strict=True)) < 1e-4


def test_every_seed_is_its_own_single_run() -> None:
    together = [lane(stepper("generator's loss needs reals", seed=seed)) for seed in range(3)]
    run(together, Way("traced", 2, ""), 7)
    for seed, of in enumerate(together):
        alone = lane(stepper("generator's loss needs reals", seed=seed))
        run([alone], Way("eager", 1, ""), 7)
        assert max(apart(a, b) for a, b in zip(states(alone), states(of), strict=True)) < 1e-4
    assert not torch.equal(states(together[0])[0], states(together[1])[0])


@pytest.mark.parametrize("kind", REFUSED)
def test_a_game_that_no_trace_can_hold_takes_single_steps_and_says_why(kind: type[Gan]) -> None:
    single, other = refused(kind), refused(kind)
    said: list[str] = []
    torch.manual_seed(5)
    run([single], Way("eager", 1, ""), STEPS)
    torch.manual_seed(5)
    program = run([other], Way("traced", 1, ""), STEPS, said.append)
    assert program.eager
    assert len(said) == 1
    assert REFUSED[kind] in said[0]
    assert all(torch.equal(a, b) for a, b in zip(states(single), states(other), strict=True))


def test_several_seeds_of_a_game_that_cannot_are_refused() -> None:
    lanes = [refused(Fading, seed) for seed in range(2)]
    with pytest.raises(GanzooError, match="several seeds at once"):
        run(lanes, Way("traced", 1, ""), 3)


def test_a_compiled_step_is_the_single_step() -> None:
    single, compiled = lane(stepper("five critic phases")), lane(stepper("five critic phases"))
    said: list[str] = []
    run([single], Way("eager", 1, ""), STEPS)
    run([compiled], Way("compiled", 1, ""), STEPS, said.append)
    assert len(said) == 1
    assert "compiling" in said[0]
    assert max(apart(a, b) for a, b in zip(states(single), states(compiled), strict=True)) < 1e-4


def gradients(of: Lane) -> list[Tensor]:
    """What the optimisers took in from the last gradients: Adam's first moment, RMSprop's second, SGD's buffer."""
    found = []
    for seat in of.stepper.seats.values():
        for state in seat.optimizer.state.values():
            for key in ("exp_avg", "square_avg", "momentum_buffer"):
                if isinstance(state.get(key), Tensor):
                    found.append(state[key].clone())
    return found


@pytest.mark.parametrize("name", zoo_names())
def test_every_architecture_has_the_same_gradients_in_a_trace_in_bfloat16(name: str) -> None:
    """In float32 the kit's check ways.whole-steps compares whole steps."""
    lanes = [lane(zoo_stepper(name)) for _ in range(2)]
    for each in lanes:
        each.stepper._dtype = torch.bfloat16
    run([lanes[0]], Way("eager", 1, ""), 2)
    program = run([lanes[1]], Way("traced", 1, ""), 2)
    assert not program.eager
    exact = lane(zoo_stepper(name))
    run([exact], Way("eager", 1, ""), 2)
    largest = max(float(a.norm()) for a in gradients(lanes[0]))
    for a, b, c in zip(gradients(lanes[0]), gradients(lanes[1]), gradients(exact), strict=True):
        # In so small a batch bfloat16 itself can be far from float32, where the sides of a loss cancel.
        bound = max(3e-2, apart(c, a))
        if a.norm() > 1e-3 * largest:  # a bias before batch norm has no gradient but rounding
            assert apart(a, b) < bound


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device: CUDA graphs are not tested here")
@pytest.mark.parametrize("name", zoo_names())
def test_every_architecture_has_the_same_gradients_in_a_cuda_graph(name: str) -> None:
    single, graph = (lane(zoo_stepper(name, "cuda")) for _ in range(2))
    run([single], Way("eager", 1, ""), 4)
    assert not run([graph], Way("graph", 1, ""), 4).eager
    largest = max(float(a.norm()) for a in gradients(single))
    for a, b in zip(gradients(single), gradients(graph), strict=True):
        if a.norm() > 1e-3 * largest:
            assert apart(a, b) < 1e-3  # four steps of rounding, with convolutions in another order


def test_what_is_drawn_ahead_is_what_single_steps_draw() -> None:
    drawn = [
        Drawn("normal", (16, 2), "latent"),
        Drawn("normal", (32,), "latent"),
        Drawn("normal", (3, 5), "odd"),
        Drawn("integers", (7,), "data", 10),
        Drawn("uniform", (5, 1), "penalty"),
        Drawn("uniform", (5,), "mixed"),
        Drawn("normal", (5,), "mixed"),
    ]
    one, ahead = Draws(3), Draws(3)
    single = [[one.draw(each) for each in drawn] for _ in range(4)]
    several = DrawsAhead(drawn, 4, torch.device("cpu"))(ahead)
    for i in range(len(drawn)):
        assert torch.equal(torch.stack([step[i] for step in single]), several[i])
    for name, state in one.state_dict()["streams"].items():
        assert torch.equal(state, ahead.state_dict()["streams"][name])


def test_a_tape_hands_out_copies_and_notices_what_it_cannot_hold() -> None:
    draws = Draws(0)
    draws.tape = Tape()
    first = draws.uniform(4, low=-1.0)
    draws.stream("latent")
    assert draws.tape.drawn == [Drawn("uniform", (4,), "latent")]
    assert draws.tape.left_out
    numbers = torch.rand(4)
    before = numbers.clone()
    draws.tape = Tape([numbers])
    draws.uniform(4, low=-1.0)
    assert torch.equal(numbers, before)
    assert first.min() < 0 or first.max() <= 1
