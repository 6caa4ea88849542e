"""Modes, likelihoods and class counts against what is known of the true distributions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.data.points import Grid, Ring, SwissRoll
from ganzoo.metrics.mixture import Mixture
from ganzoo.metrics.modes import (
    class_counts,
    class_kl,
    class_modes,
    high_quality,
    joint_probabilities,
    kl_to_uniform,
    mixture_log_density,
    mixture_of,
    modes_captured,
    nll,
    reverse_kl,
)
from ganzoo.models.draws import Draws


def drawn(source: Any, n: int, seed: int = 0) -> Tensor:
    x: Tensor = source.draw(n, Draws(seed)).x
    return x


@pytest.mark.parametrize(("source", "modes"), [(Ring(), 8), (Grid(), 25), (Grid(scale=0.5), 25)])
def test_true_samples_have_all_modes_and_the_ceiling_of_quality(source: Any, modes: int) -> None:
    x, mixture = drawn(source, 200_000), mixture_of(source)
    assert modes_captured(x, mixture) == modes
    ceiling = 1 - math.exp(-4.5)
    assert ceiling == pytest.approx(0.98889, abs=5e-6)
    assert high_quality(x, mixture) == pytest.approx(ceiling, abs=4 * math.sqrt(ceiling * (1 - ceiling) / 200_000))


@pytest.mark.parametrize(
    ("source", "floor", "spread"), [(Ring(), 0.00142, 0.00079), (Grid(), 0.00475, 0.00141)], ids=["ring", "grid"]
)
def test_the_floor_of_the_reverse_divergence_at_2500_samples(source: Any, floor: float, spread: float) -> None:
    mixture = mixture_of(source)
    found = torch.tensor([reverse_kl(drawn(source, 2500, seed), mixture) for seed in range(100)], dtype=torch.float64)
    assert float(found.mean()) == pytest.approx(floor, abs=4 * spread / math.sqrt(100))
    assert float(found.std()) == pytest.approx(spread, rel=0.3)


def test_missing_and_uneven_modes() -> None:
    mixture = Mixture(torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]], dtype=torch.float64), 0.1)
    x = torch.cat([torch.zeros(30, 2), torch.tensor([[10.0, 0.29]]).expand(10, 2), torch.tensor([[0, 10.31]])])
    assert modes_captured(x, mixture) == 2
    assert high_quality(x, mixture) == pytest.approx(40 / 41)
    assert reverse_kl(x, mixture) == pytest.approx(math.log(4) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert modes_captured(x, mixture, sigmas=4) == 3
    for chunk in (1, 7):
        assert reverse_kl(x, mixture, chunk=chunk) == reverse_kl(x, mixture)


def test_no_sample_of_quality_is_no_divergence() -> None:
    mixture = Mixture(torch.zeros(2, 2, dtype=torch.float64), 0.1)
    far = torch.full((5, 2), 9.0)
    assert (modes_captured(far, mixture), high_quality(far, mixture)) == (0, 0)
    with pytest.raises(ValueError, match="none of 5 samples lies within 3 standard deviations"):
        reverse_kl(far, mixture)
    with pytest.raises(ValueError, match="samples have 3 coordinates, and the modes 2"):
        modes_captured(torch.zeros(5, 3), mixture)
    with pytest.raises(ValueError, match="both must be above 0"):
        modes_captured(far, Mixture(mixture.centres_KF, 0.0))


def test_only_mixtures_have_modes() -> None:
    with pytest.raises(ValueError, match="the modes of swiss-roll are not known"):
        mixture_of(SwissRoll())
    assert mixture_of(Ring(scale=2)).sigma == pytest.approx(0.02)


class Known(nn.Module):
    """A model whose density is the data's."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self.mixture = mixture

    def log_likelihood(self, x: Tensor) -> Tensor:
        return mixture_log_density(x, self.mixture)


@pytest.mark.parametrize(("source", "entropy"), [(Ring(), -4.293), (Grid(), 0.0653)], ids=["ring", "grid"])
def test_the_least_negative_log_likelihood_is_the_entropy(source: Any, entropy: float) -> None:
    x, game = drawn(source, 100_000), Known(mixture_of(source))
    assert nll(x, game) == pytest.approx(entropy, abs=0.01 + 4 / math.sqrt(100_000))
    assert nll(x, game, chunk=999) == pytest.approx(nll(x, game))


def test_a_model_without_density_says_so() -> None:
    with pytest.raises(ValueError, match="Linear has no log_likelihood"):
        nll(torch.zeros(3, 2), nn.Linear(2, 2))

    class Zero(nn.Linear):
        def log_likelihood(self, x: Tensor) -> Tensor:
            return torch.log((x[:, 0] > 0).float())

    with pytest.raises(ValueError, match="1 of 2 samples have no finite log-likelihood"):
        nll(torch.tensor([[1.0, 1], [-1, 1]]), Zero(2, 2))


def test_classes_are_counted_by_the_likeliest() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]])
    assert class_counts(p).tolist() == [3, 0, 1]
    assert class_modes(p) == 2
    assert class_kl(p) == pytest.approx(math.log(3) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert kl_to_uniform(torch.full((10,), 7)) == pytest.approx(0, abs=1e-12)


def test_the_floor_of_a_thousand_classes() -> None:
    """(K - 1) / 2N of a generator that is perfectly uniform."""
    for samples, floor in ((26_000, 0.0194), (10_000, 0.0508)):
        chance = torch.Generator().manual_seed(samples)
        found = [
            kl_to_uniform(torch.bincount(torch.randint(1000, (samples,), generator=chance), minlength=1000))
            for _ in range(20)
        ]
        assert sum(found) / 20 == pytest.approx(floor, abs=0.001)
        assert floor == pytest.approx(999 / (2 * samples), rel=0.025)


def test_combinations_of_three_digits() -> None:
    parts = torch.eye(10)[torch.tensor([[3, 0, 7], [9, 9, 9]])]
    joint = joint_probabilities(parts)
    assert joint.shape == (2, 1000)
    assert joint.argmax(1).tolist() == [307, 999]
    soft = torch.softmax(torch.randn(4, 3, 10, generator=torch.Generator().manual_seed(0)), 2)
    torch.testing.assert_close(joint_probabilities(soft).sum(1), torch.ones(4))
