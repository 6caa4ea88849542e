"""The interfaces of the two networks of a standard game."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.models.latent import Latent, LatentSpec
from ganzoo.models.scores import Scores


class Generator(nn.Module):
    """Maps latents (and class indices, if conditional) to samples.

    A subclass sets `latent` and writes `forward(z)` or, with `conditional = True`, `forward(z, y_B)`. The samples lie in
    the game's value range.
    """

    latent: LatentSpec
    conditional: bool = False

    def __call__(self, z: Latent, *condition: Tensor) -> Tensor:
        """Samples, (B, ...)."""
        sample: Tensor = super().__call__(z, *condition)
        return sample


class Discriminator(nn.Module):
    """Scores samples (with class indices, if conditional): `forward(x)` or `forward(x, y_B)`, a tensor of logits or Scores.

    per_sample: whether a sample's scores depend on nothing but the sample (no batch norm, no minibatch statistics, no
        dropout). Then real and fake samples are scored in one batch, which is faster and the same.
    has_features: whether its Scores have features of inner layers.
    """

    conditional: bool = False
    per_sample: bool = False
    has_features: bool = False

    def piecewise_linear(self) -> nn.Sequential | None:
        """The whole network as a chain of convolutions, linear layers and (leaky) ReLUs, if it is one: then penalties on
        the input gradient take it in closed form (models.layers.piecewise)."""
        return None

    def __call__(self, x: Tensor, *condition: Tensor) -> Scores:
        """The scores of a batch."""
        return Scores.of(super().__call__(x, *condition))
