"""What each architecture comes to in its small configuration: parameters, and the path of its Fréchet distance.

    OMP_NUM_THREADS=1 python -m benchmarks.quality.zoo --at 100k --at 300k   # every architecture for pictures, a child process each

Protocol: the preset `small` on fashion-12k at 32 pixels (pix2pix on fashion-edges, CycleGAN on fashion-trousers-dresses), seed 0. FD
is the metric fd over lite0-112, `--samples` samples (seed 0, averaged weights) against as many held-out pictures, before training
and at each number of images of one run, which is stopped there and goes on; 95 % intervals from 20 random halves. What is translated
is all held-out pictures. Of an architecture that reconstructs, held-out pictures through its code and back are measured too.
Architectures that are fitted are fitted once. Speed and memory are for `ganzoo bench --preset small`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo import plugin
from ganzoo.build import find_arch
from ganzoo.cli.train import count
from ganzoo.config import Choice
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.subject import Wanted
from ganzoo.registry import Entry, registry

SIDE, SAMPLES = 32, 2000
DATA = {"translate/pix2pix": "fashion-edges", "translate/cyclegan": "fashion-trousers-dresses"}


def chosen() -> list[str]:
    """The architectures of pictures."""
    entries = registry().entries(plugin.Arch)
    return [e.id for e in entries if e.record.modality == "image" and "small" in e.record.presets]


def lines(entry: Entry[plugin.Arch]) -> int:
    """Lines of the module that the record's target is in, blank ones and comments too."""
    return len(inspect.getsource(import_module(entry.record.target.partition(":")[0])).splitlines())


def distance(run: ganzoo.Run, layout: str, samples: int) -> list[tuple[float, float, float]]:
    """FD and its interval of the run's samples, and of its reconstructions if it has them."""
    wanted = Wanted(fake=samples, real=samples) if layout == "samples" else Wanted()
    both = [wanted, replace(wanted, of="reconstructions")] if run.game.reconstructs else [wanted]
    rows = [evaluate(run.folder, metrics=[Choice(name="fd")], wanted=each, keep=False)[0] for each in both]
    return [(row["value"], *row["interval"]) for row in rows]


def measured(arch: str, counts: list[int], samples: int, folder: Path) -> dict[str, Any]:
    """Train one architecture, and tell what it is and where it came to."""
    entry = find_arch(arch)
    small = entry.record.presets["small"]
    new: dict[str, Any] = {
        "arch": entry.id,
        "data": DATA.get(entry.id, "fashion-12k"),
        "data_options": {} if any(each.startswith("data.size") for each in small) else {"size": SIDE},
        "settings": {"pictures": 0, "health_seconds": 0.0},
        "preset": "small",
        "seed": 0,
    }
    run = ganzoo.train(images=1, out=folder / "first", **new)
    parameters = [sum(p.numel() for p in part.parameters()) for part in run.game.children()]
    path = [(0, distance(run, entry.record.layout, samples))]
    for images in counts if run.game.phases() else []:  # else it is fitted, and not trained
        last = folder / "run"
        run = ganzoo.train(images=images, **({"resume": last} if last.exists() else {"out": last, **new}))
        path.append((run.images, distance(run, entry.record.layout, samples)))
    return {"arch": entry.id, "lines": lines(entry), "parameters": [n for n in parameters if n], "path": path}


def told(row: dict[str, Any]) -> str:
    """A line of the table."""

    def figure(row: list[float]) -> str:
        return f"{row[0]:.0f} ({row[1]:.0f} to {row[2]:.0f})"

    parameters = " / ".join(f"{n:,}" for n in row["parameters"]) or "–"
    path = "; ".join(f"{images:,}: {', reconstructed '.join(map(figure, found))}" for images, found in row["path"])
    return f"| {row['arch']} | {row['lines']} | {parameters} | {path} |"


def main() -> None:
    """Print the table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description="the zoo in its small configurations")
    parser.add_argument("--at", type=count, action="append", help="images to measure at; repeatable")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--arch", action="append", help="only these")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    counts = sorted(asked.at or [300_000])
    if asked.one:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measured(asked.one, counts, asked.samples, Path(name))))
        return
    print("| architecture | lines | parameters | images: FD |\n|---|---|---|---|", flush=True)
    for arch in asked.arch or chosen():
        command = [sys.executable, "-m", "benchmarks.quality.zoo", "--one", arch, "--samples", str(asked.samples)]
        for images in counts:
            command += ["--at", str(images)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {arch} | failed: {done.stderr.strip().splitlines()[-1]} |", flush=True)
        else:
            print(told(json.loads(done.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    main()
