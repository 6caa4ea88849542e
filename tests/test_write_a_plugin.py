"""The pages for authors of plugins do what they say: their blocks run, word for word, with fewer images.

The pages run in environments of their own: what pip installs there goes away with them, and everything else comes from the
environment of the tests.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzoo.scaffold.kinds import KINDS
from tests.test_tutorial import ROOT, anchors, blocks, fewer, text

PAGE = "docs/write-a-plugin.md"
HOW_TO = [f"docs/how-to/{kind}.md" for kind in KINDS]
SH_OR_PYTHON = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Home:
    """A folder with an environment, and `ganzoo`, `pip`, `python` and the tools in it, as an activated one has them."""

    def __init__(self, folder: Path) -> None:
        self.folder, place = folder, folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=60)
        (site,) = place.glob("lib/python*/site-packages")
        # addsitedir, unlike a path, follows the links that editable installations are
        outer = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        (site / "outer.pth").write_text(
            "".join(f"import site; site.addsitedir({path!r})\n" for path in sorted(set(outer)))
        )
        # Not the environment's own folder, where `python -m ruff` would look for ruff and find this one. As a command, and
        # unlike python -m, none sees the current folder, where a project could pass for its package: -P.
        tools = folder / "bin"
        tools.mkdir()
        python = shlex.quote(str(place / "bin" / "python"))
        ganzoo = f'[ "$1" = train ] && set -- "$@" --threads 1\nexec {python} -P -m ganzoo "$@"\n'
        pip = f'exec {python} -m pip --quiet --disable-pip-version-check "$@" --no-deps --no-build-isolation\n'
        bodies = {"ganzoo": ganzoo, "pip": pip}
        bodies |= {tool: f'exec {python} -P -m {tool} "$@"\n' for tool in ("pytest", "mypy")}
        bodies["python"] = f'exec {python} "$@"\n'
        bodies["ruff"] = f'exec {shlex.quote(sys.executable)} -m ruff "$@"\n'
        for name, body in bodies.items():
            (tools / name).write_text("#!/bin/bash\n" + body)
            (tools / name).chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GANZOO_")}
        self.environment = clean | {
            "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "GANZOO_CACHE": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }

    def run(self, page: str) -> str:
        """All blocks of a page as one script that stops at the first failure; what it printed."""
        lines = ["set -euo pipefail"]
        for language, block in SH_OR_PYTHON.findall(text(page)):
            lines.append(block if language == "sh" else f"python - <<'PYTHON'\n{block}PYTHON\n")
        script = re.sub(r"--images (\d+)([kM]?)", fewer, "\n".join(lines))
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        answer = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            text=True,
            cwd=work,
            env=self.environment,
            timeout=900,
            check=False,
        )
        assert answer.returncode == 0, f"{page}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
        return answer.stdout


@pytest.mark.slow
def test_a_plugin_is_written_in_ten_minutes(tmp_path: Path) -> None:
    printed = Home(tmp_path).run(PAGE)
    assert printed.count("one check fails\n") == printed.count("two checks fail\n") == 1
    failed = re.findall(r"^ *FAIL +([\w.-]+)", printed, re.MULTILINE)
    assert failed == ["build.counts", "training.no-host-read", "training.meta"]
    for name in ("first.png", "labels.png"):
        with Image.open(tmp_path / "work" / "my-gan" / name) as picture:
            picture.verify()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One environment for all how-to pages, whose projects have names of their own."""
    return Home(tmp_path_factory.mktemp("how-to"))


@pytest.mark.slow
@pytest.mark.parametrize("page", HOW_TO)
def test_a_how_to_page_runs(home: Home, page: str) -> None:
    home.run(page)


@pytest.mark.parametrize("page", HOW_TO)
def test_the_python_of_a_how_to_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks(text(page), "python")
    assert found
    for block in found:
        names: dict[str, Any] = {"__name__": "page"}
        exec(compile(block, page, "exec"), names)


def checks_of(kind: str) -> set[str]:
    """The names of all checks of a kind."""
    from ganzoo import plugin
    from ganzoo.testing.suite import MODULES

    groups = importlib.import_module(MODULES[getattr(plugin, KINDS[kind].record)]).GROUPS
    return {check.name for group in groups for check in group}


def test_the_page_names_checks_that_there_are() -> None:
    from ganzoo.testing.declaration import PLUGIN

    named = set(re.findall(r"^\| .* \| `([a-z]+\.[a-z-]+)` \|$", text(PAGE), re.MULTILINE))
    named |= set(re.findall(r"^`([a-z]+\.[a-z-]+)` fails", text(PAGE), re.MULTILINE))
    assert len(named) == 7
    assert named - checks_of("architecture") - {check.name for check in PLUGIN} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_how_to_page_names_checks_that_there_are(kind: str) -> None:
    (section,) = re.findall(r"^## What is checked\n(.*?)^## ", text(f"docs/how-to/{kind}.md"), re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([a-z]+\.[a-z-]+)`", section))
    assert named <= checks_of(kind)


@pytest.mark.parametrize("page", [PAGE, *HOW_TO])
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_kind_has_its_page() -> None:
    pages = {path.name for path in (ROOT / "docs" / "how-to").glob("*.md")} - {"README.md"}  # that lists them
    assert pages == {f"{kind}.md" for kind in KINDS}
    for kind in KINDS:
        page = text(f"docs/how-to/{kind}.md")
        assert f" --kind {kind}\n" in page
        assert 30 <= len(page.splitlines()) <= 90
        assert f"[{KINDS[kind].title}](how-to/{kind}.md)" in text(PAGE)
