"""Calls of a run: steps as the stepper takes them, or whole steps that were compiled or captured, one or several a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.engine.packing import Packed
from ganzoo.engine.trace import Call, Inputs, compiled, graphed, over_lanes, traced
from ganzoo.engine.way import Way
from ganzoo.engine.whole import CannotCapture, Lane, Pattern, WholeStep
from ganzoo.errors import GanzooError
from ganzoo.models import Draws, Game
from ganzoo.models.draws import Drawn, Tape

PATTERNS = 4  # patterns of phases that are captured; a game with more takes its other steps one by one


class Program:
    """Takes the steps of one lane, or of several that are alike.

    Args:
        lanes: games in training, at the same step, with the same configuration.
        way: how steps are taken.
        say: told once if the steps cannot be taken that way, and why.
    """

    def __init__(self, lanes: Sequence[Lane], way: Way, say: Callable[[str], None]) -> None:
        self.lanes, self.way, self._say = list(lanes), way, say
        self._ready: dict[Pattern, _Captured | None] = {}
        game = lanes[0].stepper.game
        self._changes = type(game).on_progress is not Game.on_progress
        self.eager = way.kind == "eager"
        self._lost = 0

    def clear(self) -> None:
        """Forget what was captured: the game, its optimisers or the data have changed."""
        self._ready.clear()

    def call(self, left: int | None, rate: float) -> None:
        """Take one step or several.

        Args:
            left: images to the end of the run, None without one: no step is begun when they are used up.
            rate: factor of all learning rates.
        """
        lane = self.lanes[0]
        if self.eager:
            self._singly(rate)
            return
        pattern = lane.pattern()
        if pattern not in self._ready:
            self._first(pattern, rate)
            return
        captured = self._ready[pattern]
        if captured is None or (left is not None and (captured.steps - 1) * captured.images >= left):
            self._singly(rate)
            return
        if not captured.fits():
            self.clear()
            self._lost += 1
            self.eager = self._lost > PATTERNS  # a game whose tensors move again and again is not worth it
            self._singly(rate)
            return
        captured.call(rate)

    def _singly(self, rate: float) -> None:
        for lane in self.lanes:
            lane.stepper.rate = rate
            shown = lane.stepper.step()
            lane.ema.update(lane.stepper.context.images, shown)

    def _first(self, pattern: Pattern, rate: float) -> None:
        """The first step of a pattern: taken singly, while its draws are written down; then it is captured."""
        self._ready[pattern] = None
        if len(self._ready) > PATTERNS:
            self._singly(rate)
            return
        before = [_host_state(lane.stepper.game) for lane in self.lanes]
        tapes = [Tape() for _ in self.lanes]
        begun = self.lanes[0].stepper.context.images
        for lane, tape in zip(self.lanes, tapes, strict=True):
            lane.stepper.context.tape = tape
        try:
            self._singly(rate)
        finally:
            for lane in self.lanes:
                lane.stepper.context.tape = None
        try:
            if before != [_host_state(lane.stepper.game) for lane in self.lanes]:
                raise CannotCapture("the game keeps a state outside its buffers")
            steps = self.way.steps if self._constant() else 1
            if self.way.kind == "compiled":
                self._say("compiling the steps: 10 to 60 s the first time, less when the cache has them")
            self._ready[pattern] = _Captured(self.lanes, pattern, tapes[0], begun, steps, self.way)
        except CannotCapture as reason:
            if len(self.lanes) > 1:
                raise GanzooError(f"several seeds at once do not work with this architecture: {reason}") from reason
            self.eager = True
            self._say(f"steps are taken one by one after all: {reason}")

    def _constant(self) -> bool:
        """Whether all steps have the same pattern and no one looks between them."""
        phases = self.lanes[0].stepper.phases
        every = all(p.every == 1 and p.start == 0 and p.until is None and isinstance(p.repeats, int) for p in phases)
        return every and not self._changes


class _Captured:
    """Steps of one pattern, ready to be called."""

    def __init__(self, lanes: list[Lane], pattern: Pattern, tape: Tape, begun: int, steps: int, way: Way) -> None:
        self.lanes, self.steps = lanes, steps
        drawn, values = tape.drawn, [(schedule, images - begun) for schedule, images in tape.scheduled]
        self._whole = [WholeStep(lane, pattern, drawn, values) for lane in lanes]
        self._host: list[list[float]] = []
        self._host_tensor = torch.empty(0)
        first = self._whole[0]
        self.images = first.images
        device = lanes[0].stepper.context.device
        self._draws = DrawsAhead(drawn, steps, device)
        example = Inputs(
            lanes[0].feed.held,
            dict(lanes[0].feed.example(lanes[0].stepper.batch, steps * first.fresh)),
            self._draws(Draws(0, device)),  # in the memory order of those to come
            torch.zeros(steps, len(first.host_numbers(0, 1.0)), device=device),
        )
        self._packed = Packed([whole.owners for whole in self._whole])
        for lane in lanes:
            lane.ema.follow()  # its tensors lie elsewhere now
        self._state = self._packed.tensors
        many = len(lanes) > 1
        one = [tensor[0] for tensor in self._state] if many else self._state
        graph = traced(first, steps, one, self._packed, example)
        self.names = first.names
        if many:
            example = _stacked([example] * len(lanes))
            graph = over_lanes(graph, len(self._state), example, self._state)
        flat = [*self._state, *example.flat()]
        self._run: Call
        if way.kind == "traced":
            self._run = lambda flat: graph(*flat)
        elif way.kind == "graph":
            self._run = graphed(graph, flat, len(self._state))
        else:
            self._run = compiled(graph, flat, torch.get_num_threads())

    def fits(self) -> bool:
        """Whether the game's tensors still are those that were captured."""
        return self._packed.holds() and all(whole.holds() for whole in self._whole)

    @torch.no_grad()
    def call(self, rate: float) -> None:
        """Take the steps, advance what counts them, and keep their measurements."""
        host = self._host_numbers(rate)
        first = self.lanes[0].stepper
        started = first.clock("step")
        inputs = [self._inputs(lane, host) for lane in self.lanes]
        joined = inputs[0] if len(inputs) == 1 else _stacked(inputs)
        rows = self._run([*self._state, *joined.flat()])
        first.stop_clock("step", started)
        for i, lane in enumerate(self.lanes):
            lane.stepper.gauges.add_rows(self.names, rows if len(self.lanes) == 1 else rows[i])
            lane.stepper.context.images += self.steps * self._whole[i].images
            lane.stepper.context.step += self.steps

    def _inputs(self, lane: Lane, host: Tensor) -> Inputs:
        feed, batch, fresh = lane.feed, lane.stepper.batch, self._whole[0].fresh
        parts = dict(feed.ahead(batch, self.steps * fresh))
        return Inputs(feed.held, parts, self._draws(lane.stepper.context), host)

    def _host_numbers(self, rate: float) -> Tensor:
        whole, context = self._whole[0], self.lanes[0].stepper.context
        host = [whole.host_numbers(context.images + i * whole.images, rate) for i in range(self.steps)]
        if host != self._host:
            self._host = host
            self._host_tensor = _on_device(host, context.device)
        return self._host_tensor


class DrawsAhead:
    """Draws the numbers of the next steps, (steps, ...) for each draw of a step: those that single steps would draw.

    Draws of one kind that follow each other in a stream are drawn at once where that gives the same numbers: on the CPU
    uniform ones do, and normal ones in blocks of 16.
    """

    def __init__(self, drawn: Sequence[Drawn], steps: int, device: torch.device) -> None:
        self._drawn, self._steps = drawn, steps
        streams: dict[str, list[int]] = {}
        for i, each in enumerate(drawn):
            streams.setdefault(each.stream, []).append(i)
        self._joined: list[tuple[Drawn, list[tuple[int, int, int, tuple[int, ...]]]]] = []
        self._single: list[list[int]] = []
        for stream, places in streams.items():
            own = [drawn[i] for i in places]
            alike = len({(each.kind, each.high) for each in own}) == 1
            blocks = own[0].kind != "normal" or all(_size(each) % 16 == 0 for each in own)
            if not (device.type == "cpu" and alike and blocks):
                self._single.append(places)
                continue
            cuts, at = [], 0
            for i in places:
                cuts.append((i, at, at + _size(drawn[i]), (steps, *drawn[i].shape)))
                at = cuts[-1][2]
            self._joined.append((Drawn(own[0].kind, (steps, at), stream, own[0].high), cuts))

    def __call__(self, draws: Draws) -> list[Tensor]:
        """The numbers, in the order of a step's draws."""
        found: list[Any] = [None] * len(self._drawn)
        for whole, cuts in self._joined:
            flat = draws.draw(whole)
            if len(cuts) == 1:
                found[cuts[0][0]] = flat.view(cuts[0][3])
                continue
            for i, start, end, shape in cuts:
                found[i] = flat[:, start:end].reshape(shape)
        for places in self._single:
            rows = [[draws.draw(self._drawn[i]) for i in places] for _ in range(self._steps)]
            for k, i in enumerate(places):
                found[i] = torch.stack([row[k] for row in rows])
        return found


def _on_device(numbers: list[list[float]], device: torch.device) -> Tensor:
    """The numbers as a tensor; from pinned memory to a GPU, so that the host does not wait for the copy."""
    if device.type != "cuda":
        return torch.tensor(numbers, device=device)
    return torch.tensor(numbers, pin_memory=True).to(device, non_blocking=True)


def _size(drawn: Drawn) -> int:
    size = 1
    for extent in drawn.shape:
        size *= extent
    return size


def _stacked(inputs: Sequence[Inputs]) -> Inputs:
    first = inputs[0]
    return Inputs(
        first.held,
        {name: torch.stack([each.parts[name] for each in inputs]) for name in first.parts},
        [torch.stack(numbers) for numbers in zip(*(each.numbers for each in inputs), strict=True)],
        first.host,
    )


def _host_state(value: Any, depth: int = 0, seen: set[int] | None = None) -> Any:
    """What a game keeps in plain attributes: numbers and texts by value, tensors that are no buffers by identity and version."""
    seen = set() if seen is None else seen
    if isinstance(value, Tensor):
        return (id(value), value._version)
    if value is None or isinstance(value, bool | int | float | str | bytes | torch.dtype | torch.device):
        return value
    if (
        depth > 8
        or id(value) in seen
        or isinstance(value, type)
        or (callable(value) and not hasattr(value, "__dict__"))
    ):
        return None
    seen.add(id(value))
    if isinstance(value, dict):
        return {str(key): _host_state(each, depth + 1, seen) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_host_state(each, depth + 1, seen) for each in value]
    skipped = {"_parameters", "_buffers"} if isinstance(value, nn.Module) else set()
    attributes = getattr(value, "__dict__", {})
    return {name: _host_state(each, depth + 1, seen) for name, each in attributes.items() if name not in skipped}
