"""A whole step as one function of tensors: batch, phases, updates of all players, averages and measurements.

A step whose course does not depend on values of the device or of the host does the same operations every time. Then they can
be traced once, and the trace compiled, captured in a CUDA graph, repeated several times a call, or mapped over seeds. What the
host decides in each step (learning rates, the averages' decay) and what chance gives come in as inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.config import Adam, Schedule, Sgd, value_at
from ganzoo.data import Feed
from ganzoo.engine.ema import Ema
from ganzoo.engine.optim import has_schedule, second_rate
from ganzoo.engine.step import Stepper
from ganzoo.engine.updates import Counters, state_names, updated
from ganzoo.models import Batch, Phase, StepContext
from ganzoo.models.draws import Drawn, Tape

Pattern = tuple[int, ...]
"""How many updates each phase has in a step, in the order of the phases."""


class CannotCapture(Exception):
    """Why a step cannot be one function of tensors; the message goes after "the step is not captured: "."""


class _Context(StepContext):
    """The context of a step that is being traced: it plays back a tape and notices who asks for the progress."""

    asked = False

    def __init__(self, like: StepContext, tape: Tape, values: Iterator[Tensor]) -> None:
        super().__init__(like.seed, like.device)
        self._values = values
        self.lowers_penalties, self.batch = like.lowers_penalties, like.batch
        self.tape = tape
        self.asked = False

    def at(self, value: float | Schedule) -> float | Tensor:
        """The value of a schedule, from the host."""
        return next(self._values) if isinstance(value, Schedule) else value

    @property
    def images(self) -> int:
        """Images seen: a number of the host, which a trace would keep for ever."""
        self.asked = True
        return 0

    @images.setter
    def images(self, value: int) -> None: ...

    @property
    def step(self) -> int:
        """Steps done, likewise."""
        self.asked = True
        return 0

    @step.setter
    def step(self, value: int) -> None: ...


@dataclass
class Lane:
    """One game in training: what a whole step changes."""

    stepper: Stepper
    ema: Ema
    feed: Feed

    def pattern(self) -> Pattern:
        """Of the next step."""
        context = self.stepper.context
        return tuple(phase.times(context.step, context.images) for phase in self.stepper.phases)


class _Places:
    """Where a game keeps its parameters and buffers, so that other tensors can be put there for a while."""

    def __init__(self, game: nn.Module) -> None:
        self._places: list[tuple[dict[str, Any], str, int]] = []
        self.tensors: list[Tensor] = []
        numbers: dict[int, int] = {}
        self.parameters: dict[int, int] = {}
        for module in game.modules():
            for holder in (module._parameters, module._buffers):
                for key, tensor in holder.items():
                    if tensor is None:
                        continue
                    number = numbers.setdefault(id(tensor), len(self.tensors))
                    if number == len(self.tensors):
                        self.tensors.append(tensor)
                    if holder is module._parameters:
                        self.parameters[id(tensor)] = number
                    self._places.append((holder, key, number))

    def put(self, tensors: Sequence[Tensor]) -> None:
        """One tensor for each of `self.tensors`."""
        for holder, key, number in self._places:
            holder[key] = tensors[number]

    def read(self, into: list[Tensor]) -> None:
        """What is there now: layers may have put new buffers."""
        for holder, key, number in self._places:
            into[number] = holder[key]

    def unchanged(self) -> bool:
        """Whether the game has its own tensors."""
        return all(holder[key] is self.tensors[number] for holder, key, number in self._places)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """At its end the game has its own tensors again."""
        try:
            yield
        finally:
            self.put(self.tensors)


class WholeStep:
    """The step of one lane, for one pattern of phases.

    Args:
        lane: which has taken a step of this pattern already, so that its optimisers have their state.
        drawn: what that step drew, in order.
        values: the schedules that it asked for, in order, and the images seen then since its start.

    Attributes:
        owners: every tensor that a step changes or reads between steps: parameters, buffers, optimisers' state, averages.
        names: of the measurements that a step returns, "phase.name"; known once it has been called.
        rates: how many numbers of the host a step takes (`host_numbers`).
        fresh: batches that a step draws.

    Raises:
        CannotCapture: an optimiser has no state yet for a parameter.
    """

    def __init__(
        self, lane: Lane, pattern: Pattern, drawn: Sequence[Drawn], values: Sequence[tuple[Schedule, int]] = ()
    ) -> None:
        self.lane, self.pattern, self.drawn, self._values = lane, pattern, tuple(drawn), tuple(values)
        self._stepper = lane.stepper
        self._places = _Places(lane.stepper.game)
        self.owners: list[Tensor] = list(self._places.tensors)
        self._slots: dict[tuple[int, str], dict[str, int]] = {}  # of a parameter and player: where its state lies
        self._counters: dict[int, int] = {}
        self._add_optimizers()
        numbers = {id(tensor): i for i, tensor in enumerate(self._places.tensors)}
        self._averages: list[
            tuple[int, int, bool]
        ] = []  # place of the average, of the live tensor, and whether it is one
        for average, live, averaged in lane.ema.pairs():
            self._averages.append((len(self.owners), numbers[id(live)], averaged))
            self.owners.append(average)
        self.updates = [phase for phase, times in zip(self._stepper.phases, pattern, strict=True) for _ in range(times)]
        self.fresh = sum(1 for phase in self.updates if phase.batch == "fresh") or 1
        if self.updates and self.updates[0].batch != "fresh" and any(p.batch == "fresh" for p in self.updates):
            self.fresh += 1
        configs = [self._stepper.seats[name].player.optimizer for phase in self.updates for name in phase.players]
        self._fixed: list[float] | None = None  # the rates, where none of them follows a schedule
        if not any(has_schedule(config) for config in configs):
            self._fixed = [rate for c in configs for rate in (value_at(c.lr, 0), second_rate(c, 0))]
        self.names: tuple[str, ...] = ()
        self._leaves: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def images(self) -> int:
        """Samples that a step draws."""
        return self.fresh * self._stepper.batch

    def holds(self) -> bool:
        """Whether the game still has the tensors that this step changes."""
        return self._places.unchanged()

    def _add_optimizers(self) -> None:
        """The optimisers' tensors. Step counters that are equal and advance together become one in the trace."""
        together = all(phase.every == 1 and phase.start == 0 and phase.until is None for phase in self._stepper.phases)
        for name, seat in self._stepper.seats.items():
            first: dict[float, int] = {}
            for parameter in seat.parameters:
                state = seat.optimizer.state.get(parameter, {})
                slots = self._slots[id(parameter), name] = {}
                for key in state_names(seat.player.optimizer):
                    value = state.get(key)
                    if value is None:
                        continue
                    slot = slots[key] = len(self.owners)
                    self.owners.append(value)
                    if key == "step" and together:
                        self._counters[slot] = first.setdefault(float(value), slot)

    def host_numbers(self, images: int, factor: float) -> list[float]:
        """What the host gives to one step: each update's learning rates and second rates, the averages' weight, and the values
        of schedules.

        Args:
            images: seen before the step. factor: of all learning rates.
        """
        values = [schedule.at(images + since) for schedule, since in self._values]
        if self._fixed is not None:
            numbers = (
                self._fixed if factor == 1 else [n * factor if i % 2 == 0 else n for i, n in enumerate(self._fixed)]
            )
            return [*numbers, self.lane.ema.weight(images + self.images, self.images), *values]
        numbers = []
        drawn = 0
        for i, phase in enumerate(self.updates):
            if phase.batch == "fresh" or i == 0:
                drawn += self._stepper.batch
            for name in phase.players:
                config = self._stepper.seats[name].player.optimizer
                numbers += [value_at(config.lr, images + drawn) * factor, second_rate(config, images + drawn)]
        return [*numbers, self.lane.ema.weight(images + drawn, drawn), *values]

    def __call__(
        self,
        state: Sequence[Tensor],
        parts: Sequence[Batch],
        held: dict[str, Tensor],
        numbers: Sequence[Tensor],
        host: Sequence[Tensor],
    ) -> tuple[list[Tensor], Tensor]:
        """One step. The state after it (some of the given tensors changed in place), and its measurements: the mean of
        each over the updates of its phase.

        Args:
            state: as `self.owners`. parts, held: for `Feed.made`, one part a fresh batch. numbers: for the draws in order.
            host: `host_numbers`, as tensors of one number.

        Raises:
            CannotCapture: the step asks for what a trace cannot hold.
        """
        now = list(state)
        for slot, first in self._counters.items():
            now[slot] = now[first]
        tape = Tape(numbers)
        rest = len(host) - len(self._values)
        context = _Context(self._stepper.context, tape, iter(host[rest:]))
        fresh, rates = iter(parts), iter(host[:rest])
        batch: Batch | None = None
        measured: dict[str, list[Tensor]] = {}
        self._leaves = {}
        with self._places.lent():
            for phase in self.updates:
                if batch is None or phase.batch == "fresh":
                    batch = self.lane.feed.made(next(fresh), self._stepper.batch, held, context)
                values = self._update(now, phase, batch, context, rates)
                for name, value in values.items():
                    measured.setdefault(f"{phase.name}.{name}", []).append(value.reshape(()).float())
            self._stepper.forget_shared()
        if tape.left_out:
            raise CannotCapture("it draws from a stream's generator by itself")
        if context.asked:
            raise CannotCapture("it asks for the images seen or the steps done")
        if tuple(tape.drawn) != self.drawn:
            raise CannotCapture("it does not draw the same numbers in every step")
        weight = next(rates)
        for place, live, averaged in self._averages:
            value = now[live].detach()
            now[place] = torch.lerp(now[place], value, weight.to(value.dtype)) if averaged else value.clone()
        self.names = tuple(measured)
        row = [torch.stack(values).mean() if len(values) > 1 else values[0] for values in measured.values()]
        return now, torch.stack(row)

    def _update(
        self, now: list[Tensor], phase: Phase, batch: Batch, context: StepContext, rates: Iterator[Tensor]
    ) -> dict[str, Tensor]:
        stepper, places = self._stepper, self._places
        count = len(places.tensors)
        wanted = stepper.wanted(phase)
        # Packed state is views of one tensor: a layer that writes to its buffer would seem to autograd to write to weights too.
        parameters = set(places.parameters.values())
        lent = [t.clone() if t._is_view() and i not in parameters else t for i, t in enumerate(now[:count])]
        for identity, number in places.parameters.items():
            lent[number] = self._leaf(number, now[number]) if identity in wanted else now[number].detach()
        places.put(lent)
        seats = [stepper.seats[name] for name in phase.players]
        own = [[places.parameters[id(p)] for p in seat.parameters] for seat in seats]
        with torch.enable_grad():
            found, values = stepper.compute(phase, batch, context, [[lent[i] for i in ids] for ids in own])
        after = list(now[:count])
        places.read(after)
        now[:count] = [now[i] if i in parameters else after[i] for i in range(count)]
        with torch.no_grad():
            for seat, ids, gradients in zip(seats, own, found, strict=True):
                name = f"{seat.player.name}/gradient norm" if len(seats) > 1 else "gradient norm"
                given = {"lr": next(rates), "second": next(rates)}
                values[name], values["skipped"] = self._apply(now, seat, ids, gradients, given)
            places.put(now[:count])
            stepper.game.after_phase(phase.name, context)
            places.read(now)
        return values

    def _leaf(self, number: int, value: Tensor) -> Tensor:
        """The parameter as a leaf that gradients are taken of: the same one as long as its value is, since a phase may keep
        a graph for a later one."""
        known = self._leaves.get(number)
        if known is None or known[0] is not value:
            known = self._leaves[number] = (value, value.detach().requires_grad_())
        return known[1]

    def _apply(
        self, now: list[Tensor], seat: Any, ids: Sequence[int], found: Sequence[Tensor | None], given: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        config = seat.player.optimizer
        reached = [(i, number, g) for i, (number, g) in enumerate(zip(ids, found, strict=True)) if g is not None]
        gradients = [g.float() if g.dtype != now[number].dtype else g for _, number, g in reached]
        norm = torch.sqrt(torch.stack([torch.sum(g * g) for g in gradients]).sum())
        done = norm - norm == 0
        if seat.player.clip_norm is not None:
            scale = (seat.player.clip_norm / (norm + 1e-6)).clamp(max=1.0)
            gradients = [g * scale for g in gradients]
        rates: Mapping[str, Any] = {"lr": given["lr"], **_second(config, given["second"])}
        counters: Counters = {}
        for (i, number, _), gradient in zip(reached, gradients, strict=True):
            slots = self._slots[id(seat.parameters[i]), seat.player.name]
            if slots.keys() != set(state_names(config)) and not isinstance(config, Sgd):
                raise CannotCapture(f"a parameter of {seat.player.name} has had no update yet")
            state = {key: now[slot] for key, slot in slots.items()}
            now[number], after = updated(config, now[number], gradient, state, rates, done, counters)
            for key, value in after.items():
                now[slots[key]] = value
        # A counter that parameters share is one tensor before and after.
        for counter, next_one in counters.values():
            kept = torch.where(done, next_one, counter)
            for i, _, _ in reached:
                slot = self._slots[id(seat.parameters[i]), seat.player.name].get("step")
                if slot is not None and now[slot] is counter:
                    now[slot] = kept
        return norm, 1.0 - done.float()


def _second(config: Any, value: Tensor) -> dict[str, Any]:
    """Adam's beta2 or SGD's momentum; a number where it is no schedule, so that it folds into the trace."""
    if isinstance(config, Adam):
        return {"beta2": value if isinstance(config.beta2, Schedule) else config.beta2}
    if isinstance(config, Sgd):
        return {"momentum": value if isinstance(config.momentum, Schedule) else config.momentum}
    return {}
