"""Fréchet distance between two sets of features.

Fréchet: "Sur la distance de deux lois de probabilité", C. R. Acad. Sci. Paris 244 (1957).
Dowson and Landau: "The Fréchet distance between multivariate normal distributions", J. Multivariate Analysis 12 (1982).
Heusel et al.: "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (2017),
https://arxiv.org/abs/1706.08500, equation 6.

Shape letters: N samples, F features, K = min(N, F).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """What the Fréchet distance needs to know of a feature set: the covariance is root_KF.T @ root_KF."""

    mean_F: Tensor  # float64, in the features' unit
    root_KF: Tensor  # float64, in the features' unit
    count: int  # samples that were summarised

    @property
    def variance(self) -> float:
        """Total variance: the trace of the covariance, in the features' unit squared."""
        return float(self.root_KF.square().sum())


def moments(features_NF: Tensor) -> Moments:
    """Mean and a square root of the unbiased covariance, on the CPU in float64.

    The root is the R of a QR decomposition of the centred samples, so the covariance is never formed and its condition
    number never squared; it has at most N rows, which keeps small sets cheap.

    Args:
        features_NF: one row a sample; any real dtype, any device.

    Raises:
        ValueError: not a matrix, complex, without columns, fewer than 2 samples, or not finite.
    """
    shape = tuple(features_NF.shape)
    if features_NF.ndim != 2:
        raise ValueError(f"features must be a matrix [samples, features], got shape {shape}; flatten each sample first")
    if features_NF.is_complex():
        raise ValueError(f"features must be real numbers, got {features_NF.dtype}")
    if shape[1] == 0:
        raise ValueError(f"features have no columns: shape {shape}")
    if shape[0] < 2:
        raise ValueError(f"a covariance needs at least 2 samples, got {shape[0]}; draw more samples")
    x_NF = features_NF.detach().to("cpu", torch.float64)
    broken_N = ~torch.isfinite(x_NF).all(dim=1)
    if bool(broken_N.any()):
        first = int(broken_N.nonzero()[0])
        raise ValueError(
            f"{int(broken_N.sum())} of {shape[0]} samples have features that are NaN or infinite, the first is number "
            f"{first}; look for a diverged generator before measuring it"
        )
    mean_F = x_NF.mean(dim=0)
    root_KF = torch.linalg.qr((x_NF - mean_F) / (shape[0] - 1) ** 0.5, mode="r").R
    return Moments(mean_F, root_KF, shape[0])


def frechet_between(a: Moments, b: Moments) -> float:
    """Fréchet distance of two summarised feature sets, in the features' unit squared; 0 or more.

    With S = A.T A and T = B.T B the trace of the root of S T is the sum of the singular values of A B.T, a product of
    at most F x F numbers: real and non-negative by construction, and exact where a covariance is singular.

    Raises:
        ValueError: the sets have different numbers of features.
    """
    if a.mean_F.shape != b.mean_F.shape:
        raise ValueError(
            f"the two sets have {a.mean_F.shape[0]} and {b.mean_F.shape[0]} features; both must come from one extractor"
        )
    shift = float((a.mean_F - b.mean_F).square().sum())
    overlap = float(torch.linalg.svdvals(a.root_KF @ b.root_KF.T).sum())
    return max(0.0, shift + a.variance + b.variance - 2.0 * overlap)  # round-off may fall below 0, the distance cannot


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance of two feature sets, each taken as a Gaussian; the numbers of samples may differ.

    The figure shrinks as samples grow: compare only figures with equal numbers of samples.

    Args:
        real, fake: (N, F) and (M, F); which is which makes no difference.

    Returns:
        |mean difference|^2 + trace(S + T - 2 (S T)^(1/2)), in the features' unit squared.

    Raises:
        ValueError: see `moments` and `frechet_between`.
    """
    return frechet_between(moments(real), moments(fake))
