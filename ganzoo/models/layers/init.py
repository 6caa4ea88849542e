"""Initialisations that papers name."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import is_parametrized


@torch.no_grad()
def normal_(module: nn.Module, std: float = 0.02) -> None:
    """The initialisation of DCGAN (1511.06434, section 4, and its code), in place, from torch's global generator.

    Weights of convolutions and linear layers are N(0, std²), scales of batch normalisation N(1, std²), biases 0. Other
    layers stay as they are.

    Raises:
        ValueError: a weight is parametrised (spectral normalisation, say), so that writing to it would be lost.
    """
    for name, part in module.named_modules():
        if not isinstance(part, _ConvNd | nn.Linear | _BatchNorm):
            continue
        if is_parametrized(part) or hasattr(part, "weight_orig"):
            raise ValueError(f"{name or type(part).__name__} is parametrised: initialise it first, then parametrise it")
        if part.weight is not None:
            part.weight.normal_(1.0 if isinstance(part, _BatchNorm) else 0.0, std)
        if part.bias is not None:
            part.bias.zero_()
