"""The modulated convolution of StyleGAN2: a convolution whose weights are scaled for each sample by its style.

Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2019, 1912.04958,
section 2.2, equations 1 to 3, and appendix B.

Shapes: B batch, I and O channels in and out, K kernel, H, W.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from ganzoo.models.layers.autocast import without_autocast
from ganzoo.models.layers.upfirdn import upfirdn2d

EPSILON = 1e-8  # below the root of equation 3


def modulated_conv2d(
    x_BIHW: Tensor,
    weight_OIKK: Tensor,
    styles_BI: Tensor,
    *,
    demodulate: bool = True,
    padding: int | None = None,
    up: int = 1,
    taps: Tensor | None = None,
    fused: bool | None = None,
) -> Tensor:
    """Each sample correlated with weights of its own, (B, O, H·up, W·up) with the default padding and an odd K.

    w'_oik = s_i·w_oik (equation 1), and with demodulation w''_oik = w'_oik / √(Σ_ik w'²_oik + 1e-8) (equation 3).

    There are two ways, equal up to rounding. Fused, the weights are scaled and one grouped convolution has a group a sample.
    Otherwise the maps are scaled by s before and by 1/√(...) after a convolution that all samples share.

    Args:
        x_BIHW: maps of any memory format.
        weight_OIKK: the shared weights.
        styles_BI: s, a factor for each sample and input channel.
        demodulate: whether to scale the outputs back to the variance that they would have with maps of variance 1. The layer
            that makes colours does not.
        padding: zeros around the map; K // 2 if None.
        up: the map is first upsampled: `up` - 1 zeros between its pixels, smoothed by `taps`. As in the published networks
            the weights then act as those of a transposed convolution, turned by half a turn; border pixels are cut once, at
            the end.
        taps: filter of the upsampling, (T,) or (T, T') from `upfirdn.setup_filter`; needed if `up` is above 1.
        fused: which way; None chooses.

    Raises:
        ValueError: shapes do not fit, or an upsampling has no taps.
    """
    B, I = x_BIHW.shape[:2]  # noqa: E741
    O, inputs, K, across = weight_OIKK.shape  # noqa: E741
    if x_BIHW.ndim != 4 or inputs != I or across != K or tuple(styles_BI.shape) != (B, I):
        raise ValueError(
            f"maps (B, I, H, W), weights (O, I, K, K) and styles (B, I) are wanted, given {tuple(x_BIHW.shape)}, "
            f"{tuple(weight_OIKK.shape)} and {tuple(styles_BI.shape)}"
        )
    if up < 1 or (up > 1 and taps is None):
        raise ValueError(
            f"upsampling wants a whole factor above 1 and the taps of a filter, given up={up}, taps={taps}"
        )
    around = K // 2 if padding is None else padding
    scale_BO = _demodulation(weight_OIKK, styles_BI) if demodulate else None
    if fused is None:
        # A group a sample is slower on CPUs at every size that was tried, with its derivatives by 1.02 (128 channels of
        # 32x32, batch 4) to 27 times (512 of 4x4, batch 32). One sample needs no groups, and then scaling the weights is as
        # fast in float32 and faster in bfloat16. GPUs have not been measured.
        fused = B == 1 and up == 1
    if not fused:
        x = x_BIHW * styles_BI.to(x_BIHW.dtype)[:, :, None, None]
        y_BOHW = _convolved(x, weight_OIKK, around, up, taps, groups=1)
        return y_BOHW if scale_BO is None else y_BOHW * scale_BO.to(y_BOHW.dtype)[:, :, None, None]
    weight_BOIKK = weight_OIKK * styles_BI[:, None, :, None, None]
    if scale_BO is not None:
        weight_BOIKK = weight_BOIKK * scale_BO.to(weight_BOIKK.dtype)[:, :, None, None, None]
    x = x_BIHW.reshape(1, B * I, *x_BIHW.shape[2:])
    y = _convolved(x, weight_BOIKK.reshape(B * O, I, K, K).to(x.dtype), around, up, taps, groups=B)
    return y.reshape(B, O, *y.shape[2:])


def _demodulation(weight_OIKK: Tensor, styles_BI: Tensor) -> Tensor:
    """1/√(Σ_ik (s_i·w_oik)² + ε), (B, O): equation 3 with the sum over the kernel taken first."""
    with without_autocast(weight_OIKK):
        weight, styles = _at_least_float32(weight_OIKK), _at_least_float32(styles_BI)
        return torch.rsqrt(styles.square() @ weight.square().sum((2, 3)).T + EPSILON)


def _convolved(x: Tensor, weight: Tensor, padding: int, up: int, taps: Tensor | None, groups: int) -> Tensor:
    weight = weight.to(x.dtype)
    if up == 1:
        return conv2d(x, weight, None, 1, padding, groups=groups)
    assert taps is not None
    kernel = weight.shape[-1]
    # (groups·O, I, K, K) to (groups·I, O, K, K), the order that a transposed convolution wants.
    turned = weight.view(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
    y = conv_transpose2d(x, turned, None, up, groups=groups)
    # What zeros, filter and kernel would leave in one pass with `padding` around; the kernel's share is in y already.
    before = [padding + (size + up - 1) // 2 - (kernel - 1) for size in (taps.shape[-1], taps.shape[0])]
    after = [padding + (size - up) // 2 - (kernel - up) for size in (taps.shape[-1], taps.shape[0])]
    return upfirdn2d(y, taps, padding=(before[0], after[0], before[1], after[1]), gain=up**2)


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
