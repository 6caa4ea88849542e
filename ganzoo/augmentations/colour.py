"""Changes of colour as one affine map of the channels for each sample.

Karras et al.: Training Generative Adversarial Networks with Limited Data, 2020, 2006.06676, appendix B. The grey axis is the
direction in which all channels are equal.

Shapes: B batch, C channels, H, W; K = C + 1: a matrix beside an offset.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor


class ColourMap:
    """x ↦ M·(x, 1) for each sample, M (B, C, K). What is added to it happens after what was added before, where the mask says so.

    Args:
        batch, channels, like: its size, and a tensor of its dtype and device.
    """

    def __init__(self, batch: int, channels: int, like: Tensor) -> None:
        self.map_BCK = torch.eye(channels, channels + 1, dtype=like.dtype, device=like.device).expand(batch, -1, -1)

    def brighten(self, mask_B: Tensor, by_B: Tensor) -> None:
        """x + b."""
        offset = torch.zeros_like(self.map_BCK[0])
        offset[:, -1] = 1
        self._where(mask_B, self.map_BCK + offset * by_B[:, None, None])

    def contrast(self, mask_B: Tensor, factor_B: Tensor) -> None:
        """c·x."""
        self._where(mask_B, self.map_BCK * factor_B[:, None, None])

    def flip_luma(self, mask_B: Tensor) -> None:
        """Mirrored along the grey axis: a picture of one channel is inverted."""
        self._where(mask_B, self.map_BCK - 2 * self._grey())

    def turn_hue(self, mask_B: Tensor, angle_B: Tensor) -> None:
        """Turned about the grey axis; needs three channels."""
        grey, angle = self._grey(), angle_B[:, None, None]
        across = (self.map_BCK.roll(1, 1) - self.map_BCK.roll(-1, 1)) / sqrt(3)  # the axis × each column
        self._where(mask_B, grey + (self.map_BCK - grey) * angle.cos() + across * angle.sin())

    def saturate(self, mask_B: Tensor, factor_B: Tensor) -> None:
        """The distance from the grey axis is multiplied."""
        grey = self._grey()
        self._where(mask_B, grey + (self.map_BCK - grey) * factor_B[:, None, None])

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        """The changed pictures. Where M is the identity they stay as they are, bit for bit."""
        matrix_BCC, offset_BC = self.map_BCK[:, :, :-1], self.map_BCK[:, :, -1]
        mixed = [
            sum(
                (matrix_BCC[:, c, d, None, None] * x_BCHW[:, d] for d in range(x_BCHW.shape[1])),
                offset_BC[:, c, None, None],
            )
            for c in range(x_BCHW.shape[1])
        ]
        return torch.stack(mixed, 1)

    def _grey(self) -> Tensor:
        """The part along the grey axis."""
        return self.map_BCK.mean(1, keepdim=True)

    def _where(self, mask_B: Tensor, changed_BCK: Tensor) -> None:
        self.map_BCK = torch.where(mask_B[:, None, None], changed_BCK, self.map_BCK)
