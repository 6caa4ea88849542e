"""What all contenders in torch share: threads, facts, the check of the networks, and a loader without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.data import tensor_batches
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import numbers_of_parameters
from benchmarks.peers.workloads import Workload


def prepare(
    workload: Workload, networks: tuple[nn.Module, nn.Module], facts: dict[str, Any], threads: int | None
) -> None:
    """Set the threads if they are given, and hold the networks to the workload's numbers of parameters.

    Raises:
        ValueError: the numbers differ.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    facts["threads"] = torch.get_num_threads()
    facts["versions"] = {"torch": str(torch.__version__)}
    counts = numbers_of_parameters(*networks)
    if counts != workload.parameters:
        raise ValueError(f"the networks have {counts} parameters, and {workload.id} has {workload.parameters}")
    facts["parameters"] = list(counts)


class Loader:
    """Batches from memory without end. Asking for the next one is passing the gate: the step before it is done.

    Args:
        cycle: batches between two passes, so that a chunk is whole cycles of critic and generator steps.
        labels: give (x, labels) pairs, which some trainers want.
    """

    def __init__(self, workload: Workload, gate: Gate, cycle: int = 1, *, labels: bool = False) -> None:
        self.batch_size = workload.batch
        self._gate, self._cycle = gate, cycle
        self._batches: list[Any] = tensor_batches(workload)
        if labels:
            self._batches = [(x, torch.zeros(len(x), dtype=torch.long)) for x in self._batches]

    def __len__(self) -> int:
        return 10**9  # no trainer sees the end of an epoch, where it would test or save

    def __iter__(self) -> Iterator[Tensor]:
        number = 0
        while True:
            yield self._batches[number % len(self._batches)]
            number += 1
            if number % self._cycle == 0:
                self._gate.passed(self._cycle * self.batch_size)
