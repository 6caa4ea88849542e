"""What a penalty is held to: second derivatives, its chance, its record, and what it may change."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.models import Draws
from ganzoo.models.draws import Tape
from ganzoo.objectives import Penalty
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import (
    apart,
    check_gradient,
    check_one_number,
    check_options,
    check_unknown_refused,
    without_global_chance,
)
from ganzoo.testing.critics import (
    BATCH,
    SHAPES,
    ChainCritic,
    Critic,
    Linear,
    Maker,
    PenaltySubject,
    critic_of,
    inputs_of,
    joined,
    part_of,
)
from ganzoo.testing.host import HostReads
from ganzoo.testing.projections import PROJECTION

STREAM = "penalty"
TOLERANCE = 1e-5  # of figures that are equal but for rounding


PENALTY = Checks("penalty")


@PENALTY.check(
    "made",
    why="`--penalty` makes it by its name, and --set gives its options.",
    hint="Make the target a subclass of objectives.Penalty whose keyword arguments all have defaults.",
)
def made(subject: PenaltySubject) -> str:
    """It is made with its defaults, is a Penalty, and takes named options alone."""
    penalty = subject.made()
    want(isinstance(penalty, Penalty), f"it makes a {type(penalty).__name__}, wanted a ganzoo.objectives.Penalty")
    check_unknown_refused(subject)
    return check_options(subject)


@PENALTY.check(
    "declared",
    why="The engine plans with what the class and the record say.",
    hint="Give `separates` the same value in class and record, and a term a weight and an interval above 0.",
)
def declared(subject: PenaltySubject) -> str:
    """It is a term or a projection, not both, and says of itself what the record says."""
    own, record = subject.own, subject.record
    want(
        own.separates == record.separates,
        f"separates is {own.separates} in the class, {record.separates} in the record",
    )
    want(record.weight > 0, f"the record's weight is {record.weight}, wanted more than 0")
    want(record.interval >= 1, f"the record's interval is {record.interval}, wanted 1 or more steps")
    other: Callable[[], Any]
    if own.is_projection:
        want(
            record.norm is None,
            f"it is a projection, and the record says that its term is 0 at a norm of {record.norm}",
        )
        what, other = "projection has a term", lambda: own(inputs_of("points", Critic(critic_of("points"))))
    else:
        what, other = "term projects", lambda: own.project(critic_of("points"))
    try:
        other()
    except TypeError:
        return "projection" if own.is_projection else "term"
    raise Failed(f"a {what} too, wanted a TypeError that says which of the two it is")


@PENALTY.check(
    "number",
    why="The engine adds the terms of a step up to one number.",
    hint="Take the mean over samples, in float32 at least.",
)
def number(subject: PenaltySubject) -> None:
    """The term is one finite number, for points and for pictures, with the scores at hand and without."""
    term = subject.term
    for kind, player in subject.sides():
        critic = Critic(critic_of(kind))
        alone = check_one_number(term(inputs_of(kind, critic, player=player)), f"the term of {kind}")
        given = inputs_of(kind, critic, player=player, scored=True)
        scored = check_one_number(term(given), f"the term of {kind} with their scores")
        want(
            apart(alone, scored) < TOLERANCE,
            f"the term of {kind} is {alone.item():.6g}, and {scored.item():.6g} where the step has their scores",
        )


@PENALTY.check(
    "norm",
    why="The term pulls the critic's gradient to that norm, and to no other.",
    hint="Write the record's `norm` as the option's default, and take the norm over all numbers of one sample.",
)
def norm(subject: PenaltySubject) -> str:
    """Of linear critics: 0 at the record's norm, above 0 away from it, whatever the samples are."""
    term, wanted = subject.term, subject.record.norm
    if wanted is None:
        raise Skipped("the record names no norm: it is about something else than the input gradient")
    away = (wanted / 2, wanted * 2) if wanted else (1.0, 2.0)
    for kind, shape in SHAPES.items():
        values = {}
        for size in (wanted, *away):
            critic = Linear(shape, size)
            one, other = (term(inputs_of(kind, critic, seed=seed)) for seed in (0, 7))
            want(
                apart(one, other) < TOLERANCE,
                f"of a linear critic of {kind} with gradient norm {size:g} it is {one.item():.6g} for some samples "
                f"and {other.item():.6g} for others",
            )
            values[size] = one.item()
        want(abs(values[wanted]) < TOLERANCE, f"at a gradient norm of {wanted:g} it is {values[wanted]:.6g}, wanted 0")
        found = [values[size] for size in away]
        told = ", ".join(f"{value:.6g} at {size:g}" for size, value in zip(away, found, strict=True))
        want(min(found) >= -TOLERANCE and max(found) > TOLERANCE, f"away from the norm {wanted:g} it is {told}")
    return f"0 at {wanted:g}; {told}"


@PENALTY.check(
    "second-derivative",
    why="Without it the term is a number that the critic does not learn from.",
    hint="Take the input gradient with torch.func.grad, or with create_graph=True, and detach nothing.",
)
def second_derivative(subject: PenaltySubject) -> str:
    """The gradient by the player's parameters is what differences of the term say, for flat and for steep critics."""
    term = subject.term
    longest = dict.fromkeys(subject.record.players, 0.0)
    for (kind, player), scale in itertools.product(subject.sides(), (0.5, 2.5)):
        critic, maker = Critic(critic_of(kind, scale=scale)), Maker(kind)
        network = maker if player == "generator" else critic.module
        what = f"the {player}'s term of a {'flat' if scale < 1 else 'steep'} critic of {kind}"

        def value(kind: str = kind, player: str = player, critic: Critic = critic, maker: Maker = maker) -> Tensor:
            return term(inputs_of(kind, critic, player=player, maker=maker))

        length = check_gradient(value, dict(network.named_parameters()), what)
        longest[player] = max(longest[player], length)
    for player, length in longest.items():
        want(length > 0, f"the term has a gradient of 0 for every {player}")
    return f"gradient of {max(longest.values()):.3g}"


@PENALTY.check(
    "flat",
    why="Critics are flat at their start and where they saturate, and one NaN spoils an update.",
    hint="Add a small number below the root: sqrt(sum of squares + 1e-12); norm() has no finite derivative at 0.",
)
def flat(subject: PenaltySubject) -> None:
    """A critic whose gradient is 0 has a finite term with finite derivatives, in float32 too."""
    term, kind = subject.term, subject.kinds[0]
    subject.of_the_critic()
    for dtype in (torch.float32, torch.float64):
        critic = Linear(SHAPES[kind], 0.0, dtype)
        given = inputs_of(kind, Critic(nn.Identity()))
        given = replace(given, critic=critic, real=given.real.to(dtype), fake=given.fake.to(dtype))
        value = check_one_number(term(given), f"the term of a flat critic in {dtype}")
        (found,) = torch.autograd.grad(value, [critic.weight], allow_unused=True)
        want(
            found is None or bool(torch.isfinite(found).all()),
            f"the term of a flat critic in {dtype} has a derivative that is not finite",
        )


@PENALTY.check(
    "chance",
    why="A step must be repeatable, and N processes must draw what one would.",
    hint=f'Draw from inputs.draws with stream="{STREAM}" alone: draws.uniform(n, stream="{STREAM}").',
)
def chance(subject: PenaltySubject) -> str:
    """Chance comes from the draws of the inputs alone, from its own stream, as often whatever the samples are."""
    term, kind = subject.term, subject.kinds[0]
    player, critic = subject.record.players[0], Critic(critic_of(kind))
    tapes = []
    one, other = (without_global_chance(lambda: term(inputs_of(kind, critic, player=player)), seed) for seed in (0, 1))
    want(torch.equal(one, other), "equal draws and samples give another number")
    for seed in (0, 9):
        draws = Draws(3)
        draws.tape = Tape()
        term(inputs_of(kind, critic, player=player, seed=seed, draws=draws))
        want(not draws.tape.left_out, "it takes a stream's generator itself, whose numbers cannot be drawn beforehand")
        tapes.append(draws.tape.drawn)
    others = {drawn.stream for drawn in tapes[0]} - {STREAM}
    want(not others, f"it draws from the stream {', '.join(sorted(others))}, wanted {STREAM}")
    want(tapes[0] == tapes[1], f"it draws {len(tapes[0])} times for some samples and {len(tapes[1])} for others")
    return f"{len(tapes[0])} draws"


@PENALTY.check(
    "in-place",
    why="The samples and the critic are used again in the same step.",
    hint="Change copies; leave `.grad`, requires_grad and the critic's modes alone.",
)
def in_place(subject: PenaltySubject) -> None:
    """Samples, parameters and their gradients stay as they are."""
    term, kind = subject.term, subject.kinds[-1]
    critic, maker = Critic(critic_of(kind)), Maker(kind)
    given = inputs_of(kind, critic, player=subject.record.players[0], maker=maker)
    made = given.fake.requires_grad
    kept = [x.detach().clone() for x in (given.real, given.fake, *critic.module.parameters())]
    term(given)
    names = ["real samples", "fake samples", *(name for name, _ in critic.module.named_parameters())]
    now = [given.real, given.fake, *critic.module.parameters()]
    changed = [name for name, a, b in zip(names, kept, now, strict=True) if not torch.equal(a, b)]
    want(not changed, f"it changes {', '.join(changed)}")
    want(not given.real.requires_grad and given.fake.requires_grad == made, "it makes the samples require gradients")
    both = (*critic.module.named_parameters(), *maker.named_parameters())
    grown = [name for name, parameter in both if parameter.grad is not None]
    want(not grown, f"it fills .grad of {', '.join(grown)}")
    want(all(parameter.requires_grad for _, parameter in both), "it switches the parameters' requires_grad off")


@PENALTY.check(
    "separates",
    why="Processes each take a part of the batch, and their gradients are averaged.",
    hint="Let a sample's term depend on that sample alone, all-reduce what is the whole batch's, or declare separates=False.",
)
def separates(subject: PenaltySubject) -> None:
    """Two processes, each with half of the batch, get on average what one gets, if that is declared."""
    term = subject.term
    if not subject.record.separates:
        raise Skipped("the record says that it looks at the whole batch")
    kind, half = subject.kinds[0], BATCH // 2
    whole = inputs_of(kind, Critic(critic_of(kind, scale=2.0)), player=subject.record.players[0])
    wanted = term(whole)

    def of_rank(rank: int) -> Tensor:
        draws = Draws(whole.draws.seed, rank=rank, world=2)
        return term(part_of(whole, slice(rank * half, (rank + 1) * half), draws))

    try:
        with joined(2), ThreadPoolExecutor(2) as ranks:
            parts = torch.stack(list(ranks.map(of_rank, range(2)))).mean()
    except (ValueError, RuntimeError) as error:
        if "process group" not in str(error):
            raise
        raise Skipped("it talks to other processes by more than all_reduce, which cannot be tried in one") from error
    want(
        apart(parts, wanted) < TOLERANCE,
        f"it is {wanted.item():.6g} for a batch, and {parts.item():.6g} on average over two processes with half of it each",
    )


@PENALTY.check(
    "chain",
    why="A game hands over critics with a closed form of their input gradient and critics without.",
    hint="Use objectives.penalties.input_gradient, which takes the closed form where there is one.",
)
def chain(subject: PenaltySubject) -> None:
    """A critic with a closed form of its input gradient and one without give the same term with the same gradient."""
    term = subject.term
    subject.of_the_critic()
    for kind in subject.kinds:
        module = critic_of(kind, nn.LeakyReLU, scale=2.0)
        found = []
        for critic in (Critic(module), ChainCritic(module)):
            value = term(inputs_of(kind, critic))
            gradients = torch.autograd.grad(value, list(module.parameters()), allow_unused=True)
            known = [
                torch.zeros_like(p) if g is None else g for g, p in zip(gradients, module.parameters(), strict=True)
            ]
            found.append((value, torch.cat([g.flatten() for g in known])))
        (plain, slope), (closed, closed_slope) = found
        want(
            apart(plain, closed) < TOLERANCE and apart(slope, closed_slope) < TOLERANCE,
            f"for a critic of {kind} it is {plain.item():.6g} without the closed form and {closed.item():.6g} with it, "
            "or their gradients differ",
        )


@PENALTY.check(
    "no-wait",
    why="Reading a number makes the host wait for the device in every step.",
    hint="Use tensor operations in place of .item(), float(), if and boolean masks, and make tensors on the samples' device.",
)
def no_wait(subject: PenaltySubject) -> None:
    """It reads no value on the host and leaves no device."""
    term = subject.term
    there = copy.deepcopy(term).to("meta") if isinstance(term, nn.Module) else term
    for kind, player in subject.sides():
        with HostReads() as reads:
            term(inputs_of(kind, Critic(critic_of(kind)), player=player))
        want(not reads.seen, f"it reads values on the host: {', '.join(reads.seen)}")
        critic = Critic(critic_of(kind, device="meta"))
        value = there(inputs_of(kind, critic, player=player, device="meta"))
        want(value.device.type == "meta", f"it leaves the device of the samples for {value.device}")


GROUPS = [PENALTY, PROJECTION]
SUBJECT = PenaltySubject
