"""Two gloo processes give one process's gradients on the joined batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzoo.engine.processes import Processes, see_joined_batches
from ganzoo.testing.subject import double_precision
from tests.engine.process_worker import engines, gradients
from tests.engine.tiny_games import GAMES, NOT_SEPARATING

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-6  # of the largest gradient of the parameter's player in that step
WORLD = 2


def two_processes(kind: str, out: Path) -> dict[str, dict[str, Tensor]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    started = []
    for rank in range(WORLD):
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": WORLD, "LOCAL_WORLD_SIZE": WORLD}
        names = {name: str(value) for name, value in ranks.items()}
        environment = {**os.environ, **names, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.engine.process_worker", str(out), kind]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    try:
        for process in started:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
    finally:
        for process in started:
            process.kill()
    return torch.load(out, weights_only=True)


def one_process(kind: str, name: str) -> tuple[dict[str, Tensor], list[str]]:
    """The gradients of one process, and why several would not give them."""
    with double_precision():
        engine = engines(kind, Processes())[name]()
        return gradients(engine), engine.game.notes_on_processes()


@pytest.fixture(scope="module", params=["tiny", "zoo"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, dict[str, Tensor]]]:
    return request.param, two_processes(request.param, tmp_path_factory.mktemp("gloo") / "gradients.pt")


def test_gradients_equal_those_of_one_process(both: tuple[str, dict[str, dict[str, Tensor]]]) -> None:
    kind, found = both
    worst = {}
    for name in engines(kind, Processes()):
        alone, reasons = one_process(kind, name)
        if not alone or reasons or name in NOT_SEPARATING:  # fitted without a step, or told apart by itself
            continue
        assert alone.keys() == found[name].keys()
        largest: dict[str, float] = {}
        for key, gradient in alone.items():
            step = key.rpartition(".")[0]
            largest[step] = max(largest.get(step, 0.0), float(gradient.abs().max()))
        worst[name] = max(
            float((found[name][key] - gradient).abs().max()) / largest[key.rpartition(".")[0]]
            for key, gradient in alone.items()
        )
    assert len(worst) >= (12 if kind == "tiny" else 14)
    assert max(worst.values()) < TOLERANCE, worst


def test_games_that_do_not_separate_are_told_apart_for_a_reason(both: tuple[str, dict[str, dict[str, Tensor]]]) -> None:
    kind, found = both
    if kind != "tiny":
        return
    for name in NOT_SEPARATING:
        assert name in GAMES
        alone, _ = one_process(kind, name)
        assert any(not torch.allclose(found[name][key], gradient, rtol=1e-9) for key, gradient in alone.items())


def test_layers_that_cannot_see_the_joined_batch_are_named() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout1d(0.5), nn.SyncBatchNorm(2), nn.Dropout(0.5))
    left = see_joined_batches(net, Processes(0, 2))
    assert [line.split(":")[0] for line in left] == ["1", "2"]
    assert see_joined_batches(net, Processes()) == []
