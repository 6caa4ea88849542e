"""Halving and doubling of maps with a fixed filter, as layers.

Shapes: B batch, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.models.layers.piecewise import LinearMap
from ganzoo.models.layers.upfirdn import downsample2d, setup_filter, upsample2d

BILINEAR = (1.0, 3.0, 3.0, 1.0)
"""Linear interpolation [1, 2, 1] between pixels, whose own extent is [1, 1]: the two after each other."""


class _Resampling(LinearMap):
    """A filter with a symmetric list of taps; without parameters."""

    taps: Tensor

    def __init__(self, taps: Sequence[float] = BILINEAR) -> None:
        super().__init__()
        if list(taps) != list(taps)[::-1] or len(taps) % 2:
            raise ValueError(f"an even number of taps is wanted, the same from both ends, given {list(taps)}")
        # Divided here, since a network may be built on a device without numbers.
        shares = [tap / sum(taps) for tap in taps]
        self.register_buffer("taps", setup_filter(shares, normalize=False), persistent=False)


class Halving(_Resampling):
    """x_BCHW to (B, C, H/2, W/2), for even H and W: smoothed, then every second row and column.

    Args:
        taps: of the filter along each axis, an even number of them and symmetric.

    Raises:
        ValueError: other taps.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of half the size."""
        return downsample2d(x_BCHW, self.taps)

    def transposed(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """Zeros between the pixels, then the same filter."""
        return upsample2d(gradient, self.taps, gain=0.25)


class Doubling(_Resampling):
    """x_BCHW to (B, C, 2H, 2W): zeros between rows and columns, then smoothed, so that a constant map stays what it is.

    Args:
        taps: as of `Halving`.

    Raises:
        ValueError: other taps.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Maps of twice the size."""
        return upsample2d(x_BCHW, self.taps)

    def transposed(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """The same filter, then every second row and column."""
        return downsample2d(gradient, self.taps, gain=4)
