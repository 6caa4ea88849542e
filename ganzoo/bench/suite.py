"""One row for each architecture: a process of its own, chunks beside a calibration, then single steps under the profiler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.bench import machine as machines
from ganzoo.bench.contender import Contender
from ganzoo.bench.machine import Machine
from ganzoo.bench.request import SAMPLING, TRAINING, Request
from ganzoo.bench.timing import Calibration, Rounds, in_turn
from ganzoo.errors import GanzooError, UsageError

SETTLED = (0.85, 1.15)  # a chunk's rate over the one before it: the warm-up ends inside
WARM_UP_CHUNKS = 8
MACHINE_SECONDS = 8.0  # of measuring the ceilings; less where rows take less
OUTSIDE = "outside"  # of all phases

Row = dict[str, Any]
Told = Callable[[str, float], object]
"""Told what is being done and the share of the row that is finished."""

# A row has each of these, null where it was not measured. Rates are medians over the chunks that count.
FIELDS: Mapping[str, str] = {
    "arch": "id of the architecture",
    "status": "ok or failed",
    "reason": "why it failed, one line",
    "distribution": "package and version that bring it",
    "data": "name of the data",
    "batch": "samples an update",
    "shape": "of a sample, channels first",
    "device": "cpu, cuda:0, ...",
    "precision": "of the networks",
    "threads": "of the CPU",
    "cores": "that the process may use",
    "reasons": "the run's own choices, one line each",
    "from_step": "number of the first step: the first whose updates are those of most steps",
    "train_images_per_second": "training as ganzoo train does it, logging on",
    "train": "its median, min, max, rates of the chunks, seconds of a chunk, chunks discarded, calibrations (operations/s)",
    "steps_timed": "steps in the timed chunks, discarded ones included",
    "sample_images_per_second": "game.sample in batches with the averaged weights, in float32, without a picture's file",
    "sample": "as train",
    "images_per_step": "samples drawn by a step",
    "phase_seconds": "of a step by phase, by the engine's clock, in the timed chunks; outside: data, average, loop, log",
    "kernel_seconds": "of a step by kind of kernel, under the profiler",
    "kernel_seconds_of": "what was profiled: single steps, or the run's own calls where they are compiled or captured",
    "profiled_step_seconds": "a step under the profiler",
    "unprofiled_step_seconds": "the same steps without it",
    "operations_per_image": "multiplications and additions, counted from shapes",
    "operations_by_kind": "the same by kind",
    "operations_by_dtype": "the same by precision",
    "operations_of": "what was counted: single steps, or the same on the meta device",
    "bytes_per_image": "inputs and outputs of all operations: an upper bound of the traffic",
    "operations_per_second": "operations_per_image at the rate of training",
    "share_of_ceiling": "time of the operations at the ceilings over the time taken; see share_of_ceiling",
    "ceilings": "of this machine at the row's threads, operations/s and bytes/s",
    "torch_calls_per_step": "operations of torch that the host starts",
    "host_syncs_per_step": "operations that make the host wait for the device, rows of the log left out",
    "allocations_per_step": "blocks asked of torch's allocator",
    "allocated_bytes_per_step": "bytes of those blocks together",
    "page_faults_per_step": "pages that the system handed out in the timed chunks, without a disk",
    "peak_memory_bytes": "peak of building and training",
    "peak_memory_of": "which memory that is",
    "cold_start_seconds": "start of the process to the end of the first call of the run",
    "warm_start_seconds": "the same for a second run in the process, from its construction",
    "not_measured": "figures that failed, with reasons",
}


class Suite:
    """Measures architectures one after the other on this machine.

    Args:
        told: for a progress display.
        machine_seconds: of measuring the ceilings, once for each number of threads.
    """

    def __init__(self, told: Told = lambda what, share: None, machine_seconds: float = MACHINE_SECONDS) -> None:
        self._told = told
        self._machine_seconds = machine_seconds
        self._machines: dict[tuple[str, int], Machine] = {}

    @property
    def machine(self) -> Machine | None:
        """The ceilings for the most threads that any row used; None before the first row."""
        return max(self._machines.values(), key=lambda found: found.threads, default=None)

    @property
    def machines(self) -> list[Machine]:
        """The ceilings for each number of threads that any row used."""
        return list(self._machines.values())

    def machine_for(self, device: str, threads: int | None) -> Machine:
        """The ceilings of a device, measured once for each number of threads; None: those of a run of pictures."""
        key = (device, threads or 0)
        if key not in self._machines:
            self._told("measuring this machine's ceilings", 0.0)
            self._machines[key] = machines.measure(device, threads, self._machine_seconds)
        return self._machines[key]

    def row(self, request: Request, trace: Path | None = None) -> Row:
        """Everything about one architecture. What fails is a row with the status "failed" and a reason, but for a wrong
        request.

        Raises:
            UsageError: the request is wrong.
        """
        row = _empty(request)
        try:
            with Contender() as contender:
                self._told("starting", 0.0)
                self._measure(contender, request, row, trace)
        except UsageError:
            raise
        except GanzooError as error:
            return self.failed(request, str(error))
        return row

    def failed(self, request: Request, reason: str) -> Row:
        """The row of an architecture that could not be measured."""
        return _empty(request) | {"status": "failed", "reason": reason}

    def _measure(self, contender: Contender, request: Request, row: Row, trace: Path | None) -> None:
        row |= contender.open(request)
        machine = self.machine_for(row["device"], row["threads"])
        calibrate = Calibration(threads=row["threads"], device=row["device"])
        self._told("warming up", 0.1)
        took = _warm_up(contender, request.rounds(TRAINING)[1])
        rounds, seconds = request.rounds(TRAINING, took)
        before = contender.ask("marks")

        def training(done: int) -> None:
            self._told("training", 0.2 + 0.4 * done / rounds)

        timed = in_turn({"train": contender.train}, rounds, seconds, calibrate=calibrate, after_round=training)
        after = contender.ask("marks")
        row["train"] = described(timed, "train", seconds)
        row["train_images_per_second"] = row["train"]["median"]
        memory = contender.ask("memory")
        row |= {"peak_memory_bytes": memory["bytes"], "peak_memory_of": memory["of"]}
        steps = row["steps_timed"] = after["steps"] - before["steps"]
        row["page_faults_per_step"] = (after["page_faults"] - before["page_faults"]) / steps
        whole = after["train_seconds"] - before["train_seconds"]
        row["phase_seconds"] = _phases(after["phase_seconds"], whole, steps)

        def sampling(done: int) -> None:
            self._told("sampling", 0.6 + 0.03 * min(done, 5))

        def sample() -> None:
            contender.sample(0.0)
            rounds, seconds = request.rounds(SAMPLING, contender.sample(0.0)[1])
            drawn = in_turn({"sample": contender.sample}, rounds, seconds, calibrate=calibrate, after_round=sampling)
            row["sample"] = described(drawn, "sample", seconds)
            row["sample_images_per_second"] = row["sample"]["median"]

        self._part(row, "sampling", sample)
        self._told("profiling", 0.75)
        self._part(row, "kinds of kernel", lambda: _take_profile(row, contender.ask("profile")))
        self._told("counting", 0.85)
        self._part(row, "operations", lambda: _take_count(row, contender.ask("count"), machine))
        self._part(row, "allocations", lambda: _take_allocations(row, contender.ask("allocations")))
        if trace is not None:
            contender.ask("trace", path=str(trace.absolute()))
        self._told("starting again", 0.95)
        self._part(row, "warm start", lambda: row.__setitem__("warm_start_seconds", contender.ask("warm")))
        self._told("done", 1.0)

    def _part(self, row: Row, name: str, measure: Callable[[], None]) -> None:
        """A figure that cannot be measured leaves the others as they are; its reason is told."""
        try:
            measure()
        except GanzooError as error:
            row["not_measured"][name] = str(error)


def _empty(request: Request) -> Row:
    return dict.fromkeys(FIELDS) | {"arch": request.arch, "status": "ok", "not_measured": {}}


def _warm_up(contender: Contender, seconds: float) -> float:
    """Train until one chunk is as fast as the one before it: kernels are chosen, memory is held, code is compiled. The
    seconds that the last chunk took."""
    before, took = 0.0, 0.0
    for _ in range(WARM_UP_CHUNKS):
        images, took = contender.train(seconds)
        rate = images / took
        if before and SETTLED[0] <= rate / before <= SETTLED[1]:
            break
        before = rate
    return took


def described(rounds: Rounds, name: str, seconds: float) -> dict[str, Any]:
    """A rate with its spread and all that belongs to its protocol."""
    median, least, most = rounds.rate(name)
    return {
        "median": median,
        "min": least,
        "max": most,
        "rates": rounds.rates(name),
        "chunk_seconds": seconds,
        "discarded": rounds.discarded,
        "calibrations": list(rounds.calibrations),
    }


def _phases(seconds: Mapping[str, float], whole: float, steps: int) -> dict[str, float] | None:
    """Seconds a step by phase, and those outside of all phases: the data, the average of the weights, the loop, the log."""
    if not seconds:
        return None
    phases = {name: value / steps for name, value in seconds.items()}
    return phases | {OUTSIDE: max(0.0, whole / steps - sum(phases.values()))}


def _take_profile(row: Row, found: Mapping[str, Any]) -> None:
    row["kernel_seconds"] = found["seconds"]
    row["kernel_seconds_of"] = found["of"]
    row["profiled_step_seconds"], row["unprofiled_step_seconds"] = found["whole"], found["plain"]


def _take_allocations(row: Row, found: Iterable[float]) -> None:
    row["allocations_per_step"], row["allocated_bytes_per_step"] = found


def _take_count(row: Row, found: Mapping[str, Any], machine: Machine) -> None:
    row["operations_per_image"], row["operations_of"] = found["operations"], found["of"]
    row["operations_by_kind"], row["operations_by_dtype"] = found["by_kind"], found["by_dtype"]
    row["bytes_per_image"] = found["bytes"]
    row["torch_calls_per_step"], row["host_syncs_per_step"] = found["calls"], found["syncs"]
    row["images_per_step"] = found["images"]
    row["operations_per_second"] = found["operations"] * row["train_images_per_second"]
    row["ceilings"] = dict(machine.ceilings)
    row["share_of_ceiling"] = share_of_ceiling(
        found["by_kind"], row["train_images_per_second"], machine, row["precision"]
    )


def share_of_ceiling(
    by_kind: Mapping[str, float], images_per_second: float, machine: Machine, precision: str
) -> float | None:
    """The time that the operations of an image would take at the machine's ceilings, over the time that an image takes.

    Convolutions are held against the ceiling of convolutions, everything else against that of matrix products, both in the
    run's precision: so what runs in float32 within a bfloat16 run lowers the share.
    """
    ideal = 0.0
    for kind, operations in by_kind.items():
        ceiling = machine.ceilings.get(f"{'conv' if kind.startswith('convolution') else 'matmul'} {precision}")
        if not ceiling:
            return None
        ideal += operations / ceiling
    return ideal * images_per_second if by_kind else None
