"""An affine warp of pictures that may be differentiated any number of times, oversampled so that it neither blurs nor aliases.

Karras, Aittala, Hellsten, Laine, Lehtinen, Aila: Training Generative Adversarial Networks with Limited Data, 2020, 2006.06676,
appendix B: the picture is mirrored at its borders, upsampled by 2 with the filter of the wavelet sym6, sampled bilinearly at
the transformed places, and downsampled with the mirrored filter.

Mirroring differs from the published code: there the picture is mirrored once by as much as the batch's transforms need, which
makes the host wait for them, and zeros lie beyond; here places are mirrored, any number of times. Then the mirror image of the
upsampled picture is what is sampled there, not the upsampled mirror image; as the filter is not quite symmetric, the two differ
a little. Inside the picture there is no difference.

Shapes: B batch, C channels, H, W; S positions along one side.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.models.layers.upfirdn import upfirdn2d

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""Low-pass filter of the wavelet sym6 (Daubechies: Ten Lectures on Wavelets, 1992, section 8.1.1); the sum is √2."""

_BEFORE, _AFTER = 3, 2  # pixels that the filter reaches beyond the border, upsampling
_LEAD, _TRAIL = 5, 6  # positions of the upsampled picture that the filter reaches, downsampling


class Affine:
    """A map of places for each sample, p ↦ c0·p_x + c1·p_y + t, in pixels from the picture's middle.

    It says where a pixel of the result comes from. What is added to it happens to the picture after what was added before.

    Args:
        batch, like: how many samples, and a tensor of their dtype and device.
    """

    def __init__(self, batch: int, like: Tensor) -> None:
        zero, one = like.new_zeros(batch), like.new_ones(batch)
        self.c0_B2, self.c1_B2 = torch.stack([one, zero], 1), torch.stack([zero, one], 1)
        self.t_B2 = like.new_zeros(batch, 2)

    def scale(self, x_B: Tensor, y_B: Tensor) -> None:
        """The picture becomes so many times as large along its width and height; negative: mirrored."""
        self.c0_B2, self.c1_B2 = self.c0_B2 / x_B[:, None], self.c1_B2 / y_B[:, None]

    def rotate(self, angle_B: Tensor) -> None:
        """The picture is turned about its middle, against the clock where y points down."""
        cos, sin = angle_B.cos()[:, None], angle_B.sin()[:, None]
        self.c0_B2, self.c1_B2 = cos * self.c0_B2 + sin * self.c1_B2, cos * self.c1_B2 - sin * self.c0_B2

    def move(self, x_B: Tensor, y_B: Tensor) -> None:
        """The picture moves by so many pixels to the right and down."""
        self.t_B2 = self.t_B2 - self.c0_B2 * x_B[:, None] - self.c1_B2 * y_B[:, None]

    def moves(self) -> Tensor:
        """Whether it changes anything, (B,) bool."""
        e0, e1 = (torch.eye(2, dtype=self.t_B2.dtype, device=self.t_B2.device)[i] for i in range(2))
        return ((self.c0_B2 != e0) | (self.c1_B2 != e1) | (self.t_B2 != 0)).any(1)


def warped(x_BCHW: Tensor, affine: Affine, taps: Tensor) -> Tensor:
    """The pictures, each transformed, (B, C, H, W). One whose transform is the identity stays as it is, bit for bit.

    Args:
        x_BCHW: float32 or float64, 2x2 pixels or more.
        taps: `SYM6` over √2, of x's dtype, on its device.
    """
    H, W = x_BCHW.shape[2:]
    padded = mirrored(mirrored(x_BCHW, 2, _BEFORE, _AFTER), 3, _BEFORE, _AFTER)
    up = upfirdn2d(padded, taps, up=2, gain=4)  # (B, C, 2H - 1, 2W - 1): pixel i is at position 2i
    places = bilinear(up, _grid(affine, H, W))
    y = upfirdn2d(places, taps, down=2, flip=True)
    return torch.where(affine.moves().view(-1, 1, 1, 1), y, x_BCHW)


def _grid(affine: Affine, H: int, W: int) -> Tensor:
    """Where each position of the upsampled result comes from in the upsampled picture, mirrored into it: (B, S, S', 2), x before
    y, from -1 to 1."""
    like = affine.t_B2
    x_S, y_S = (
        (torch.arange(-_LEAD, 2 * size - 1 + _TRAIL, device=like.device) / 2 - (size - 1) / 2).to(like.dtype)
        for size in (W, H)
    )
    from_BSS2 = (
        affine.c0_B2[:, None, None] * x_S[None, None, :, None]
        + affine.c1_B2[:, None, None] * y_S[None, :, None, None]
        + affine.t_B2[:, None, None]
    )
    sides = []
    for i, size in enumerate((W, H)):
        last = size - 1
        at = (from_BSS2[..., i] + last / 2).remainder(2 * last)
        sides.append(torch.minimum(at, 2 * last - at) * (2 / last) - 1)
    return torch.stack(sides, -1)


def mirrored(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """x, continued at both ends of a dimension by its mirror image without the last row itself, as far as is wanted."""
    last = x.shape[dim] - 1
    at = torch.arange(-before, last + 1 + after, device=x.device).remainder(max(2 * last, 1))
    return x.index_select(dim, torch.minimum(at, 2 * last - at))


def bilinear(x_BCHW: Tensor, grid_BSS2: Tensor) -> Tensor:
    """x at the places of the grid, as torch's `grid_sample` with aligned corners, (B, C, S, S').

    It is linear in x, and so is its derivative, which torch can differentiate no further. Here each is the other's derivative.
    The grid has none.
    """
    y: Tensor = _Bilinear.apply(x_BCHW, grid_BSS2)
    return y


class _Bilinear(torch.autograd.Function):
    """Sampling."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, grid: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten.grid_sampler_2d(x, grid, 0, 0, True)
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        x, grid = inputs
        ctx.save_for_backward(grid)
        ctx.size = tuple(x.shape[2:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        x: Tensor = _Scatter.apply(gradient, grid, *ctx.size)
        return x, None


class _Scatter(torch.autograd.Function):
    """The transpose: each number is spread over the pixels that it would be sampled from."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, grid: Tensor, H: int, W: int) -> Tensor:
        picture = y.new_zeros(*y.shape[:2], H, W)
        x: Tensor = torch.ops.aten.grid_sampler_2d_backward(y, picture, grid, 0, 0, True, [True, False])[0]
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, int], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (grid,) = ctx.saved_tensors
        y: Tensor = _Bilinear.apply(gradient, grid)
        return y, None, None, None
