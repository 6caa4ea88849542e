"""Autocast off for a part of a layer."""

from __future__ import annotations

import torch
from torch import Tensor


def without_autocast(x: Tensor) -> torch.autocast:
    """Inside it operations on tensors like `x` run in the dtypes of their arguments, whatever autocast is on outside.

    A layer uses it for sums that have no digits to lose, and where half precision is slower than float32.
    """
    return torch.autocast("cpu" if x.device.type == "meta" else x.device.type, enabled=False)
