"""Pixelwise normalisation of feature vectors.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2017, 1710.10196,
section 4.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-8  # below the root


def pixel_norm(x: Tensor) -> Tensor:
    """x / √(mean over channels of x² + 1e-8), of x's shape and dtype.

    Args:
        x: (B, C, ...): each position's vector of C numbers gets a mean square of 1. The mean is taken in float32 or wider.
    """
    wide = x if x.dtype == torch.float64 else x.float()
    return x * torch.rsqrt(wide.square().mean(1, keepdim=True) + EPSILON).to(x.dtype)
