"""The page as a whole: every part is there or says why not, whatever the run's folder holds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ganzoo.errors import UsageError
from ganzoo.report import page as pages
from ganzoo.report.page import PARTS, write
from tests.journeys.console import ganzoo, refused
from tests.report.html import Page, digest

pytestmark = pytest.mark.usefixtures("few")
HOSTILE = "<script>alert('x')</script>"


def copied(runs: Path, name: str, to: Path) -> Path:
    shutil.copytree(runs / name, to / "a run")
    return to / "a run"


def read(run: Path, out: Path, **options: object) -> Page:
    return Page(write(run, out, **options).read_text(encoding="utf-8"))  # type: ignore[arg-type]


def add_rows(run: Path, *rows: object) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        file.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


SHOWN = {
    "points": {"run", "samples", "curves", "points"},
    "pictures": {"run", "samples", "interpolation", "curves", "overlap", "neighbours"},
    "codes": {"run", "samples", "reconstructions", "interpolation", "curves", "overlap", "neighbours"},
    "classes": {"run", "samples", "classes", "interpolation", "curves", "overlap", "neighbours"},
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_part_is_there_or_says_why_not(runs: Path, tmp_path: Path, name: str) -> None:
    before = digest(runs / name)
    said: list[str] = []
    page = read(runs / name, tmp_path / "page.html", say=said.append)
    assert not page.faults
    assert not page.loads()
    assert not page.all("script")
    assert said == [heading for _, heading, _ in PARTS]
    for anchor, heading, _ in PARTS:
        words = page.part(anchor)
        assert words.startswith(heading)
        assert "This part failed" not in words
        if anchor != "health":  # tiny runs may end before the first look at it
            assert ("Left out: " in words) == (anchor not in SHOWN[name])
    assert digest(runs / name) == before
    assert "In short." in page.all("header")[0].text
    assert "was trained on" in page.all("header")[0].text


def test_it_can_be_read_by_everybody(runs: Path, tmp_path: Path) -> None:
    page = read(runs / "classes", tmp_path / "page.html")
    assert page.all("html")[0].attributes["lang"] == "en"
    assert all(image.attributes["alt"] and image.attributes["width"] for image in page.all("img"))
    assert all(image.attributes["src"].startswith("data:image/") for image in page.all("img"))
    assert all(chart.attributes["role"] == "img" and chart.attributes["aria-label"] for chart in page.all("svg"))
    assert all(cell.attributes["scope"] in ("col", "row") for cell in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.text.strip() for cell in page.all("th") if cell.attributes["scope"] == "col")
    anchors = [link.attributes["href"] for link in page.all("a") if link.attributes["href"].startswith("#")]
    ids = [tag.attributes["id"] for tag in page.tags if "id" in tag.attributes]
    assert {anchor[1:] for anchor in anchors} <= set(ids)
    assert len(ids) == len(set(ids))
    for words in ("prefers-color-scheme: dark", "@media print", "width=device-width", "max-width: 100%"):
        assert words in page.source


def test_the_same_page_twice_but_for_its_time(runs: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("one.html", "two.html"):
        text = write(runs / "classes", tmp_path / name, seed=3).read_text()
        texts.append(re.sub(r"<time.*?</time>", "", text))
    assert texts[0] == texts[1]
    other = re.sub(r"<time.*?</time>", "", write(runs / "classes", tmp_path / "three.html", seed=4).read_text())
    assert other != texts[0]


def test_hostile_names_are_words(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "classes", tmp_path)
    run = run.rename(tmp_path / "<img src=x onerror=y> & 'run'")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"]["spec"]["class_names"][0] = HOSTILE
    config["begun"] = HOSTILE
    config["settings"]["device"] = f'"{HOSTILE}'
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    row = {"images": 200, f"discriminator.{HOSTILE}": 1.0, f"health.{HOSTILE}": 2.0, "diagnosis": [HOSTILE]}
    add_rows(run, row, row | {f"evaluation.{HOSTILE}": 3.0, f"{HOSTILE}.real": 1.0})
    figures = {"metric": HOSTILE, "value": 1.5, "extractor": f'"{HOSTILE}', HOSTILE: HOSTILE}
    (run / "evaluations.jsonl").write_text(json.dumps(figures) + "\n")
    page = read(run, tmp_path / "page.html")
    assert not page.faults
    assert not page.all("script")
    assert not [name for tag in page.tags for name in tag.attributes if name.startswith("on")]
    assert HOSTILE in page.part("classes")
    assert HOSTILE in page.part("health")
    assert HOSTILE in page.part("figures")
    assert HOSTILE in page.part("evaluations")


def test_an_address_that_is_none_of_the_web_leads_nowhere() -> None:
    from ganzoo.report.blocks import Link

    assert "<a " not in Link("Paper:", "javascript:alert(1)")._repr_html_()
    assert 'href="https://arxiv.org/abs/1406.2661"' in Link("Paper:", "https://arxiv.org/abs/1406.2661")._repr_html_()


def test_broken_rows_are_counted(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "points", tmp_path)
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(
            b'{"images": 160, "discriminator.adv\n[1]\n\xff\xfe\n{"step": 3}\n{"images": true}\n' + b"[" * 100_000
        )
    add_rows(run, "", '{"images": 170, "generator.adversarial": Infinity, "discriminator.real": "high"}')
    (run / "evaluations.jsonl").write_text('{"metric": "fd", "value": 3.0, "interval": [2.5, 3.5]}\n{"metric": \n')
    page = read(run, tmp_path / "page.html")
    assert "6 lines of metrics.jsonl could not be read" in page.part("run")
    assert "1 line of evaluations.jsonl could not be read" in page.part("run")
    assert "2.5 to 3.5" in page.part("evaluations")
    assert "failed" not in page.source


def test_what_is_missing_is_said(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "pictures", tmp_path)
    shutil.rmtree(run / "checkpoints")
    shutil.rmtree(run / "samples")
    (run / "metrics.jsonl").unlink()
    page = read(run, tmp_path / "page.html")
    assert "no checkpoint" in page.part("run")
    for anchor in ("samples", "interpolation", "curves", "overlap", "neighbours", "figures", "evaluations"):
        assert "Left out: " in page.part(anchor)
    assert "failed" not in page.source


def test_damaged_pictures_are_left_out(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "pictures", tmp_path)
    first, *others = sorted((run / "samples").iterdir())
    first.write_text("<svg onload=alert(1)>")
    others[0].write_bytes(others[0].read_bytes()[:200])
    page = read(run, tmp_path / "page.html")
    assert "2 of the pictures could not be read" in page.part("samples")
    for path in others:
        path.write_bytes(b"")
    assert "no picture that can be read" in read(run, tmp_path / "page.html").part("samples")


def test_data_that_are_gone_or_changed(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "classes", tmp_path)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"]["digest"] = "0" * 32
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    page = read(run, tmp_path / "page.html")
    assert "not what the run was trained on" in page.part("overlap")
    assert "not what the run was trained on" in page.part("neighbours")
    page = read(run, tmp_path / "page.html", data="fashion-12k")
    assert "compared with fashion-12k, which is not what it was trained on" in page.part("run")
    assert "Left out" not in page.part("neighbours")
    config["data"]["choice"]["path"] = str(tmp_path / "gone")
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    page = read(run, tmp_path / "page.html")
    assert "Left out: there is no folder or file" in page.part("neighbours")
    assert "Left out" not in page.part("classes")
    with pytest.raises(UsageError, match="--data"):
        write(run, tmp_path / "page.html", data=str(tmp_path / "nowhere.npz"))


def test_a_part_that_breaks_breaks_nothing_else(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(material: object) -> list[object]:
        raise ZeroDivisionError("<b>division</b>")

    parts = [(anchor, heading, broken if anchor == "curves" else make) for anchor, heading, make in PARTS]
    monkeypatch.setattr(pages, "PARTS", parts)
    said: list[str] = []
    page = read(runs / "points", tmp_path / "page.html", say=said.append)
    assert "This part failed: ZeroDivisionError: <b>division</b>" in page.part("curves")
    assert any("How training went failed" in words for words in said)
    assert "Left out" not in page.part("points")


def test_a_run_that_was_ended_early_says_so(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "points", tmp_path)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["settings"]["images"] = 5000
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    page = read(run, tmp_path / "page.html")
    assert "160 images of 5,000 planned" in page.all("header")[0].text
    assert "interrupted, or still training" in page.part("run")


def test_places_for_the_page(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, "points", tmp_path)
    before = digest(run)
    assert write(run) == run / "report.html"
    after = digest(run)
    assert after.pop("report.html")
    assert after == before
    for wrong in (run / "config.yaml", run, tmp_path / "page"):
        with pytest.raises(UsageError, match=r"ends in \.html"):
            write(run, wrong)
    with pytest.raises(UsageError, match=r"no config\.yaml"):
        write(tmp_path)
    assert write(run, tmp_path / "a" / "b.html").is_file()


def test_the_command(runs: Path, tmp_path: Path) -> None:
    done = ganzoo("report", runs / "points", "--out", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "How training went" in done.stderr
    assert (tmp_path / "page.html").is_file()
    refused(ganzoo("report", "nowhere", cwd=tmp_path), 2, "nowhere does not exist")
    refused(
        ganzoo("report", runs / "points", "--data", "rng", "--out", "p.html", cwd=tmp_path), 2, "--data rng", "ring"
    )


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from ganzoo.cli.main import main\n"
        "try: main(['report', '--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'jinja2' not in sys.modules and 'PIL' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Nothing else in the" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
