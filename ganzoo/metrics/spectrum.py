"""The power of pictures by spatial frequency: what upsampling leaves behind, which features of objects do not see.

Durall, Keuper, Keuper: "Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to Reproduce Spectral
Distributions" (2020), https://arxiv.org/abs/2003.01826, section 3: the power spectrum, averaged over all directions.

Here power is averaged over pictures, channels and directions first, and its logarithm taken then, in decibels, so that a
picture without contrast does no harm. To all powers 1/12 is added, the power that rounding to whole numbers has at every
frequency: there is nothing to be seen below it.

Shape letters: N pictures, n pictures of a piece, C channels, H, W pixels, R rings of equal frequency.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.metrics.features import check_shape
from ganzoo.metrics.samples import at_least_one

ROUNDING = 1 / 12  # variance of a number uniform in an interval of length 1
SMALLEST = 4  # pixels a side


def spectrum_distance(real_pictures: Tensor, fake_pictures: Tensor, *, chunk: int = 256) -> float:
    """Root mean square difference of the two spectra over all rings but the mean's, in decibels.

    Args:
        real_pictures, fake_pictures: uint8 of equal sizes.
        chunk: pictures a piece.

    Raises:
        ValueError: see `radial_spectrum`, or other sizes.
    """
    for x_NCHW in (real_pictures, fake_pictures):
        _check(x_NCHW)
    if real_pictures.shape[1:] != fake_pictures.shape[1:]:
        raise ValueError(
            f"real pictures are {tuple(real_pictures.shape[1:])} and fake ones {tuple(fake_pictures.shape[1:])}"
        )
    real_R, fake_R = (radial_spectrum(x_NCHW, chunk=chunk) for x_NCHW in (real_pictures, fake_pictures))
    return float((real_R - fake_R)[1:].square().mean().sqrt())


def radial_spectrum(pictures_NCHW: Tensor, *, chunk: int = 256) -> Tensor:
    """Mean power in decibels of frequencies of 0, 1, 2, ... periods a shorter side, (R,) float64, up to half the pixels.

    Ring r has the frequencies that round to r. White noise of variance v has 10 log10(v) in each ring but the first, which
    has the mean's power.

    Args:
        pictures_NCHW: uint8, 1 or 3 channels, 4 pixels a side or more.
        chunk: pictures a piece.

    Raises:
        ValueError: no such pictures.
    """
    _check(pictures_NCHW)
    at_least_one("chunk", chunk)
    n, channels, height, width = pictures_NCHW.shape
    power_HW = torch.zeros(height, width, dtype=torch.float64)
    for x_nCHW in torch.split(pictures_NCHW, chunk):
        wave_nCHW = torch.fft.fft2(x_nCHW.double(), norm="ortho")
        power_HW += (wave_nCHW.real.square() + wave_nCHW.imag.square()).sum((0, 1)).cpu()
    power_HW /= n * channels
    shorter = min(height, width)
    down_H, across_W = (torch.fft.fftfreq(side, dtype=torch.float64) * shorter for side in (height, width))
    ring_HW = torch.hypot(down_H[:, None], across_W[None, :]).round().long()
    rings = shorter // 2 + 1  # beyond are the corners, which not all directions have
    total_R = torch.zeros(int(ring_HW.max()) + 1, dtype=torch.float64)
    total_R.index_add_(0, ring_HW.flatten(), power_HW.flatten())
    mean_R = total_R / torch.bincount(ring_HW.flatten(), minlength=len(total_R))
    return 10 * torch.log10(mean_R[:rings] + ROUNDING)


def _check(pictures_NCHW: Tensor) -> None:
    if pictures_NCHW.dtype != torch.uint8:
        raise ValueError(f"pictures must be uint8 of 0 to 255, got {pictures_NCHW.dtype}")
    check_shape(pictures_NCHW)
    if min(pictures_NCHW.shape[2:]) < SMALLEST:
        raise ValueError(f"a spectrum needs {SMALLEST} pixels a side, got pictures of {tuple(pictures_NCHW.shape[2:])}")
