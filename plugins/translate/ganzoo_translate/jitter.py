"""Random parts and mirror images of pictures, on the device (1611.07004, appendix 6.2; 1703.10593's code does the same).

The reference enlarges 256 pixels to 286 as files are read; here a batch's pictures are enlarged, by bicubic interpolation too.

B batch, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganzoo.models import Draws


def jittered(pictures: Sequence[Tensor], draws: Draws, enlarge: float, flip: bool) -> list[Tensor]:
    """Pictures (B, C, H, W) each, all changed alike, of the same shapes. Numbers come from the stream "jitter".

    Args:
        enlarge: pictures are enlarged by this share of a side, and a random part of the old size is cut out.
        flip: half of the pictures are mirrored, left to right.
    """
    B, _, H, W = pictures[0].shape
    changed = list(pictures)
    tall, wide = round(H * (1 + enlarge)), round(W * (1 + enlarge))
    if (tall, wide) != (H, W):
        top_B = draws.integers(tall - H + 1, B, stream="jitter")
        left_B = draws.integers(wide - W + 1, B, stream="jitter")
        changed = [_part(_enlarged(x_BCHW, tall, wide), top_B, left_B, H, W) for x_BCHW in changed]
    if flip:
        mirrored_B = draws.uniform(B, stream="jitter") < 0.5
        changed = [torch.where(mirrored_B[:, None, None, None], x_BCHW.flip(3), x_BCHW) for x_BCHW in changed]
    return changed


def _enlarged(x_BCHW: Tensor, tall: int, wide: int) -> Tensor:
    # Bicubic interpolation can overshoot what pictures can be, which lies in [-1, 1].
    return interpolate(x_BCHW, (tall, wide), mode="bicubic", align_corners=False).clamp(-1.0, 1.0)


def _part(x_BCHW: Tensor, top_B: Tensor, left_B: Tensor, H: int, W: int) -> Tensor:
    """Of each picture H rows and W columns from its own place on."""
    B, C, _, wide = x_BCHW.shape
    rows_BH = top_B[:, None] + torch.arange(H, device=x_BCHW.device)
    columns_BW = left_B[:, None] + torch.arange(W, device=x_BCHW.device)
    rows = x_BCHW.gather(2, rows_BH[:, None, :, None].expand(B, C, H, wide))
    return rows.gather(3, columns_BW[:, None, None, :].expand(B, C, H, W))
