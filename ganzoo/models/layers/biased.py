"""Bias and activation in one step, with the factor that keeps the variance, and a limit.

The table of activations and factors is that of StyleGAN2 (1912.04958, and its code); the factor √2 of the rectifiers is He's
(1502.01852, section 2.2).

Shapes: B batch, C channels, any further axes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"]

_ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "tanh": (torch.tanh, 1.0),
    "sigmoid": (torch.sigmoid, 1.0),
    "elu": (F.elu, 1.0),
    "selu": (F.selu, 1.0),
    "softplus": (F.softplus, 1.0),
    "swish": (F.silu, sqrt(2)),
}
# For these act(g·x) = g·act(x) if g is positive, so that the factor costs no pass of its own.
_HOMOGENEOUS = {"linear": 1.0, "relu": sqrt(2), "lrelu": sqrt(2)}


def bias_act(
    x: Tensor,
    bias_C: Tensor | None = None,
    act: Activation = "lrelu",
    *,
    gain: float | None = None,
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """clip(gain·act(x + bias), -clamp, clamp), of x's shape and dtype; x itself is not written to.

    Args:
        x: (B, C, ...).
        bias_C: one number a channel, or None.
        act: "linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus" or "swish" (x·sigmoid(x)).
        gain: factor after the activation, above 0; None is √2 for relu, lrelu and swish, and 1 for the others.
        slope: of lrelu below 0; 0 or more.
        clamp: largest absolute value of the result, or None. Where it holds, the derivative is 0.

    Raises:
        ValueError: an unknown activation, a bias of another size, or a number out of its range.
    """
    if act not in _HOMOGENEOUS and act not in _ACTIVATIONS:
        raise ValueError(f"no activation is called {act!r}; known: {', '.join([*_HOMOGENEOUS, *_ACTIVATIONS])}")
    if bias_C is not None and (x.ndim < 2 or tuple(bias_C.shape) != (x.shape[1],)):
        raise ValueError(
            f"the bias has the shape {tuple(bias_C.shape)}, wanted one number a channel of {tuple(x.shape)}"
        )
    if slope < 0 or (gain is not None and gain <= 0) or (clamp is not None and clamp <= 0):
        raise ValueError(f"slope of 0 or more, gain and clamp above 0 are wanted, given {slope}, {gain} and {clamp}")
    bias = None if bias_C is None else bias_C.to(x.dtype).view(-1, *[1] * (x.ndim - 2))
    if act in _HOMOGENEOUS:
        y = _scaled_sum(x, bias, _HOMOGENEOUS[act] if gain is None else gain)
        if act != "linear":
            slope = slope if act == "lrelu" else 0.0
            # In place in the sum, which nobody else has and whose own derivative does not need it.
            y = F.leaky_relu(y, slope) if y is x else F.leaky_relu_(y, slope)
    else:
        function, usual = _ACTIVATIONS[act]
        gain = usual if gain is None else gain
        y = function(x if bias is None else x + bias)
        y = y if gain == 1 else y * gain
    return y if clamp is None else y.clamp(-clamp, clamp)


def _scaled_sum(x: Tensor, bias: Tensor | None, gain: float) -> Tensor:
    """gain·(x + bias), in one pass over x."""
    if gain == 1:
        return x if bias is None else x + bias
    return x * gain if bias is None else torch.add(bias * gain, x, alpha=gain)
