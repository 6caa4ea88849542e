"""Normalisations of these networks, and how their layers start.

"batch" is batch norm. Papers that train on one picture at a time use it too, and also when they translate: then it is each
picture's own statistics that it takes. "own" is this normalisation, with the scale and the offset of batch norm: in training on
one picture at a time the two are the same, and in translating no picture depends on those beside it. "instance" has neither
scale nor offset (1607.08022).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from ganzoo.models.layers.init import normal_

Norm = Literal["batch", "own", "instance"]


def norm(channels: int, kind: Norm) -> nn.Module:
    """A layer of that kind."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=kind == "own")


def has_bias(kind: Norm) -> bool:
    """Whether convolutions before it have one: the reference leaves it away where the norm has an offset."""
    return kind == "instance"


@torch.no_grad()
def start_(network: nn.Module) -> None:
    """Weights of convolutions N(0, 0.02²), scales of norms N(1, 0.02²), offsets and biases 0, in place."""
    normal_(network)
    for part in network.modules():
        if isinstance(part, nn.InstanceNorm2d) and part.affine:
            part.weight.normal_(1.0, 0.02)
            part.bias.zero_()
