"""`ganzoo doctor` as a user runs it: on a healthy installation, on one with faults, and without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.journeys.console import ganzoo
from tests.registry.handmade import Site

SECTIONS = ["versions", "devices", "precision", "compilers", "threads", "disk", "folders", "environment", "step"]


def test_the_document(tmp_path: Path) -> None:
    done = ganzoo("doctor", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == [*SECTIONS, "advice"]
    assert document["step"]["images_per_second"] > 0
    assert document["threads"]["chosen"] == 1
    assert document["environment"]["OMP_NUM_THREADS"] == "1"
    assert document["folders"]["cache"]["path"] == str(tmp_path / "cache")
    assert {plugin["name"] for plugin in document["versions"]["plugins"]} >= {"ganzoo", "classic", "wasserstein"}
    assert "unknown" not in done.stdout
    for item in document["advice"]:
        assert item.keys() == {"about", "advice"}
        assert item["about"] in SECTIONS
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_faults_are_named_with_their_remedies(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.add("acme-gan", {"acme": "acme_gan"}, {"acme_gan": "print('words')\nraise OSError('no disk')\n"})
    far = tmp_path / ("deep-" * 20 + "down")
    far.write_text("")
    threads = 2 * (os.cpu_count() or 1)
    faults = {"GANZOO_CACHE": str(far / "cache"), "OMP_NUM_THREADS": str(threads), "WORLD_SIZE": "2"}
    done = ganzoo("doctor", cwd=tmp_path, PYTHONPATH=str(site.folder), GANZOO_DISABLE="classic", **faults)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    headings = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert headings == [*SECTIONS, "advice"]
    said = " ".join(done.stdout.split())
    for words in (
        "acme, of acme-gan 1.0: 1 problem",
        "plugin acme (acme-gan 1.0), import: OSError: no disk",
        "set GANZOO_DISABLE=acme",
        "classic, of ganzoo-classic",
        f"OMP_NUM_THREADS={threads} is above",
        "WORLD_SIZE=2 is set",
        "cannot be written (Not a directory)",
        "set GANZOO_CACHE to another folder",
    ):
        assert words in said, done.stdout
    assert "words" not in done.stdout
    assert str(far / "cache") in "".join(done.stdout.split()), "a long path is broken and not cut"


def test_without_torch_nothing_can_train(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')\n")
    done = ganzoo("doctor", "--json", cwd=tmp_path, PYTHONPATH=str(hidden))
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing can train here: torch cannot be imported")
    document = json.loads(done.stdout)
    assert document["versions"]["torch"].startswith("unknown: ImportError: libtorch_cpu.so")
    assert document["step"].startswith("unknown: ImportError")
    assert document["disk"]["runs"]["free_bytes"] > 0
    assert any("pip install torch" in item["advice"] for item in document["advice"])


def test_help_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')\n")
    done = ganzoo("doctor", "--help", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
