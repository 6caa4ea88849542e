"""Own formulas against torch-fidelity and torchmetrics on the same features, to 1e-6 of the figure. No weights are fetched."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.inception import inception_score
from ganzoo.metrics.kernel import kid, kid_whole
from ganzoo.metrics.manifold import precision_recall
from ganzoo.metrics.memorisation import mifid

pytest.importorskip("torch_fidelity")
pytest.importorskip("torchmetrics")

from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance

AGREES = 1e-6
SEEDS = (0, 1, 2)


class Given(nn.Module):
    """An extractor whose pictures are their features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, x_NF: Tensor) -> Tensor:
        return x_NF


def features(samples: int, width: int, seed: int, shift: float = 0.0) -> Tensor:
    """Of unequal variances, correlated and off 0, as those of a network are."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, width, dtype=torch.float64, generator=draws)
    mix = torch.randn(width, width, dtype=torch.float64, generator=torch.Generator().manual_seed(99)) / width**0.5
    return torch.relu(x @ mix + 0.5 + shift)


def computed(make: Callable[..., Any], real: Tensor, fake: Tensor, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about buffers of features
        metric = make(feature=Given(real.shape[1]), **options).set_dtype(torch.float64)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        return metric.compute()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("samples", "width"), [(1000, 64), (3000, 112), (500, 10)])
def test_frechet_distance(samples: int, width: int, seed: int) -> None:
    real, fake = features(samples, width, seed), features(samples + 100, width, seed + 10, shift=0.1)
    found = frechet_distance(real, fake)
    statistics = [fid_features_to_statistics(x) for x in (fake, real)]
    fidelity = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert found == pytest.approx(fidelity, rel=AGREES)
    assert found == pytest.approx(float(computed(FrechetInceptionDistance, real, fake)), rel=AGREES)


@pytest.mark.parametrize("seed", SEEDS)
def test_kid_over_the_same_subsets(seed: int) -> None:
    real, fake = features(1500, 64, seed), features(1200, 64, seed + 10, shift=0.1)
    theirs = kid_features_to_metric(fake, real, kid_subsets=20, kid_subset_size=1000, rng_seed=2020, verbose=False)
    found = kid(real, fake, subsets=20)
    assert found["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=AGREES)
    assert found["kid-std"] == pytest.approx(theirs["kernel_inception_distance_std"], rel=AGREES)


@pytest.mark.slow
def test_kid_with_the_defaults_of_torch_fidelity() -> None:
    real, fake = features(1100, 16, 0), features(1000, 16, 10, shift=0.1)
    theirs = kid_features_to_metric(fake, real, verbose=False)
    found = kid(real, fake)
    assert found["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=AGREES)
    assert found["kid-std"] == pytest.approx(theirs["kernel_inception_distance_std"], rel=AGREES)


@pytest.mark.parametrize("seed", SEEDS)
def test_kid_of_the_whole(seed: int) -> None:
    real, fake = features(900, 64, seed), features(900, 64, seed + 10, shift=0.1)
    mean, _ = computed(KernelInceptionDistance, real, fake, subsets=1, subset_size=900)
    assert kid_whole(real, fake) == pytest.approx(float(mean), rel=AGREES)


@pytest.mark.parametrize("seed", SEEDS)
def test_inception_score(seed: int) -> None:
    logits = 3 * torch.randn(1003, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    theirs = isc_features_to_metric(logits)
    found = inception_score(torch.softmax(logits, 1))
    assert found["inception-score"] == pytest.approx(theirs["inception_score_mean"], rel=AGREES)
    assert found["inception-score-std"] == pytest.approx(theirs["inception_score_std"], rel=AGREES)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = InceptionScore(feature=Given(50), splits=1).set_dtype(torch.float64)
        metric.update(logits)
        mean, _ = metric.compute()
    whole = inception_score(torch.softmax(logits, 1), splits=1)
    assert whole["inception-score"] == pytest.approx(float(mean), rel=AGREES)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall(seed: int, k: int) -> None:
    real, fake = features(800, 32, seed), features(1000, 32, seed + 10, shift=0.2)
    theirs = prc_features_to_metric(fake, real, prc_neighborhood=k, verbose=False)
    found = precision_recall(real, fake, k=k)
    assert 0.05 < found["precision"] < 0.95
    assert found["precision"] == pytest.approx(theirs["precision"], rel=AGREES)
    assert found["recall"] == pytest.approx(theirs["recall"], rel=AGREES)


@pytest.mark.parametrize("seed", SEEDS)
def test_mifid(seed: int) -> None:
    """torchmetrics takes the mean over what it is told is real: over fake samples, as in the competition, the other way round."""
    train, fake = features(600, 12, seed), features(500, 12, seed + 10, shift=0.1)
    theirs = float(computed(MemorizationInformedFrechetInceptionDistance, fake, train))
    found = mifid(train, fake, train)
    assert found > 1.01 * frechet_distance(train, fake)  # it is divided by something
    assert found == pytest.approx(theirs, rel=AGREES)
