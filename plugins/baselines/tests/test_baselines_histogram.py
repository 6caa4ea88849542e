"""Histograms: counts, smoothing, the density, samples, classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_baselines.histogram import Histogram, HistogramConfig, build
from torch import Tensor

from ganzoo.metrics import bits_per_dim
from ganzoo.models import Batch, DataSpec, StepContext


def fitted(x: Tensor, y: Tensor | None = None, *, classes: int = 2, **options: Any) -> Histogram:
    spec = DataSpec(tuple(x.shape[1:]), "image" if x.ndim == 4 else "points", classes if y is not None else 0)
    game = build(HistogramConfig(**options), spec)
    assert isinstance(game, Histogram)
    batch = Batch(x=x) if y is None else Batch(x=x, y=y)
    game.fit(iter(batch.split(3)), StepContext(0))
    return game


def levels(n: int = 300) -> Tensor:
    return torch.randint(0, 256, (n, 1, 2, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def values(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def test_each_level_of_each_pixel_is_counted_once() -> None:
    pictures = levels()
    game = fitted(values(pictures))
    assert game.counts.shape == (1, 6, 256)
    for pixel, column in enumerate(pictures.flatten(1).T):
        assert torch.equal(game.counts[0, pixel], torch.bincount(column.long(), minlength=256).float())


def test_laplaces_smoothing_and_the_discretised_likelihood() -> None:
    pictures = levels()
    game = fitted(values(pictures), smoothing=0.5)
    shares = (game.counts[0].double() + 0.5) / (300 + 128)
    found = torch.stack([shares[i, pictures.flatten(1)[:, i].long()] for i in range(6)], 1).log().sum(1)
    # The density of a level is its share divided by its width, 2/255.
    torch.testing.assert_close(game.log_likelihood(values(pictures)), found - 6 * torch.tensor(2 / 255).double().log())
    bits = -found.mean() / (6 * torch.tensor(2.0).log())
    assert bits_per_dim(pictures, game) == pytest.approx(float(bits), abs=1e-6)
    assert bits_per_dim(pictures, game, seed=5) == pytest.approx(float(bits), abs=1e-6), "no chance in it"


def test_fewer_bins_than_levels() -> None:
    pictures = levels()
    game = fitted(values(pictures), bins=4)
    assert torch.equal(game.counts[0, 0], torch.bincount(pictures[:, 0, 0, 0].long() // 64, minlength=4).float())


def test_samples_of_pictures_are_levels_as_often_as_they_were_seen() -> None:
    pictures = torch.tensor([0, 0, 0, 255], dtype=torch.uint8).view(4, 1, 1, 1)
    game = fitted(values(pictures), smoothing=0)
    x = game.sample(20_000, generator=torch.Generator().manual_seed(0))
    assert x.abs().max() <= 1
    again = (x + 1).mul(127.5).round().flatten()
    assert set(again.tolist()) == {0, 255}
    assert float((again == 0).float().mean()) == pytest.approx(0.75, abs=0.01)


def test_points_lie_evenly_in_their_bins() -> None:
    x = torch.tensor([[0.0, 5], [1, 5], [1, 7]])
    game = fitted(x, bins=11, smoothing=0)
    torch.testing.assert_close(game.low_D, torch.tensor([-0.1, 4.8]))
    torch.testing.assert_close(game.width_D, torch.tensor([1.2, 2.4]) / 11)
    samples = game.sample(9000, generator=torch.Generator().manual_seed(0))
    inside = samples[samples[:, 0] >= 1.1 - 1.2 / 11]
    assert len(inside) == pytest.approx(6000, abs=200)
    assert float(inside[:, 0].mean()) == pytest.approx(1.1 - 0.6 / 11, abs=0.002)
    assert inside[:, 0].max() <= 1.1
    assert samples[:, 1].min() >= 4.8


@pytest.mark.parametrize("joint", [False, True])
def test_the_density_sums_to_1_and_samples_have_it(joint: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 2) @ torch.tensor([[1.0, 0.9], [0, 0.3]])
    game = fitted(x, bins=10, joint=joint, smoothing=0.1)
    assert game.counts.shape == ((1, 1, 100) if joint else (1, 2, 10))
    middles = [game.low_D[i] + (torch.arange(10) + 0.5) * game.width_D[i] for i in range(2)]
    grid = torch.stack(torch.meshgrid(*middles, indexing="ij"), -1).reshape(-1, 2)
    mass = game.log_likelihood(grid).exp() * game.width_D.double().prod()
    assert float(mass.sum()) == pytest.approx(1)
    samples = game.sample(40_000, generator=torch.Generator().manual_seed(0))
    cells = ((samples - game.low_D) / game.width_D).long()
    shares = torch.bincount(cells[:, 0] * 10 + cells[:, 1], minlength=100) / 40_000
    torch.testing.assert_close(shares.double(), mass, atol=0.01, rtol=0)
    correlation = float(torch.corrcoef(samples.T)[0, 1])
    assert correlation > 0.5 if joint else abs(correlation) < 0.03


def test_beyond_the_bins_the_density_is_0() -> None:
    game = fitted(torch.tensor([[0.0], [1.0]]), bins=5)
    assert game.log_likelihood(torch.tensor([[-0.2], [1.2], [0.5]])).isfinite().tolist() == [False, False, True]


def test_a_coordinate_that_is_always_the_same() -> None:
    game = fitted(torch.ones(10, 2), bins=8)
    assert game.log_likelihood(torch.ones(2, 2)).isfinite().all()


def test_classes_have_tables_of_their_own() -> None:
    x = torch.cat([torch.zeros(30, 1), torch.ones(10, 1)])
    y = torch.cat([torch.zeros(30), torch.ones(10)]).long()
    game = fitted(x, y, conditional=True, bins=11, smoothing=0)
    condition = torch.tensor([0, 1, 1, 0])
    assert game.sample(
        4, condition=condition, generator=torch.Generator().manual_seed(0)
    ).round().flatten().tolist() == [0, 1, 1, 0]
    torch.testing.assert_close(game.log_likelihood(x[[0, -1]]).exp(), torch.tensor([0.75, 0.25]).double() * 11 / 1.2)
    with pytest.raises(ValueError, match="class indices"):
        game.sample(4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="joint bins of all pixels"):
        build(HistogramConfig(joint=True), DataSpec((1, 8, 8)))
    with pytest.raises(ValueError, match=r"joint ones, wanted 50,000,000 or fewer: --set bins=19"):
        build(HistogramConfig(joint=True), DataSpec((6,), "points"))
    with pytest.raises(ValueError, match="wants class labels"):
        build(HistogramConfig(conditional=True), DataSpec((6,), "points"))
    with pytest.raises(TypeError, match="truncation"):
        build(HistogramConfig(), DataSpec((6,), "points")).sample(3, truncation=1)
