"""Minibatch standard deviation: how much the samples of a batch differ, as a further channel of the discriminator.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2017, 1710.10196,
section 3. Groups, and the channels of the statistic, are those of its code and of StyleGAN2's.

Samples of a group meet here, so that a gradient penalty's gradient is not one a sample, and statistics over processes are
those of each process's part.

Shapes: B batch, C channels, H, W, P pixels; G samples a group, M groups, F channels of the statistic, c = C / F.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-8  # below the root, whose derivative is infinite at 0


def minibatch_deviation(x_BCHW: Tensor, group: int | None = 4, features: int = 1) -> Tensor:
    """(B, C + F, H, W): x, and F maps that hold one number a group each.

    For each group of G samples: the standard deviation of each channel and pixel over the group (divisor G, 1e-8 below the
    root), averaged over pixels and over the C / F channels of each part. Group m has the samples m, m + M, m + 2M, ...

    Args:
        x_BCHW: any memory format; the statistic is taken in float32 or wider.
        group: samples a group; the whole batch if None, or if the batch is smaller.
        features: F.

    Raises:
        ValueError: the batch is no multiple of the group, or the channels none of the features.
    """
    if x_BCHW.ndim != 4:
        raise ValueError(f"minibatch deviation wants maps (B, C, H, W), given {tuple(x_BCHW.shape)}")
    B, C = x_BCHW.shape[:2]
    G, F = B if group is None else min(group, B), features
    if G < 1 or B % G:
        raise ValueError(
            f"a batch of {B} samples does not split into groups of {G}: choose a batch that is a multiple of {G}, or "
            "another group size"
        )
    if F < 1 or C % F:
        raise ValueError(f"{C} channels do not split into {F} parts: features has to divide the channels")
    x = x_BCHW if x_BCHW.dtype == torch.float64 else x_BCHW.float()
    # Channels last, whatever the memory format: sums over long rows of neighbouring numbers are several times as fast.
    x_GMPFc = x.permute(0, 2, 3, 1).reshape(G, B // G, -1, F, C // F)
    deviation_MPFc = ((x_GMPFc - x_GMPFc.mean(0)).square().mean(0) + EPSILON).sqrt()
    statistic_BF = deviation_MPFc.mean((1, 3)).repeat(G, 1).to(x_BCHW.dtype)
    # In x's memory format, which joining keeps if both have it.
    statistic_BFHW = torch.zeros_like(x_BCHW[:, :F]) + statistic_BF[:, :, None, None]
    return torch.cat([x_BCHW, statistic_BFHW], 1)


class MinibatchDeviation(nn.Module):
    """`minibatch_deviation` as a layer; without parameters."""

    def __init__(self, group: int | None = 4, features: int = 1) -> None:
        super().__init__()
        self.group, self.features = group, features

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C + features, H, W)."""
        return minibatch_deviation(x_BCHW, self.group, self.features)

    def extra_repr(self) -> str:
        """The sizes, for print."""
        return f"group={self.group}, features={self.features}"
