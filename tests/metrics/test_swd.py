"""Sliced Wasserstein distances against closed forms, and the pyramid against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor

from ganzoo.metrics.swd import laplacian_pyramid, sliced_wasserstein, swd, swd_levels


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pictures(n: int, channels: int = 1, side: int = 32, seed: int = 0, high: int = 256) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, high, (n, channels, side, side), dtype=torch.uint8, generator=chance)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (30, 47), (1, 9)])
@pytest.mark.parametrize("order", [1, 2])
def test_on_a_line_it_is_the_wasserstein_distance(n: int, m: int, order: int) -> None:
    a, b = noise(n, 1), 2 * noise(m, 1, seed=1) + 1
    found = sliced_wasserstein(a, b, projections=3, order=order)
    if order == 1:
        assert found == pytest.approx(stats.wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy()))
    else:
        many = np.lcm(n, m)
        quantiles = (np.repeat(np.sort(x[:, 0].numpy()), many // len(x)) for x in (a, b))
        one, other = quantiles
        assert found == pytest.approx(np.sqrt(np.square(one - other).mean()))


def test_a_shift_has_its_length_over_the_root_of_the_dimensions() -> None:
    a, shift = noise(300, 4), torch.tensor([3.0, 0, 0, 4.0], dtype=torch.float64)
    assert sliced_wasserstein(a, a + shift, projections=20_000) == pytest.approx(5 / 2, rel=0.02)


def test_far_from_zero_nothing_is_lost() -> None:
    a, b = noise(200, 3), noise(250, 3, seed=1)
    assert sliced_wasserstein(a + 1e6, b + 1e6) == pytest.approx(sliced_wasserstein(a, b), rel=1e-6)


def test_the_pyramid_is_scipys_mirrored_binomial() -> None:
    x_NCHW = pictures(2, 3, side=33).float()
    levels = laplacian_pyramid(x_NCHW)
    assert [tuple(level.shape[2:]) for level in levels] == [(33, 33), (17, 17)]
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    picture = x_NCHW[1, 2].numpy()
    coarse = ndimage.convolve(picture, kernel, mode="mirror")[::2, ::2]
    spread = np.zeros_like(picture)
    spread[::2, ::2] = coarse
    np.testing.assert_allclose(levels[1][1, 2].numpy(), coarse, rtol=1e-4)
    expected = picture - ndimage.convolve(spread, 4 * kernel, mode="mirror")
    np.testing.assert_allclose(levels[0][1, 2].numpy(), expected, atol=1e-3)


def test_levels_halve_down_to_sixteen_pixels() -> None:
    options = {"patches": 4, "projections": 8}
    assert list(swd_levels(pictures(4, side=64), pictures(4, side=64, seed=1), **options)) == [64, 32, 16]
    assert list(swd_levels(pictures(4, side=28), pictures(4, side=28, seed=1), **options)) == [28]
    assert list(swd_levels(pictures(4, side=8), pictures(4, side=8, seed=1), **options)) == [8]


def test_figures_are_the_mean_the_finest_and_the_coarsest() -> None:
    real, fake = pictures(20, side=64), pictures(30, side=64, seed=1, high=40)
    levels = swd_levels(real, fake, patches=16, projections=32)
    found = swd(real, fake, patches=16, projections=32)
    assert found["swd"] == pytest.approx(sum(levels.values()) / 3)
    assert (found["swd-finest"], found["swd-coarsest"]) == (levels[64], levels[16])


def test_itself_noise_blur_and_chunks() -> None:
    real, other = pictures(60), pictures(60, seed=1)
    options = {"patches": 32, "projections": 64}
    assert swd(real, real.clone(), **options)["swd"] == 0
    near = swd(real, other, **options)["swd"]
    blurred = torch.nn.functional.avg_pool2d(other.float(), 3, 1, 1).to(torch.uint8)
    assert swd(real, blurred, **options)["swd"] > 1.5 * near
    assert swd(real, other, chunk=7, **options)["swd"] == pytest.approx(near, rel=1e-6)
    assert swd(real, other, seed=1, **options)["swd"] != near


def test_brightness_and_contrast_do_not_count_and_one_colour_does_no_harm() -> None:
    real = pictures(40, high=128)
    options = {"patches": 32, "projections": 64}
    assert swd(real, real + 100, **options)["swd"] == pytest.approx(0, abs=1e-2)
    assert swd(real, torch.full_like(real, 90), **options)["swd"] > 100


def test_more_pictures_than_the_limit_are_chosen_by_the_seed() -> None:
    real, fake = pictures(50), pictures(60, seed=1)
    options = {"patches": 8, "projections": 16, "limit": 20}
    assert swd(real, fake, **options) == swd(real, fake, **options)
    assert swd(real, real.clone(), **options)["swd"] == 0


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        swd(pictures(2).float(), pictures(2))
    with pytest.raises(ValueError, match="fewer than a patch"):
        swd(pictures(2, side=6), pictures(2, side=6))
    with pytest.raises(ValueError, match=r"real pictures are \(1, 32, 32\) and fake ones \(3, 32, 32\)"):
        swd(pictures(2), pictures(2, 3))
    with pytest.raises(ValueError, match="projections is 0"):
        swd(pictures(2), pictures(2), projections=0)
    with pytest.raises(ValueError, match="order is 3"):
        sliced_wasserstein(noise(3, 2), noise(3, 2), order=3)
