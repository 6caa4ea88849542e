"""A filter that makes bands of frequencies stronger or weaker, one for each sample.

Karras et al.: Training Generative Adversarial Networks with Limited Data, 2020, 2006.06676, appendix B: a bank of four filters,
each an octave, made of the wavelet sym2; together they are the identity.

Shapes: B batch, C channels, H, W; N bands, T taps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv2d

from ganzoo.augmentations.warp import mirrored

SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
"""Low-pass filter of the wavelet sym2 (Daubechies: Ten Lectures on Wavelets, 1992, chapter 6); the sum is √2."""
BANDS = 4
POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""Share of each band, low to high, in the power of a natural picture, whose spectrum falls as 1/f."""


def filter_bank() -> Tensor:
    """(N, T) float64, T = 43: symmetric filters of the bands, low to high; they add up to a single 1.

    Each octave, the bands so far are stretched by two and smoothed by the half-band low-pass L(z) = h(z)·h(1/z)/2; the band
    that L leaves over, its high-pass counterpart, is the new one.
    """
    low = torch.tensor(SYM2, dtype=torch.float64)
    high = low * torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    half_low, half_high = (_convolved(taps[None], taps.flip(0))[0] / 2 for taps in (low, high))
    bank = torch.zeros(BANDS, 1, dtype=torch.float64)
    bank[0] = 1
    for band in range(1, BANDS):
        stretched = torch.stack([bank, torch.zeros_like(bank)], 2).flatten(1)[:, :-1]
        bank = _convolved(stretched, half_low)
        start = (bank.shape[1] - len(half_high)) // 2
        bank[band, start : start + len(half_high)] += half_high
    return bank


def balanced(gains_BN: Tensor, mask_BN: Tensor) -> Tensor:
    """The factor of each band, (B, N): where the mask says so, the band is multiplied by its gain, and then all bands by what
    leaves the expected power of a natural picture as it was."""
    power_N = torch.tensor(POWER, dtype=gains_BN.dtype, device=gains_BN.device)
    total = torch.ones_like(gains_BN)
    for band in range(gains_BN.shape[1]):
        only = torch.arange(gains_BN.shape[1], device=gains_BN.device) == band
        factor_BN = torch.where(only & mask_BN[:, band : band + 1], gains_BN, torch.ones_like(gains_BN))
        total = total * factor_BN * torch.rsqrt((power_N * factor_BN.square()).sum(1, keepdim=True))
    return total


def filtered(x_BCHW: Tensor, factors_BN: Tensor, bank_NT: Tensor) -> Tensor:
    """Each picture with its own sum of the bands' filters, along both axes; mirrored at the borders."""
    B, C, H, W = x_BCHW.shape
    around = bank_NT.shape[1] // 2
    taps = (factors_BN @ bank_NT).repeat_interleave(C, 0)[:, None]  # (B·C, 1, T)
    x = mirrored(mirrored(x_BCHW, 2, around, around), 3, around, around)
    x = x.reshape(1, B * C, *x.shape[2:])
    x = conv2d(conv2d(x, taps[:, :, None], groups=B * C), taps[:, :, :, None], groups=B * C)
    return x.view(B, C, H, W)


def _convolved(rows_NT: Tensor, taps: Tensor) -> Tensor:
    """The whole convolution of each row, (N, T + len(taps) - 1)."""
    return conv1d(rows_NT[:, None], taps.flip(0)[None, None], padding=len(taps) - 1)[:, 0]
