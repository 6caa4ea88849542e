"""What the terms of each phase have to be like: finite, about their own player, downhill, with exact gradients."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ganzoo import plugin
from ganzoo.build import configure
from ganzoo.config import ArchConfig
from ganzoo.errors import UsageError
from ganzoo.models import Batch, Gan, Phase
from ganzoo.registry import registry
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.subject import ArchSubject, World, double_precision

OBJECTIVES = Checks("objectives")
STEPS_OF = (1e-2, 1e-3, 1e-4, 1e-5)  # what a small step is expected to lower an objective by, as a share of its size
DIFFERENCE = 1e-5  # step of finite differences, in the parameters' unit
EXACT = 1e-4  # relative error of a derivative that finite differences allow in float64
SWAPPED_STEPS, SWAPPED_BATCH = 3, 4  # steps that a swapped component trains for, and samples an update


@OBJECTIVES.check(
    "finite",
    why="The engine skips updates that are not finite, so nothing would be learned.",
    hint="Look for log(0), sqrt(0) and divisions by a norm that may be 0.",
)
def finite(subject: ArchSubject) -> str:
    """Every phase's terms are single finite numbers, and their gradients are finite."""
    world = subject.trained_world()
    names = []
    for phase, terms, gradients in _first_phases(world):
        for name, term in terms.items():
            want(
                term.numel() == 1, f"{phase.name}: the term {name} has the shape {tuple(term.shape)}, wanted one number"
            )
            want(bool(torch.isfinite(term).all()), f"{phase.name}: the term {name} is {float(term):g}")
            names.append(name)
        for player, found in gradients.items():
            bad = [i for i, g in enumerate(found) if g is not None and not bool(torch.isfinite(g).all())]
            want(not bad, f"{phase.name}: {len(bad)} gradients of {player} are not finite")
    return ", ".join(dict.fromkeys(names))


@OBJECTIVES.check(
    "reached",
    why="A parameter that no phase reaches stays as it was drawn.",
    hint="Detach fakes for the discriminator alone; use every layer that is made; freeze what is not to be trained.",
)
def reached(subject: ArchSubject) -> None:
    """Every parameter of a player is reached by the terms of some phase of that player."""
    world = subject.trained_world()
    missing = {name: {id(p) for p in seat.parameters} for name, seat in world.stepper.seats.items() if seat.parameters}
    for phase, _, gradients in _first_phases(world):
        for player, found in gradients.items():
            seat = world.stepper.seats[player]
            reached = {id(p) for p, g in zip(seat.parameters, found, strict=True) if g is not None}
            want(bool(reached), f"phase {phase.name} reaches no parameter of its player {player}")
            missing[player] -= reached
    names = {id(p): name for name, p in world.game.named_parameters()}
    for player, left in missing.items():
        shown = ", ".join(sorted(names.get(each, "?") for each in left)[:4])
        want(not left, f"no phase reaches {len(left)} parameters of {player}: {shown}")
    trained = {id(p) for seat in world.stepper.seats.values() for p in seat.parameters}
    trained |= {id(p) for part in world.game.idle_parts() for p in part.parameters()}
    idle = [name for name, p in world.game.named_parameters() if p.requires_grad and id(p) not in trained]
    want(not idle, f"{', '.join(idle[:4])} belong to no player, and are not frozen")


@OBJECTIVES.check(
    "own-player",
    why="A player that also holds its opponent's parameters trains them against the opponent's own aim.",
    hint="Give each player its own parts; where two really share parameters, say so by Player(shares=...).",
)
def own_player(subject: ArchSubject) -> str:
    """Two players share no parameter, unless one of them says so."""
    world = subject.trained_world()
    seats = list(world.stepper.seats.values())
    said = []
    for i, one in enumerate(seats):
        for other in seats[:i]:
            shared = {id(p) for p in one.parameters} & {id(p) for p in other.parameters}
            names = (one.player.name, other.player.name)
            told = names[1] in one.player.shares or names[0] in other.player.shares
            want(told or not shared, f"{names[0]} and {names[1]} share {len(shared)} parameters, and neither says so")
            want(not told or bool(shared), f"{names[0]} and {names[1]} are said to share parameters, and share none")
            said += [f"{names[0]} shares with {names[1]}"] if told else []
    return ", ".join(said)


@OBJECTIVES.check(
    "others-stay",
    why="What a phase changes besides its players' parameters is no gradient step, and cannot be repeated or captured.",
    hint="Compute terms in forward and leave updates to the engine; never call backward or step an optimiser in a game.",
)
def others_stay(subject: ArchSubject) -> None:
    """Computing a phase's terms changes no parameter and leaves no gradient behind."""
    world = subject.trained_world()
    stepper = world.stepper
    for phase in _due(world):
        stepper.enable(phase)
        before = {name: p.detach().clone() for name, p in world.game.named_parameters()}
        stepper.compute(phase, _batch(world), world.context, [stepper.seats[name].parameters for name in phase.players])
        changed = [name for name, p in world.game.named_parameters() if not torch.equal(p, before[name])]
        want(not changed, f"computing the terms of {phase.name} changes {', '.join(changed[:3])}")
        kept = [name for name, p in world.game.named_parameters() if p.grad is not None]
        want(
            not kept,
            f"computing the terms of {phase.name} leaves gradients in {', '.join(kept[:3])}: it calls backward",
        )


@OBJECTIVES.check(
    "downhill",
    why="Terms whose gradient is not that of their value make an optimiser walk somewhere else.",
    hint="Look for .detach(), .data, torch.no_grad() and rounding on the way from parameters to terms.",
)
def downhill(subject: ArchSubject) -> None:
    """A small step against its gradient lowers each player's objective in each phase, on the same samples and draws."""
    with double_precision():
        world = subject.trained_world(dtype=torch.float64)
        for phase in _due(world):
            for player in phase.players:
                _lowers(world, phase, player)


@OBJECTIVES.check(
    "second-order",
    why="A penalty whose second derivative is wrong trains on something else than its equation.",
    hint="Take the input gradient by torch.func.grad, or with create_graph=True; use layers with exact second derivatives.",
)
def second_order(subject: ArchSubject) -> str:
    """The gradient of each penalty by the critic's parameters equals finite differences, in float64."""
    with double_precision():
        world = subject.world(dtype=torch.float64)
        game = world.game
        if not isinstance(game, Gan):
            raise Skipped(f"{type(game).__name__} is not the standard game: `downhill` covers its terms")
        terms = [
            term for term in game.penalties if not term.penalty.is_projection and "discriminator" in term.record.players
        ]
        if not terms:
            raise Skipped("it has no penalty with a gradient by default")
        batch = _batch(world)
        errors = []
        for term in terms:
            phases = {phase.name: phase for phase in world.stepper.phases}
            name = next(
                (name for name in (term.phase("discriminator"), "discriminator", "both") if name in phases), None
            )
            if name is None:
                raise Skipped(f"no phase is called discriminator: {', '.join(phases)}")
            errors.append(_second_order_error(world, phases[name], term.name, batch))
            want(errors[-1] < EXACT, f"{term.name}: {errors[-1]:.1e} away from finite differences, wanted {EXACT:.0e}")
    return f"relative error {max(errors):.1e}"


@OBJECTIVES.check(
    "combinations",
    why="Any architecture with any loss and penalty is what ganzoo promises.",
    hint="Take loss, penalty and augment from the configuration; use `self.loss` and `penalty_terms` for the terms.",
)
def combinations(subject: ArchSubject) -> str:
    """Every registered loss, penalty and augmentation that makes sense in the game trains 3 steps to finite weights."""
    game = subject.game()
    taken = game.takes
    if not taken:
        raise Skipped("it has an objective of its own, and takes no other")
    kinds: dict[str, type[plugin.Record]] = {
        "loss": plugin.Loss,
        "penalty": plugin.Penalty,
        "augment": plugin.Augmentation,
    }
    done = refused = 0
    for word, kind in kinds.items():
        for entry in registry().entries(kind) if word in taken else []:
            if entry.plugin not in ("ganzoo", subject.entry.plugin):
                continue  # another plugin's faults are not this architecture's
            if getattr(game, "lacks", lambda record: None)(entry.record):
                refused += 1
                continue
            try:
                config = _with(subject, word, entry.id)
                world = subject.world(config=config)
            except UsageError as error:
                raise Failed(f"--{word} {entry.id}: {error}") from error
            for _ in range(SWAPPED_STEPS):
                world.step()
            bad = [name for name, value in world.game.state_dict().items() if not bool(torch.isfinite(value).all())]
            want(not bad, f"--{word} {entry.id}: after {SWAPPED_STEPS} steps {bad[:1]} are not finite")
            done += 1
    return f"{done} components, and {refused} make no sense in it"


def _with(subject: ArchSubject, word: str, name: str) -> ArchConfig:
    options = {"loss": {"loss": name}, "penalty": {"penalty": [name]}, "augment": {"augment": name}}[word]
    smaller = (*subject.assignments, f"batch={min(SWAPPED_BATCH, subject.config.batch)}")
    return configure(subject.entry, smaller, **options)  # type: ignore[arg-type]


def _due(world: World) -> Iterator[Phase]:
    """Each phase once, in order."""
    yield from world.stepper.phases


def _batch(world: World) -> Batch:
    """A batch at the start of the order, of the world's precision."""
    return world.stepper._next_batch(world.stepper.batch)


def _first_phases(world: World) -> Iterator[tuple[Phase, dict[str, Tensor], dict[str, Sequence[Tensor | None]]]]:
    """Each phase with its terms and its players' gradients, on one batch, without any update."""
    stepper = world.stepper
    batch = _batch(world)
    for phase in _due(world):
        stepper.enable(phase)
        found, _ = stepper.compute(phase, batch, world.context, [stepper.seats[p].parameters for p in phase.players])
        yield phase, dict(world.context.terms), dict(zip(phase.players, found, strict=True))
    stepper.release()


@contextmanager
def _as_it_was(world: World) -> Iterator[None]:
    """Buffers and chance are as before when it ends: so that a phase can be computed again on the same draws."""
    buffers = {name: b.clone() for name, b in world.game.named_buffers()}
    chance = copy.deepcopy(world.context.state_dict())
    world.context.shared = {}
    try:
        yield
    finally:
        world.context.load_state_dict(chance)
        world.context.shared = {}
        with torch.no_grad():
            for name, b in world.game.named_buffers():
                b.copy_(buffers[name])


def _gradients(
    world: World, phase: Phase, player: str, batch: Batch, term: str | None = None
) -> tuple[Tensor, list[Tensor]]:
    """The player's objective (or one term of it) and its gradient, on the same draws each time."""
    stepper, seat = world.stepper, world.stepper.seats[player]
    stepper.enable(phase)
    with _as_it_was(world), torch.random.fork_rng():
        torch.manual_seed(0)
        terms = world.game(phase.name, batch, world.context)
        value = terms[_named(terms, term)] if term is not None else stepper._objective(player, phase, terms)
        found = torch.autograd.grad(value, seat.parameters, allow_unused=True)
    zeros = [torch.zeros_like(p) if g is None else g for p, g in zip(seat.parameters, found, strict=True)]
    return value.detach(), zeros


def _named(terms: dict[str, Tensor], term: str) -> str:
    return next(name for name in terms if name.rpartition("/")[2] == term.rpartition("/")[2])


def _lowers(world: World, phase: Phase, player: str) -> None:
    batch = _batch(world)
    parameters = world.stepper.seats[player].parameters
    before, gradient = _gradients(world, phase, player, batch)
    slope = sum(float(g.square().sum()) for g in gradient)
    want(slope > 0, f"phase {phase.name}: the gradient of {player} is 0")
    size = max(abs(float(before)), 1e-3)
    seen = []
    for share in STEPS_OF:
        step = share * size / slope
        with _moved(parameters, gradient, -step):
            after, _ = _gradients(world, phase, player, batch)
        seen.append(float(after) - float(before))
        if seen[-1] < 0:
            return
    raise Failed(
        f"phase {phase.name}: against its gradient the objective of {player} goes from {float(before):.6g} up by "
        f"{min(seen):.2g} or more, where it should fall"
    )


def _second_order_error(world: World, phase: Phase, term: str, batch: Batch) -> float:
    """Relative error of the term's derivative along one random direction of the critic's parameters."""
    player = next(name for name in phase.players if name != "generator" or len(phase.players) == 1)
    parameters = world.stepper.seats[player].parameters
    _, gradient = _gradients(world, phase, player, batch, term)
    chance = torch.Generator().manual_seed(8)
    way = [torch.randn(p.shape, generator=chance) * p.detach().abs().mean().clamp_min(1e-3) for p in parameters]
    claimed = sum(float((g * w).sum()) for g, w in zip(gradient, way, strict=True))
    errors = []
    for length in (DIFFERENCE, DIFFERENCE / 10, DIFFERENCE / 100):  # a longer one may cross the kink of a ReLU
        values = []
        for sign in (1.0, -1.0):
            with _moved(parameters, way, sign * length):
                values.append(float(_gradients(world, phase, player, batch, term)[0]))
        seen = (values[0] - values[1]) / (2 * length)
        errors.append(abs(claimed - seen) / max(abs(seen), abs(claimed), 1e-8))
        if errors[-1] < EXACT:
            break
    return min(errors)


@contextmanager
def _moved(parameters: Sequence[Tensor], way: Sequence[Tensor], length: float) -> Iterator[None]:
    before = [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for p, w in zip(parameters, way, strict=True):
            p.add_(w, alpha=length)
    try:
        yield
    finally:
        with torch.no_grad():
            for p, b in zip(parameters, before, strict=True):
                p.copy_(b)
