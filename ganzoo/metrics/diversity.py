"""The Vendi score: how many different samples a set amounts to.

Friedman and Dieng: "The Vendi Score: A Diversity Evaluation Metric for Machine Learning" (2022),
https://arxiv.org/abs/2210.02410: the exponential of the entropy of the eigenvalues of K / N, where K are similarities with ones
on the diagonal.

Shape letters: N samples, F features, K = min(N, F).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.metrics.neighbours import distance_blocks
from ganzoo.metrics.samples import block_bytes, checked, directions

KERNELS = ("cosine", "rbf")


def vendi(fake: Tensor, *, kernel: str = "cosine", sigma: float = 1.0) -> float:
    """The effective number of samples, in 1..N: 1 where all are alike, N where none is like another.

    It grows with the number of samples, and with the cosine kernel it is at most the number of features.

    Args:
        fake: (N, F).
        kernel: cosine, of which a matrix of K x K is enough, or rbf, exp(-‖x - y‖² / 2σ²), which takes one of N x N.
        sigma: of the rbf kernel, in the features' unit.

    Raises:
        ValueError: see `samples.checked`; another kernel; with cosine a sample whose features are all 0; sigma not above 0.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel is {kernel!r}, wanted one of {', '.join(KERNELS)}")
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}, wanted more than 0")
    (x_NF,) = checked(fake=fake)
    if kernel == "cosine":
        x_NF = directions("fake", x_NF)
        # x xᵀ and xᵀ x have the same eigenvalues but for zeros, which have no entropy: take the smaller.
        products_KK = x_NF @ x_NF.T if x_NF.shape[0] <= x_NF.shape[1] else x_NF.T @ x_NF
        return _effective(products_KK / len(x_NF))
    blocks = distance_blocks(x_NF, x_NF, memory=block_bytes(None, len(x_NF)))
    similar_NN = torch.cat([d_nN.square_().mul_(-0.5 / sigma**2).exp_() for _, d_nN in blocks])
    return vendi_of(similar_NN)


def vendi_of(similarities: Tensor) -> float:
    """The score of any similarities, (N, N).

    Raises:
        ValueError: not a square matrix of finite numbers, not symmetric, with other numbers than 1 on the diagonal, or with an
            eigenvalue below 0.
    """
    (k_NN,) = checked(similarity=similarities)
    if k_NN.shape[0] != k_NN.shape[1]:
        raise ValueError(f"similarities must be a square matrix, got shape {tuple(k_NN.shape)}")
    if float((k_NN - k_NN.T).abs().max()) > 1e-6:
        raise ValueError("similarities must be symmetric: x is as similar to y as y to x")
    if float((k_NN.diagonal() - 1).abs().max()) > 1e-6:
        raise ValueError("the similarity of a sample to itself must be 1")
    return _effective(k_NN / len(k_NN))


def _effective(matrix_KK: Tensor) -> float:
    """exp of the entropy of a matrix's eigenvalues, whose sum is 1."""
    values_K = torch.linalg.eigvalsh(matrix_KK)
    least = float(values_K.min())
    if least < -1e-6:
        raise ValueError(f"similarities must have no eigenvalue below 0, the least is {least:.3g}")
    return float(torch.special.entr(values_K.clamp_min(0)).sum().exp())
