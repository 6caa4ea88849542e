"""Spectra of pictures whose power is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganzoo.metrics.spectrum import ROUNDING, radial_spectrum, spectrum_distance


def noise(n: int, channels: int = 1, side: int = 32, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8, generator=chance)


def test_white_noise_is_flat_at_its_variance() -> None:
    spectrum_R = radial_spectrum(noise(400))
    assert spectrum_R.shape == (17,)
    variance = (256**2 - 1) / 12
    torch.testing.assert_close(spectrum_R[1:], torch.full((16,), 10 * math.log10(variance)).double(), atol=0.2, rtol=0)


def test_a_wave_has_its_power_at_its_frequency() -> None:
    place = torch.arange(32) / 32
    wave = (128 + 100 * torch.cos(2 * torch.pi * 5 * place)).round().to(torch.uint8)
    spectrum_R = radial_spectrum(wave.expand(1, 1, 32, 32))
    assert int(spectrum_R[1:].argmax()) + 1 == 5
    frequency = torch.fft.fftfreq(32) * 32
    places = int((torch.hypot(frequency[:, None], frequency[None]).round() == 5).sum())
    power = 100**2 / 2 * 32 * 32 / places  # the variance of all pixels lies in two places of the ring
    assert float(spectrum_R[5]) == pytest.approx(10 * math.log10(power), abs=0.01)


def test_one_colour_has_the_power_of_rounding() -> None:
    spectrum_R = radial_spectrum(torch.full((3, 3, 16, 16), 90, dtype=torch.uint8))
    torch.testing.assert_close(spectrum_R[1:], torch.full((8,), 10 * math.log10(ROUNDING)).double())


def test_half_the_amplitude_is_six_decibels() -> None:
    x = noise(50, 3)
    half = (x.float() / 2).round().to(torch.uint8)
    assert spectrum_distance(x, x.clone()) == 0
    assert spectrum_distance(x, half) == pytest.approx(20 * math.log10(2), abs=0.05)
    assert spectrum_distance(x, half, chunk=7) == pytest.approx(spectrum_distance(half, x), rel=1e-9)


def test_checkerboards_of_upsampling_show() -> None:
    small = noise(100, side=16, seed=1)
    doubled = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert spectrum_distance(noise(100), doubled) > 5 * spectrum_distance(noise(100), noise(100, seed=2))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        radial_spectrum(noise(2).float())
    with pytest.raises(ValueError, match="4 pixels a side"):
        radial_spectrum(noise(2, side=3))
    with pytest.raises(ValueError, match="and fake ones"):
        spectrum_distance(noise(2), noise(2, 3))
