"""Colours beside matrices about the grey axis, bands beside scipy, and what they leave alone."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ganzoo.augmentations.bands import BANDS, POWER, balanced, filter_bank, filtered
from ganzoo.augmentations.colour import ColourMap

AXIS = torch.ones(3, dtype=torch.float64) / math.sqrt(3)
ALL = torch.tensor([True])


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def one(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def colours(channels: int = 3) -> ColourMap:
    return ColourMap(1, channels, noise(1))


def test_brightness_and_contrast_in_their_order() -> None:
    x, map_ = noise(1, 3, 2, 2), colours()
    map_.brighten(ALL, one(0.25))
    map_.contrast(ALL, one(2.0))
    torch.testing.assert_close(map_(x), 2 * (x + 0.25))


def test_luma_is_mirrored_along_the_grey_axis() -> None:
    map_ = colours()
    map_.flip_luma(ALL)
    torch.testing.assert_close(map_.map_BCK[0, :, :3], torch.eye(3).double() - 2 * torch.outer(AXIS, AXIS))


def test_hue_is_a_rotation_about_the_grey_axis() -> None:
    cross = torch.linalg.cross(AXIS.expand(3, 3), torch.eye(3).double()).T  # cross·u = axis × u
    map_ = colours()
    map_.turn_hue(ALL, one(0.8))
    torch.testing.assert_close(map_.map_BCK[0, :, :3], torch.matrix_exp(0.8 * cross))


def test_saturation_0_is_grey_and_keeps_the_mean() -> None:
    x, map_ = noise(1, 3, 2, 2), colours()
    map_.saturate(ALL, one(0.0))
    torch.testing.assert_close(map_(x), x.mean(1, keepdim=True).expand_as(x))


def test_a_grey_picture_is_inverted_by_the_luma_flip() -> None:
    x, map_ = noise(1, 1, 2, 2), colours(1)
    map_.flip_luma(ALL)
    torch.testing.assert_close(map_(x), -x)


def test_the_mask_says_whose_colours_change() -> None:
    x = noise(2, 3, 4, 4)
    map_ = ColourMap(2, 3, x)
    map_.turn_hue(torch.tensor([True, False]), torch.tensor([1.0, 1.0]).double())
    map_.saturate(torch.tensor([True, False]), torch.tensor([2.0, 2.0]).double())
    y = map_(x)
    assert torch.equal(y[1], x[1])
    assert not torch.equal(y[0], x[0])


def test_the_bands_add_up_to_the_identity() -> None:
    bank = filter_bank()
    assert bank.shape == (BANDS, 43)
    delta = torch.zeros(43, dtype=torch.float64)
    delta[21] = 1
    torch.testing.assert_close(bank.sum(0), delta)
    torch.testing.assert_close(bank, bank.flip(1))


def test_each_band_has_its_octave() -> None:
    """The power of each filter is largest in its own octave: (0, ⅛], (⅛, ¼], (¼, ½] and (½, 1] of the highest frequency."""
    response = np.abs(np.fft.rfft(filter_bank().numpy(), 512, axis=1)) ** 2
    edges = [0, 32, 64, 128, 257]
    power = np.array([[row[a:b].mean() for a, b in pairwise(edges)] for row in response])
    assert power.argmax(1).tolist() == [0, 1, 2, 3]


def test_balance_keeps_the_expected_power() -> None:
    factors = balanced(torch.tensor([[2.0, 1.0, 0.5, 3.0]]).double(), torch.tensor([[False, False, False, True]]))
    torch.testing.assert_close((torch.tensor(POWER) * factors.square()).sum(), torch.tensor(1.0).double())
    torch.testing.assert_close(factors[0, 3] / factors[0, 0], torch.tensor(3.0).double())
    none = balanced(torch.full((1, 4), 5.0).double(), torch.zeros(1, 4, dtype=torch.bool))
    torch.testing.assert_close(none, torch.ones(1, 4).double())


def test_filtering_is_scipys() -> None:
    x, bank = noise(2, 3, 9, 12), filter_bank()
    factors = torch.tensor([[1.0, 2.0, 0.5, 1.5], [0.3, 1.0, 1.0, 2.0]]).double()
    y = filtered(x, factors, bank)
    for i in range(2):
        taps = (factors[i] @ bank).numpy()
        for c in range(3):
            rows = ndimage.convolve1d(x[i, c].numpy(), taps, axis=0, mode="mirror")
            np.testing.assert_allclose(
                y[i, c].numpy(), ndimage.convolve1d(rows, taps, axis=1, mode="mirror"), atol=1e-12
            )
