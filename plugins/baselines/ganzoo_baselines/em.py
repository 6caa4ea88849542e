"""Expectation and maximisation for a mixture of normal distributions, its start, and principal directions.

Everything is in float64, and all chance comes from the draws. See `mixture` for the papers.

N samples, R coordinates, C components, T tries, D numbers of a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from ganzoo.models import Draws

STREAM = "mixture"
K_MEANS_STEPS = 10
POWER_STEPS = 4  # of subspace iteration
SPARE = 10  # directions more than wanted, for the iteration alone
BLOCK = 4096  # samples of which the distances to all components are held at a time


@dataclass(frozen=True)
class Mixture:
    """Shares, means, and lower triangular roots of the covariances."""

    weight_C: Tensor
    mean_CR: Tensor
    root_CRR: Tensor


def log_densities(y_NR: Tensor, mixture: Mixture) -> Tensor:
    """log w_c N(y; mu_c, Sigma_c), (N, C)."""
    identity_RR = torch.eye(y_NR.shape[1], dtype=y_NR.dtype, device=y_NR.device)
    inverse_CRR = torch.linalg.solve_triangular(mixture.root_CRR, identity_RR.expand_as(mixture.root_CRR), upper=False)
    log_root_C = mixture.root_CRR.diagonal(dim1=1, dim2=2).log().sum(1)
    constant_C = mixture.weight_C.log() - log_root_C - y_NR.shape[1] / 2 * log(2 * pi)
    columns = []
    for inverse_RR, mean_R in zip(inverse_CRR, mixture.mean_CR, strict=True):
        columns.append(((y_NR - mean_R) @ inverse_RR.T).square().sum(1))
    return constant_C - 0.5 * torch.stack(columns, 1)


def fit_mixture(
    y_NR: Tensor,
    components: int,
    draws: Draws,
    *,
    diagonal: bool,
    starts: int,
    iterations: int,
    shrink: float,
    floor: float,
    within: float = 0.0,
) -> Mixture:
    """A mixture of `components`; of samples fewer than that, some components lie on the same one. Options as in `mixture`.

    within: a variance that each number has by itself, beside what the samples show.
    """
    index_N = k_means(y_NR, components, draws, starts)
    share_NC = torch.nn.functional.one_hot(index_N, components).to(y_NR.dtype)
    least = within + floor * y_NR.var(0, correction=0).mean().clamp_min(1e-12)
    found = _maximised(y_NR, share_NC, diagonal, shrink, least)
    for _ in range(iterations):
        found = _maximised(y_NR, log_densities(y_NR, found).softmax(1), diagonal, shrink, least)
    return found


def _maximised(y_NR: Tensor, share_NC: Tensor, diagonal: bool, shrink: float, least: Tensor) -> Mixture:
    """The M-step."""
    count_C = share_NC.sum(0)
    tiny = 1e-9  # of a component that no sample is near: it keeps a mean of 0 and the mean covariance
    mean_CR = (share_NC.T @ y_NR) / (count_C + tiny)[:, None]
    scatters = []
    for share_N, mean_R in zip(share_NC.T, mean_CR, strict=True):
        centred_NR = y_NR - mean_R
        scatters.append((centred_NR * share_N[:, None]).T @ centred_NR)
    scatter_CRR = torch.stack(scatters)
    pooled_RR = scatter_CRR.sum(0) / len(y_NR)
    covariance_CRR = (scatter_CRR + shrink * pooled_RR) / (count_C + shrink + tiny)[:, None, None]
    identity_RR = torch.eye(y_NR.shape[1], dtype=y_NR.dtype, device=y_NR.device)
    if diagonal:
        covariance_CRR = covariance_CRR * identity_RR
    root_CRR = torch.linalg.cholesky(covariance_CRR + least * identity_RR)
    return Mixture((count_C + tiny) / (count_C + tiny).sum(), mean_CR, root_CRR)


def k_means(y_NR: Tensor, clusters: int, draws: Draws, starts: int) -> Tensor:
    """The cluster of each sample, (N,): of several starts the one with the smallest squared distances."""
    best_N, best = None, None
    for _ in range(starts):
        centre_CR = _spread_centres(y_NR, clusters, draws)
        for _ in range(K_MEANS_STEPS):
            index_N, distance_N = _nearest(y_NR, centre_CR)
            sums_CR = torch.zeros_like(centre_CR).index_add_(0, index_N, y_NR)
            count_C1 = torch.bincount(index_N, minlength=clusters)[:, None]
            centre_CR = torch.where(count_C1 > 0, sums_CR / count_C1.clamp_min(1), centre_CR)
        index_N, distance_N = _nearest(y_NR, centre_CR)
        total = distance_N.sum()
        if best_N is None or best is None:
            best_N, best = index_N, total
        else:
            best_N, best = torch.where(total < best, index_N, best_N), torch.minimum(total, best)
    assert best_N is not None
    return best_N


def _spread_centres(y_NR: Tensor, clusters: int, draws: Draws) -> Tensor:
    """k-means++: each centre is a sample, drawn in proportion to its squared distance from the centres before; of some tries
    the one that leaves the smallest distances."""
    tries = 2 + int(log(clusters))
    first_1 = draws.integers(len(y_NR), 1, stream=STREAM, batched=False)
    centres = [y_NR[first_1]]
    distance_N = (y_NR - centres[0]).square().sum(1)
    for _ in range(clusters - 1):
        cumulated_N = distance_N.cumsum(0)
        chance_T = draws.uniform(tries, stream=STREAM, batched=False).double() * cumulated_N[-1]
        index_T = torch.searchsorted(cumulated_N, chance_T, right=True).clamp_max(len(y_NR) - 1)
        tried_TN = torch.minimum(distance_N, _squares(y_NR[index_T], y_NR))
        chosen = tried_TN.sum(1).argmin()
        centres.append(y_NR[index_T[chosen]][None])
        distance_N = tried_TN[chosen]
    return torch.cat(centres)


def _nearest(y_NR: Tensor, centre_CR: Tensor) -> tuple[Tensor, Tensor]:
    found = [_squares(part_BR, centre_CR).min(1) for part_BR in torch.split(y_NR, BLOCK)]
    return torch.cat([part.indices for part in found]), torch.cat([part.values for part in found])


def _squares(a_AR: Tensor, b_BR: Tensor) -> Tensor:
    """Squared distances, (A, B)."""
    products_AB = torch.addmm(b_BR.square().sum(1), a_AR, b_BR.T, alpha=-2)
    return (products_AB + a_AR.square().sum(1, keepdim=True)).clamp_min(0)


def principal_directions(x_ND: Tensor, rank: int, draws: Draws) -> tuple[Tensor, Tensor, Tensor]:
    """The mean (D,), `rank` orthonormal directions of largest variance (D, R), and the mean variance in the others, s².

    By subspace iteration from random directions: x is multiplied with, and no D x D matrix is made.
    """
    mean_D = x_ND.mean(0)
    x_ND = x_ND - mean_D
    wide = min(rank + SPARE, x_ND.shape[1])
    basis_DW = draws.normal(x_ND.shape[1], wide, stream=STREAM, batched=False).double()
    for _ in range(POWER_STEPS):
        basis_DW = torch.linalg.qr(basis_DW).Q
        basis_DW = x_ND.T @ (x_ND @ basis_DW)
    basis_DW = torch.linalg.qr(basis_DW).Q
    small_NW = x_ND @ basis_DW
    # eigh's order is rising: the last directions have the largest variances.
    turn_WW = torch.linalg.eigh(small_NW.T @ small_NW / len(x_ND)).eigenvectors
    directions_DR = basis_DW @ turn_WW[:, -rank:].flip(1)
    whole = x_ND.square().sum() / len(x_ND)
    explained = (x_ND @ directions_DR).square().sum() / len(x_ND)
    others = max(1, x_ND.shape[1] - rank)
    return mean_D, directions_DR, (whole - explained).clamp_min(0) / others
