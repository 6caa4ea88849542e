"""Pictures translated from the command line, by a run that was trained a moment before, and every way in which it can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import ganzoo
from ganzoo.cli.main import main
from ganzoo.errors import UsageError
from tests.journeys.console import ganzoo as console

pytest.importorskip("ganzoo_translate")


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], prog_name="ganzoo")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each architecture that translates, and one that does not."""
    home = tmp_path_factory.mktemp("runs")
    for name in ("pix2pix", "cyclegan", "gan"):
        ganzoo.train(
            name, preset="tiny", images=8, out=home / name, data_options={"size": 16}, settings={"pictures": 0}
        )
    return {name: home / name for name in ("pix2pix", "cyclegan", "gan")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of several sizes, formats and modes."""
    home = tmp_path / "pictures"
    (home / "more").mkdir(parents=True)
    chance = np.random.default_rng(0)
    Image.fromarray(chance.integers(0, 256, (16, 16), dtype=np.uint8)).save(home / "grey.png")
    Image.fromarray(chance.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(home / "colour.jpg")
    Image.fromarray(chance.integers(0, 256, (16, 16), dtype=np.uint8)).save(home / "more" / "small.bmp")
    return home


def test_each_picture_becomes_a_png_of_its_name(runs: dict[str, Path], folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = cli("translate", runs["pix2pix"], folder, "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["written"] == ["colour.png", "grey.png", "more/small.png"]
    assert (facts["direction"], facts["size"], facts["resized"], facts["left_out"]) == ("a-to-b", [16, 16], 1, {})
    assert "1 of 3 pictures were brought to 16x16 pixels (crop)" in done.stderr
    run = ganzoo.load(runs["pix2pix"])
    grey = torch.tensor(np.asarray(Image.open(folder / "grey.png")))[None, None]
    colour = np.asarray(Image.open(out / "colour.png"))
    assert colour.shape == (16, 16)
    found = np.asarray(Image.open(out / "grey.png"))
    alone = run.translate(grey.repeat(2, 1, 1, 1), seed=0)[1, 0]  # second in its batch, as grey.png was
    assert np.abs(found.astype(int) - ((alone + 1) * 127.5).round().numpy()).max() <= 1


def test_nothing_is_overwritten_unless_that_is_asked_for(runs: dict[str, Path], folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "more").mkdir(parents=True)
    (out / "more" / "small.png").write_text("mine")
    refused = cli("translate", runs["cyclegan"], folder, "--out", out)
    assert refused.exit_code == 2
    assert "holds 1 of the files already (more/small.png)" in refused.stderr
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["small.png"]
    again = cli("translate", runs["cyclegan"], folder, "--out", out, "--overwrite", "--direction", "b-to-a")
    assert again.exit_code == 0, again.stderr
    assert Image.open(out / "more" / "small.png").size == (16, 16)
    own = cli("translate", runs["cyclegan"], folder, "--out", folder, "--overwrite")
    assert own.exit_code == 2
    assert "the folder of the pictures themselves" in own.stderr


def test_what_cannot_be_done_is_said_in_a_line(runs: dict[str, Path], folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (folder / "grey.tif").write_bytes((folder / "grey.png").read_bytes())
    for arguments, words in (
        ((runs["gan"], folder), "does not translate pictures"),
        ((runs["pix2pix"], folder, "--direction", "b-to-a"), "translates a-to-b, and b-to-a was asked for"),
        ((runs["pix2pix"], tmp_path / "nowhere"), "is no folder"),
        ((runs["pix2pix"], empty), "is empty"),
        ((runs["pix2pix"], folder), "would both become grey.png"),
        ((tmp_path / "nowhere", folder), "nowhere"),
    ):
        done = cli("translate", *arguments, "--out", tmp_path / "out")
        assert done.exit_code == 2, (arguments, done.stderr)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_broken_pictures_are_left_out_and_the_status_says_so(
    runs: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    done = console("translate", runs["pix2pix"], folder, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 pictures could not be read: broken.png (not a picture)" in done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


def test_pictures_are_translated_and_checked_in_python(runs: dict[str, Path]) -> None:
    run = ganzoo.load(runs["cyclegan"])
    bytes_ = torch.randint(0, 256, (3, 1, 16, 16), dtype=torch.uint8)
    made = run.translate(bytes_)
    assert made.shape == (3, 1, 16, 16)
    assert float(made.abs().max()) <= 1
    assert torch.allclose(made, run.translate(bytes_.float() / 127.5 - 1), atol=1e-5)
    assert not torch.equal(made, run.translate(bytes_, "b-to-a"))
    for pictures, words in (
        (torch.zeros(1, 1, 8, 8), r"wanted \(n, 1, 16, 16\)"),
        (torch.zeros(1, 16, 16), "wanted"),
        (torch.full((1, 1, 16, 16), 255.0), r"floats in \[-1, 1\]"),
    ):
        with pytest.raises(UsageError, match=words):
            run.translate(pictures)
    with pytest.raises(UsageError, match="does not translate"):
        ganzoo.load(runs["gan"]).translate(torch.zeros(1, 1, 16, 16))


def test_a_run_is_measured_by_translations_of_pictures_that_it_has_not_seen(runs: dict[str, Path]) -> None:
    from ganzoo.evaluation.subject import Wanted, open_subject

    subject = open_subject(runs["pix2pix"], Wanted(fake=20, real=20), lambda text: None, lambda *told: None)
    assert subject.real.split == "test"
    assert subject.protocol["made_of"] == "fashion-edges (test), a-to-b"
    assert subject.real.second is not None
    run = ganzoo.load(runs["pix2pix"])
    made = ((run.translate(subject.real.second, seed=0) + 1) * 127.5).round()
    assert float((made - subject.fake.x.float()).abs().max()) <= 1
