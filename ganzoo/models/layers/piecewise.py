"""The input gradient of a piecewise linear network in closed form.

A chain of convolutions, linear layers and (leaky) ReLUs is linear where no unit changes sign, so its gradient with respect
to the input is the product of the transposed layers with the units' slopes between them:
∇D(x) = W₁ᵀ S₁ W₂ᵀ S₂ ... wᵀ. The slopes depend on x but not, locally, on the weights. Written out with the layers' own
operations, a penalty on this gradient needs first derivatives only: a third of the work of differentiating autograd's
gradient once more, and the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d


def is_piecewise_linear(layers: Iterable[nn.Module]) -> bool:
    """Whether `input_gradient` knows every layer."""
    return all(_known(layer) for layer in layers)


def input_gradient(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The gradient of the sum of a sample's outputs with respect to the sample, (B, ...) as x; differentiable with respect
    to the layers' weights, to any order.

    Raises:
        TypeError: a layer is of another kind.
    """
    steps: list[tuple[nn.Module, torch.Size, Tensor | None]] = []
    with torch.no_grad():
        for layer in layers:
            slopes = None
            shape = x.shape
            x = layer(x)
            if isinstance(layer, nn.ReLU | nn.LeakyReLU):
                low = layer.negative_slope if isinstance(layer, nn.LeakyReLU) else 0.0
                # The sign survives the unit, so its output tells the slope.
                slopes = (x > 0).to(x.dtype).mul_(1 - low).add_(low)
            steps.append((layer, shape, slopes))
    gradient = torch.ones_like(x)
    for layer, shape, slopes in reversed(steps):
        gradient = _transposed(layer, gradient, shape, slopes)
    return gradient


def _known(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        return type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return type(layer) in (nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Flatten, nn.Unflatten, nn.Identity)


def _transposed(layer: nn.Module, gradient: Tensor, shape: torch.Size, slopes: Tensor | None) -> Tensor:
    """The gradient at the layer's input, of `shape`, from that at its output."""
    if slopes is not None:
        return gradient * slopes
    if isinstance(layer, nn.Linear):
        return gradient @ layer.weight
    if isinstance(layer, nn.Conv2d):
        assert not isinstance(layer.padding, str)
        # Rows and columns at the end that a stride left over belong to the input too.
        rest = [
            size - ((out - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1)
            for size, out, stride, padding, dilation, kernel in zip(
                shape[2:],
                gradient.shape[2:],
                layer.stride,
                layer.padding,
                layer.dilation,
                layer.kernel_size,
                strict=True,
            )
        ]
        return conv_transpose2d(
            gradient, layer.weight, None, layer.stride, layer.padding, tuple(rest), layer.groups, layer.dilation
        )
    if isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity):
        return gradient.reshape(shape)
    raise TypeError(f"{type(layer).__name__} is no layer of a piecewise linear network that is known here")
