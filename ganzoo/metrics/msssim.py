"""Multi-scale structural similarity of pictures, and how alike a model's pictures are.

Wang, Simoncelli, Bovik: "Multiscale structural similarity for image quality assessment", Asilomar Conference on Signals,
Systems and Computers (2003): the exponents and the constants. Odena, Olah, Shlens: "Conditional Image Synthesis with Auxiliary
Classifier GANs" (2017), https://arxiv.org/abs/1610.09585, section 4.2: its mean over random pairs of fakes as a figure of
(missing) diversity.

Five scales need 176 pixels a side. Of smaller pictures the first scales that fit are taken, with their exponents as they are:
figures of different numbers of scales do not compare.

Shape letters: N pictures, n pictures of a piece, P pairs, C channels, H, W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo.metrics.features import check_shape
from ganzoo.metrics.samples import at_least_one

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # from the finest scale
WINDOW = 11  # pixels a side
SIGMA = 1.5  # pixels
STABILITY = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)  # C1 of means and C2 of variances, for values of 0 to 255


def scales_of(height: int, width: int) -> int:
    """Scales whose pictures the window fits into; each halves the last."""
    return sum(min(height, width) >> scale >= WINDOW for scale in range(len(EXPONENTS)))


def ms_ssim(a_NCHW: Tensor, b_NCHW: Tensor, *, chunk: int = 64) -> Tensor:
    """Similarity of each pair of pictures, (N,) float64, 0 to 1; 1 for equal ones.

    Means are taken over channels and places; contrast and structure below 0 count as 0, since powers of them are not real.

    Args:
        a_NCHW, b_NCHW: uint8 of equal shapes, 11 pixels a side or more.
        chunk: pairs a piece.

    Raises:
        ValueError: no pictures, of other shapes, or too small.
    """
    at_least_one("chunk", chunk)
    for x_NCHW in (a_NCHW, b_NCHW):
        _check(x_NCHW)
    if a_NCHW.shape != b_NCHW.shape:
        raise ValueError(f"pairs of pictures are wanted, given {tuple(a_NCHW.shape)} and {tuple(b_NCHW.shape)}")
    pieces = zip(torch.split(a_NCHW, chunk), torch.split(b_NCHW, chunk), strict=True)
    return torch.cat([_similarity(a.double(), b.double()).cpu() for a, b in pieces])


def ms_ssim_diversity(fake_pictures: Tensor, *, pairs: int = 1000, seed: int = 0, chunk: int = 64) -> float:
    """Mean similarity of random pairs of fakes: the lower, the more they differ; compare it with that of real pictures.

    Args:
        fake_pictures: uint8 (M, C, H, W).
        pairs: how many, each of two different numbers.
        seed: of the pairs.
        chunk: pairs a piece.

    Raises:
        ValueError: fewer than 2 pictures, or see `ms_ssim`.
    """
    _check(fake_pictures)
    first_P, second_P = random_pairs(len(fake_pictures), pairs, seed)
    total = 0.0
    for i, j in zip(torch.split(first_P, chunk), torch.split(second_P, chunk), strict=True):
        total += float(ms_ssim(fake_pictures[i], fake_pictures[j], chunk=chunk).sum())
    return total / pairs


def random_pairs(n: int, pairs: int, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the first and of the second of each pair, int64 (P,), never the same; pairs may repeat.

    Raises:
        ValueError: fewer than 2 samples, or no pairs.
    """
    at_least_one("pairs", pairs)
    if n < 2:
        raise ValueError(f"a pair needs 2 samples, got {n}; draw more")
    chance = torch.Generator().manual_seed(seed)
    first_P = torch.randint(n, (pairs,), generator=chance)
    return first_P, (first_P + 1 + torch.randint(n - 1, (pairs,), generator=chance)) % n


def _check(pictures_NCHW: Tensor) -> None:
    if pictures_NCHW.dtype != torch.uint8:
        raise ValueError(f"pictures must be uint8 of 0 to 255, got {pictures_NCHW.dtype}")
    check_shape(pictures_NCHW)
    height, width = pictures_NCHW.shape[2:]
    if not scales_of(height, width):
        raise ValueError(f"pictures have {height}x{width} pixels, and the window {WINDOW}x{WINDOW}")


def _similarity(a_nCHW: Tensor, b_nCHW: Tensor) -> Tensor:
    scales = scales_of(*a_nCHW.shape[2:])
    product_n = torch.ones(len(a_nCHW), dtype=torch.float64, device=a_nCHW.device)
    for scale in range(scales):
        luminance, contrast = _maps(a_nCHW, b_nCHW)
        last = scale == scales - 1
        value_n = (luminance * contrast if last else contrast).mean((1, 2, 3))
        product_n = product_n * value_n.clamp_min(0) ** EXPONENTS[scale]
        if not last:
            a_nCHW, b_nCHW = (functional.avg_pool2d(x, 2) for x in (a_nCHW, b_nCHW))
    return product_n


def _maps(a_nCHW: Tensor, b_nCHW: Tensor) -> tuple[Tensor, Tensor]:
    """The luminance term, and contrast times structure, at each place of the window inside the picture."""
    both = torch.cat([a_nCHW, b_nCHW, a_nCHW.square(), b_nCHW.square(), a_nCHW * b_nCHW])
    mean_a, mean_b, square_a, square_b, cross = _windowed(both).chunk(5)
    variances = square_a - mean_a.square() + square_b - mean_b.square()
    covariance = cross - mean_a * mean_b
    c1, c2 = STABILITY
    luminance = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _windowed(x_nCHW: Tensor) -> Tensor:
    """Means under a Gaussian window, where it fits whole."""
    down, across = (_band(side).to(x_nCHW.device) for side in x_nCHW.shape[2:])
    return down @ x_nCHW @ across.T


def _band(side: int) -> Tensor:
    """The window in one direction as a matrix (places, side), one row a place: a product of matrices is several times as fast
    as a convolution of single channels."""
    offset = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-(offset**2) / (2 * SIGMA**2))
    band = torch.zeros(side - WINDOW + 1, side, dtype=torch.float64)
    for place in range(len(band)):
        band[place, place : place + WINDOW] = window / window.sum()
    return band
