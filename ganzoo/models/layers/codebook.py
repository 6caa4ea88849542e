"""A codebook: each vector becomes the nearest of K learned ones.

van den Oord, Vinyals, Kavukcuoglu: Neural Discrete Representation Learning, 2017. https://arxiv.org/abs/1711.00937, equations
1 to 3: e(x) is the entry nearest to z; the gradient passes straight through; the terms are |sg[z] - e|², which moves the
codebook, and beta·|z - sg[e]|², which keeps the encoder near it (the commitment).

Shapes: B batch, F numbers of a vector, H, W map, K entries, P = B·H·W vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, mse_loss

from ganzoo.models.layers.autocast import without_autocast


class Codebook(nn.Module):
    """K vectors of F numbers, begun uniformly in (-1/K, 1/K).

    Args:
        entries: K. features: F.
        beta: weight of the commitment, against 1 for the codebook's own term.
        legacy: beta weighs the codebook's term instead, as in the first published code of VQ-GAN.
    """

    def __init__(self, entries: int, features: int, *, beta: float = 0.25, legacy: bool = False) -> None:
        super().__init__()
        if entries < 1 or features < 1:
            raise ValueError(f"a codebook wants 1 entry and 1 number or more, given {entries} and {features}")
        self.beta, self.legacy = beta, legacy
        self.weight = nn.Parameter(torch.empty(entries, features).uniform_(-1 / entries, 1 / entries))

    def nearest(self, z_BFHW: Tensor) -> Tensor:
        """Numbers of the nearest entries, int64 (B, H, W); in float32, whatever the phase's precision is."""
        with without_autocast(z_BFHW), torch.no_grad():
            weight_KF = self.weight
            z_PF = z_BFHW.movedim(1, -1).flatten(0, -2).to(weight_KF.dtype)
            # |z - e|² less |z|², which is the same for all entries.
            distance_PK = torch.addmm(weight_KF.square().sum(1), z_PF, weight_KF.T, alpha=-2)
            return distance_PK.argmin(1).view(z_BFHW.shape[0], *z_BFHW.shape[2:])

    def entries(self, codes_BHW: Tensor) -> Tensor:
        """The entries of these numbers, (B, F, H, W), the channels last in memory."""
        return embedding(codes_BHW, self.weight).movedim(-1, 1)

    def forward(self, z_BFHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The nearest entries, with z's gradient instead of their own; the term of the codebook, one number; their numbers."""
        codes_BHW = self.nearest(z_BFHW)
        with without_autocast(z_BFHW):
            z = z_BFHW.to(self.weight.dtype)
            entries = self.entries(codes_BHW)
            own, commitment = mse_loss(entries, z.detach()), mse_loss(z, entries.detach())
            term = self.beta * own + commitment if self.legacy else own + self.beta * commitment
            return z + (entries - z).detach(), term, codes_BHW

    def extra_repr(self) -> str:
        """The sizes, for print."""
        return f"entries={self.weight.shape[0]}, features={self.weight.shape[1]}, beta={self.beta}"


def perplexity(codes: Tensor, entries: int) -> Tensor:
    """How many entries are in use, as the exponential of the entropy of their shares: 1 to K, one number on the device."""
    counts_K = torch.zeros(entries, device=codes.device).index_add_(
        0, codes.flatten(), torch.ones(codes.numel(), device=codes.device)
    )
    used: Tensor = torch.special.entr(counts_K / codes.numel()).sum().exp()
    return used
