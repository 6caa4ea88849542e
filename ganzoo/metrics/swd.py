"""Sliced Wasserstein distances: of the patches of pictures, level by level, and of points.

Rabin, Peyré, Delon, Bernot: "Wasserstein Barycenter and Its Application to Texture Mixing" (2011): the mean over directions of
one-dimensional distances. Karras, Aila, Laine, Lehtinen: "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (2018), https://arxiv.org/abs/1710.10196, section 5: patches of 7 x 7 pixels of a Laplacian pyramid, each channel
normalised over all patches of its set, 128 patches a picture and level, 16,384 pictures. Their tables are in units of 1e-3.

Shape letters: N and M samples, n samples of a piece, C channels, H, W pixels, P patches, F features, D directions.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ganzoo.metrics.features import check_shape
from ganzoo.metrics.samples import at_least_one, checked

PATCH = 7  # pixels a side
COARSEST = 16  # pixels of the shorter side, below which a picture is not halved
UNIT = 1e-3  # of the figures of patches
_DIRECTIONS = 16  # projected and sorted at a time
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def swd(
    real_pictures: Tensor,
    fake_pictures: Tensor,
    *,
    patches: int = 128,
    projections: int = 512,
    limit: int = 16384,
    seed: int = 0,
    chunk: int = 256,
) -> dict[str, float]:
    """Distance of the patches of real and fake pictures: the mean over levels, the finest level, and the coarsest.

    Each set is normalised by itself, so brightness and contrast of all pictures together do not count. Equal numbers of equal
    pictures have the distance 0: patches are taken at the same places of both sets.

    Args:
        real_pictures, fake_pictures: uint8, 1 or 3 channels, equal sizes of 7 pixels a side or more.
        patches: a picture and level, at random places.
        projections: random directions.
        limit: pictures of a set; of more, that many are chosen by chance.
        seed: of places, directions and choice.
        chunk: pictures a piece.

    Returns:
        swd, swd-finest, swd-coarsest: 0 or more, in units of 1e-3 of a standard deviation.

    Raises:
        ValueError: see `swd_levels`.
    """
    levels = list(
        swd_levels(
            real_pictures,
            fake_pictures,
            patches=patches,
            projections=projections,
            limit=limit,
            seed=seed,
            chunk=chunk,
        ).values()
    )
    return {"swd": sum(levels) / len(levels), "swd-finest": levels[0], "swd-coarsest": levels[-1]}


def swd_levels(
    real_pictures: Tensor,
    fake_pictures: Tensor,
    *,
    patches: int = 128,
    projections: int = 512,
    limit: int = 16384,
    seed: int = 0,
    chunk: int = 256,
) -> dict[int, float]:
    """The distance of each level, from the finest, by its height in pixels; arguments as for `swd`.

    Raises:
        ValueError: no uint8 pictures of one size, smaller than a patch, or an option below 1.
    """
    options = {"patches": patches, "projections": projections, "limit": limit, "chunk": chunk}
    for name, value in options.items():
        at_least_one(name, value)
    sets = [_pictures("real", real_pictures), _pictures("fake", fake_pictures)]
    if sets[0].shape[1:] != sets[1].shape[1:]:
        raise ValueError(f"real pictures are {tuple(sets[0].shape[1:])} and fake ones {tuple(sets[1].shape[1:])}")
    chance = torch.Generator().manual_seed(seed)
    sets = [_chosen(x_NCHW, limit, seed) for x_NCHW in sets]
    most, channels = max(map(len, sets)), sets[0].shape[1]
    found = {}
    for level, (height, width) in enumerate(_sizes(*sets[0].shape[2:])):
        tops, lefts = (torch.randint(side - PATCH + 1, (most, patches), generator=chance) for side in (height, width))
        directions_DF = torch.randn(projections, channels * PATCH**2, generator=chance, dtype=torch.float64)
        directions_DF /= torch.linalg.vector_norm(directions_DF, dim=1, keepdim=True)
        real_PF, fake_PF = (_descriptors(x_NCHW, level, tops, lefts, chunk) for x_NCHW in sets)
        found[height] = _sliced(real_PF, fake_PF, directions_DF.float(), 1) / UNIT
    return found


def sliced_wasserstein(real: Tensor, fake: Tensor, *, projections: int = 1000, order: int = 2, seed: int = 0) -> float:
    """Sliced Wasserstein distance of two sets of points or features: the root of the mean over random directions of
    W_p^p, p being `order`. The numbers of samples may differ: quantiles are compared, exactly.

    Args:
        real, fake: one row a sample.
        projections: random directions.
        order: 1 or 2.
        seed: of the directions.

    Returns:
        In the samples' unit. Of distributions that differ by a shift alone it is at order 2 the shift's length over the root
        of the number of features.

    Raises:
        ValueError: see `samples.checked`; another order, or no projections.
    """
    at_least_one("projections", projections)
    if order not in (1, 2):
        raise ValueError(f"order is {order}, wanted 1 or 2")
    real_NF, fake_MF = (x.cpu() for x in checked(real=real, fake=fake))
    directions_DF = torch.randn(
        projections, real_NF.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    directions_DF /= torch.linalg.vector_norm(directions_DF, dim=1, keepdim=True)
    centre_F = real_NF.mean(0)
    return float(_sliced(real_NF - centre_F, fake_MF - centre_F, directions_DF, order) ** (1 / order))


def laplacian_pyramid(x_NCHW: Tensor) -> list[Tensor]:
    """Each level less what the next coarser one says of it, from the finest; the coarsest as it is. Halved down to no less
    than 16 pixels of the shorter side."""
    levels = []
    for _ in range(len(_sizes(*x_NCHW.shape[2:])) - 1):
        coarse = _blur(x_NCHW)[:, :, ::2, ::2]
        spread = torch.zeros_like(x_NCHW)
        spread[:, :, ::2, ::2] = coarse
        levels.append(x_NCHW - 4 * _blur(spread))  # 4: three of four pixels are zeros
        x_NCHW = coarse
    return [*levels, x_NCHW]


def _blur(x_NCHW: Tensor) -> Tensor:
    """With the binomial of 5 pixels in both directions; the picture is mirrored at its outermost pixels."""
    for dim in (2, 3):  # sums of shifted pictures: convolutions of single channels are many times slower
        size = x_NCHW.shape[dim]
        padded = functional.pad(x_NCHW, (0, 0, 2, 2) if dim == 2 else (2, 2, 0, 0), mode="reflect")
        blurred = padded.narrow(dim, 0, size) * _BINOMIAL[0]
        for offset, weight in enumerate(_BINOMIAL[1:], 1):
            blurred.add_(padded.narrow(dim, offset, size), alpha=weight)
        x_NCHW = blurred
    return x_NCHW


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of each level."""
    sizes = [(height, width)]
    while min(half := ((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2)) >= COARSEST:
        sizes.append(half)
    return sizes


def _pictures(name: str, pictures_NCHW: Tensor) -> Tensor:
    if pictures_NCHW.dtype != torch.uint8:
        raise ValueError(f"{name} pictures must be uint8 of 0 to 255, got {pictures_NCHW.dtype}")
    check_shape(pictures_NCHW)
    if min(pictures_NCHW.shape[2:]) < PATCH:
        raise ValueError(
            f"{name} pictures have {tuple(pictures_NCHW.shape[2:])} pixels, fewer than a patch of {PATCH} x {PATCH}"
        )
    return pictures_NCHW.cpu()


def _chosen(x_NCHW: Tensor, limit: int, seed: int) -> Tensor:
    if len(x_NCHW) <= limit:
        return x_NCHW
    return x_NCHW[torch.randperm(len(x_NCHW), generator=torch.Generator().manual_seed(seed))[:limit]]


def _descriptors(x_NCHW: Tensor, level: int, tops_NP: Tensor, lefts_NP: Tensor, chunk: int) -> Tensor:
    """Patches of one level, normalised, (N P, C 49), float32."""
    n, channels, patches = len(x_NCHW), x_NCHW.shape[1], tops_NP.shape[1]
    rows = torch.empty(n * patches, channels, PATCH**2)
    for first in range(0, n, chunk):
        part_nCHW = laplacian_pyramid(x_NCHW[first : first + chunk].float())[level]
        windows = part_nCHW.unfold(2, PATCH, 1).unfold(3, PATCH, 1)
        number_n1 = torch.arange(len(part_nCHW))[:, None]
        where = slice(first, first + len(part_nCHW))
        taken = windows[number_n1, :, tops_NP[where], lefts_NP[where]]
        rows[first * patches : where.stop * patches] = taken.reshape(-1, channels, PATCH**2)
    for channel in range(channels):
        values = rows[:, channel]
        values -= values.mean(dtype=torch.float64).float()
        deviation = float(torch.linalg.vector_norm(values, dtype=torch.float64)) / values.numel() ** 0.5
        if deviation > 0:  # patches of one colour stay 0
            values /= deviation
    return rows.flatten(1)


def _sliced(a_NF: Tensor, b_MF: Tensor, directions_DF: Tensor, order: int) -> float:
    """Mean over directions of the p-th power of the p-Wasserstein distance."""
    steps = None if len(a_NF) == len(b_MF) else _steps(len(a_NF), len(b_MF))
    total = 0.0
    for directions_dF in torch.split(directions_DF, _DIRECTIONS):
        # NumPy's sort of floats is several times as fast as torch's on a CPU with AVX2.
        a_dN, b_dM = (np.sort((directions_dF @ x.T).numpy(), axis=1) for x in (a_NF, b_MF))
        if steps is None:
            gap = np.abs(a_dN - b_dM) ** order
            total += float(gap.mean(axis=1, dtype=np.float64).sum())
        else:
            in_a, in_b, share = steps
            gap = np.abs(np.take(a_dN, in_a, axis=1) - np.take(b_dM, in_b, axis=1)) ** order
            total += float((gap @ share.astype(gap.dtype)).sum(dtype=np.float64))
    return total / len(directions_DF)


def _steps(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Where the quantile functions of n and of m samples are constant together: the numbers of their sorted samples, and the
    share of probability that it lasts."""
    # Steps at i/n and j/m, as whole numbers over n m.
    ends = np.union1d(np.arange(1, n + 1, dtype=np.int64) * m, np.arange(1, m + 1, dtype=np.int64) * n)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]])
    return starts // m, starts // n, (ends - starts) / (n * m)
