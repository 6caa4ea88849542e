"""Each kind of picture by itself: curves that keep their peaks, grids, films, neighbours, clouds."""

from __future__ import annotations

import io
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo as api
from ganzoo.data import StoredImages
from ganzoo.errors import UsageError
from ganzoo.metrics import PixelFeatures
from ganzoo.report import charts, curves, film, grids, lines, manifold, neighbours
from ganzoo.report.blocks import Chart, LeftOut
from ganzoo.report.lines import Lines
from ganzoo.report.material import Features
from ganzoo.report.svg import Axis, short, shortened


def test_thinning_keeps_every_peak_and_gap() -> None:
    points: list[tuple[float, float | None]] = [(float(i), math.sin(i / 50)) for i in range(20_000)]
    points[12_345] = (12_345.0, 99.0)
    points[777] = (777.0, -99.0)
    points[4000] = (4000.0, None)
    kept = charts.thinned(points)
    assert len(kept) <= 5 * charts.BUCKETS
    assert {points[0], points[-1], points[12_345], points[777], points[4000]} <= set(kept)
    assert kept == sorted(kept, key=lambda point: point[0])
    assert charts.thinned(points[:100]) == points[:100]
    assert len(charts.pieces(kept)) == 2


def test_a_running_median_is_not_moved_by_a_peak() -> None:
    points: list[tuple[float, float | None]] = [(float(i), 1.0) for i in range(1000)]
    points[500] = (500.0, 1e9)
    points[700] = (700.0, None)
    found = charts.running_median(points)
    assert {value for _, value in found} == {1.0, None}
    assert charts.running_median(points[:50]) == []


def test_a_chart_is_sound_whatever_the_values() -> None:
    hard = ([5.0], [0.0, 0.0], [None, 1.0, None, -1e30, 1e-30], [1e-9, 1e9], [-3.0, -3.0], [2.0**900, 1.0])
    for values in hard:
        series = charts.Series("a & <b>", [(float(i), value) for i, value in enumerate(values)])
        found, numbers = charts.chart("t", [series], "unit")
        assert isinstance(found, Chart)
        root = ElementTree.fromstring(found.svg)
        assert "nan" not in found.svg
        assert "a & <b>" in root.attrib["aria-label"]
        assert "<table>" in numbers._repr_html_()
    assert charts.chart("t", [charts.Series("nothing", [(1.0, None)])], "unit") == []


def test_axes_bend_where_values_differ_in_size() -> None:
    assert Axis([0.0, 1.0, 2.0], 0, 100, may_bend=True).kind == "linear"
    assert Axis([1e-6, 1.0, 2.0], 0, 100, may_bend=True).kind == "log"
    signed = Axis([-1000.0, 1.0, 1.0, -1.0, 2.0], 0, 100, may_bend=True)
    assert signed.kind == "both signs"
    assert 0 < signed(-1000.0) < signed(-1.0) < signed(0.0) < signed(2.0) < 100
    assert {-1000.0, 0.0} <= set(signed.ticks(20))
    assert Axis([3.0, 17.0], 0, 100).ticks() == [0.0, 5.0, 10.0, 15.0]
    assert [short(value) for value in (0.0012, 12_000.0, 3.4e6, -5.0)] == ["0.0012", "12k", "3.4M", "-5"]
    assert shortened("a\nb\x00c" + "d" * 50, 10) == "a b cdddd…"


def test_terms_are_sorted_by_player_and_phase() -> None:
    row = {
        "images": 10, "both.generator/adversarial": 1.0, "both.discriminator/adversarial": 2.0, "both.skipped": 0.5,
        "discriminator/r1.r1": 3.0, "discriminator.adversarial": 1.0, "discriminator.real": 1.0, "discriminator.fake": 0.0,
        "both.generator/gradient norm": 1.0, "images_per_second": 5.0, "both.seconds": 1.0,
    }  # fmt: skip
    found = [block.svg for block in curves.training(Lines("metrics.jsonl", [row])) if isinstance(block, Chart)]
    titles = [svg.split('class="title">')[1].split("<")[0] for svg in found]
    assert titles == [
        "Terms of the generator, in phase both", "Terms of the discriminator, in phase both", "Terms of the discriminator",
        "Scores of real and of fake samples", "Gradient norms", "Updates that were skipped, as they were not finite", "Speed",
    ]  # fmt: skip
    assert ">r1<" in found[2]
    assert ">adversarial<" in found[2]
    assert (
        lines.seconds_of([row, {"images": 10, "evaluation.fd": 1.0}, {"images": 20, "images_per_second": 2.0}]) == 7.0
    )


def test_diagnoses_are_told_once_with_their_span() -> None:
    rows = [{"images": i, "diagnosis": ["collapse"]} if i % 2 else {"images": i} for i in range(6)]
    (found,) = curves.diagnoses([*rows, {"images": 9, "diagnosis": None}])
    assert (found.words, found.first, found.last, found.rows) == ("collapse", 1, 5, 3)
    assert curves.diagnoses([{"images": 1, "diagnosis": "words"}])[0].words == "words"


def test_film_frames_differ_and_are_as_many_as_samples(runs: Path) -> None:
    run = api.load(runs / "classes")
    found, names = film.paths(run, count=3, steps=5)
    assert found.shape == (3, 5, 1, 28, 28)
    assert names[1] == "2, Trouser"
    still = film.gif(film.enlarged(torch.zeros(4, 1, 8, 8)))
    colour = film.gif(film.enlarged(torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1))
    moving = film.there_and_back(found)
    for data, count, different in ((still, 1, 1), (colour, 4, 4), (moving.data, 8, 5)):
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.n_frames == count
            frames, time = [], 0
            for i in range(count):
                opened.seek(i)
                time += opened.info["duration"]
                frames.append(np.asarray(opened.convert("RGB")).tobytes())
        assert len(set(frames)) == different
        assert time == 80 * (4 if data is still else count)
    assert len(moving.data) < 400_000


def test_what_cannot_be_a_film(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="made of pictures"):
        film.write_film(torch.zeros(3, 2), tmp_path / "x.gif")
    with pytest.raises(LeftOut, match="points"):
        film.paths(api.load(runs / "points"))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UsageError, match=r"pip install 'ganzoo\[video\]'"):
        film.write_film(torch.zeros(3, 1, 8, 8), tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


def test_mp4(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    film.write_film(torch.linspace(-1, 1, 5).view(5, 1, 1, 1).expand(5, 1, 9, 7), tmp_path / "x.mp4")
    with av.open(str(tmp_path / "x.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5
    assert [frame.mean() for frame in frames] == sorted(frame.mean() for frame in frames)


def test_a_grid_by_class_has_names_beside_its_rows(runs: Path) -> None:
    run = api.load(runs / "classes")
    rows = grids.by_class(run, 3, seed=5, labels=[8, 0, 8])
    assert [label for label, _ in rows] == [8, 0]
    assert rows[0][1].equal(run.sample(3, seed=5, labels=[8]))
    sheet = grids.labelled([(grids.class_name(run, label), samples) for label, samples in rows])
    pixels = np.asarray(sheet)
    margin = sheet.width - 3 * 57
    names = pixels[:57, :margin], pixels[57:114, :margin]
    assert all(15 < (name < 128).sum() < name.size / 3 for name in names)  # there are letters, on white
    assert not np.array_equal(*names)
    longest = grids.labelled([("a very long name\nof a class " * 20, rows[0][1])])
    assert longest.width < 600
    with pytest.raises(LeftOut, match="without being told a class"):
        grids.by_class(api.load(runs / "pictures"))


def test_neighbours_find_a_copy_and_say_which_are_close(runs: Path) -> None:
    run = api.load(runs / "classes")
    samples = grids.comparable(run.sample(2, seed=1))
    noise = np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1), dtype=np.uint8)
    noise[123] = samples[1].permute(1, 2, 0).numpy()
    noise[7] = noise[123]
    source = StoredImages(noise, name="noise")
    found = neighbours.by_pixels(run, source, 2, seed=1)
    assert found.distances[1, :2].tolist() == pytest.approx([0.0, 0.0], abs=1e-4)
    assert found.pictures[1, 0].equal(samples[1])
    assert 1 in found.close
    assert found.searched == 300
    assert (found.distances.diff(dim=1) >= 0).all()
    direct = (samples[0].float() - torch.from_numpy(noise).permute(0, 3, 1, 2)).square().mean((1, 2, 3)).sqrt()
    assert torch.allclose(found.distances[0].float(), direct.sort().values[:3], rtol=1e-4)
    extract = PixelFeatures()
    at_random = source.gather(np.arange(0, 300, 3)).x
    features = neighbours.by_features(run, source, extract, at_random, extract(at_random), 2, seed=1)
    assert features.pictures[1, 0].equal(samples[1])
    assert features.distances[1, 1] > 1  # the copy is shown once
    with pytest.raises(LeftOut, match="points"):
        neighbours.by_pixels(api.load(runs / "points"), source)


def test_precision_and_recall_of_known_clouds() -> None:
    generator = torch.Generator().manual_seed(0)
    real, far = torch.randn(200, 6, generator=generator), torch.randn(100, 6, generator=generator) + 50
    near = torch.cat([real[:50] + 1e-3, far[:50]])
    found = manifold.overlap(Features("f", real, near))
    assert found.precision == 0.5
    assert found.fake_inside[:50].all()
    assert manifold.overlap(Features("f", real, far)).recall == 0
    assert 0.5 < found.halves <= 1
    with pytest.raises(LeftOut, match="too few"):
        manifold.overlap(Features("f", real[:6], far))


@pytest.mark.parametrize("features", [3, 400])
def test_the_plane_is_that_of_largest_variance(features: int) -> None:
    x = torch.randn(60, features, generator=torch.Generator().manual_seed(0))
    real, fake, shares = manifold.principal_plane(x, x + 1)
    values = torch.linalg.svdvals(x.double() - x.double().mean(0)).square()
    assert torch.allclose(real.square().sum(0), values[:2])
    assert shares == pytest.approx((values[:2] / values.sum()).tolist())
    assert (fake - real).std(0).max() < 1e-5
    cloud = manifold.cloud("t", ("a", "b"), real, fake, torch.arange(60) < 20)
    assert "20 fake ones among them, 40 fake ones outside" in cloud.caption
    ElementTree.fromstring(cloud.svg)
