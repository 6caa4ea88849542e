"""The run that is measured is the one that `ganzoo train` makes, and it goes on for as long as it is asked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo import api
from ganzoo.bench.child import Server
from ganzoo.bench.request import Request
from ganzoo.bench.subject import Subject, usual_step
from ganzoo.errors import UsageError
from ganzoo.models import Phase

SMALL = Request("dcgan-tf", batch=8, assignments=("width=4",), seconds=0.1)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Subject]:
    made = Subject(SMALL, tmp_path / "run")
    yield made
    made.close()


def test_it_trains_the_weights_that_ganzoo_train_would(subject: Subject, tmp_path: Path) -> None:
    subject.first_call()
    while subject.runner.context.images < 40:
        subject.train(0.0)
    run = api.train("dcgan-tf", images=40, set=["batch=8", "width=4"], out=tmp_path / "other")
    assert subject.runner.context.images == run.images == 40
    raw = api.load(run.folder, weights="raw").game.state_dict()
    own = subject.game.state_dict()
    assert own.keys() == raw.keys()
    assert all(torch.equal(own[name].cpu(), raw[name]) for name in raw)


def test_it_keeps_the_default_trackers_and_settings(subject: Subject, tmp_path: Path) -> None:
    assert subject.runner.tracker_names == ("jsonl", "console")
    subject.first_call()
    subject.runner._log(1e9)
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])["images"] == 8
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 1
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_images_and_phases_add_up(subject: Subject) -> None:
    subject.first_call()
    subject.times.take()
    steps = subject.steps
    images, seconds = subject.train(0.1)
    assert images == 8 * (subject.steps - steps) > 0
    assert seconds >= 0.1
    assert subject.train_seconds == seconds
    times = subject.times.take()
    assert set(times) == {"both"}
    assert 0 < times["both"] < seconds
    assert not subject.times.take()


def test_a_row_of_the_log_takes_no_phase_times_away(subject: Subject) -> None:
    subject.first_call()
    subject.times.take()
    subject.train(0.05)
    held = subject.runner.stepper._seconds["both"]
    subject.runner._log(1e9)
    subject.train(0.0)
    assert 0.999 * held < subject.times.take()["both"] < subject.train_seconds


def test_a_short_run_never_ends(tmp_path: Path) -> None:
    subject = Subject(Request("dcgan-tf", batch=8, assignments=("width=4", "run.images=80")), tmp_path / "run")
    subject.first_call()
    trained = 0
    while trained < 200:
        images, _ = subject.train(0.0)
        trained += images
        assert subject.runner.context.images <= 80
    subject.close()


def test_samples_come_from_the_averaged_weights(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    subject.first_call()
    live = {name: value.data_ptr() for name, value in subject.game.named_parameters()}
    seen: dict[str, Any] = {}

    def sample(n: int, **options: Any) -> None:
        seen.update(n=n, training=subject.game.training, grad=torch.is_grad_enabled(), **options)
        seen["swapped"] = any(live[name] != value.data_ptr() for name, value in subject.game.named_parameters())

    monkeypatch.setattr(subject.game, "sample", sample)
    drawn, _ = subject.sample(0.01)
    assert drawn % 8 == 0
    assert drawn > 0
    assert (seen["n"], seen["training"], seen["grad"], seen["swapped"]) == (8, False, False, True)
    assert all(live[name] == value.data_ptr() for name, value in subject.game.named_parameters())


def test_a_wrong_request_is_usage(tmp_path: Path) -> None:
    for request, word in (
        (Request("dcgann"), "dcgan"),
        (Request("dcgan", size="33"), "33"),
        (Request("dcgan", assignments=("widht=3",)), "width"),
        (Request("dcgan", assignments=("run.pictres=3",)), "pictures"),
        (Request("dcgan", device="toaster"), "toaster"),
        (Request("dcgan", data="nowhere"), "nowhere"),
    ):
        with pytest.raises(UsageError, match=word):
            Subject(request, tmp_path / "run")


def test_the_usual_step_is_after_a_wgans_first_ones() -> None:
    critic = Phase("critic", "critic", repeats=lambda step: 100 if step < 25 or step % 50 == 0 else 5)
    generator = Phase("generator", "generator")
    assert usual_step([critic, generator]) == 25
    assert usual_step([generator]) == 0
    assert usual_step([generator, Phase("penalty", "critic", every=16)]) == 0


def test_the_server_answers_everything(tmp_path: Path) -> None:
    server = Server(tmp_path)
    opened = server.answer({"do": "open", "request": SMALL.to_dict()})
    assert opened["arch"] == "classic/dcgan-tf"
    assert (opened["batch"], opened["shape"], opened["data"]) == (8, [1, 28, 28], "fashion-12k")
    before = server.answer({"do": "marks"})
    images, _ = server.answer({"do": "train", "seconds": 0.0})
    after = server.answer({"do": "marks"})
    assert after["steps"] - before["steps"] == images // 8
    counted = server.answer({"do": "count"})
    assert counted["images"] == 8
    assert counted["syncs"] == 0, "a step waits for the device"
    assert counted["of"] == "single steps"
    assert counted["calls"] > 100
    profile = server.answer({"do": "profile"})
    assert profile["of"] == "single steps"
    assert sum(profile["seconds"].values()) == pytest.approx(profile["whole"])
    assert sum(counted["by_kind"].values()) == pytest.approx(counted["operations"])
    assert sum(counted["by_dtype"].values()) == pytest.approx(counted["operations"])
    memory = server.answer({"do": "memory"})
    assert 0 <= memory["bytes"] < 2**32
    count, size = server.answer({"do": "allocations"})
    assert size > count > 10
    assert server.answer({"do": "warm"}) > 0
    server.answer({"do": "trace", "path": str(tmp_path / "trace.json")})
    assert (tmp_path / "trace.json").stat().st_size > 1000
    server.answer({"do": "close"})


def test_steps_that_are_not_seen_are_counted_by_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a step is compiled, or replayed on a GPU."""
    server = Server(tmp_path)
    server.answer({"do": "open", "request": SMALL.to_dict()})
    seen = server.answer({"do": "count"})
    own = server._subject

    def replayed() -> int:
        return 8

    monkeypatch.setattr(own, "step", replayed)
    shapes = server.answer({"do": "count"})
    assert shapes["operations"] == seen["operations"] > 0
    assert shapes["of"] == "steps on the meta device, in float32"
    assert shapes["syncs"] == 0
    assert set(shapes["by_dtype"]) == {"float32"}

    def broken() -> int:
        raise RuntimeError("compiled")

    monkeypatch.setattr(own, "step", broken)
    assert server.answer({"do": "count"}) == shapes | {"syncs": None, "calls": None}
    server.answer({"do": "close"})
