"""Twenty steps and what they have to leave behind: moved players, averages that lag, and the same twice."""

from __future__ import annotations

import gc
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.config import Adam
from ganzoo.engine.gauges import what_was_skipped
from ganzoo.engine.optim import make_optimizer
from ganzoo.models import Batch, Phase, StepContext
from ganzoo.testing.check import Checks, Failed, want
from ganzoo.testing.host import HostReads
from ganzoo.testing.subject import ArchSubject, World, difference, tensors_of

TRAINING = Checks("training")
STEPS = 20
FITTED_STEPS = 100  # updates on one batch that have to lower an objective
FITTED_SHARE = 0.05  # of its size, by which they have to
FAR_AHEAD = 10_000  # steps and images at which a phase's number of updates is asked for


@dataclass
class _Run:
    """Twenty steps of a game: the weights before them, and how often each phase ran and said that it would."""

    world: World
    before: dict[str, Tensor]
    seen: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    measured: tuple[dict[str, float], dict[str, int]] = ({}, {})


_RUNS: WeakKeyDictionary[ArchSubject, _Run] = WeakKeyDictionary()


def _twenty(subject: ArchSubject) -> _Run:
    """The run of a subject, taken once."""
    if subject in _RUNS:
        return _RUNS[subject]
    world = subject.trained_world()
    run = _Run(world, tensors_of(world.game))
    update = world.stepper._update

    def counted(phase: Phase, batch: Batch) -> None:
        run.seen[phase.name] += 1
        update(phase, batch)

    world.stepper._update = counted  # type: ignore[method-assign]
    for _ in range(STEPS):
        for phase in world.stepper.phases:
            run.wanted[phase.name] += phase.times(world.context.step, world.context.images)
        world.step()
    run.measured = world.stepper.gauges.fetch()
    _RUNS[subject] = run
    return run


@TRAINING.check(
    "moves",
    why="A player that stands still makes a run that only costs time.",
    hint="Look at learning rates, at phases that are never due, and at gradients that are 0.",
)
def moves(subject: ArchSubject) -> None:
    """In 20 steps every player moves, and all numbers stay finite. Single parameters may stand still: the last bias of a
    Wasserstein critic does, and weights at the limit of a clip."""
    run = _twenty(subject)
    world, before, after = run.world, run.before, tensors_of(run.world.game)
    bad = [name for name, value in after.items() if not bool(torch.isfinite(value).all())]
    want(not bad, f"after {STEPS} steps {', '.join(bad[:3])} are not finite")
    skipped = what_was_skipped(*run.measured)
    want(skipped is None, f"updates were skipped, because these are not finite: {skipped and skipped[0]}")
    for player, seat in world.stepper.seats.items():
        own = {id(p) for p in seat.parameters}
        still = [n for n, p in world.game.named_parameters() if id(p) in own and torch.equal(before[n], after[n])]
        want(len(still) < max(len(own), 1), f"player {player} does not move at all")


@TRAINING.check(
    "rates",
    why="A number of updates that depends on anything but step and images is another after a resume.",
    hint="Make Phase.every, repeats, start and until functions of the step's number and of the images alone.",
)
def rates(subject: ArchSubject) -> str:
    """Each phase runs as often as it says, is due at some time, and says the same when it is asked again."""
    run = _twenty(subject)
    world, stepper, seen, wanted = run.world, run.world.stepper, run.seen, run.wanted
    want(seen == wanted, f"in {STEPS} steps phases ran {dict(seen)} times, and say {dict(wanted)}")
    again = {phase.name: phase for phase in world.game.phases()}
    want(list(again) == [phase.name for phase in stepper.phases], "phases() gives other phases when it is asked again")
    for phase in stepper.phases:
        plan = [phase.times(step, step * stepper.batch) for step in range(FAR_AHEAD)]
        other = [again[phase.name].times(step, step * stepper.batch) for step in range(FAR_AHEAD)]
        want(plan == other, f"phase {phase.name} says another number of updates when it is asked again")
        started = not phase.start or phase.start < FAR_AHEAD * stepper.batch
        want(any(plan) or not started, f"phase {phase.name} is not due in {FAR_AHEAD:,} steps")
    return ", ".join(f"{name} {count}" for name, count in seen.items())


@TRAINING.check(
    "averages",
    why="Samples are drawn from averaged weights: of a network that is left out they are drawn from the last ones.",
    hint="sampled_parts() gives every module that sample() uses.",
)
def averages(subject: ArchSubject) -> None:
    """The averages lag behind the weights, and are kept for all that samples depend on."""
    world = subject.trained_world()
    for _ in range(3):
        world.step()
    pairs = [(average, live) for average, live, averaged in world.ema.pairs() if averaged and live.is_floating_point()]
    want(bool(pairs), "sampled_parts() gives nothing with parameters")
    want(any(not torch.equal(average, live) for average, live in pairs), "the averages are the weights themselves")
    covered = {id(tensor) for part in world.game.sampled_parts() for tensor in (*part.parameters(), *part.buffers())}
    before = _drawn(subject, world)
    with torch.no_grad():
        for p in world.game.parameters():
            if id(p) not in covered:
                p.add_(1.0)
    want(torch.equal(before, _drawn(subject, world)), "samples change with weights that sampled_parts() leaves out")


@TRAINING.check(
    "seeded",
    why="A figure that cannot be repeated is no figure.",
    hint="Draw every number of a step from the context: context.normal, context.uniform, context.integers.",
)
def seeded(subject: ArchSubject) -> None:
    """Two trainings with one seed are equal bit for bit, whatever the global generators hold."""
    states = []
    generators = random.getstate(), np.random.get_state()
    try:
        for other in (1, 2):
            world = subject.trained_world()
            with torch.random.fork_rng():
                _seed_globals(other)
                for _ in range(4):
                    world.step()
                states.append(tensors_of(world.game))
    finally:
        random.setstate(generators[0])
        np.random.set_state(generators[1])
    place = difference(*states)
    want(place is None, f"with one seed {place} differs: chance comes from somewhere else than the context")


@TRAINING.check(
    "no-host-read",
    why="Reading a number makes the host wait for the device, in every step.",
    hint="Keep values as tensors on the device: no .item(), float(), bool(), .tolist(), nonzero or printing in a step.",
)
def no_host_read(subject: ArchSubject) -> None:
    """Nothing in a step reads a device value on the host."""
    world = subject.trained_world()
    world.step()
    with HostReads() as reads:
        world.step()
    shown = ", ".join(f"{name} {count}" for name, count in reads.seen.items())
    want(not reads.seen, f"a step reads values of the device: {shown}")


@TRAINING.check(
    "meta",
    why="A tensor made on the CPU would stop the step on any other device.",
    hint="Make tensors with device=x.device, or from another: x.new_zeros, torch.zeros_like, buffers.",
)
def meta(subject: ArchSubject) -> None:
    """Two steps run on the meta device: nothing lies on a device of its own, and no value is needed."""
    world = subject.trained_world(device="meta")
    try:
        for _ in range(2):
            world.stepper.step()
    except (RuntimeError, NotImplementedError) as error:
        raise Failed(f"a step on the meta device ends in {type(error).__name__}: {error}") from error


@TRAINING.check(
    "bfloat16",
    why="Where the hardware has bfloat16, runs use it without being asked.",
    hint="Do not convert inside the networks; compute reductions and penalties in float32 (context.full_precision()).",
)
def bfloat16(subject: ArchSubject) -> None:
    """Three steps in mixed precision stay finite, weights and gradients stay float32."""
    world = subject.trained_world(precision=torch.bfloat16)
    for _ in range(3):
        world.step()
    for name, value in world.game.state_dict().items():
        want(bool(torch.isfinite(value).all()), f"{name} is not finite after 3 steps in bfloat16")
        want(value.dtype != torch.bfloat16, f"{name} became bfloat16")


@TRAINING.check(
    "float32",
    why="A constant of another precision makes the whole network compute in it, several times slower.",
    hint="Write numbers as Python floats, or tensors with dtype=x.dtype.",
)
def float32(subject: ArchSubject) -> None:
    """In float32 every operation of a step on samples and weights is float32."""
    world = subject.trained_world()
    with _Dtypes() as seen:
        world.stepper.step()
    want(not seen.wide, f"float64 appears in a step: {', '.join(sorted(seen.wide)[:4])}")


@TRAINING.check(
    "memory",
    why="A run that keeps something of each step ends in the middle of the night.",
    hint="Keep no tensor from step to step but in buffers; .detach() what you keep, and keep a fixed number.",
)
def memory(subject: ArchSubject) -> None:
    """Steps leave no more tensors behind than the steps before."""
    world = subject.trained_world()
    kept = []
    gc.freeze()  # what is there now is not looked at again, which makes the rest quick
    try:
        for _ in range(3):
            for _ in range(3):
                world.step()
            gc.collect()
            kept.append(sum(issubclass(type(thing), Tensor) for thing in gc.get_objects()))
    finally:
        gc.unfreeze()
    want(not kept[0] < kept[1] < kept[2], f"after 3, 6 and 9 steps there are {kept[0]}, {kept[1]}, {kept[2]} tensors")


@TRAINING.check(
    "over-fits",
    why="Networks that cannot fit one batch cannot learn a data set.",
    hint="Look at the sign of the loss, the learning rate, saturated outputs and dead activations.",
    slow=True,
)
def over_fits(subject: ArchSubject) -> str:
    """Against opponents that stand still, each player lowers its own objective on one batch and one set of draws."""
    lowered = []
    for player in list(subject.trained_world().stepper.seats):
        world = subject.trained_world()
        phases = [phase for phase in world.stepper.phases if player in phase.players]
        batch = world.stepper._next_batch(world.stepper.batch)
        seat = world.stepper.seats[player]
        _stir_others(world, player)
        optimizer = make_optimizer(Adam(lr=1e-3), seat.parameters)  # some papers' rates take epochs
        first = last = 0.0
        for number in range(FITTED_STEPS):
            phase = phases[0]
            world.stepper.enable(phase)
            terms, total = _terms(world, phase, player, batch)
            last = float(total.detach())
            first = last if not number else first
            gradients = torch.autograd.grad(total, seat.parameters, allow_unused=True)
            for parameter, gradient in zip(seat.parameters, gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
            del terms
        fell = first - last
        want(
            fell > FITTED_SHARE * max(abs(first), 0.1),
            f"{player}: {FITTED_STEPS} updates take {first:.4g} to {last:.4g}",
        )
        lowered.append(f"{player} {first:.3g} to {last:.3g}")
    return ", ".join(lowered)


@torch.no_grad()
def _stir_others(world: World, player: str) -> None:
    """Weights of the opponents as after some training: as some papers draw them they let hardly any gradient through."""
    own = {id(parameter) for parameter in world.stepper.seats[player].parameters}
    chance = torch.Generator().manual_seed(8)
    for seat in world.stepper.seats.values():
        for parameter in seat.parameters:
            if id(parameter) not in own and parameter.dim() > 1:
                parameter.add_(torch.randn(parameter.shape, generator=chance) * parameter[0].numel() ** -0.5)


def _terms(world: World, phase: Phase, player: str, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
    context = StepContext(1, world.context.device)
    terms = world.game(phase.name, batch, context)
    return terms, world.stepper._objective(player, phase, terms)


def _drawn(subject: ArchSubject, world: World) -> Tensor:
    labels = torch.arange(4) % subject.spec.classes if subject.spec.classes else None
    world.game.eval()
    with torch.no_grad():
        x = world.game.sample(4, condition=labels, generator=torch.Generator().manual_seed(5))
    world.game.train()
    return x


def _seed_globals(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


class _Dtypes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Which operations give float64 tensors of more than one number."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.wide: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, Tensor) and value.dtype == torch.float64 and value.dim():
                self.wide.add(func.overloadpacket.__name__)
        return result
