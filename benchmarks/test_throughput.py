"""Training and sampling of every architecture that is installed, in images/s, as `ganzoo train` would run them here.

Small batches of each architecture's default data keep it to a few seconds a row. `ganzoo bench` measures the same with a
process a row, a calibration, memory and operations; this is for pytest-benchmark's own `compare`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo import plugin
from ganzoo.bench.request import Request
from ganzoo.bench.subject import Subject
from ganzoo.errors import GanzooError
from ganzoo.registry import registry

BATCH = 16
SECONDS = 2.0  # of timing, about, for each row; five calls in any case
THREADS = torch.get_num_threads()


@pytest.fixture(scope="module", params=[entry.id for entry in registry().entries(plugin.Arch)])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A run of the architecture that has taken its first steps."""
    folder: Path = tmp_path_factory.mktemp("throughput") / "run"
    torch.manual_seed(0)
    try:
        found = Subject(Request(request.param, batch=BATCH, threads=THREADS), folder)
    except GanzooError as error:
        pytest.skip(f"{request.param}: {error}")
    found.first_call()
    found.train(SECONDS / 2)
    yield found
    found.close()


@pytest.mark.parametrize("what", ["train", "sample"])
def test_throughput(benchmark: Any, subject: Subject, what: str) -> None:
    """Seconds a call: a step of the run, or several where it takes them at once; or a batch of samples from the average."""
    work: Callable[[float], tuple[int, float]] = getattr(subject, what)
    rates: list[float] = []

    def call() -> None:
        images, seconds = work(0.0)  # one call
        rates.append(images / seconds)

    call()
    once = subject.batch / rates.pop()
    benchmark.group = what
    benchmark.pedantic(call, rounds=max(5, min(1000, int(SECONDS / once))), iterations=1)
    benchmark.extra_info |= {
        "arch": subject.entry.id,
        "batch": subject.batch,
        "shape": list(subject.source.spec.shape),
        "precision": subject.chosen.precision,
        "threads": subject.chosen.threads,
        "images_per_second": statistics.median(rates),
        "images_per_second_min_max": (min(rates), max(rates)),
    }
