"""The loop: exact resume, growth, fitting, interruption, rows and pictures."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Source
from ganzoo.engine.device import Chosen
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.runner import Runner
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.training import Training
from ganzoo.errors import GanzooError
from ganzoo.models import Batch, DataSpec
from ganzoo.tracking import Progress, Tracker
from ganzoo.tracking.jsonl import JsonLines
from tests.engine.tiny_games import CLASSES, FEATURES, GAMES, GrowingGame, simultaneous

COUNT, BATCH = 100, 32  # batches run over the end of an epoch
CHOSEN = Chosen(torch.device("cpu"), torch.float32, 1, ())


class Memory(Source):
    """Points with a second domain and labels, or 8 x 8 pictures."""

    def __init__(self, images: bool) -> None:
        generator = torch.Generator().manual_seed(3)
        self._images = images
        if images:
            self.x = torch.randint(256, (COUNT, 1, 8, 8), generator=generator, dtype=torch.uint8)
        else:
            self.x = torch.randn(COUNT, FEATURES, generator=generator)
        self.b = torch.randn(COUNT, FEATURES, generator=generator) + 1
        self.y = torch.randint(CLASSES, (COUNT,), generator=generator)

    @property
    def spec(self) -> DataSpec:
        shape = tuple(self.x.shape[1:])
        return DataSpec(shape, "image" if self._images else "points", classes=CLASSES, count=COUNT, name="memory")

    @property
    def digest(self) -> str:
        return "memory"

    def gather(self, indices: Any) -> Batch:
        index = torch.from_numpy(np.asarray(indices))
        return Batch(x=self.x[index], y=self.y[index], b=self.b[index])

    def at(self, resolution: tuple[int, int]) -> Source:
        smaller = Memory(True)
        if resolution == (4, 4):
            smaller.x = torch.nn.functional.avg_pool2d(self.x.float(), 2).round().to(torch.uint8)
        return smaller


def runner(name: str, folder: Path, images: int | None, *, fresh: bool = True, **settings: Any) -> Runner:
    torch.manual_seed(0)
    game = GAMES[name]()
    source: Source = Memory(name == "growth")
    if name == "growth":
        source = source.at((4, 4))
    values = TrainSettings(images=images, **{"log_images": 64, "pictures": 1, **settings})
    run = RunFolder.create(folder, {"arch": {"id": "test/tiny"}}) if fresh else RunFolder.open(folder)
    made = Runner(Training("test/tiny", "1", game, source, BATCH, values, CHOSEN, run))
    made.trackers = [JsonLines()]
    return made


def everything(made: Runner) -> dict[str, torch.Tensor]:
    """Weights, averages, optimiser states and the next random numbers, flat."""
    found: dict[str, torch.Tensor] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found[path] = value.clone()
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(f"{path}/{key}", item)
        elif isinstance(value, list | tuple):
            for i, item in enumerate(value):
                walk(f"{path}/{i}", item)
        elif isinstance(value, int | float):
            found[path] = torch.tensor(value, dtype=torch.float64)

    walk("", made.state_dict())
    return found


@pytest.mark.parametrize("name", list(GAMES))
def test_resume_is_exact(name: str, tmp_path: Path) -> None:
    """20 steps equal 10, a new game and a new runner, and 10 more: bit for bit, in the middle of a growth too."""
    whole = runner(name, tmp_path / "whole", 20 * BATCH)
    whole.run()
    # The steps of the two parts differ in number where a step draws several batches.
    first = runner(name, tmp_path / "parts", 10 * BATCH)
    first.run()
    torch.manual_seed(99)
    torch.rand(7)
    second = runner(name, tmp_path / "parts", 20 * BATCH, fresh=False)
    second.resume(pytest.fail)
    second.run()
    expected, found = everything(whole), everything(second)
    assert expected.keys() == found.keys()
    different = [key for key, value in expected.items() if not torch.equal(value, found[key])]
    assert not different
    assert whole.context.images >= 20 * BATCH or not whole.stepper.phases


def test_growth_changes_networks_resolution_batch_and_rates(tmp_path: Path) -> None:
    made = runner("growth", tmp_path / "run", 2 * GrowingGame.GROWS_AT)
    assert made.feed.next(4).x.shape == (4, 1, 4, 4)
    before = made.stepper.seats["generator"]
    made.run()
    assert made.feed.next(4).x.shape == (4, 1, 8, 8)
    assert made.stepper.batch == 16
    seat = made.stepper.seats["generator"]
    assert seat.player.optimizer.lr == 1e-3
    weight = made.game.to_4.weight
    # The generator's moments went on; the critic's began again at the growth.
    assert (
        seat.optimizer.state[weight]["step"]
        > made.stepper.seats["critic"].optimizer.state[made.game.from_4.weight]["step"]
    )
    assert before is not seat
    assert "up.weight" in made.ema.state_dict()


def test_a_model_that_only_fits_has_no_steps(tmp_path: Path) -> None:
    made = runner("fit and sample only", tmp_path / "run", 1000)
    made.run()
    assert made.context.step == 0
    torch.testing.assert_close(made.game.mean, Memory(False).x.mean(0))
    assert torch.equal(made.ema.state_dict()["mean"], made.game.mean), "samples are drawn from the average"
    torch.testing.assert_close(made.game.root @ made.game.root.T, torch.cov(Memory(False).x.T))


def test_rows_and_pictures(tmp_path: Path) -> None:
    made = runner("five critic phases", tmp_path / "run", 20 * 5 * BATCH)
    made.run()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 21))
    assert {"discriminator.adversarial", "discriminator.gradient-penalty", "generator.adversarial"} <= rows[0].keys()
    assert "discriminator.seconds" in rows[0]
    pictures = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert pictures[0] == "images-0000000000.png"
    assert len(pictures) == 3


def test_pictures_do_not_change_the_run(tmp_path: Path) -> None:
    few, many = (
        runner("shared fakes", tmp_path / "a", 640, pictures=0),
        runner("shared fakes", tmp_path / "b", 640, pictures=8),
    )
    few.run()
    many.run()
    assert all(torch.equal(a, b) for a, b in zip(everything(few).values(), everything(many).values(), strict=True))


def test_two_seeded_runs_are_equal_and_other_seeds_differ(tmp_path: Path) -> None:
    made = [runner("shared fakes", tmp_path / str(i), 320, seed=seed) for i, seed in enumerate((1, 1, 2))]
    for each in made:
        each.run()
    states = [everything(each) for each in made]
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))
    key = "/game/generator.net.0.weight"
    assert not torch.equal(states[0][key], states[2][key])


class Interrupts(Tracker):
    def __init__(self, number: int) -> None:
        self.number, self.ended_with = number, None

    def logged(self, row: dict[str, Any]) -> None:
        if row["step"] == 3:
            os.kill(os.getpid(), self.number)

    def ended(self, progress: Progress, interrupted: bool, checkpoint: Path) -> None:
        self.ended_with = (progress.step, interrupted, checkpoint)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_checkpoint(number: int, tmp_path: Path) -> None:
    made = runner("simultaneous update", tmp_path / "run", 10_000 * BATCH, log_images=BATCH)
    made.trackers = [tracker := Interrupts(number)]
    before = signal.getsignal(number)
    made.run()
    assert made.interrupted
    assert signal.getsignal(number) == before
    step, interrupted, path = tracker.ended_with
    assert interrupted
    assert step <= 5
    assert path.exists()
    again = runner("simultaneous update", tmp_path / "run", None, fresh=False)
    again.resume(pytest.fail)
    assert again.context.step == step


def test_a_run_outside_the_main_thread_needs_no_signals(tmp_path: Path) -> None:
    made = runner("simultaneous update", tmp_path / "run", 64)
    thread = threading.Thread(target=made.run)
    thread.start()
    thread.join()
    assert made.context.images == 64


def test_a_run_in_which_nothing_is_finite_stops_with_the_term_named(tmp_path: Path) -> None:
    made = runner("simultaneous update", tmp_path / "run", 10_000 * BATCH)
    with torch.no_grad():
        made.game.generator.net[0].weight.fill_(float("nan"))
    with pytest.raises(GanzooError, match=r"not finite: .*adversarial"):
        made.run()
    assert made.context.images < 200 * BATCH


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    runner("simultaneous update", tmp_path / "run", 64).run()
    other = runner("simultaneous update", tmp_path / "run", 128, fresh=False)
    other.arch = "test/other"
    with pytest.raises(GanzooError, match=r"checkpoint of test/tiny, .* test/other"):
        other.resume(pytest.fail)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    runner("simultaneous update", tmp_path / "run", 64).run()
    with pytest.raises(GanzooError, match="does not fit the run's configuration"):
        runner("five critic phases", tmp_path / "run", 128, fresh=False).resume(pytest.fail)


def test_rows_after_the_checkpoint_are_measured_again(tmp_path: Path) -> None:
    made = runner("simultaneous update", tmp_path / "run", 320)
    made.run()
    metrics = tmp_path / "run" / "metrics.jsonl"
    rows = metrics.read_text()
    metrics.write_text(rows + '{"step": 11, "images": 352}\n{"step": 12, "im')
    again = runner("simultaneous update", tmp_path / "run", 640, fresh=False)
    again.resume(pytest.fail)
    assert metrics.read_text() == rows


def test_time_limits_a_run(tmp_path: Path) -> None:
    made = runner(simultaneous.__name__ + " update", tmp_path / "run", None, minutes=0.005)
    made.run()
    assert made.context.step > 0
    assert not made.interrupted


def test_rates_fall_to_nothing_in_the_cooldown(tmp_path: Path) -> None:
    made = runner("simultaneous update", tmp_path / "run", 20 * BATCH, cooldown=0.5)
    seen = []
    group = made.stepper.seats["generator"].optimizer.param_groups[0]
    original = made.stepper.step

    def step() -> int:
        shown = original()
        seen.append(group["lr"] / 2e-4)
        return shown

    made.stepper.step = step  # type: ignore[method-assign]
    made.run()
    assert seen[:11] == pytest.approx([1.0] * 11)
    assert seen[11:] == pytest.approx([(20 - i) / 10 for i in range(11, 20)])
