"""The networks of DCGAN that PyTorch's example has and WGAN was published with, for any plugin.

With batch norm they are those of pytorch/examples, dcgan/main.py, and of martinarjovsky/WassersteinGAN, models/dcgan.py.
Without it in the discriminator, as a gradient penalty wants its critic, every convolution there has a bias.
Sizes: `sizes.halvings`; the widest map has `width`·2^(stages-1) channels.
Initialisation: weights N(0, 0.02²), scales of batch norm N(1, 0.02²), biases 0, from the first layer to the last,
after torch's own, which are overwritten.

B batch, L latent, C channels, H, W.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from ganzoo.models.latent import LatentSpec
from ganzoo.models.layers.init import normal_
from ganzoo.models.networks import Discriminator, Generator
from ganzoo.models.scores import Scores

Upsampling = Literal["transposed", "nearest"]


class DcganGenerator(Generator):
    """z_BL to x_BCHW in [-1, 1]: transposed convolutions of kernel 4, batch norm, ReLU, at last tanh.

    Args:
        upsampling: "transposed", or "nearest": pixels are doubled and a convolution of kernel 3 follows, which leaves no
            stripes of the stride's period.
    """

    def __init__(
        self,
        latent: int,
        width: int,
        channels: int,
        stages: int,
        base: tuple[int, int],
        *,
        upsampling: Upsampling = "transposed",
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        widths = [width * 2**i for i in reversed(range(stages))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[0], base, bias=False)]
        for wide, narrow in pairwise(widths):
            layers += [nn.BatchNorm2d(wide), nn.ReLU(), *_doubling(wide, narrow, upsampling)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(), *_doubling(width, channels, upsampling)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        normal_(self)

    def forward(self, z_BL: Tensor) -> Tensor:
        """Pictures."""
        B, L = z_BL.shape
        x_BCHW: Tensor = self.layers(z_BL.view(B, L, 1, 1))
        return x_BCHW


def _doubling(channels: int, out: int, upsampling: Upsampling) -> list[nn.Module]:
    if upsampling == "transposed":
        return [nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=False)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(channels, out, 3, 1, 1, bias=False)]


class DcganDiscriminator(Discriminator):
    """x_BCHW to scores (B,) and features: convolutions of kernel 4 and stride 2 with leaky ReLU.

    Args:
        width: channels after the first convolution.
        batch_norm: after all convolutions but the first and the last
    """

    has_features = True

    def __init__(self, width: int, channels: int, stages: int, base: tuple[int, int], *, batch_norm: bool) -> None:
        super().__init__()
        bias = self.per_sample = not batch_norm
        widths = [width * 2**i for i in range(stages)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2)]
        for narrow, wide in pairwise(widths):
            layers.append(nn.Conv2d(narrow, wide, 4, 2, 1, bias=bias))
            layers += [nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)] if batch_norm else [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, base, bias=bias))
        normal_(self)

    def piecewise_linear(self) -> nn.Sequential | None:
        """The layers, where there is no batch norm among them."""
        return self.layers if self.per_sample else None

    def forward(self, x_BCHW: Tensor) -> Scores:
        """Scores, with the maps that the last convolution looks at as features."""
        *inner, last = self.layers
        for layer in inner:
            x_BCHW = layer(x_BCHW)
        scores_B111: Tensor = last(x_BCHW)
        return Scores(scores_B111.view(-1), features=[x_BCHW])
