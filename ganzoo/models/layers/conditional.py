"""Layers that a condition steers: norms whose scale and offset depend on it, and scores that project on it.

Conditional batch norm: de Vries et al., 2017, 1707.00683; a scale and an offset for each class: Dumoulin, Shlens, Kudlur, A
Learned Representation for Artistic Style, 2016, 1610.07629. From a vector that all layers share: Brock, Donahue, Simonyan,
2018, 1809.11096, appendix B. Projection: Miyato, Koyama, cGANs with Projection Discriminator, 2018, 1802.05637, equation 5.

Shapes: B batch, C channels, H, W, F features, V numbers in the conditioning vector, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ClassBatchNorm2d(nn.Module):
    """Batch norm with a scale and an offset for each class, 1 and 0 at first (1610.07629).

    Args:
        channels, classes: C and K.
        eps: added to the variance.
    """

    def __init__(self, channels: int, classes: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps, affine=False)
        self.scale_KC = nn.Parameter(torch.ones(classes, channels))
        self.offset_KC = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x_BCHW: Tensor, y_B: Tensor) -> Tensor:
        """Normalised maps, scaled as the samples' classes have it."""
        B, C, _, _ = x_BCHW.shape
        h_BCHW: Tensor = self.norm(x_BCHW)
        return h_BCHW * self.scale_KC[y_B].view(B, C, 1, 1) + self.offset_KC[y_B].view(B, C, 1, 1)


class VectorBatchNorm2d(nn.Module):
    """Batch norm with the scale 1 + Gv and the offset Ov, linear maps of a vector v (1809.11096, figure 15).

    The vector is any: an embedding of classes that several layers share, a part of the latent, or both side by side.

    Args:
        channels, features: C and V.
        linear: makes the two linear layers, from (V, C); by default without biases, since a scale around 1 is built in.
        eps: added to the variance.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        linear: Callable[[int, int], nn.Module] | None = None,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        make = linear or (lambda features, out: nn.Linear(features, out, bias=False))
        self.norm = nn.BatchNorm2d(channels, eps, affine=False)
        self.scale = make(features, channels)
        self.offset = make(features, channels)

    def forward(self, x_BCHW: Tensor, v_BV: Tensor) -> Tensor:
        """Normalised maps, scaled as the vectors have it."""
        B, C, _, _ = x_BCHW.shape
        h_BCHW: Tensor = self.norm(x_BCHW)
        scale_BC: Tensor = 1 + self.scale(v_BV)
        offset_BC: Tensor = self.offset(v_BV)
        return h_BCHW * scale_BC.view(B, C, 1, 1) + offset_BC.view(B, C, 1, 1)


class AdaptiveInstanceNorm2d(nn.Module):
    """AdaIN: each map of each sample with mean 0 and variance 1, then the scale 1 + Gv and the offset Ov of a style v
    (Huang, Belongie, 2017, 1703.06868, equation 8, with the linear maps of 1812.04948).

    Args:
        channels, features: C and V.
        eps: added to the variance.
    """

    def __init__(self, channels: int, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels, eps)
        self.affine = nn.Linear(features, 2 * channels)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x_BCHW: Tensor, v_BV: Tensor) -> Tensor:
        """Normalised maps, scaled as the styles have it."""
        h_BCHW: Tensor = self.norm(x_BCHW)
        steered_BC: Tensor = self.affine(v_BV)
        scale_BC, offset_BC = torch.chunk(steered_BC, 2, 1)
        return h_BCHW * (1 + scale_BC)[:, :, None, None] + offset_BC[:, :, None, None]


class Projection(nn.Module):
    """The inner product of features and an embedding of the class, which a discriminator adds to its score (1802.05637).

    Args:
        classes, features: K and F.
        change: applied to the embedding once it is made: an initialisation, spectral normalisation.
    """

    def __init__(
        self, classes: int, features: int, change: Callable[[nn.Embedding], nn.Embedding] | None = None
    ) -> None:
        super().__init__()
        embedding = nn.Embedding(classes, features)
        self.embedding = embedding if change is None else change(embedding)

    def forward(self, h_BF: Tensor, y_B: Tensor) -> Tensor:
        """⟨e(y), h⟩, (B,)."""
        product_BF: Tensor = self.embedding(y_B) * h_BF
        return product_BF.sum(1)
