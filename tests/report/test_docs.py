"""docs/report.md does what it says: its commands run, in their order, with fewer images."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_tutorial import ROOT, blocks, commands, fewer, text

PAGE = "docs/report.md"


@pytest.mark.slow
def test_the_page_on_reports_runs(tmp_path: Path) -> None:
    shell = "\n".join(blocks(text(PAGE), "sh")).replace("--preset conditional", "--preset tiny --set conditional=true")
    script = "set -euo pipefail\n" + re.sub(r"--images (\d+)([kM]?)", fewer, shell)
    assert script.count("ganzoo ") == 6
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(commands(tmp_path / "bin", tmp_path / "site")), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "GANZOO_CACHE": str(tmp_path / "cache"),
    }
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": environment,
        "capture_output": True,
        "text": True,
        "timeout": 300,
    }
    done = subprocess.run(["bash", "-c", script], check=False, **options)
    assert done.returncode == 0, done.stderr
    for name in ("runs/clothes/report.html", "clothes.html", "other.html", "classes.png", "film.gif"):
        assert (tmp_path / name).stat().st_size > 1000
    assert "This part failed" not in (tmp_path / "clothes.html").read_text()
    (example,) = blocks(text(PAGE), "python")
    done = subprocess.run([sys.executable, "-c", example + "print(table._repr_html_())"], check=False, **options)
    assert done.returncode == 0, done.stderr
    assert '<th scope="row">' in done.stdout
    assert (tmp_path / "paths.gif").read_bytes().startswith(b"GIF89a")
