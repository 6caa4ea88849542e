"""Precision and order in memory: augmentations compute in float32 or wider, and give back what they were given.

Shapes: B batch, C channels, H, W.
"""

from __future__ import annotations

import torch
from torch import Tensor

STREAM = "augment"


def checked(x_BCHW: Tensor, who: str) -> None:
    """Refuses what are no pictures.

    Raises:
        ValueError: x has not the shape (B, C, H, W), with 2 pixels or more a side.
    """
    if x_BCHW.ndim != 4 or min(x_BCHW.shape[2:]) < 2:
        raise ValueError(
            f"{who} changes pictures (B, C, H, W) of 2x2 pixels or more, given {tuple(x_BCHW.shape)}: leave it out for other "
            "samples"
        )


def widened(x: Tensor) -> Tensor:
    """x in float32, or as it is in float64."""
    return x if x.dtype == torch.float64 else x.float()


def as_given(y_BCHW: Tensor, x_BCHW: Tensor) -> Tensor:
    """y in x's dtype and order in memory."""
    y = y_BCHW.to(x_BCHW.dtype)
    last = x_BCHW.is_contiguous(memory_format=torch.channels_last) and not x_BCHW.is_contiguous()
    return y.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def per_sample(numbers_B: Tensor) -> Tensor:
    """(B,) as (B, 1, 1, 1), to meet pictures."""
    return numbers_B.view(-1, 1, 1, 1)
