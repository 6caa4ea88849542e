"""The convolutional networks of WGAN-GP: igul222/improved_wgan_training, gan_mnist.py and gan_cifar.py.

A linear layer makes a map of 4x4, transposed convolutions of kernel 5 double it; the critic mirrors that with
convolutions of stride 2 and a linear layer. gan_mnist.py cuts its map of 8x8 to 7x7, so that 28x28 comes out:
`sizes.rounded_halvings` does so wherever a half was rounded. The widest map has `width`·2^(stages-1) channels, which
at 64x64 are those of the DCGAN in gan_64x64.py. The critic never has batch norm, because the penalty is on the
gradient of each sample alone.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganzoo.models import Discriminator, Generator, LatentSpec
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.same import Mirror
from ganzoo_wasserstein.started import conv, conv_transpose, linear

Sizes = list[tuple[int, int]]


class ConvGenerator(Generator):
    """z_BL to x_BCHW.

    Args:
        sizes: (H, W) from the picture's to the smallest map's.
        batch_norm: after all layers but the last, with eps 1e-5; on the first map each number has its own.
        sigmoid: pictures in [0, 1]; else tanh, in [-1, 1].
    """

    def __init__(
        self, latent: int, width: int, channels: int, sizes: Sizes, *, batch_norm: bool = False, sigmoid: bool = False
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        stages = len(sizes) - 1
        self.sizes = sizes[-2::-1]
        widths = [width * 2**i for i in reversed(range(stages))]
        self.to_maps = ToMaps(widths[0], sizes[-1])
        numbers = widths[0] * sizes[-1][0] * sizes[-1][1]
        norm: list[nn.Module] = [nn.BatchNorm1d(numbers)] if batch_norm else []
        self.first = nn.Sequential(linear(latent, numbers), *norm, nn.ReLU())
        self.stages = nn.ModuleList()
        for wide, narrow in pairwise(widths):
            norm = [nn.BatchNorm2d(narrow)] if batch_norm else []
            self.stages.append(nn.Sequential(conv_transpose(wide, narrow, 5), *norm, nn.ReLU()))
        self.stages.append(nn.Sequential(conv_transpose(width, channels, 5), nn.Sigmoid() if sigmoid else nn.Tanh()))

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        h_BCHW: Tensor = self.to_maps(self.first(z_BL))
        for stage, (H, W) in zip(self.stages, self.sizes, strict=True):
            h_BCHW = stage(h_BCHW)[:, :, :H, :W]
        return h_BCHW


class ConvCritic(Discriminator):
    """x_BCHW to scores (B,): convolutions of kernel 5 and stride 2 with leaky ReLU, and a linear layer."""

    per_sample = True

    def __init__(self, width: int, channels: int, sizes: Sizes) -> None:
        super().__init__()
        widths = [channels, *(width * 2**i for i in range(len(sizes) - 1))]
        layers: list[nn.Module] = [Mirror()]
        for narrow, wide in pairwise(widths):
            layers += [conv(narrow, wide, 5, stride=2, mirrored=True), nn.LeakyReLU(0.2)]
        numbers = widths[-1] * sizes[-1][0] * sizes[-1][1]
        self.layers = nn.Sequential(*layers, FromMaps(), linear(numbers, 1))

    def piecewise_linear(self) -> nn.Sequential:
        """All layers."""
        return self.layers

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scores."""
        scores_B1: Tensor = self.layers(x_BCHW)
        return scores_B1.squeeze(1)
