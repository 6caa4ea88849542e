"""What is known of data that are a mixture of normal distributions: where the modes are, and how wide."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """Modes of equal weight.

    Args:
        centres_KF: float64, in the samples' unit.
        sigma: standard deviation of each mode in each direction, in the samples' unit.
    """

    centres_KF: Tensor
    sigma: float
