"""The measures of a run's health on games whose state is known, and what they leave as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzoo
import ganzoo.errors
from ganzoo.data import Feed, StoredPoints
from ganzoo.engine.ema import Ema
from ganzoo.engine.health import Health
from ganzoo.models import Gan, LatentSpec, StepContext

POINTS = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)


class Fixed(nn.Module):
    """Gives some of the points, moved, whatever the latents are."""

    def __init__(self, points: Tensor, shift: float = 0.0) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(2)
        self.points = nn.Parameter(points + shift)

    def forward(self, z: Tensor) -> Tensor:
        return self.points[: len(z)]


class FirstNumber(nn.Module):
    """The score is the first coordinate, times a sign."""

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))

    def forward(self, x: Tensor) -> Tensor:
        return self.sign * x[:, :1]


def measured(generator: nn.Module, critic: nn.Module, held_out: StoredPoints | None = None) -> dict[str, float]:
    game = Gan(generator, critic)
    source = StoredPoints(POINTS)
    feed = Feed(source, seed=0, device="cpu", draws=StepContext(0))
    return Health(game, feed, Ema(game, 1000), held_out).measure()


def test_copies_of_one_sample_have_no_diversity() -> None:
    found = measured(Fixed(torch.zeros(64, 2)), FirstNumber())
    assert found["diversity"] == 0


def test_samples_of_the_data_are_as_diverse_and_as_near_as_they() -> None:
    other = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)
    found = measured(Fixed(torch.from_numpy(other[:64])), FirstNumber(), StoredPoints(other))
    assert found["diversity"] == pytest.approx(1, abs=0.3)
    assert found["nearest"] == pytest.approx(1, abs=0.5)
    assert abs(found["over-fit"]) < 0.5


def test_copies_of_training_samples_are_nearer_than_held_out_ones() -> None:
    held_out = StoredPoints(np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32))
    found = measured(Fixed(torch.from_numpy(POINTS[100:164])), FirstNumber(), held_out)
    assert found["nearest"] < 0.01


def test_a_critic_that_tells_all_apart_is_seen_to() -> None:
    found = measured(Fixed(torch.from_numpy(POINTS[:64]), shift=-20.0), FirstNumber())
    assert found["accuracy"] == 1
    assert found["margin"] > 8
    found = measured(Fixed(torch.from_numpy(POINTS[:64]), shift=-20.0), FirstNumber(-1.0))
    assert found["accuracy"] == 0
    assert found["margin"] < -8


def test_the_sign_of_real_scores_is_adas() -> None:
    points = torch.from_numpy(POINTS)
    found = measured(Fixed(points[:64]), FirstNumber())
    numbers = np.linspace(0, len(POINTS), 64, endpoint=False).astype(np.int64)
    assert found["sign"] == pytest.approx(float(points[numbers, 0].sign().mean()))


def train(out: Path, **settings: Any) -> ganzoo.Run:
    fixed = {"threads": 1, "precision": "float32", "log_images": 64, "pictures": 1} | settings
    return ganzoo.train("dcgan", preset="tiny", images=512, seed=3, out=out, data_options={"size": 28}, settings=fixed)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ganzoo.Run]:
    folder = tmp_path_factory.mktemp("health")
    return {
        "without": train(folder / "without", health_seconds=0),
        "with": train(folder / "with", evaluate_every=128, evaluate_samples=64, evaluate_metric="fd"),
    }


def test_looking_changes_nothing(runs: dict[str, ganzoo.Run]) -> None:
    one, other = runs["without"].game.state_dict(), runs["with"].game.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_rows_have_the_health_and_the_figures(runs: dict[str, ganzoo.Run]) -> None:
    rows = [json.loads(line) for line in (runs["with"].folder / "metrics.jsonl").read_text().splitlines()]
    seen = {name for row in rows for name in row}
    assert {"health.diversity", "health.nearest", "health.accuracy", "health.over-fit", "health.drift"} <= seen
    judged = [row for row in rows if "evaluation.fd" in row]
    assert [row["images"] for row in judged] == [128, 256, 384, 512, 512][: len(judged)]
    assert len(judged) >= 4
    rows = [json.loads(line) for line in (runs["without"].folder / "metrics.jsonl").read_text().splitlines()]
    assert not any(name.startswith(("health", "evaluation")) for row in rows for name in row)


def test_the_best_checkpoint_is_kept_and_can_be_loaded(runs: dict[str, ganzoo.Run]) -> None:
    rows = [json.loads(line) for line in (runs["with"].folder / "metrics.jsonl").read_text().splitlines()]
    judged = [row for row in rows if "evaluation.fd" in row]
    best = min(judged, key=lambda row: row["evaluation.fd"])
    assert ganzoo.load(runs["with"].folder, checkpoint_of="best").images == best["images"]
    with pytest.raises(ganzoo.errors.UsageError, match="--evaluate-every"):
        ganzoo.load(runs["without"].folder, checkpoint_of="best")


SCENES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a healthy run on a ring": ({"data": "ring", "images": 300_000}, None),
    "a generator far too fast": (
        {"data": "ring", "images": 400_000, "set": ["generator.lr=0.02", "discriminator.lr=0.0001"]},
        "collapse",
    ),
    "twelve points, seen for long": ({"data": "twelve.csv", "images": 400_000}, "memorising"),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_real_runs_of_points(scene: str, tmp_path: Path) -> None:
    how, wanted = SCENES[scene]
    points = np.random.default_rng(0).uniform(-2, 2, (12, 2))
    np.savetxt(tmp_path / "twelve.csv", points, delimiter=",", header="a,b", comments="")
    data = str(tmp_path / "twelve.csv") if how["data"] == "twelve.csv" else how["data"]
    settings = {"threads": 1, "log_images": 20_000, "pictures": 0}
    run = ganzoo.train("gan-2d", **{**how, "data": data}, seed=1, out=tmp_path / "run", settings=settings)
    assert diagnoses(run) == ({wanted} if wanted else set())


PICTURES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a healthy run": ({"arch": "dcgan"}, None),
    "a healthy critic": ({"arch": "wgan-gp", "set": ["d_steps=3", "network=dcgan"]}, None),
    "thirty-two pictures": ({"arch": "dcgan", "data_options": {"options": {"count": 32}}}, "discriminator-over-fits"),
    "a discriminator far too strong": (
        {"arch": "dcgan", "set": ["discriminator.lr=0.002", "generator.lr=0.00001", "d_steps=3"]},
        "discriminator-won",
    ),
    "a critic without its penalty": (
        {"arch": "wgan-gp", "penalty": [], "set": ["d_steps=3", "network=dcgan", "discriminator.lr=0.002"]},
        "divergence",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", PICTURES)
def test_real_runs_of_pictures(scene: str, tmp_path: Path) -> None:
    how, wanted = PICTURES[scene]
    options = {"size": 28} | how.get("data_options", {})
    settings = {"threads": 1, "precision": "float32", "log_images": 4000, "pictures": 0}
    more = {**how, "data_options": options, "set": ["width=16", "batch=32", *how.get("set", [])]}
    run = ganzoo.train(data="fashion-12k", images=60_000, seed=1, out=tmp_path / "run", settings=settings, **more)
    assert diagnoses(run) == ({wanted} if wanted else set())


def diagnoses(run: ganzoo.Run) -> set[str]:
    rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    return {name for row in rows for name in row.get("diagnosis", [])}
