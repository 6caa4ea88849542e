"""`ganzoo evaluate` and `compare`: rows with their protocol, repeatable, refused where they would mean nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.config import Choice
from ganzoo.errors import GanzooError, UsageError
from ganzoo.evaluation.compare import Unlike, compare
from ganzoo.evaluation.evaluate import FILE, evaluate, kept
from ganzoo.evaluation.material import Material, Unavailable
from ganzoo.evaluation.measure import _deviation
from ganzoo.evaluation.samples import Samples, from_source, generated
from ganzoo.evaluation.subject import Wanted, choices_of
from ganzoo.metrics import Lite0Features, frechet_distance
from tests.journeys.console import ganzoo as command
from tests.journeys.console import refused

FEW = Wanted(fake=60, real=80)
FD = [Choice(name="fd")]
PROTOCOL = {
    "metric", "value", "interval", "higher_is_better", "formula", "version", "options", "real", "fake", "reference",
    "reference_digest", "split", "size", "resize", "precision", "seed", "ema", "sampling", "batch_norm", "extractor",
    "extractor_digest", "images", "arch", "run", "ganzoo", "torch", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs on pictures, one with an encoder, one on points, and two folders of pictures; the cache is the module's own."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_CACHE", str(folder / "cache"))
        settings = {"threads": 1, "precision": "float32", "pictures": 0, "health_seconds": 0}
        for seed in (1, 2):
            out = folder / f"run-{seed}"
            ganzoo.train(
                "dcgan", preset="tiny", images=64, seed=seed, out=out, data_options={"size": 28}, settings=settings
            )
        ganzoo.train("vqgan", preset="tiny", images=64, seed=1, out=folder / "coded", settings=settings)
        ganzoo.train("gan-2d", preset="tiny", data="ring", images=64, seed=1, out=folder / "ring", settings=settings)
        chance = np.random.default_rng(0)
        for name, size, offset in (("one", 16, 0), ("other", 16, 60), ("large", 24, 0)):
            (folder / name).mkdir()
            for i in range(20):
                pixels = chance.integers(0, 190, (size, size, 3), dtype=np.uint8) + np.uint8(offset)
                Image.fromarray(pixels).save(folder / name / f"{i:02d}.png")
        yield folder


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_row_has_its_whole_protocol(home: Path) -> None:
    (row,) = ganzoo.evaluate(home / "run-1", metrics=FD, wanted=FEW)
    assert row.keys() >= PROTOCOL
    assert (row["metric"], row["formula"], row["split"]) == ("fd", "ganzoo/fd", "test")
    assert (row["fake"], row["real"], row["images"], row["ema"]) == (60, 80, 64, True)
    assert row["interval"][0] < row["value"] < row["interval"][1]
    assert row["extractor"] == "lite0-112"
    assert len(row["extractor_digest"]) == 64
    assert kept(home / "run-1")[-1] == row


def test_reconstructions_are_measured_against_what_they_are_made_of(home: Path) -> None:
    wanted = Wanted(fake=60, real=60, of="reconstructions")
    (row,) = evaluate(home / "coded", metrics=FD, wanted=wanted, draws=0)
    assert row["made_of"] == "fashion-12k (test), reconstructed"
    run = ganzoo.load(home / "coded")
    from ganzoo.data.embedded import fashion

    test = fashion("test")
    numbers = np.linspace(0, len(test), 60, endpoint=False).astype(np.int64)
    stored = test.gather(numbers).x
    from ganzoo.data import StoredImages

    real = from_source(
        StoredImages(stored.permute(0, 2, 3, 1).numpy(), name="x").at((16, 16)), None, "", lambda *told: None
    )
    made = generated(run.reconstruct(real.x, seed=0), None, (-1.0, 1.0), "x")
    look = Lite0Features()
    assert row["value"] == pytest.approx(frechet_distance(look(real.x), look(made.x)), rel=1e-6)
    (noise,) = evaluate(home / "coded", metrics=FD, wanted=Wanted(fake=60, real=60), draws=0, keep=False)
    assert noise["made_of"] is None
    assert noise["value"] != row["value"]


def test_reconstructions_that_there_are_not_are_refused(home: Path) -> None:
    again = Wanted(fake=60, real=60, of="reconstructions")
    with pytest.raises(UsageError, match=r"classic/dcgan, which has no code to reconstruct"):
        evaluate(home / "run-1", metrics=FD, wanted=again)
    with pytest.raises(UsageError, match=r"61 samples are wanted, .* which has 60"):
        evaluate(home / "coded", metrics=FD, wanted=Wanted(fake=61, real=60, of="reconstructions"))
    with pytest.raises(UsageError, match="only a run has reconstructions"):
        evaluate(home / "one", metrics=FD, wanted=Wanted(str(home / "other"), of="reconstructions"))
    with pytest.raises(UsageError, match="options of sampling have no effect"):
        evaluate(home / "coded", wanted=Wanted(of="reconstructions", sampling={"interpolate": 3}))


def test_the_figure_is_the_formula_on_the_samples(home: Path) -> None:
    (row,) = evaluate(home / "run-1", metrics=FD, wanted=FEW, keep=False, draws=0)
    run = ganzoo.load(home / "run-1")
    x = ((run.sample(60, seed=0) + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8)
    from ganzoo.data.embedded import fashion

    test = fashion("test")
    real = test.gather(np.linspace(0, len(test), 80, endpoint=False).astype(np.int64)).x
    features = Lite0Features()
    assert row["value"] == pytest.approx(frechet_distance(features(real), features(x)), rel=1e-9)


def test_repeated_it_is_equal_to_the_bit_and_the_run_is_untouched(home: Path) -> None:
    before = digest(home / "run-1")
    chosen = [Choice(name="fd"), Choice(name="kid", options={"size": 20}), Choice(name="prdc")]
    first, second = (evaluate(home / "run-1", metrics=chosen, wanted=FEW, draws=3) for _ in range(2))
    assert [(r["metric"], r["value"], r["interval"]) for r in first] == [
        (r["metric"], r["value"], r["interval"]) for r in second
    ]
    assert digest(home / "run-1") == before


def test_runs_are_compared_where_they_were_measured_alike(home: Path) -> None:
    for seed in (1, 2):
        evaluate(home / f"run-{seed}", metrics=FD, wanted=FEW, draws=2)
    (line,) = compare([home / "run-1", home / "run-2"])[:1]
    values = [row["value"] for row in line.rows if row is not None]
    assert line.best == int(np.argmin(values))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted(fake=50, real=80), "fake is"),
        (Wanted(fake=60, real=70), "real is"),
        (Wanted(fake=60, real=80, weights="raw"), "ema is"),
    ],
)
def test_unlike_protocols_are_refused_with_the_difference(wanted: Wanted, field: str, home: Path) -> None:
    evaluate(home / "run-1", metrics=FD, wanted=FEW, draws=0)
    evaluate(home / "run-2", metrics=FD, wanted=wanted, draws=0)
    with pytest.raises(Unlike, match=field):
        compare([home / "run-1", home / "run-2"], ["fd"])


def test_two_folders_need_no_run(home: Path) -> None:
    rows = evaluate(home / "one", metrics=FD, wanted=Wanted(reference=str(home / "other")), extractor="pixels")
    same = evaluate(home / "one", metrics=FD, wanted=Wanted(reference=str(home / "one")), extractor="pixels", draws=0)
    assert rows[0]["value"] > 1
    assert same[0]["value"] < 1e-9
    assert rows[0]["extractor"] == "pixels"


def test_files_of_points_need_no_run(home: Path) -> None:
    chance = np.random.default_rng(0)
    for name in ("one", "other"):
        np.savez(home / f"{name}.npz", x=chance.normal(size=(100, 2)).astype(np.float32))
    said: list[str] = []
    rows = evaluate(home / "one.npz", wanted=Wanted(reference=str(home / "other.npz")), say=said.append)
    assert [row["metric"] for row in rows] == ["energy"]
    assert any("modes-captured is left out" in text for text in said)


def test_points_have_figures_of_their_modes(home: Path) -> None:
    rows = evaluate(home / "ring", wanted=Wanted(fake=300, real=300), draws=2)
    names = {row["metric"] for row in rows}
    assert {"modes-captured", "high-quality", "energy"} <= names
    assert all(row["extractor"] is None for row in rows)


def test_features_of_real_samples_are_kept_by_content(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(home / "run-1", metrics=FD, wanted=FEW, draws=0)
    seen: list[int] = []
    original = Lite0Features.__call__

    def counted(self: Lite0Features, pictures: Tensor) -> Tensor:
        seen.append(len(pictures))
        return original(self, pictures)

    monkeypatch.setattr(Lite0Features, "__call__", counted)
    (again,) = evaluate(home / "run-1", metrics=FD, wanted=FEW, draws=0)
    assert sum(seen) == 60, "only the run's own samples are looked at again"
    for file in (home / "cache" / "features").glob("*.npy"):
        file.write_bytes(b"broken")
    (mended,) = evaluate(home / "run-1", metrics=FD, wanted=FEW, draws=0)
    assert mended["value"] == again["value"]


def test_what_a_metric_asks_for_and_there_is_not_is_said(home: Path) -> None:
    with pytest.raises(UsageError, match=r"no class labels|not known|no model"):
        evaluate(home / "one", metrics=[Choice(name="intra-fd")], wanted=Wanted(reference=str(home / "other")))
    samples = Samples(torch.zeros(4, 2, dtype=torch.float64), None, "points", "")
    material = Material(samples, samples, None, None)
    for name in ("mixture", "game", "extractor", "train", "real_labels", "fake_pictures"):
        with pytest.raises(Unavailable):
            material[name]


def test_halves_are_of_the_samples_without_repetition() -> None:
    x = torch.arange(20, dtype=torch.float64).view(10, 2)
    material = Material(Samples(x, None, "fake", ""), Samples(x + 100, None, "real", ""), None, None)
    with material.half(3):
        fake, real = material["fake"], material["real"]
    assert len(fake) == len(real) == 5
    assert len({tuple(row) for row in fake.tolist()}) == 5
    assert len(material["fake"]) == 10


def test_the_interval_is_that_of_a_mean() -> None:
    """Of a mean the standard error is known: sigma / sqrt(n)."""
    n = 400
    x = torch.randn(n, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    material = Material(Samples(x, None, "fake", ""), Samples(x, None, "real", ""), None, None)
    values = []
    for seed in range(400):
        with material.half(seed):
            values.append(float(material["fake"].mean()))
    assert _deviation(values) == pytest.approx(float(x.std()) / n**0.5, rel=0.12)


def test_samples_of_a_source_without_end_are_the_same_each_time() -> None:
    from ganzoo.data.points import Ring

    one, other = (from_source(Ring(), 50, "train", lambda done, total: None) for _ in range(2))
    assert torch.equal(one.x, other.x)
    assert one.mixture is not None
    assert one.mixture.centres_KF.shape == (8, 2)


def test_samples_that_are_not_finite_are_named() -> None:
    with pytest.raises(UsageError, match="2 of 3 samples"):
        generated(torch.tensor([[1.0, 2.0], [float("nan"), 0.0], [float("inf"), 1.0]]), None, (-1, 1), "run")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-run",), ("no-such-run", "--reference")),
        (("no-such-run", "--reference", "one"), ("does not exist", "folder of a run")),
        (("one",), ("is no run", "--reference")),
        (("run-1", "--metrics", "fid"), ("no metric 'fid'", "fd")),
        (("run-1", "--metrics", ","), ("--metrics is empty",)),
        (("run-1", "--metrics", "fd", "--real", "999999"), ("999,999", "2,000")),
        (("run-1", "--metrics", "fd", "--samples", "2", "--real", "1"), ("--real",)),
        (("run-1", "--metrics", "prdc", "--samples", "3", "--real", "3"), ("prdc",)),
        (("run-1", "--metrics", "fd", "--set", "fd.nothing=1", "--real", "50"), ("no option 'nothing'",)),
        (("run-1", "--metrics", "fd", "--set", "fd=1"), ("METRIC.OPTION=VALUE",)),
        (("run-1", "--metrics", "fd", "--set", "kid.subsets=3"), ("not among",)),
        (("run-1", "--extractor", "lite1", "--metrics", "fd", "--real", "50"), ("lite0",)),
        (("ring", "--metrics", "ms-ssim"), ("image",)),
        (("ring", "--extractor", "lite0"), ("points",)),
        (("run-1", "--checkpoint", "best"), ("--evaluate-every",)),
        (("run-1", "--extractor", "classifier", "--real", "50"), ("wants its option data",)),
        (("run-1", "--set", "extractor.layer=3", "--real", "50"), ("no option 'layer'",)),
    ],
)
def test_a_wrong_request_is_refused(arguments: tuple[str, ...], words: tuple[str, ...], home: Path) -> None:
    refused(command("evaluate", *arguments, cwd=home), 2, *words)


def test_json_has_rows_and_nothing_else_on_stdout(home: Path) -> None:
    done = command("evaluate", "run-2", "--metrics", "fd", "--samples", 40, "--real", 40, "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["metric"] == "fd"
    table = command("evaluate", "run-1", "--metrics", "fd", "--samples", 40, "--real", 40, cwd=home)
    assert max(map(len, table.stdout.splitlines()[:2])) <= 80
    both = command("compare", "run-1", "run-2", "--plot", "figures.svg", cwd=home)
    assert both.returncode == 0, both.stderr
    assert "*" in both.stdout
    assert (home / "figures.svg").read_text().startswith("<svg")
    refused(command("compare", "run-1", cwd=home), 2, "two or more")
    refused(command("compare", "run-1", "one", cwd=home), 2, "no figures")


def test_options_are_given_to_the_metric_that_they_name() -> None:
    (fd, prdc) = choices_of("fd, prdc", {"prdc": {"k": 3}}) or []
    assert (fd.name, fd.options, prdc.options) == ("fd", {}, {"k": 3})


def test_a_metric_of_a_plugin_that_fails_is_named_with_its_plugin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ganzoo.metrics.frechet as frechet

    def broken(real: Tensor, fake: Tensor) -> float:
        raise KeyError("x")

    monkeypatch.setattr(frechet, "frechet_distance", broken)
    with pytest.raises(GanzooError, match=r"ganzoo/fd .* fails with KeyError"):
        evaluate(home / "run-1", metrics=FD, wanted=FEW)
