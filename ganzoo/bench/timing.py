"""Rates that hold on a machine which others use too: contenders in turn, in short chunks, beside a calibration.

A machine's speed drifts by tens of percent within a minute. Ratios of chunks that ran side by side do not drift with it, and
a round in which the machine was busy with something else shows in the calibration and is thrown away.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

Chunk = Callable[[float], tuple[int, float]]
"""Works for about so many seconds; answers with the units done (images) and the seconds that they took."""

Spread = tuple[float, float, float]
"""Median, smallest and largest."""

ACCEPTED = 0.7  # a round counts if its calibration reached this share of the best one
CALIBRATION_SECONDS = 0.03


@dataclass(frozen=True)
class Rounds:
    """What the contenders did in each round that counts.

    done: for each contender (units, seconds) of each round. calibrations: of the same rounds, in operations/s.
    discarded: rounds that were thrown away.
    """

    done: Mapping[str, tuple[tuple[int, float], ...]]
    calibrations: tuple[float, ...] = ()
    discarded: int = 0
    _rates: dict[str, list[float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates = {name: [units / seconds for units, seconds in chunks] for name, chunks in self.done.items()}
        object.__setattr__(self, "_rates", rates)

    def rates(self, name: str) -> list[float]:
        """Units per second of each round."""
        return list(self._rates[name])

    def rate(self, name: str) -> Spread:
        """Units per second over the rounds."""
        return spread(self._rates[name])

    def ratio(self, a: str, b: str) -> Spread:
        """How many times faster a is than b, each round compared with itself."""
        return spread([one / other for one, other in zip(self._rates[a], self._rates[b], strict=True)])

    def best(self, name: str) -> float:
        """The highest rate: what the machine gives when nothing disturbs it."""
        return max(self._rates[name])


def spread(values: list[float]) -> Spread:
    """Median, smallest and largest of one value or more."""
    return statistics.median(values), min(values), max(values)


def in_turn(
    contenders: Mapping[str, Chunk],
    rounds: int,
    seconds: float,
    *,
    calibrate: Callable[[], float] | None = None,
    after_round: Callable[[int], object] = lambda done: None,
) -> Rounds:
    """Run a chunk of each contender, each round beginning with another one, until so many rounds count.

    The calibration runs before each round and after the last. A round is thrown away if a calibration beside it, before or
    after, falls below 70 % of the best. Other rounds take its place, but no more than twice `rounds` are run in all.

    Args:
        contenders: by name; a function in this process, or one that asks another process.
        rounds: 1 or more; five or more for a figure that is published.
        seconds: of a chunk; 0.3 to 0.8 serve.
        calibrate: gives the machine's speed; None: a convolution with the present number of threads.
        after_round: told how many rounds count so far, for a progress display.

    Raises:
        ValueError: rounds is below 1, or a chunk did nothing.
    """
    if rounds < 1:
        raise ValueError(f"{rounds} rounds: wanted 1 or more")
    calibrate = calibrate or Calibration()
    names = list(contenders)
    done: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    speeds = [calibrate()]
    kept: list[int] = []
    for i in range(2 * rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            units, took = contenders[name](seconds)
            if units <= 0 or took <= 0:
                raise ValueError(f"{name}: a chunk of {units} units in {took} s; wanted more than none of both")
            done[name].append((units, took))
        speeds.append(calibrate())
        kept = _kept(speeds)
        after_round(min(len(kept), rounds))
        if len(kept) >= rounds:
            break
    worst = [min(pair) for pair in pairwise(speeds)]
    return Rounds(
        {name: tuple(chunks[i] for i in kept) for name, chunks in done.items()},
        tuple(worst[i] for i in kept),
        len(worst) - len(kept),
    )


def _kept(speeds: list[float]) -> list[int]:
    """The rounds that count, by the calibrations before each and after the last; never none."""
    enough = ACCEPTED * max(speeds)
    worst = [min(pair) for pair in pairwise(speeds)]
    # The best calibration may lie between two bad ones: then the best round is better than none.
    return [i for i, speed in enumerate(worst) if speed >= enough] or [worst.index(max(worst))]


class Calibration:
    """The speed of one convolution, in operations/s: it tells a busy machine from a free one.

    Args:
        seconds: that a reading takes. threads: of the convolution; None: those of the process.
        device: where it runs.
    """

    def __init__(
        self, seconds: float = CALIBRATION_SECONDS, threads: int | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self._seconds, self._threads = seconds, threads
        self._device = torch.device(device)
        self._x = torch.randn(8, 64, 32, 32, device=self._device).to(memory_format=torch.channels_last)
        self._weight = torch.randn(64, 64, 3, 3, device=self._device).to(memory_format=torch.channels_last)
        self._operations = 2 * 8 * 32 * 32 * 64 * 64 * 3 * 3

    @torch.no_grad()
    def __call__(self) -> float:
        """From the median of several convolutions."""
        threads = torch.get_num_threads()
        torch.set_num_threads(self._threads or threads)
        try:
            typical = statistics.median(repeat_for(self._convolve, self._seconds))
        finally:
            torch.set_num_threads(threads)
        return self._operations / typical

    def _convolve(self) -> None:
        torch.nn.functional.conv2d(self._x, self._weight, padding=1)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()


def repeat_for(run: Callable[[], Any], seconds: float, least: int = 3) -> list[float]:
    """Seconds of each of as many calls as fit into `seconds`, `least` at least."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < least or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return taken
