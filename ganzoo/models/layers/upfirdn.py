"""Resampling with a filter: insert zeros, pad, filter, keep every n-th (upfirdn).

The operation and its conventions are those of StyleGAN2 (Karras et al.: Analyzing and Improving the Image Quality of
StyleGAN, 2019, 1912.04958, appendix B); R. Zhang: Making Convolutional Networks Shift-Invariant Again, 2019, 1904.11486,
says why pictures want it.

The zeros are never stored: upsampling is a transposed convolution with stride, whose work is that of the polyphase form.
A filter of a few taps is applied at once in both directions, a longer one in two passes. All of it is depthwise convolution,
so it has derivatives of any order, with respect to the taps too.

Shapes: B batch, C channels, H, W; T taps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

from ganzoo.models.layers.autocast import without_autocast

Padding = int | tuple[int, int, int, int]

# Up to so many taps one pass with their outer product is faster than two passes: with 4 taps by 1.3 on a CPU in float32,
# since what costs is the traffic of memory.
_DIRECT_TAPS = 4


def setup_filter(
    taps: Sequence[float] | Sequence[Sequence[float]] | Tensor,
    *,
    normalize: bool = True,
    flip: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """A filter for `upfirdn2d` in float32: (T,), which is applied along both axes, or (T, T') as it is.

    Args:
        taps: for example [1, 3, 3, 1]; one number is a filter of one tap.
        normalize: divide by the sum, so that a constant picture stays as it is.
        flip: reverse the order.
        gain: the factor on the picture, over both axes together.

    Raises:
        ValueError: there are no taps, they have more than 2 dimensions, or their sum is 0 and they are to be normalised.
    """
    filter_ = torch.as_tensor(taps, dtype=torch.float32)
    filter_ = filter_.reshape(1) if filter_.ndim == 0 else filter_.clone()
    _check_taps(filter_)
    if normalize:
        total = filter_.sum()
        if filter_.device.type != "meta" and float(total) == 0:
            raise ValueError(f"the taps {filter_.tolist()} add up to 0 and cannot be normalised")
        filter_ /= total
    if flip:
        filter_ = filter_.flip(list(range(filter_.ndim)))
    return filter_ * float(gain ** (filter_.ndim / 2))


def upfirdn2d(
    x_BCHW: Tensor,
    taps: Tensor,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    *,
    flip: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Upsample, pad, filter and downsample each channel, (B, C, H', W') of x's dtype.

    1. `up` - 1 zeros are put after each row and each column; 2. zeros are added at the borders, or with negative numbers rows
    and columns taken away; 3. the picture is convolved with the filter where the filter lies inside; 4. every `down`-th row
    and column is kept, from the first. So H' = ⌊(H·up + top + bottom - T)/down⌋ + 1.

    Args:
        x_BCHW: any floating dtype and memory format.
        taps: (T,), along both axes, or (T, T'), along height and width; a tensor on x's device.
        up, down: whole numbers, 1 or more.
        padding: zeros on each side, counted after upsampling: one number, or (left, right, top, bottom).
        flip: correlate instead of convolving, which is the same for a symmetric filter.
        gain: factor of the result.

    Raises:
        ValueError: x has not 4 dimensions, the filter not 1 or 2, a factor is below 1, or nothing would be left.
    """
    _check_taps(taps)
    if x_BCHW.ndim != 4:
        raise ValueError(f"upfirdn2d wants pictures (B, C, H, W), given {tuple(x_BCHW.shape)}")
    if up < 1 or down < 1:
        raise ValueError(f"upfirdn2d wants factors of 1 or more, given up={up}, down={down}")
    left, right, top, bottom = _sides(padding)
    size = tuple(x_BCHW.shape[2:])
    tall, wide = taps.shape[0], taps.shape[-1]
    if size[0] * up + top + bottom < tall or size[1] * up + left + right < wide:
        raise ValueError(
            f"upfirdn2d has nothing left of {size[0]}x{size[1]} pixels: up={up}, padding={(left, right, top, bottom)}, "
            f"and a filter of {tall}x{wide} taps"
        )
    dtype = x_BCHW.dtype
    # oneDNN has no fast depthwise transposed convolution in bfloat16, which upsampling is forward and downsampling backward:
    # in float32 it takes a tenth of the time, and the result is rounded once.
    low = dtype in (torch.bfloat16, torch.float16)
    widened = low and (up > 1 or down > 1) and x_BCHW.device.type == "cpu"
    x = x_BCHW.float() if widened else x_BCHW
    taps = taps.to(x.dtype)
    if flip:
        taps = taps.flip(list(range(taps.ndim)))
    with without_autocast(x):
        if taps.ndim == 1 and tall > _DIRECT_TAPS:
            x = _pass(x, (taps * gain).view(-1, 1), (up, 1), (down, 1), (0, 0, top, bottom))
            x = _pass(x, taps.view(1, -1), (1, up), (1, down), (left, right, 0, 0))
        else:
            both = taps * gain if taps.ndim == 2 else torch.outer(taps * gain, taps)
            x = _pass(x, both, (up, up), (down, down), (left, right, top, bottom))
    return x.to(dtype)


def upsample2d(
    x_BCHW: Tensor, taps: Tensor, factor: int = 2, padding: Padding = 0, *, flip: bool = False, gain: float = 1.0
) -> Tensor:
    """(B, C, H·factor, W·factor): a filtered picture of the same brightness, where the filter adds up to 1.

    `padding` is beyond what keeps that size. Where T + factor is odd, there is no middle: one zero more lies before.
    """
    tall, wide = taps.shape[0], taps.shape[-1]
    before = ((wide + factor - 1) // 2, (tall + factor - 1) // 2)
    after = ((wide - factor) // 2, (tall - factor) // 2)
    around = _around(padding, before, after)
    return upfirdn2d(x_BCHW, taps, up=factor, padding=around, flip=flip, gain=gain * factor**2)


def downsample2d(
    x_BCHW: Tensor, taps: Tensor, factor: int = 2, padding: Padding = 0, *, flip: bool = False, gain: float = 1.0
) -> Tensor:
    """(B, C, ⌊H/factor⌋, ⌊W/factor⌋): filtered, then every `factor`-th kept; `padding` is beyond what keeps that size."""
    tall, wide = taps.shape[0], taps.shape[-1]
    before = ((wide - factor + 1) // 2, (tall - factor + 1) // 2)
    after = ((wide - factor) // 2, (tall - factor) // 2)
    return upfirdn2d(x_BCHW, taps, down=factor, padding=_around(padding, before, after), flip=flip, gain=gain)


def filter2d(x_BCHW: Tensor, taps: Tensor, padding: Padding = 0, *, flip: bool = False, gain: float = 1.0) -> Tensor:
    """(B, C, H, W): filtered; `padding` is beyond what keeps that size."""
    tall, wide = taps.shape[0], taps.shape[-1]
    around = _around(padding, (wide // 2, tall // 2), ((wide - 1) // 2, (tall - 1) // 2))
    return upfirdn2d(x_BCHW, taps, padding=around, flip=flip, gain=gain)


def _pass(
    x: Tensor, taps: Tensor, up: tuple[int, int], down: tuple[int, int], sides: tuple[int, int, int, int]
) -> Tensor:
    """One depthwise pass with taps (T, T'); factors by (height, width)."""
    channels = x.shape[1]
    left, right, top, bottom = sides
    if up == (1, 1):
        even = top == bottom >= 0 and left == right >= 0
        x = x if even else pad(x, sides)
        weight = taps.flip(0, 1).expand(channels, 1, *taps.shape)
        return conv2d(x, weight, None, down, (top, left) if even else 0, groups=channels)
    # The transposed convolution gives all (H - 1)·up + T positions that a sample reaches. Of these the padding leaves out
    # so many before and after, or fewer than none.
    before = (taps.shape[0] - 1 - top, taps.shape[1] - 1 - left)
    after = (taps.shape[0] - up[0] - bottom, taps.shape[1] - up[1] - right)
    both = [max(0, min(pair)) for pair in zip(before, after, strict=True)]
    weight = taps.expand(channels, 1, *taps.shape)
    y = conv_transpose2d(x, weight, None, up, (both[0], both[1]), groups=channels)
    rest = (both[1] - before[1], both[1] - after[1], both[0] - before[0], both[0] - after[0])
    if max(rest) > 0:  # before anything is cut off: a cut may leave nothing but such zeros
        y = pad(y, [max(side, 0) for side in rest])
    if min(rest) < 0:
        y = pad(y, [min(side, 0) for side in rest])
    return y if down == (1, 1) else y[:, :, :: down[0], :: down[1]]


def _sides(padding: Padding) -> tuple[int, int, int, int]:
    return (padding,) * 4 if isinstance(padding, int) else padding


def _around(padding: Padding, before: tuple[int, int], after: tuple[int, int]) -> tuple[int, int, int, int]:
    """The padding and what a filter of its size needs besides, by (width, height)."""
    left, right, top, bottom = _sides(padding)
    return left + before[0], right + after[0], top + before[1], bottom + after[1]


def _check_taps(taps: Tensor) -> None:
    if taps.ndim not in (1, 2) or taps.numel() == 0:
        raise ValueError(f"a filter has taps (T,) or (T, T'), given the shape {tuple(taps.shape)}")
