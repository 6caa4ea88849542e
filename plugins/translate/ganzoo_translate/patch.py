"""The discriminator of patches of pix2pix (1611.07004, section 3.2), as junyanz/pytorch-CycleGAN-and-pix2pix has it.

Convolutions of kernel 4: `halvings` of stride 2, two of stride 1, leaky ReLU between them, norms after all but the first and the
last. Each score sees a patch of the picture: 70x70 pixels with three halvings, 34x34 with two, 16x16 with one.

B batch, C channels, H, W.
"""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.models import DataSpec
from ganzoo_translate.norms import Norm, has_bias, norm, start_

WIDEST = 8  # times the width
HALVINGS = 3
SMALLEST = 16  # pixels a side
LEAST_SCORES = 4  # a side of the map


class PatchGan(nn.Module):
    """Pictures (B, C, H, W) to a map of scores (B, 1, H', W').

    Args:
        width: channels after the first convolution.
    """

    def __init__(self, channels: int, width: int, halvings: int, kind: Norm) -> None:
        super().__init__()
        widths = [width * min(2**i, WIDEST) for i in range(halvings + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for i in range(1, halvings + 1):
            stride = 2 if i < halvings else 1
            layers.append(nn.Conv2d(widths[i - 1], widths[i], 4, stride, 1, bias=has_bias(kind)))
            layers += [norm(widths[i], kind), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))
        start_(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scores."""
        scores_B1HW: Tensor = self.layers(x_BCHW)
        return scores_B1HW


def halvings_of(data: DataSpec, asked: int | None) -> int:
    """How often the discriminator halves these pictures: as asked, else three times or as often as 4 scores a side are left.

    Raises:
        ValueError: they are too small for these networks, or for as many as are asked for.
    """
    _, height, width = data.image()
    side = min(height, width)
    if side < SMALLEST:
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels, and these networks want {SMALLEST} pixels a side or more: "
            "choose another resolution, for example --size 32"
        )
    if asked is None:
        return next((n for n in range(HALVINGS, 1, -1) if (side >> n) - 2 >= LEAST_SCORES), 1)
    if (side >> asked) < 3:
        raise ValueError(
            f"patch_halvings is {asked}, which leaves no score of pictures of {height}x{width} pixels: "
            f"wanted {(side // 3).bit_length() - 1} or fewer"
        )
    return asked
