"""Plugins of mutated components, installed for this process and those that it starts."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganzoo.registry as registry

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = {
    "mutants": "tests.testing.mutated.architectures",
    "mutant-parts": "tests.testing.mutated.components",
    "shapes": "tests.testing.mutated.shapes",
}
WHOLE_MODULE = """
from ganzoo import Loss, hookimpl

@hookimpl
def ganzoo_losses():
    yield Loss(name="copy", target="ganzoo.objectives.losses:Hinge", summary="The hinge loss again")
"""
HEADS = {  # what the modules of these plugins do besides
    "mutant-heavy": "import torch\n",
    "mutant-slow": "import time; time.sleep(0.1)\n",
    "mutant-loud": "print('welcome')\n",
    "mutant-writing": "import pathlib; (pathlib.Path(__file__).parent / 'seen').write_text('x')\n",
    "mutant-seeding": "import random; random.seed(0)\n",
    "mutant-unbounded": "",
    "mutant-unrequired": "",
}
DEPRECATED = """
    from ganzoo.deprecation import deprecated
    deprecated("the loss copy", since="0.1", removed_in="9.0", instead="use hinge").warn()
"""
MODULES = {name: head + WHOLE_MODULE for name, head in HEADS.items()} | {
    "mutant-empty": "",
    "mutant-deprecated": WHOLE_MODULE.replace("def ganzoo_losses():\n", f"def ganzoo_losses():{DEPRECATED}"),
    "mutant-hook": WHOLE_MODULE.replace("ganzoo_losses", "ganzoo_loses"),
}
REQUIRES = {"mutant-unbounded": "ganzoo>=0.1", "mutant-unrequired": "torch"}


@pytest.fixture(scope="module", autouse=True)
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Both plugins are in the registry while these tests run."""
    site = tmp_path_factory.mktemp("site")
    for name, source in MODULES.items():
        (site / f"{name.replace('-', '_')}.py").write_text(source)
    for name, module in (PLUGINS | {name: name.replace("-", "_") for name in MODULES}).items():
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        requires = REQUIRES.get(name, "ganzoo>=0.1,<0.2")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[ganzoo]\n{name} = {module}\n")
    before, path = os.environ.get("PYTHONPATH"), list(sys.path)
    sys.path[:0] = [str(site)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT), *([before] if before else [])])
    importlib.invalidate_caches()
    registry._installed.cache_clear()
    yield
    sys.path[:] = path
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before
    registry._installed.cache_clear()
