"""A simple distribution of maps of codes, counted while the codes are made.

The code at a place depends on the place, on the code to its left and on the one above. The three are put together as if the
neighbours were independent given the code (naive Bayes):

    p(c | place, left, above) ∝ p(c | place) · (p(c | left) / p(c))^a · (p(c | above) / p(c))^a

with counts that forget, since codes change their meaning while an encoder learns. It knows textures and places, and no
shapes: a model of codes worth its name is a network of its own.

Shapes: B batch, H, W map, K codes, P = H·W places.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.models.draws import Draws


class CodePrior(nn.Module):
    """Counts in buffers: `places` (P, K), `left` and `above` (K, K), rows by the neighbour's code.

    Args:
        size: H and W of the maps. codes: K.
        half_life: maps after which a count weighs half.
        trust: a; 0 leaves the neighbours out.
    """

    places: Tensor
    left: Tensor
    above: Tensor

    def __init__(self, size: tuple[int, int], codes: int, *, half_life: float = 10_000, trust: float = 0.5) -> None:
        super().__init__()
        self.size, self.codes, self.half_life, self.trust = size, codes, half_life, trust
        self.register_buffer("places", torch.zeros(size[0] * size[1], codes))
        self.register_buffer("left", torch.zeros(codes, codes))
        self.register_buffer("above", torch.zeros(codes, codes))

    @torch.no_grad()
    def count(self, codes_BHW: Tensor) -> None:
        """Take up some maps of codes, int64, in place; no number is read on the host."""
        decay = 0.5 ** (len(codes_BHW) / self.half_life)
        places_P = torch.arange(self.places.shape[0], device=codes_BHW.device).expand(len(codes_BHW), -1)
        self._add(self.places, decay, places_P, codes_BHW.flatten(1))
        self._add(self.left, decay, codes_BHW[:, :, :-1], codes_BHW[:, :, 1:])
        self._add(self.above, decay, codes_BHW[:, :-1], codes_BHW[:, 1:])

    def _add(self, table: Tensor, decay: float, row: Tensor, column: Tensor) -> None:
        number_N = (row * self.codes + column).flatten()
        table.mul_(decay)
        table.view(-1).index_add_(0, number_N, torch.ones_like(number_N, dtype=table.dtype))

    def sample(self, n: int, draws: Draws) -> Tensor:
        """n maps of codes, int64 (n, H, W): place by place, in rows from the top left."""
        height, width = self.size
        # A hundredth of a count for what was never seen, so that nothing is impossible and a new prior is uniform.
        place_PK = _log_shares(self.places)
        all_K = _log_shares(self.places.sum(0, keepdim=True))
        left_KK, above_KK = (self.trust * (_log_shares(table) - all_K) for table in (self.left, self.above))
        codes: list[Tensor] = []
        for place in range(height * width):
            score_nK = place_PK[place].expand(n, -1)
            if place % width:
                score_nK = score_nK + left_KK[codes[place - 1]]
            if place >= width:
                score_nK = score_nK + above_KK[codes[place - width]]
            chance_nK = draws.uniform(n, self.codes, low=1e-20, high=1.0).clamp_(1e-20, 1 - 1e-7)
            codes.append((score_nK - (-chance_nK.log()).log()).argmax(1))  # Gumbel's way to draw
        return torch.stack(codes, 1).view(n, height, width)


def _log_shares(counts: Tensor) -> Tensor:
    counts = counts + 0.01
    return (counts / counts.sum(1, keepdim=True)).log()
