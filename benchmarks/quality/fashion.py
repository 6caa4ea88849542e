"""Fréchet distances on fashion-12k at 32 pixels, after equal time or equal images, with real pictures as the floor.

    python -m benchmarks.quality.fashion --minutes 10 --seeds 1            # every architecture for pictures
    python -m benchmarks.quality.fashion --ablation --images 300k          # what helps DCGAN of width 32 at 500 training pictures

Protocol: the metric fd over lite0-112, 2,000 samples (seed 0, averaged weights, batch norm in evaluation mode) against the 2,000
test pictures, both at 32 pixels; 95 % intervals from 20 random halves. It is not FID. The floor is 2,000 training pictures against
the test pictures; the same training pictures in noise are far above any trained model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import ganzoo
from ganzoo import plugin
from ganzoo.cli.train import count
from ganzoo.config import Choice
from ganzoo.data.embedded import fashion
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.subject import Wanted
from ganzoo.registry import registry

SIDE, SAMPLES = 32, 2000
FEW = 500  # training pictures of the ablation


@dataclass(frozen=True)
class Run:
    """What is trained, besides time, data and seed."""

    name: str
    arch: str
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = "ema"


NARROW = ["width=32"]  # what two cores train in minutes
ABLATION = (
    Run("dcgan, 500 pictures", "dcgan", {"set": NARROW}, weights="raw"),
    Run("with averaged weights", "dcgan", {"set": NARROW}),
    Run("with R1", "dcgan", {"set": NARROW, "penalty": ["r1"]}),
    Run("with DiffAugment", "dcgan", {"set": NARROW, "augment": "diffaugment"}),
    Run("with ADA", "dcgan", {"set": NARROW, "augment": "ada"}),
)


def architectures() -> list[Run]:
    """Every installed architecture that makes pictures of noise, with its preset `small`, else in its default configuration."""
    entries = [
        e for e in registry().entries(plugin.Arch) if e.record.modality == "image" and e.record.layout == "samples"
    ]
    return [Run(e.record.name, e.id, {"preset": "small"} if "small" in e.record.presets else {}) for e in entries]


def trained(
    run: Run, folder: Path, *, minutes: float | None, images: int | None, seed: int, few: int | None
) -> ganzoo.Run:
    """One run."""
    data: dict[str, Any] = {"size": SIDE}
    if few is not None:
        data["options"] = {"count": few}
    settings = {"pictures": 0, "health_seconds": 0.0}
    return ganzoo.train(
        run.arch,
        data="fashion-12k",
        data_options=data,
        minutes=minutes,
        images=images,
        seed=seed,
        out=folder,
        settings=settings,
        **run.options,
    )


def row(run: Run, *, minutes: float | None, images: int | None, seed: int, few: int | None) -> str:
    """A line of the table."""
    with tempfile.TemporaryDirectory() as name:
        start = time.monotonic()
        made = trained(run, Path(name) / "run", minutes=minutes, images=images, seed=seed, few=few)
        seconds = time.monotonic() - start
        wanted = Wanted(fake=SAMPLES, real=SAMPLES, weights=run.weights)
        (figure,) = evaluate(made.folder, metrics=[Choice(name="fd")], wanted=wanted, keep=False)
    low, high = figure["interval"]
    return (
        f"| {run.name} | {seed} | {made.images:,} | {seconds / 60:.1f} | {made.images / seconds:,.0f} | "
        f"{figure['value']:.1f} | {low:.1f} to {high:.1f} |"
    )


def floor() -> Iterator[str]:
    """Real pictures against real pictures, and pictures of noise."""
    with tempfile.TemporaryDirectory() as name:
        train = fashion("train")
        real = train.gather(np.linspace(0, len(train), SAMPLES, endpoint=False).astype(np.int64)).x.numpy()
        noise = np.random.default_rng(0).integers(0, 256, real.shape, dtype=np.uint8)
        test = fashion("test").gather(np.arange(SAMPLES)).x.numpy()
        for what, pictures in (("test", test), ("real", real), ("noise", noise)):
            np.savez(Path(name) / f"{what}.npz", images=pictures.transpose(0, 2, 3, 1))
        for what, said in (("real", "training pictures"), ("noise", "uniform noise")):
            wanted = Wanted(reference=str(Path(name) / "test.npz"), size=str(SIDE))
            (figure,) = evaluate(Path(name) / f"{what}.npz", metrics=[Choice(name="fd")], wanted=wanted)
            low, high = figure["interval"]
            yield f"| {said} | | | | | {figure['value']:.1f} | {low:.1f} to {high:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Fréchet distances on fashion-12k")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--images", type=count)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arch", action="append", help="only these")
    parser.add_argument("--ablation", action="store_true", help=f"what helps at {FEW} training pictures")
    asked = parser.parse_args()
    if (asked.minutes is None) == (asked.images is None):
        parser.error("say either --minutes or --images")
    print(
        "| trained | seed | images | minutes | images/s | FD-lite0-112 | 95 % interval |\n|---|---|---|---|---|---|---|"
    )
    for line in floor():
        print(line, flush=True)
    for run in ABLATION if asked.ablation else architectures():
        if asked.arch and run.arch not in asked.arch and run.name not in asked.arch:
            continue
        for seed in range(asked.seeds):
            few = FEW if asked.ablation else None
            print(row(run, minutes=asked.minutes, images=asked.images, seed=seed, few=few), flush=True)


if __name__ == "__main__":
    main()
