"""What each architecture comes to in its small configuration: size, speed, memory, and the Fréchet distance before and after.

    OMP_NUM_THREADS=1 python -m benchmarks.quality.zoo --minutes 2           # every architecture for pictures, a child process each

Protocol: the preset `small` on fashion-12k at 32 pixels (pix2pix on fashion-edges, CycleGAN on fashion-trousers-dresses), seed 0. FD
is the metric fd over lite0-112, `--samples` samples (seed 0, averaged weights) against as many held-out pictures, before training
and after `--minutes`; 95 % intervals from 20 random halves. Memory is the process's highest resident set over training, without
what the interpreter and torch take before it. Architectures that are fitted have no speed. DCGAN has no preset of that name, and is
here with width 32.
"""

from __future__ import annotations

import argparse
import inspect
import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo import plugin
from ganzoo.build import find_arch
from ganzoo.config import Choice
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.subject import Wanted
from ganzoo.registry import Entry, registry

SIDE = 32
DATA = {"translate/pix2pix": "fashion-edges", "translate/cyclegan": "fashion-trousers-dresses"}
OTHERS = {"classic/dcgan": ["width=32"]}  # without the preset, as it is compared with


def chosen() -> list[str]:
    """The architectures of pictures that have the preset, and those to compare them with."""
    entries = [e for e in registry().entries(plugin.Arch) if e.record.modality == "image"]
    return [e.id for e in entries if "small" in e.record.presets or e.id in OTHERS]


def lines(entry: Entry[plugin.Arch]) -> int:
    """Lines of the module that the record's target is in, blank ones and comments too."""
    return len(inspect.getsource(import_module(entry.record.target.partition(":")[0])).splitlines())


def distance(run: Path, samples: int) -> tuple[float, float, float]:
    """FD and its interval."""
    wanted = Wanted(fake=samples, real=samples)
    if "translate/" in (run / "config.yaml").read_text(encoding="utf-8"):
        wanted = Wanted()  # as many as there are held-out pictures to translate
    (row,) = evaluate(run, metrics=[Choice(name="fd")], wanted=wanted, keep=False)
    return row["value"], *row["interval"]


def measured(arch: str, minutes: float, samples: int, folder: Path) -> dict[str, Any]:
    """Train one architecture and tell what it came to."""
    entry = find_arch(arch)
    options: dict[str, Any] = {
        "data": DATA.get(entry.id, "fashion-12k"),
        "data_options": {"size": SIDE},
        "settings": {"pictures": 0, "health_seconds": 0.0},
        "seed": 0,
    }
    if "small" in entry.record.presets:
        options["preset"] = "small"
        options["data_options"] = {}
        if not any(each.startswith("data.size") for each in entry.record.presets["small"]):
            options["data_options"] = {"size": SIDE}
    else:
        options["set"] = OTHERS[entry.id]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = ganzoo.train(entry.id, images=1, out=folder / "first", **options)
    fitted = not first.game.phases()
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in first.game.named_children()}
    result = {"arch": entry.id, "lines": lines(entry), "start": None if fitted else distance(folder / "first", samples)}
    start = time.monotonic()
    run = first if fitted else ganzoo.train(entry.id, minutes=minutes, out=folder / "run", **options)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    state = (
        {} if fitted else json.loads((folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    )
    return {
        **result,
        "parameters": {name: count for name, count in parameters.items() if count},
        "images": run.images,
        "steps": state.get("step", 0),
        "seconds": seconds,
        "mib": (peak - before) / 1024,
        "end": distance(run.folder, samples),
    }


def told(row: dict[str, Any]) -> str:
    """A line of the table."""

    def figure(value: list[float] | None) -> str:
        return "–" if value is None else f"{value[0]:.0f} ({value[1]:.0f} to {value[2]:.0f})"

    speed = f"{row['steps'] / row['seconds']:.2f} | {row['images'] / row['seconds']:,.0f}" if row["images"] else "– | –"
    counts = " / ".join(f"{count:,}" for count in row["parameters"].values()) or "–"
    return (
        f"| {row['arch']} | {row['lines']} | {counts} | {row['images']:,} | {speed} | {row['mib']:,.0f} | "
        f"{figure(row['start'])} | {figure(row['end'])} |"
    )


def main() -> None:
    """Print the table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description="the zoo in its small configurations")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--arch", action="append", help="only these")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measured(asked.one, asked.minutes, asked.samples, Path(name))))
        return
    print("| architecture | lines | parameters | images | steps/s | images/s | MiB | FD before | FD after |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for arch in asked.arch or chosen():
        command = [sys.executable, "-m", "benchmarks.quality.zoo", "--one", arch]
        command += ["--minutes", str(asked.minutes), "--samples", str(asked.samples)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {arch} | failed: {done.stderr.strip().splitlines()[-1]} |", flush=True)
        else:
            print(told(json.loads(done.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    main()
