"""Maxout (Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout Networks, 2013, 1302.4389).

Shapes: B batch, I inputs, O outputs, K pieces.
"""

from __future__ import annotations

from torch import Tensor, nn


class Maxout(nn.Module):
    """Each output is the largest of `pieces` affine functions: h_o = max_k (x·W_ok + b_ok) (1302.4389, section 3).

    Args:
        in_features, out_features: I and O.
        pieces: K affine functions an output; their parameters are one linear layer of O·K outputs.
    """

    def __init__(self, in_features: int, out_features: int, pieces: int = 2, bias: bool = True) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"maxout wants 1 piece or more, given {pieces}")
        self.out_features, self.pieces = out_features, pieces
        self.linear = nn.Linear(in_features, out_features * pieces, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) to (..., O)."""
        pieces: Tensor = self.linear(x)
        return pieces.view(*pieces.shape[:-1], self.out_features, self.pieces).amax(-1)

    def extra_repr(self) -> str:
        """The sizes, for print."""
        return f"out_features={self.out_features}, pieces={self.pieces}"
