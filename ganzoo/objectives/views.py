"""Small changes of a picture that should not change what a discriminator thinks of it."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.models.draws import Draws


def flipped_and_shifted(x_BCHW: Tensor, draws: Draws, shift: int, stream: str = "penalty") -> Tensor:
    """Each picture mirrored left to right by a toss, and moved by up to `shift` pixels both ways; what comes in at an edge is
    the picture mirrored there. It only moves numbers, and so has derivatives of every order.

    Raises:
        ValueError: the shift is as large as a side.
    """
    B, _, H, W = x_BCHW.shape
    if not 0 <= shift < min(H, W):
        raise ValueError(f"shift is {shift}, wanted 0 to {min(H, W) - 1} for pictures of {H}x{W}")
    down_B, right_B = (draws.integers(2 * shift + 1, B, stream=stream) - shift for _ in range(2))
    flip_B1 = draws.integers(2, B, stream=stream)[:, None].bool()
    rows_BH = _reflected(torch.arange(H, device=x_BCHW.device) - down_B[:, None], H)
    columns_BW = _reflected(torch.arange(W, device=x_BCHW.device) - right_B[:, None], W)
    columns_BW = torch.where(flip_B1, W - 1 - columns_BW, columns_BW)
    x_BCHW = x_BCHW.gather(2, rows_BH[:, None, :, None].expand_as(x_BCHW))
    return x_BCHW.gather(3, columns_BW[:, None, None, :].expand_as(x_BCHW))


def _reflected(index: Tensor, size: int) -> Tensor:
    """Indices a little outside of 0 to size - 1, mirrored at the first and at the last."""
    index = index.abs()
    return torch.where(index > size - 1, 2 * (size - 1) - index, index)
