"""MS-SSIM against torchmetrics, and pairs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.metrics.msssim import EXPONENTS, ms_ssim, ms_ssim_diversity, random_pairs, scales_of


def pictures(n: int, channels: int, side: int, seed: int = 0) -> Tensor:
    """Smooth shapes with noise, so that no term is at its bound."""
    chance = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, channels, 4, 4, generator=chance) * 200
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return (smooth + 30 * torch.rand(n, channels, side, side, generator=chance)).to(torch.uint8)


@pytest.mark.parametrize(("side", "scales"), [(10, 0), (11, 1), (21, 1), (28, 2), (32, 2), (64, 3), (175, 4), (176, 5)])
def test_as_many_scales_as_the_window_fits_into(side: int, scales: int) -> None:
    assert scales_of(side, side + 5) == scales


def related(channels: int, side: int) -> tuple[Tensor, Tensor]:
    a, base = pictures(5, channels, side), pictures(5, channels, side, seed=1)
    return a, (0.8 * a.float() + 0.2 * base.float()).to(torch.uint8)


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 64), (1, 176)])
def test_it_is_made_of_torchmetrics_terms_inside_the_picture(channels: int, side: int) -> None:
    terms = pytest.importorskip("torchmetrics.functional.image.ssim")._ssim_update
    a, b = related(channels, side)
    x, y = a.double(), b.double()
    expected, scales = torch.ones(5, dtype=torch.float64), scales_of(side, side)
    for scale in range(scales):
        if scale < scales - 1:
            value = terms(x, y, data_range=255.0, return_contrast_sensitivity=True)[1]
        else:
            whole = terms(x, y, data_range=255.0, return_full_image=True)[1]
            value = whole[..., 5:-5, 5:-5].mean((1, 2, 3))
        expected *= value.relu() ** EXPONENTS[scale]
        x, y = (torch.nn.functional.avg_pool2d(z, 2) for z in (x, y))
    torch.testing.assert_close(ms_ssim(a, b), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 64), (1, 176)])
def test_torchmetrics_itself_is_near(channels: int, side: int) -> None:
    """Its last scale is averaged over the mirrored border too, where the window does not fit."""
    image = pytest.importorskip("torchmetrics.image")
    a, b = related(channels, side)
    oracle = image.MultiScaleStructuralSimilarityIndexMeasure(
        data_range=255.0, reduction="none", betas=EXPONENTS[: scales_of(side, side)], normalize="relu"
    )
    torch.testing.assert_close(ms_ssim(a, b), oracle(a.double(), b.double()).double(), rtol=0, atol=0.02)


def test_equal_pictures_have_one_and_the_order_does_not_matter() -> None:
    a, b = pictures(6, 1, 32), pictures(6, 1, 32, seed=1)
    torch.testing.assert_close(ms_ssim(a, a), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(ms_ssim(a, b), ms_ssim(b, a))
    torch.testing.assert_close(ms_ssim(a, b, chunk=1), ms_ssim(a, b))
    assert bool((ms_ssim(a, 255 - a) >= 0).all())


def test_pairs_are_of_two_numbers_and_cover_all() -> None:
    first, second = random_pairs(5, 4000, seed=0)
    assert not bool((first == second).any())
    counts = torch.bincount(5 * first + second, minlength=25).view(5, 5)
    assert int(counts.diagonal().sum()) == 0
    assert int((counts + torch.eye(5, dtype=torch.int64) * 1000).min()) > 150


def test_diversity_is_the_mean_over_pairs() -> None:
    x = pictures(8, 1, 32)
    every = torch.stack([ms_ssim(x, x.roll(k, 0)).mean() for k in range(1, 8)]).mean()
    assert ms_ssim_diversity(x, pairs=4000) == pytest.approx(float(every), abs=0.02)
    assert ms_ssim_diversity(x, pairs=50, seed=1) == ms_ssim_diversity(x, pairs=50, seed=1)
    assert ms_ssim_diversity(x[:1].repeat(3, 1, 1, 1)) == pytest.approx(1)


def test_what_is_refused() -> None:
    x = pictures(3, 1, 32)
    with pytest.raises(ValueError, match="10x10 pixels, and the window 11x11"):
        ms_ssim(x[..., :10, :10], x[..., :10, :10])
    with pytest.raises(ValueError, match="uint8"):
        ms_ssim(x.float(), x.float())
    with pytest.raises(ValueError, match="pairs of pictures"):
        ms_ssim(x, x[:2])
    with pytest.raises(ValueError, match="a pair needs 2 samples"):
        ms_ssim_diversity(x[:1])
