"""Class indices as vectors."""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot(index: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(...) int64 to (..., K): 1 at the index. torch's own looks at the values, which on some devices means waiting."""
    return torch.zeros(*index.shape, classes, dtype=dtype, device=index.device).scatter_(-1, index.unsqueeze(-1), 1)
