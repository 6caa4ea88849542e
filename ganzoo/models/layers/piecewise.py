"""The input gradient of a piecewise linear network in closed form.

A network of convolutions, linear layers, (leaky) ReLUs, means and sums is linear where no unit changes sign, so its gradient
with respect to the input is the product of the transposed layers with the units' slopes between them:
∇D(x) = W₁ᵀ S₁ W₂ᵀ S₂ ... wᵀ, and that of a sum of branches the sum of theirs. The slopes depend on x but not, locally, on the
weights. Written out with the layers' own operations, a penalty on this gradient needs first derivatives only: a third of the
work of differentiating autograd's gradient once more, and the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv_transpose2d, interpolate, pad

from ganzoo.models.layers.maps import FromMaps
from ganzoo.models.layers.same import Mirror, SameConv2d


class Sum(nn.Module):
    """The sum of what several branches make of the same input: a residual block.

    Args:
        branches: modules; nn.Identity() for a shortcut without a layer.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Their sum. No branch may change x in place."""
        first, *rest = (branch(x) for branch in self.branches)
        total: Tensor = first
        for part in rest:
            total = total + part
        return total


class LinearMap(nn.Module):
    """A layer that is linear in what it is given: besides `forward` a subclass has its transpose."""

    def transposed(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """The gradient at the input, of this shape, from that at the output."""
        raise NotImplementedError(f"{type(self).__name__} has no transposed")


class SpatialMean(nn.Module):
    """x_BCHW to (B, C): the mean over each map."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Means."""
        # Pooling over the whole map: its derivative keeps the order of the maps in memory, and that of mean does not.
        return avg_pool2d(x_BCHW, x_BCHW.shape[2:]).flatten(1)


@dataclass
class _Step:
    """A layer that was passed: the shape of what came in, a unit's output, and the steps of each branch of a sum."""

    layer: nn.Module
    shape: torch.Size
    output: Tensor | None = None
    branches: list[list[_Step]] = field(default_factory=list)


def is_piecewise_linear(layers: Iterable[nn.Module]) -> bool:
    """Whether `input_gradient` knows every layer."""
    return all(_known(layer) for layer in layers)


def input_gradient(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The gradient of the sum of a sample's outputs with respect to the sample, (B, ...) as x; differentiable with respect
    to the layers' weights, to any order.

    Raises:
        TypeError: a layer is of another kind.
    """
    with torch.no_grad():
        output, steps = _passed(layers, x)
    return _back(steps, torch.ones_like(output))


def _known(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Sequential):
        return is_piecewise_linear(layer)
    if isinstance(layer, Sum):
        return is_piecewise_linear(layer.branches)
    if type(layer) is nn.Conv2d:
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.AvgPool2d):
        pool = _pair(layer.kernel_size)
        return pool == _pair(layer.stride) and _pair(layer.padding) == (0, 0) and layer.divisor_override is None
    known = (
        SameConv2d,
        nn.Linear,
        nn.ReLU,
        nn.LeakyReLU,
        nn.Flatten,
        nn.Unflatten,
        nn.Identity,
        FromMaps,
        Mirror,
        SpatialMean,
    )
    return type(layer) in known or isinstance(layer, LinearMap)


def _passed(layer: nn.Module, x: Tensor) -> tuple[Tensor, list[_Step]]:
    """The layer's output, and the steps to it."""
    if isinstance(layer, nn.Sequential):
        steps: list[_Step] = []
        for each in layer:
            x, more = _passed(each, x)
            steps += more
        return x, steps
    step = _Step(layer, x.shape)
    if isinstance(layer, Sum):
        found = [_passed(branch, x) for branch in layer.branches]
        step.branches = [steps for _, steps in found]
        total = found[0][0]
        for part, _ in found[1:]:
            total = total + part
        return total, [step]
    y: Tensor = layer(x)
    if isinstance(layer, nn.ReLU | nn.LeakyReLU):
        step.output = y
    return y, [step]


def _back(steps: list[_Step], gradient: Tensor) -> Tensor:
    for step in reversed(steps):
        gradient = _transposed(step, gradient)
    return gradient


def _transposed(step: _Step, gradient: Tensor) -> Tensor:
    """The gradient at the layer's input from that at its output."""
    layer, shape = step.layer, step.shape
    if step.branches:
        total = _back(step.branches[0], gradient)
        for branch in step.branches[1:]:
            total = total + _back(branch, gradient)
        return total
    if step.output is not None:  # the sign survives the unit, so its output tells the slope
        if isinstance(layer, nn.LeakyReLU):
            sloped: Tensor = torch.ops.aten.leaky_relu_backward(gradient, step.output, layer.negative_slope, True)
            return sloped
        cut: Tensor = torch.ops.aten.threshold_backward(gradient, step.output, 0)
        return cut
    if isinstance(layer, LinearMap):
        return layer.transposed(gradient, shape)
    if isinstance(layer, nn.Linear):
        return gradient @ layer.weight
    if isinstance(layer, SameConv2d):
        return _same_transposed(layer, gradient, shape)
    if isinstance(layer, nn.Conv2d):
        return _conv_transposed(layer, gradient, shape)
    if isinstance(layer, nn.AvgPool2d):
        high, wide = _pair(layer.kernel_size)
        whole = interpolate(gradient / (high * wide), scale_factor=(high, wide))
        rest = (0, shape[3] - whole.shape[3], 0, shape[2] - whole.shape[2])
        return pad(whole, rest) if any(rest) else whole
    if isinstance(layer, SpatialMean):
        B, C, H, W = shape
        return (gradient / (H * W)).view(B, 1, 1, C).expand(B, H, W, C).contiguous().permute(0, 3, 1, 2)
    if isinstance(layer, Mirror):
        return gradient.flip((2, 3))
    if isinstance(layer, FromMaps):
        B, C, H, W = shape
        return gradient.view(B, H, W, C).permute(0, 3, 1, 2)
    if isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity):
        return gradient.reshape(shape)
    raise TypeError(f"{type(layer).__name__} is no layer of a piecewise linear network that is known here")


def _conv_transposed(layer: nn.Conv2d, gradient: Tensor, shape: torch.Size) -> Tensor:
    assert not isinstance(layer.padding, str)
    # Rows and columns at the end that a stride left over belong to the input too.
    rest = [
        size - ((out - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1)
        for size, out, stride, padding, dilation, kernel in zip(
            shape[2:], gradient.shape[2:], layer.stride, layer.padding, layer.dilation, layer.kernel_size, strict=True
        )
    ]
    return conv_transpose2d(
        gradient, layer.weight, None, layer.stride, layer.padding, tuple(rest), layer.groups, layer.dilation
    )


def _same_transposed(layer: SameConv2d, gradient: Tensor, shape: torch.Size) -> Tensor:
    """The padding of each side is cut off; where the stride left rows over, zeros stand for them."""
    (top, _), (left, _) = layer.paddings(*shape[2:])
    rest = [
        size - ((out - 1) * stride - 2 * before + kernel)
        for size, out, stride, before, kernel in zip(
            shape[2:], gradient.shape[2:], layer.stride, (top, left), layer.kernel_size, strict=True
        )
    ]
    weight = layer.turned()
    if min(top, left) >= 0 and all(0 <= more < stride for more, stride in zip(rest, layer.stride, strict=True)):
        return conv_transpose2d(gradient, weight, None, layer.stride, (top, left), tuple(rest))
    whole = conv_transpose2d(gradient, weight, None, layer.stride)
    return pad(whole, (-left, shape[3] - whole.shape[3] + left, -top, shape[2] - whole.shape[2] + top))


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
