"""Spectral normalisation: each weight divided by its largest singular value.

Miyato, Kataoka, Koyama, Yoshida: Spectral Normalization for Generative Adversarial Networks, 2018, 1802.05957,
section 2.1 and algorithm 1.

Why not torch.nn.utils.parametrizations.spectral_norm: under autocast on CUDA its matrix products run in half precision, so
that σ has three digits; it writes to its buffers with `out=`, which torch.func.vmap does not take; and it passes over the
weight three times a forward where two passes do. What it has right is kept: `u` is written in place, and a graph never
refers to the buffer itself, so that several forwards before one backward are fine.

Shapes: O rows and J columns of the weight as a matrix.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ganzoo.models.layers.autocast import without_autocast

EPSILON = 1e-12  # least length that is divided by

M = TypeVar("M", bound=nn.Module)


class SpectralNorm(nn.Module):
    """The parametrisation W to W/σ(W), with σ estimated from a vector u_O that is kept as a buffer.

    In training mode each use of the weight takes power iterations: v = normalise(Wᵀu), u = normalise(Wv), σ = ‖Wv‖
    (1802.05957, algorithm 1). In evaluation u stays and σ = ‖Wᵀu‖, so that equal inputs give equal outputs. u and v are
    constants of the derivative, as in section 2.3: dσ/dW = uvᵀ.

    The buffer follows the weight's precision and device. `torch.func.grad` refuses to have a captured buffer changed: inside
    it, call the network by `functional_call` with copies of its buffers.

    Args:
        weight: the weight to begin with; its values do not matter.
        dim: the axis of the rows: 0, or 1 for transposed convolutions.
        iterations: power iterations a use, 1 or more.
    """

    u_O: Tensor

    def __init__(self, weight: Tensor, dim: int = 0, iterations: int = 1) -> None:
        super().__init__()
        if weight.ndim < 2 or not 0 <= dim < weight.ndim:
            raise ValueError(f"a weight of 2 or more axes is wanted, given {tuple(weight.shape)} with rows along {dim}")
        if iterations < 1:
            raise ValueError(f"1 power iteration or more is wanted, given {iterations}")
        self.dim, self.iterations = dim, iterations
        self.register_buffer("u_O", _normalized(torch.randn_like(self._matrix(weight.detach())[:, 0])))

    def forward(self, weight: Tensor) -> Tensor:
        """W/σ(W), of W's shape and dtype."""
        with without_autocast(weight):
            matrix_OJ = self._matrix(weight)
            if not self.training:
                sigma = torch.linalg.vector_norm(matrix_OJ.T @ self.u_O.clone()).clamp_min(EPSILON)
                return torch.div(weight, sigma)
            with torch.no_grad():
                v_J = _normalized(matrix_OJ.T @ self.u_O)
                for _ in range(self.iterations - 1):
                    v_J = _normalized(matrix_OJ.T @ _normalized(matrix_OJ @ v_J))
            # With v constant the derivative of this length is uvᵀ for the u that follows, and needs no third product.
            image_O = matrix_OJ @ v_J
            sigma = torch.linalg.vector_norm(image_O).clamp_min(EPSILON)
            self.u_O.copy_((image_O / sigma).detach())
            return torch.div(weight, sigma)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)


def spectral_norm(module: M, name: str = "weight", iterations: int = 1) -> M:
    """The module, whose weight is from now on divided by its largest singular value, also under autocast.

    The raw weight stays the parameter, as `parametrizations.weight.original`; initialise it first. The state begins with a
    random vector from torch's global generator. Rows are a convolution's output channels.

    Args:
        module: a linear layer, an embedding, a convolution or a transposed one; changed in place.

    Raises:
        ValueError: the module has no such weight, or one of a single axis.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"{type(module).__name__} has no tensor {name} to normalise")
    transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    parametrization = SpectralNorm(weight, 1 if transposed else 0, iterations).train(module.training)
    # unsafe: torch would call it twice to compare shapes, and each call is an iteration.
    parametrize.register_parametrization(module, name, parametrization, unsafe=True)
    return module


def _normalized(x: Tensor) -> Tensor:
    return torch.div(x, torch.linalg.vector_norm(x).clamp_min(EPSILON))
