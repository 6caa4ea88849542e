"""The mixture: its likelihood, EM, its start, principal directions, classes, and the published figures on the grid."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from ganzoo_baselines.em import Mixture, fit_mixture, k_means, log_densities, principal_directions
from ganzoo_baselines.mixture import GaussianMixture, MixtureConfig, build
from torch import Tensor

from ganzoo.data import DataChoice, open_source
from ganzoo.errors import UsageError
from ganzoo.metrics import bits_per_dim, high_quality, mixture_of, modes_captured, nll
from ganzoo.models import Batch, DataSpec, Draws, StepContext


def log_normal(x: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """By the inverse and the determinant, a slow way of its own."""
    centred = x - mean
    squares = torch.einsum("ni,ij,nj->n", centred, torch.linalg.inv(covariance), centred)
    return -0.5 * (squares + torch.logdet(2 * math.pi * covariance))


POINTS = DataSpec((2,), "points", 2)


def fitted(x: Tensor, y: Tensor | None = None, spec: DataSpec | None = None, **options: Any) -> GaussianMixture:
    batch = Batch(x=x) if y is None else Batch(x=x, y=y)
    game = build(MixtureConfig(**options), spec or DataSpec((x.shape[1],), "points", 2 if y is not None else 0))
    assert isinstance(game, GaussianMixture)
    game.fit(iter(batch.split(3)), StepContext(0))
    return game


def two_clusters(n: int = 4000) -> tuple[Tensor, Tensor]:
    """A round cluster at (3, 0) and a long one at (-3, 1), with their numbers."""
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(n, generator=generator) < 0.25).long()
    noise = torch.randn(n, 2, generator=generator)
    long = torch.tensor([-3.0, 1]) + noise @ torch.tensor([[1.0, 0.8], [0, 0.3]])
    return torch.where(y[:, None] == 0, torch.tensor([3.0, 0]) + 0.5 * noise, long), y


def test_densities_are_those_of_normal_distributions() -> None:
    root = torch.tensor([[[1.0, 0], [0.5, 2]], [[0.3, 0], [-1, 1]]], dtype=torch.float64)
    mean = torch.tensor([[0.0, 1], [2, -1]], dtype=torch.float64)
    weight = torch.tensor([0.3, 0.7], dtype=torch.float64)
    x = torch.randn(50, 2, dtype=torch.float64)
    wanted = torch.stack(
        [w.log() + log_normal(x, m, r @ r.T) for w, m, r in zip(weight, mean, root, strict=True)],
        1,
    )
    torch.testing.assert_close(log_densities(x, Mixture(weight, mean, root)), wanted)


def test_one_component_is_the_normal_distribution_of_greatest_likelihood() -> None:
    x, _ = two_clusters()
    game = fitted(x, components=1, shrink=0, floor=1e-12)
    torch.testing.assert_close(game.mean_KCR[0, 0], x.mean(0), rtol=1e-5, atol=1e-6)
    covariance = game.root_KCRR[0, 0] @ game.root_KCRR[0, 0].T
    torch.testing.assert_close(covariance, torch.cov(x.T, correction=0), rtol=1e-4, atol=1e-5)


def test_each_step_of_em_raises_the_likelihood() -> None:
    torch.manual_seed(0)
    x = torch.randn(800, 3, dtype=torch.float64) @ torch.randn(3, 3, dtype=torch.float64)
    x[:300] += 2.0
    how: dict[str, Any] = {"diagonal": False, "starts": 1, "shrink": 0.0, "floor": 1e-12}
    found = [
        float(torch.logsumexp(log_densities(x, fit_mixture(x, 4, Draws(1), iterations=steps, **how)), 1).mean())
        for steps in (0, 1, 2, 5, 20)
    ]
    assert found == sorted(found)
    assert found[-1] > found[0] + 1e-3


def test_two_clusters_are_found() -> None:
    x, _ = two_clusters()
    game = fitted(x, components=2)
    order = game.mean_KCR[0, :, 0].argsort(descending=True)
    torch.testing.assert_close(game.weight_KC[0, order], torch.tensor([0.75, 0.25]), atol=0.02, rtol=0)
    torch.testing.assert_close(game.mean_KCR[0, order], torch.tensor([[3.0, 0], [-3, 1]]), atol=0.1, rtol=0)
    samples = game.sample(20_000, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(torch.cov(samples.T), torch.cov(x.T), rtol=0.06, atol=0.05)
    torch.testing.assert_close(samples.mean(0), x.mean(0), rtol=0, atol=0.08)


def test_a_diagonal_covariance_is_diagonal_and_less_likely() -> None:
    x, _ = two_clusters()
    full, diagonal = fitted(x, components=2), fitted(x, components=2, covariance="diag")
    roots = diagonal.root_KCRR[0]
    assert torch.equal(roots, torch.diag_embed(roots.diagonal(dim1=1, dim2=2)))
    assert full.log_likelihood(x).mean() > diagonal.log_likelihood(x).mean() + 0.1


def test_the_density_sums_to_1() -> None:
    game = fitted(two_clusters()[0], components=3)
    axis = torch.arange(-9, 9, 0.05)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    assert float(game.log_likelihood(grid).exp().sum() * 0.05**2) == pytest.approx(1, abs=1e-4)


def test_25_full_components_on_the_grid() -> None:
    """zoo figures: the grid's entropy is .0653 nats, and of true samples 98.889 % are of high quality."""
    source = open_source(DataChoice(path="grid"), modality="points")
    x = source.draw(20_000, Draws(1)).x
    game = fitted(x, components=25, iterations=15)
    held_out = source.draw(100_000, Draws(2)).x
    assert nll(held_out, game) == pytest.approx(0.0653, abs=0.02)
    samples, modes = game.sample(20_000, generator=torch.Generator().manual_seed(0)).double(), mixture_of(source)
    assert high_quality(samples, modes) == pytest.approx(0.98889, abs=0.004)
    assert modes_captured(samples, modes) == 25


def test_k_means_takes_the_best_of_its_starts() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10], [5, 5]], dtype=torch.float64)
    x = centres.repeat_interleave(40, 0) + 0.1 * torch.randn(200, 2, dtype=torch.float64)
    index = k_means(x, 5, Draws(0), starts=3)
    groups = index.view(5, 40)
    assert bool((groups == groups[:, :1]).all())
    assert len(set(groups[:, 0].tolist())) == 5


def test_samples_that_are_all_the_same_have_finite_figures() -> None:
    game = fitted(torch.ones(30, 2), components=4)
    assert all(buffer.isfinite().all() for buffer in game.buffers())
    assert game.sample(5, generator=torch.Generator().manual_seed(0)).isfinite().all()


def test_fewer_samples_than_components() -> None:
    game = fitted(torch.randn(3, 2), components=6)
    assert game.log_likelihood(torch.randn(4, 2)).isfinite().all()


def test_principal_directions() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 12, dtype=torch.float64) * torch.linspace(4, 0.5, 12, dtype=torch.float64) + 3
    mean, directions, rest = principal_directions(x, 4, Draws(0))
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    torch.testing.assert_close(mean, x.mean(0))
    torch.testing.assert_close(directions.T @ directions, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(
        (directions.T @ vectors[:, -4:].flip(1)).abs(), torch.eye(4, dtype=torch.float64), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(rest, values[:-4].mean(), rtol=1e-3, atol=0)


def test_the_density_of_pictures_is_one_over_all_pixels() -> None:
    """With one component it is that of a normal distribution with the covariance U C U' + s² (1 - U U')."""
    torch.manual_seed(0)
    x = (torch.randn(600, 3, 1, 1) * torch.rand(3, 2, 3) * 0.3 + 0.05 * torch.randn(600, 3, 2, 3)).clamp(-1, 1)
    game = fitted(x, spec=DataSpec((3, 2, 3)), components=1, rank=4)
    directions, rest = game.directions_DR.double(), game.rest.double()
    inner = game.root_KCRR[0, 0].double()
    outer = torch.eye(18, dtype=torch.float64) - directions @ directions.T
    covariance = directions @ inner @ inner.T @ directions.T + rest * outer
    mean = game.mean_D.double() + directions @ game.mean_KCR[0, 0].double()
    wanted = log_normal(x.double().flatten(1), mean, covariance)
    torch.testing.assert_close(game.log_likelihood(x), wanted, rtol=1e-4, atol=1e-3)
    samples = game.sample(64, generator=torch.Generator().manual_seed(0))
    assert samples.shape == (64, 3, 2, 3)
    left = (samples.double().flatten(1) - game.mean_D) @ outer
    assert left.abs().max() < 1e-5, "samples lie in the directions"


def test_noise_gives_samples_what_the_directions_leave_over() -> None:
    torch.manual_seed(0)
    x = 0.1 * torch.randn(2000, 1, 4, 4)
    game = fitted(x, spec=DataSpec((1, 4, 4)), components=1, rank=2, noise=True)
    samples = game.sample(20_000, generator=torch.Generator().manual_seed(0)).flatten(1)
    torch.testing.assert_close(torch.cov(samples.T), 0.01 * torch.eye(16), atol=1e-3, rtol=0)


def test_constant_pixels_have_no_less_than_the_variance_of_a_level() -> None:
    game = fitted(torch.full((50, 1, 4, 4), -1.0), spec=DataSpec((1, 4, 4)), components=2, rank=4)
    assert float(game.rest) == pytest.approx((2 / 255) ** 2 / 12)
    assert 0 < bits_per_dim(torch.zeros(20, 1, 4, 4, dtype=torch.uint8), game) < 8


def test_classes_have_mixtures_of_their_own() -> None:
    x, y = two_clusters()
    game = fitted(x, y, components=1, conditional=True)
    asked = torch.tensor([0, 1]).repeat_interleave(2000)
    samples = game.sample(4000, condition=asked, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples[:2000].mean(0), torch.tensor([3.0, 0]), atol=0.1, rtol=0)
    torch.testing.assert_close(samples[2000:].mean(0), torch.tensor([-3.0, 1]), atol=0.1, rtol=0)
    torch.testing.assert_close(game.shares_K, torch.bincount(y) / len(y))
    # The likelihood is that of all classes together: one component each is as good as two without labels.
    together = fitted(x, components=2)
    torch.testing.assert_close(game.log_likelihood(x).mean(), together.log_likelihood(x).mean(), atol=5e-3, rtol=0)
    with pytest.raises(ValueError, match="class indices"):
        game.sample(4)


def test_a_fit_follows_from_the_seed_and_the_state_holds_it() -> None:
    x, _ = two_clusters(500)
    one, other = fitted(x, components=3), fitted(x, components=3)
    samples = [game.sample(9, generator=torch.Generator().manual_seed(2)) for game in (one, other)]
    assert torch.equal(*samples)
    again = build(MixtureConfig(components=3), DataSpec((2,), "points"))
    again.load_state_dict(one.state_dict())
    assert torch.equal(again.sample(9, generator=torch.Generator().manual_seed(2)), samples[0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="conditional=true wants class labels"):
        build(MixtureConfig(conditional=True), DataSpec((2,), "points"))
    game = build(MixtureConfig(conditional=True, components=1), POINTS)
    with pytest.raises(UsageError, match="class 1 has no sample"):
        game.fit(iter([Batch(x=torch.randn(5, 2), y=torch.zeros(5, dtype=torch.int64))]), StepContext(0))
    with pytest.raises(UsageError, match="no samples"):
        game.fit(iter([]), StepContext(0))
    with pytest.raises(TypeError, match="truncation"):
        build(MixtureConfig(), DataSpec((2,), "points")).sample(3, truncation=1)
    with pytest.raises(ValueError, match="makes points"):
        build(MixtureConfig(), DataSpec((2, 3), "points"))
