"""One step of a game: each due phase, each of its updates, each micro-batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.engine.gauges import Gauges
from ganzoo.engine.optim import has_schedule, make_optimizer, set_rates, skips_on_device
from ganzoo.engine.processes import Processes, filled
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Batch, Game, Phase, Player, StepContext


class _Seat:
    """A player with its parameters and its optimiser."""

    def __init__(self, player: Player, optimizer: torch.optim.Optimizer | None = None) -> None:
        self.player = player
        self.parameters = player.parameters()
        self.optimizer = optimizer or make_optimizer(player.optimizer, self.parameters)
        self.scheduled = has_schedule(player.optimizer)
        self.skips_on_device = skips_on_device(self.optimizer)
        self.agreed: set[str] = set()
        self.rate = 1.0


class Stepper:
    """Steps a game.

    Args:
        game: on its device, in training mode.
        next_batch: draws a fresh batch of a global size and returns this process's part.
        context: the game's source of chance and progress; its `images` and `step` are advanced here.
        batch: real samples an update, over all processes.
        dtype: of the phases' networks; penalties ask the context for float32.
        micro_batches: parts that each batch is computed in, their gradients added.
    """

    def __init__(
        self,
        game: Game,
        next_batch: Callable[[int], Batch],
        context: StepContext,
        *,
        batch: int,
        dtype: torch.dtype = torch.float32,
        processes: Processes | None = None,
        micro_batches: int = 1,
    ) -> None:
        self.game, self.context, self.batch = game, context, batch
        self.gauges = Gauges()
        self.rate = 1.0  # factor of all learning rates
        self._seconds: dict[str, float] = {}
        self._updates: dict[str, int] = {}
        self._next_batch = next_batch
        self._dtype = dtype
        self._processes = processes or Processes()
        if batch // self._processes.world < micro_batches:
            raise UsageError(
                f"micro_batches is {micro_batches}, and a process has {batch // self._processes.world} samples an update: "
                "it wants 1 sample or more in each"
            )
        self._micro_batches = micro_batches
        self._shared: list[dict[str, Any]] = [{} for _ in range(micro_batches)]
        self._events: dict[str, tuple[torch.cuda.Event, torch.cuda.Event]] = {}
        self.seats: dict[str, _Seat] = {}
        self.follow()

    def follow(self, reset: Sequence[str] = ()) -> None:
        """Read players and phases again. Optimisers keep the state of parameters that remain, but for those in `reset`."""
        players = list(self.game.players())
        before, self.seats = self.seats, {}
        for player in players:
            if player.name in self.seats:
                raise GanzooError(f"two players of the game are called {player.name}")
            seat = self.seats[player.name] = _Seat(player)
            old = before.get(player.name)
            if old is not None and player.name not in reset:
                for parameter in seat.parameters:
                    if parameter in old.optimizer.state:
                        seat.optimizer.state[parameter] = old.optimizer.state[parameter]
        self.phases = list(self.game.phases())
        for phase in self.phases:
            for name in (*phase.players, *phase.keeps):
                if name not in self.seats:
                    have = ", ".join(self.seats) or "none"
                    raise GanzooError(f"phase {phase.name} names the player {name}, and the game's players are {have}")
        self._parameters = list({id(p): p for seat in self.seats.values() for p in seat.parameters}.values())
        self._wanted = {
            phase.name: {id(p) for name in (*phase.players, *phase.keeps) for p in self.seats[name].parameters}
            for phase in self.phases
        }
        self._trainable: frozenset[str] | None = None
        self._due_always = [phase for phase in self.phases if phase.every == 1]

    def step(self) -> int:
        """One step; the samples drawn in it. Nothing here waits for the device."""
        context = self.context
        images, context.batch = context.images, self.batch
        batch: Batch | None = None
        for phase in self.phases:
            for _ in range(phase.times(context.step, images)):
                if batch is None or phase.batch == "fresh":
                    batch = self._next_batch(self.batch)
                    context.images += self.batch
                start = self.clock(phase.name)
                self._update(phase, batch)
                self.stop_clock(phase.name, start)
        self.forget_shared()
        context.step += 1
        return context.images - images

    def _update(self, phase: Phase, batch: Batch) -> None:
        seats = [self.seats[name] for name in phase.players]
        self.enable(phase)
        found, values = self.compute(phase, batch, self.context, [seat.parameters for seat in seats])
        for seat, gradients in zip(seats, found, strict=True):
            name = f"{seat.player.name}/gradient norm" if len(seats) > 1 else "gradient norm"
            values[name], values["skipped"] = self._apply(phase.name, seat, gradients)
        self._processes.share(self.context)
        self.gauges.add(phase.name, values | self.context.terms | self.context.notes)
        with torch.no_grad():
            self.game.after_phase(phase.name, self.context)

    def compute(
        self, phase: Phase, batch: Batch, context: StepContext, parameters: Sequence[Sequence[Tensor]]
    ) -> tuple[list[list[Tensor | None]], dict[str, Tensor]]:
        """The gradients of a phase's players for their `parameters`, None where its terms do not reach; and the values of
        its terms and notes, detached. Micro-batches are added up, for `after_phase` too."""
        gradients: list[list[Tensor | None]] = [[] for _ in parameters]
        values: dict[str, Tensor] = {}
        for shared, piece in zip(self._shared, batch.split(self._micro_batches), strict=True):
            context.shared, context.notes = shared, {}
            with self._precision():
                terms = self.game(phase.name, piece, context)
            share = piece.size / batch.size
            for i, (player, own) in enumerate(zip(phase.players, parameters, strict=True)):
                objective = self._objective(player, phase, terms)
                last = i + 1 == len(parameters)
                found: list[Tensor | None] = list(
                    torch.autograd.grad(
                        objective if share == 1 else objective * share,
                        list(own),
                        allow_unused=True,
                        retain_graph=None if last else True,
                    )
                )
                gradients[i] = _added(gradients[i], found) if gradients[i] else found
            context.terms = {name: term.detach() for name, term in terms.items()}
            for name, value in (context.terms | context.notes).items():
                values[name] = value if share == 1 else values.get(name, 0.0) + value * share
        context.terms = {name: values[name] for name in context.terms}
        context.notes = {name: values[name] for name in context.notes}
        return gradients, values

    def forget_shared(self) -> None:
        """Drop what phases of this step kept for each other."""
        for shared in self._shared:
            shared.clear()

    def wanted(self, phase: Phase) -> set[int]:
        """Identities of the parameters that the phase records a graph for."""
        return self._wanted[phase.name]

    def enable(self, phase: Phase) -> None:
        """Gradients on for the parameters that the phase records a graph for, and off for the game's others."""
        key = frozenset((*phase.players, *phase.keeps))
        if key != self._trainable:
            wanted = self._wanted[phase.name]
            for parameter in self._parameters:
                parameter.requires_grad = id(parameter) in wanted
            self._trainable = key

    def _precision(self) -> AbstractContextManager[Any]:
        if self._dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.context.device.type, dtype=self._dtype)

    @staticmethod
    def _objective(player: str, phase: Phase, terms: dict[str, Tensor]) -> Tensor:
        """The sum of a player's terms."""
        prefix = f"{player}/"
        own = list(terms.values()) if len(phase.players) == 1 else [t for n, t in terms.items() if n.startswith(prefix)]
        if not own:
            raise GanzooError(
                f"phase {phase.name} returned no term for its player {player}; it returned {', '.join(terms) or 'none'}"
            )
        objective = sum(own[1:], own[0])
        if not objective.requires_grad:
            raise GanzooError(f"phase {phase.name}: its terms do not depend on the parameters of its player {player}")
        return objective

    @torch.no_grad()
    def _apply(self, phase: str, seat: _Seat, found: list[Tensor | None]) -> tuple[Tensor, Tensor]:
        """Update the player; its gradient's norm, and 1 where the update was skipped because that is not finite."""
        reached = [i for i, gradient in enumerate(found) if gradient is not None]
        parameters = [seat.parameters[i] for i in reached]
        if self._processes.world > 1:
            self._agree(phase, seat, reached)
            averaged = self._processes.average(filled(seat.parameters, found))
            gradients = [averaged[i] for i in reached]
        else:
            gradients = [gradient for gradient in found if gradient is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if seat.player.clip_norm is not None:
            torch._foreach_mul_(gradients, (seat.player.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        blocked = torch.sub(norm, norm).ne_(0.0).float()  # the difference of what is not finite is NaN, which is not 0
        if seat.skips_on_device:
            seat.optimizer.found_inf = blocked  # type: ignore[attr-defined]
            seat.optimizer.grad_scale = None  # type: ignore[attr-defined]
        else:
            # Zero gradients are the nearest to a skipped step that this optimiser offers without a look at the device.
            gradients = [torch.where(blocked == 0, gradient, 0.0) for gradient in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = laid_out_as(parameter, gradient)
        if seat.scheduled or seat.rate != self.rate:
            set_rates(seat.optimizer, seat.player.optimizer, self.context.images, self.rate)
            seat.rate = self.rate
        seat.optimizer.step()
        for parameter in parameters:
            parameter.grad = None
        return norm, blocked

    def _agree(self, phase: str, seat: _Seat, reached: list[int]) -> None:
        """Once a phase: every rank must reach the same parameters, or the ranks' weights would part in silence."""
        if phase in seat.agreed:
            return
        seat.agreed.add(phase)
        if self._processes.any(self._processes.agree(reached) != reached):
            raise GanzooError(
                f"phase {phase}: which parameters of {seat.player.name} its terms reach depends on the samples, "
                "so several processes would part; multiply a term by 0 instead of leaving it out"
            )

    def clock(self, name: str) -> float:
        """Starts the clock of a phase, or of a whole step."""
        if self.context.device.type == "cuda":
            if name not in self._events:
                self._events[name] = (_event(), _event())
            self._events[name][0].record()
        return time.perf_counter()

    def stop_clock(self, name: str, start: float) -> None:
        """Stops it; `start` is what starting it gave."""
        if self.context.device.type == "cuda":
            self._events[name][1].record()
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start
        self._updates[name] = self._updates.get(name, 0) + 1

    def fetch_phase_seconds(self) -> dict[str, float]:
        """Seconds by phase since the last fetch; on a GPU, of the last update of each times their number. Call it after a
        fetch of gauges."""
        seconds, updates = self._seconds, self._updates
        self._seconds, self._updates = {}, {}
        for name in updates.keys() & self._events.keys():
            start, stop = self._events[name]
            stop.synchronize()
            seconds[name] = updates[name] * start.elapsed_time(stop) / 1000
        return seconds

    def release(self) -> None:
        """Gradients on for every player's parameters, as they were before the first step."""
        for parameter in self._parameters:
            parameter.requires_grad = True
        self._trainable = None

    def state_dict(self) -> dict[str, Any]:
        """The optimisers' states by player."""
        return {name: seat.optimizer.state_dict() for name, seat in self.seats.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`; the game must have the same players and parameters.

        Raises:
            GanzooError: it has not.
        """
        if set(state) != set(self.seats):
            raise GanzooError(f"the checkpoint has the players {sorted(state)}, the game {sorted(self.seats)}")
        for name, seat in self.seats.items():
            stored, own = state[name]["param_groups"][0], seat.optimizer.param_groups[0]
            if stored.keys() != own.keys():
                raise GanzooError(f"the checkpoint's player {name} has another kind of optimiser")
            seat.optimizer.load_state_dict(state[name])


def laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the parameter's memory order: fused optimisers walk both in the order of memory, unchecked."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def _added(total: list[Tensor | None], found: list[Tensor | None]) -> list[Tensor | None]:
    return [f if t is None else t if f is None else t + f for t, f in zip(total, found, strict=True)]


def move(game: nn.Module, device: torch.device, memory_format: str = "auto") -> None:
    """The game on its device, convolution weights in channels-last order, which convolutions run faster in, unless
    `memory_format` is "contiguous"."""
    game.to(device=device)
    for module in game.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        if memory_format == "contiguous":
            module.to(memory_format=torch.contiguous_format)
            continue
        module.to(memory_format=torch.channels_last)
        weight = module._parameters.get("weight")
        if weight is not None and weight.shape[1] == 1:
            # With one channel both orders are the same, and torch takes such weights for contiguous ones: on grey pictures
            # a network would change its order midway. These strides tell it.
            n, _, height, width = weight.shape
            weight.data = weight.data.contiguous().view(n, height, width, 1).permute(0, 3, 1, 2)
