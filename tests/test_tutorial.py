"""The documentation does what it says: the tutorial's commands run, in order, with fewer images; the README's numbers hold."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo.plugin import Arch
from ganzoo.registry import OFFICIAL_ARCHITECTURES, registry

ROOT = Path(__file__).resolve().parents[1]
SHARE = 5000  # of the tutorial's images one in so many is trained on here
LEAST = 64


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def fewer(images: re.Match[str]) -> str:
    count = int(images[1]) * {"k": 1000, "M": 1_000_000, "": 1}[images[2]]
    return f"--images {max(LEAST, count // SHARE)}"


def script(page: str) -> str:
    """All shell blocks of a page as one script that stops at the first failure."""
    whole = "\n".join(blocks(page, "sh"))
    assert "--minutes" not in whole
    return "set -euo pipefail\n" + re.sub(r"--images (\d+)([kM]?)", fewer, whole)


def commands(folder: Path, site: Path) -> Path:
    """`ganzoo` and `pip` as an activated environment has them: one thread for each run, and packages go to `site`."""
    folder.mkdir()
    python = shlex.quote(sys.executable)
    ganzoo = f'[ "$1" = train ] && set -- "$@" --threads 1\nexec {python} -m ganzoo "$@"\n'
    flags = f"--quiet --disable-pip-version-check --no-deps --no-build-isolation --target {shlex.quote(str(site))}"
    for name, body in {"ganzoo": ganzoo, "pip": f'exec {python} -m pip "$@" {flags}\n'}.items():
        (folder / name).write_text("#!/bin/bash\n" + body)
        (folder / name).chmod(0o755)
    return folder


def photos(folder: Path) -> None:
    """40 small pictures of two kinds, sizes and formats."""
    noise = np.random.default_rng(0)
    for kind, suffix in (("red", "png"), ("blue", "jpg")):
        (folder / kind).mkdir(parents=True)
        for i in range(20):
            pixels = noise.integers(0, 256, (40 + i, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{i:02d}.{suffix}")


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    site = tmp_path / "site"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GANZOO_")}
    environment |= {
        "PATH": os.pathsep.join([str(commands(tmp_path / "bin", site)), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "GANZOO_CACHE": str(tmp_path / "cache"),
    }
    answer = subprocess.run(
        ["bash", "-c", script(text("docs/tutorial.md"))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=600,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    for name in ("grid.png", "path.png"):
        with Image.open(tmp_path / name) as picture:
            picture.verify()
    with np.load(tmp_path / "samples.npz") as arrays:
        assert arrays["images"].shape == (100, 32, 32, 3)
    assert "ganzoo train --resume" in (tmp_path / "runs/photos/card.md").read_text()
    assert "name: margin-hinge" in (tmp_path / "runs/margin/config.yaml").read_text()
    assert "margin: 0.5" in (tmp_path / "runs/margin/config.yaml").read_text()
    assert "margin-loss" in answer.stdout  # ganzoo plugins


@pytest.mark.slow
def test_the_readme_in_python_runs(tmp_path: Path) -> None:
    (example,) = blocks(text("README.md").split("## In Python")[1].split("## Architectures")[0], "python")
    assert "images=50_000" in example
    example = example.replace("images=50_000", 'images=320, settings={"threads": 1}')
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    code = example + "assert x.shape == (64, 1, 28, 28)\n"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, timeout=300, check=True)


def test_the_tutorials_game_has_its_term() -> None:
    import torch
    from torch import nn

    from ganzoo.models import Batch, LatentSpec, StepContext

    (example,) = blocks(text("docs/tutorial.md"), "python")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/tutorial.md", "exec"), names)
    game = names["MeanGan"](nn.Linear(3, 2), nn.Linear(2, 1), latent=LatentSpec.normal(3))
    terms = game("generator", Batch(x=torch.ones(5, 2)), StepContext())
    assert set(terms) == {"adversarial", "mean"}
    assert float(terms["mean"].detach()) > 0


def test_the_readme_has_the_counts_of_the_records() -> None:
    rows = re.findall(r"^\| `(\w+)/([\w-]+)` \| .*? \| ([^|]+) \| ([^|]+) \|$", text("README.md"), re.M)
    assert {name: plugin for plugin, name, *_ in rows} == dict(OFFICIAL_ARCHITECTURES)
    for plugin, name, counts, size in rows:
        record = registry().find(Arch, f"{plugin}/{name}").record
        found = [int(count.replace(",", "")) for count in re.findall(r"[\d,]+", counts)]
        assert len(found) == min(2, len(record.parameters))
        assert set(found) <= set(record.parameters.values())
        if size == "points":
            assert record.modality == "points"
        else:
            assert record.resolution == (None if size == "any" else int(size.partition("x")[0]))
            assert {"tiny", "small"} <= record.presets.keys(), f"{name}: all for pictures have them"


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/tutorial.md", "docs/reference.md"]
)
def test_links_within_the_project_lead_somewhere(name: str) -> None:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text(name)):
        path, _, anchor = link.partition("#")
        if "://" in link or path == "docs/images/demo.png":
            continue
        page = (ROOT / name).parent / path if path else ROOT / name
        if not page.is_file() or (anchor and anchor not in anchors(page.read_text(encoding="utf-8"))):
            missing.append(link)
    assert not missing


def anchors(page: str) -> set[str]:
    """Of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
