"""Orthogonal weights: as an initialisation, and as a term of the objective.

Saxe, McClelland, Ganguli, 2013, 1312.6120, for the initialisation; Brock, Lim, Ritchie, Weston, 2016, 1609.07093, for the
regularisation, in the form of Brock, Donahue, Simonyan, 2018, 1809.11096, equation 3, which leaves the rows' lengths free.

Shapes: O rows and J columns of a weight as a matrix; rows are output channels.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ganzoo.models.layers.autocast import without_autocast


@torch.no_grad()
def orthogonal_(module: nn.Module) -> None:
    """A layer's weight becomes orthogonal and its bias 0, in place, from torch's global generator: rows of length 1 at right
    angles, or columns where there are fewer of these. Of a parametrised layer too late: initialise it first."""
    weight, bias = module.weight, getattr(module, "bias", None)
    assert isinstance(weight, nn.Parameter), f"{type(module).__name__} has no weight of its own"
    nn.init.orthogonal_(weight)
    if isinstance(bias, Tensor):
        bias.zero_()


def orthogonality(weights: Iterable[Tensor]) -> Tensor:
    """½ Σ ‖WWᵀ ⊙ (1 - I)‖²: how far the rows of each weight are from right angles, one number, 0 or more.

    The gradient is 2 (WWᵀ ⊙ (1 - I)) W, which the code of 1809.11096 adds to the objective's, times its strength. Computed in
    the weights' precision, also under autocast.

    Raises:
        ValueError: there is no weight.
    """
    terms = [_term(weight.flatten(1)) for weight in weights]
    if not terms:
        raise ValueError("a weight or more is wanted, given none")
    return 0.5 * torch.stack(terms).sum()


def _term(weight_OJ: Tensor) -> Tensor:
    rows, columns = weight_OJ.shape
    with without_autocast(weight_OJ):
        if rows <= columns:
            gram_OO = weight_OJ @ weight_OJ.T
            return (gram_OO - torch.diag(gram_OO.diagonal())).square().sum()
        # ‖WWᵀ‖ = ‖WᵀW‖, which is the smaller matrix: a generator's first layer has thousands of rows.
        return (weight_OJ.T @ weight_OJ).square().sum() - weight_OJ.square().sum(1).square().sum()
