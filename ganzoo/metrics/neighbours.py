"""Distances to nearest neighbours: what precision, recall, density, coverage and the like are counted from.

Kynkäänniemi, Karras, Laine, Lehtinen, Aila: Improved Precision and Recall Metric for Assessing Generative Models, 2019,
1904.06991, equations 1 and 2. Naeem, Oh, Uh, Choi, Yoo: Reliable Fidelity and Diversity Metrics for Generative Models, 2020,
2002.09797, section 3: the comparisons are strict, as in their code.

With centres R of radius r and points F, `within(R, r, F)` has all four: precision is the share of points that lie in a ball,
recall the same with the sets exchanged, density the mean of `balls_M` over k, coverage the share of centres with a point.

Distances are Euclidean, by a matrix product of centred features, a block of rows at a time: `memory` bounds the block's
bytes, whatever the numbers of samples. In float64 the square of a distance is exact to about 1e-15 of the largest squared
length; where float32 is chosen, to 1e-7 of it, in two thirds of the time.

Shapes: N and M samples, F features, n samples of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 256 * 2**20  # bytes of distances at a time


@dataclass(frozen=True)
class Within:
    """Which of M points lie in which of N balls.

    balls_M: int64, how many balls hold each point. points_N: int64, how many points each ball holds.
    """

    balls_M: Tensor
    points_N: Tensor


def distance_blocks(
    a_NF: Tensor, b_MF: Tensor, *, memory: int = MEMORY, dtype: torch.dtype = torch.float64
) -> Iterator[tuple[int, Tensor]]:
    """Distances of all pairs, some rows of `a` at a time: the number of the first row, and d_nM in the features' unit.

    A block takes at most `memory` bytes, or one row, and as much again while it is made; besides there are copies of both
    sets in `dtype`. A block may be written to.

    Args:
        a_NF, b_MF: one row a sample, on one device.
        memory: bytes.
        dtype: torch.float64 or torch.float32, of the products and the result.

    Raises:
        ValueError: no matrices of real numbers of equal widths, or another dtype.
    """
    _check(a_NF, b_MF, dtype)
    centre_F = b_MF.detach().to(dtype).mean(0) if len(b_MF) else torch.zeros_like(b_MF[:0].to(dtype).sum(0))
    # A common shift changes no distance; without it the squares of far-off features would swallow the differences.
    a_NF, b_MF = (x.detach().to(dtype) - centre_F for x in (a_NF, b_MF))
    squares_M = b_MF.square().sum(1)
    rows = max(1, memory // max(1, len(b_MF) * dtype.itemsize))
    for first in range(0, len(a_NF), rows):
        part_nF = a_NF[first : first + rows]
        d_nM = torch.addmm(squares_M, part_nF, b_MF.T, alpha=-2).add_(part_nF.square().sum(1, keepdim=True))
        yield first, d_nM.clamp_min_(0).sqrt_()


def kth_neighbour(x_NF: Tensor, k: int = 3, *, memory: int = MEMORY, dtype: torch.dtype = torch.float64) -> Tensor:
    """The distance of each sample to its k-th nearest other sample, (N,) in `dtype` and the features' unit.

    Copies of a sample count as neighbours at distance 0, or at round-off.

    Args:
        x_NF: one row a sample.
        k: 1 or more.
        memory, dtype: as for `distance_blocks`.

    Raises:
        ValueError: there are not more than k samples; see `distance_blocks` too.
    """
    if not 1 <= k < len(x_NF):
        raise ValueError(
            f"the {k}-th neighbour of a sample among {len(x_NF)} samples does not exist; draw more samples"
        )
    # Filled, and no list of parts: small tensors between the blocks would keep the allocator from giving those back.
    found_N = x_NF.new_empty(len(x_NF), dtype=dtype)
    for first, d_nN in distance_blocks(x_NF, x_NF, memory=memory, dtype=dtype):
        d_nN.diagonal(first).fill_(float("inf"))  # a sample is no neighbour of its own
        found_N[first : first + len(d_nN)] = _kth_smallest(d_nN, k)
    return found_N


def nearest(
    x_NF: Tensor, to_MF: Tensor, *, memory: int = MEMORY, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """The distance of each sample to the nearest of another set, (N,), and that one's number, (N,) int64.

    Raises:
        ValueError: the other set is empty; see `distance_blocks` too.
    """
    if not len(to_MF):
        raise ValueError("there is no nearest sample in an empty set")
    least_N, which_N = x_NF.new_empty(len(x_NF), dtype=dtype), x_NF.new_empty(len(x_NF), dtype=torch.int64)
    for first, d_nM in distance_blocks(x_NF, to_MF, memory=memory, dtype=dtype):
        rows = slice(first, first + len(d_nM))
        least_N[rows], which_N[rows] = d_nM.min(1)
    return least_N, which_N


def within(
    centres_NF: Tensor,
    radii_N: Tensor,
    points_MF: Tensor,
    *,
    memory: int = MEMORY,
    dtype: torch.dtype = torch.float64,
) -> Within:
    """Counts of the pairs whose distance is less than the centre's radius.

    Args:
        centres_NF, points_MF: one row a sample.
        radii_N: in the features' unit, for example from `kth_neighbour`.
        memory, dtype: as for `distance_blocks`.

    Raises:
        ValueError: not one radius a centre; see `distance_blocks` too.
    """
    if tuple(radii_N.shape) != (len(centres_NF),):
        raise ValueError(f"one radius a centre is wanted, given {tuple(radii_N.shape)} for {len(centres_NF)} centres")
    balls_M = torch.zeros(len(points_MF), dtype=torch.int64, device=points_MF.device)
    points_N = torch.zeros(len(centres_NF), dtype=torch.int64, device=points_MF.device)
    for first, d_nM in distance_blocks(centres_NF, points_MF, memory=memory, dtype=dtype):
        inside_nM = d_nM < radii_N[first : first + len(d_nM), None].to(dtype)
        balls_M += inside_nM.sum(0)
        points_N[first : first + len(d_nM)] = inside_nM.sum(1)
    return Within(balls_M, points_N)


def _kth_smallest(d_nM: Tensor, k: int) -> Tensor:
    """Of each row; on a CPU a sort of the k smallest alone is several times as fast as kthvalue."""
    return d_nM.topk(k, dim=1, largest=False, sorted=True).values[:, -1]


def _check(a_NF: Tensor, b_MF: Tensor, dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"distances are computed in float32 or float64, asked for {dtype}")
    for x in (a_NF, b_MF):
        if x.ndim != 2 or x.is_complex():
            raise ValueError(
                f"features must be a matrix of real numbers [samples, features], got {x.dtype} of shape {tuple(x.shape)}"
            )
    if a_NF.shape[1] != b_MF.shape[1]:
        raise ValueError(
            f"the two sets have {a_NF.shape[1]} and {b_MF.shape[1]} features; both must come from one extractor"
        )
