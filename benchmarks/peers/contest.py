"""A workload's contest: who runs beside whom, and what comes out.

ganzoo's processes stay for the whole workload. The peers join them in groups, so that no more than five processes are in
memory, first as they are shipped and then with ganzoo's allocator settings and number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers.process import Failed, Process
from benchmarks.peers.workloads import SETTINGS, Contender, Settings, Workload
from ganzoo.bench.timing import Rounds, Spread, in_turn

RESIDENT = 5  # processes in memory at once

Start = Callable[[Workload, Contender, Settings, int | None], Process]
"""Starts a contender's process; the number is of threads, None: the contender's own choice."""


@dataclass(frozen=True)
class Result:
    """What one contender did under one kind of settings.

    rate, best: images/s. over: for each of ganzoo's contenders, how many times faster it was, round by round.
    memory: most bytes resident. rounds, discarded: counted, and thrown away. facts: what it told of itself.
    """

    name: str
    settings: Settings
    rate: Spread
    best: float
    over: dict[str, Spread]
    memory: int
    rounds: int
    discarded: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """Of a workload. missing: contender and settings to the reason why there is no result."""

    workload: Workload
    results: list[Result] = field(default_factory=list)
    missing: dict[tuple[str, Settings], str] = field(default_factory=dict)

    def of(self, name: str, settings: Settings) -> Result | None:
        """The result of a contender, if there is one."""
        return next((r for r in self.results if (r.name, r.settings) == (name, settings)), None)


class Contest:
    """Runs workloads.

    Args:
        start: starts a process. rounds: for each group. seconds: of a chunk. say: told what happens.
        calibrate: the machine's speed, as `in_turn` takes it.
    """

    def __init__(
        self,
        start: Start,
        rounds: int,
        seconds: float,
        *,
        say: Callable[[str], None] = lambda text: None,
        calibrate: Callable[[], float] | None = None,
    ) -> None:
        self._start, self._rounds, self._seconds = start, rounds, seconds
        self._say, self._calibrate = say, calibrate

    def run(self, workload: Workload, settings: Sequence[Settings] = SETTINGS) -> Outcome:
        """All contenders of the workload."""
        outcome = Outcome(workload)
        own = self._open([c for c in workload.contenders if c.own], outcome, "shipped", None)
        threads = next((facts["threads"] for _, facts in own.values()), None)
        try:
            peers = [c for c in workload.contenders if not c.own]
            for kind in settings:
                for group in groups(peers, RESIDENT - len(own)):
                    self._group(group, kind, own, threads, outcome)
            if not peers:
                self._measure(own, {}, "shipped", outcome)
        finally:
            for process, _ in own.values():
                process.close()
        return outcome

    def _group(
        self,
        group: Sequence[Contender],
        kind: Settings,
        own: dict[str, tuple[Process, dict[str, Any]]],
        threads: int | None,
        outcome: Outcome,
    ) -> None:
        peers = self._open(group, outcome, kind, threads if kind == "equal" else None)
        try:
            self._measure(own, peers, kind, outcome)
        finally:
            for process, _ in peers.values():
                process.close()

    def _open(
        self, contenders: Sequence[Contender], outcome: Outcome, kind: Settings, threads: int | None
    ) -> dict[str, tuple[Process, dict[str, Any]]]:
        """Start each, wait until it trains, and throw its first chunk away."""
        opened: dict[str, tuple[Process, dict[str, Any]]] = {}
        for contender in contenders:
            self._say(f"{outcome.workload.id}: starting {contender.name} ({kind})")
            begun = time.monotonic()
            try:
                process = self._start(outcome.workload, contender, kind, threads)
            except Failed as error:
                outcome.missing[contender.name, kind] = error.reason
                continue
            try:
                facts = process.wait_until_ready()
                facts["seconds to start"] = time.monotonic() - begun
                process.chunk(self._seconds)
            except Failed as error:
                process.close()
                outcome.missing[contender.name, kind] = error.reason
            except BaseException:
                process.close()
                raise
            else:
                opened[contender.name] = (process, facts)
        return opened

    def _measure(
        self,
        own: dict[str, tuple[Process, dict[str, Any]]],
        peers: dict[str, tuple[Process, dict[str, Any]]],
        kind: Settings,
        outcome: Outcome,
    ) -> None:
        running = own | peers
        rounds: Rounds | None = None
        while running and rounds is None:
            chunks = {name: process.chunk for name, (process, _) in running.items()}
            self._say(f"{outcome.workload.id}: {self._rounds} rounds of {', '.join(running)} ({kind})")
            try:
                rounds = in_turn(chunks, self._rounds, self._seconds, calibrate=self._calibrate)
            except Failed as error:  # the others begin again without it
                outcome.missing[error.name, kind] = error.reason
                running = {name: entry for name, entry in running.items() if name != error.name}
                entry = own.pop(error.name, None) or peers.get(error.name)
                assert entry is not None
                entry[0].close()
        if rounds is None:
            return
        for name, (process, facts) in running.items():
            if name in own and outcome.of(name, "shipped") is not None:
                continue  # of ganzoo the first group's figures stand; its ratios are in the peers' results
            told = self._checked(process, outcome, kind)
            if told is None:
                continue
            outcome.results.append(
                Result(
                    name,
                    kind,
                    rounds.rate(name),
                    rounds.best(name),
                    {} if name in own else {mine: rounds.ratio(mine, name) for mine in own},
                    process.memory,
                    len(rounds.rates(name)),
                    rounds.discarded,
                    facts | told,
                )
            )

    def _checked(self, process: Process, outcome: Outcome, kind: Settings) -> dict[str, Any] | None:
        """The facts after training, unless its losses say that it trained nothing that a user would want."""
        try:
            told = process.tell()
        except Failed as error:
            outcome.missing[process.name, kind] = error.reason
            return None
        losses = told.get("losses") or []
        if not all(math.isfinite(loss) for loss in losses):
            outcome.missing[process.name, kind] = f"its losses are not finite: {losses}"
            return None
        return told


def groups(contenders: Sequence[Contender], largest: int) -> list[list[Contender]]:
    """As few groups as there can be, of nearly the same size."""
    if not contenders:
        return []
    count = -(-len(contenders) // max(1, largest))
    size = -(-len(contenders) // count)
    return [list(contenders[i : i + size]) for i in range(0, len(contenders), size)]
