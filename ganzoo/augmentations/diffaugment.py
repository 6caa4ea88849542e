"""DiffAugment: colours, translation and cutout of real and fake pictures, in the discriminator's and the generator's updates.

Zhao, Liu, Lin, Zhu, Han: Differentiable Augmentation for Data-Efficient GAN Training, 2020, 2006.10738.

Follows the authors' code, DiffAugment_pytorch.py, in the ranges and in their order; the chance `p` is not in it, where every
picture is changed (p = 1). An eighth and a half of a side are rounded down to whole pixels. A picture of one channel has no
saturation.

Shapes: B batch, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganzoo.augmentations.order import STREAM, as_given, checked, per_sample, widened
from ganzoo.models import Draws

SHIFT = 8  # the largest translation is the side over this
HOLE = 2  # the cutout's side is the picture's over this


class DiffAugment:
    """Pictures x_BCHW with values from -1 to 1, each changed by numbers of its own.

    Args:
        policy: which changes, of color, translation and cutout: a list, or a text with commas. They are done in that order.
        p: the chance of each change of the policy, for each picture.

    Raises:
        ValueError: the policy names something else, or p is no probability.
    """

    def __init__(self, policy: str | Sequence[str] = "color,translation,cutout", p: float = 1.0) -> None:
        names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else list(policy)
        if not names or any(name not in CHANGES for name in names) or len(set(names)) < len(names):
            raise ValueError(
                f"policy is {policy!r}, wanted some of {', '.join(CHANGES)}, each once, with commas between"
            )
        if not 0 <= p <= 1:
            raise ValueError(f"p is {p}, wanted a probability from 0 to 1")
        self.policy, self.p = tuple(name for name in CHANGES if name in names), p

    def __call__(self, x_BCHW: Tensor, draws: Draws) -> Tensor:
        """The changed pictures, of the same dtype and order in memory.

        Raises:
            ValueError: see `order.checked`.
        """
        checked(x_BCHW, "DiffAugment")
        y = widened(x_BCHW)
        for name in self.policy:
            numbers_BN = draws.uniform(len(x_BCHW), 4, stream=STREAM).to(y.dtype)
            changed = CHANGES[name](y, numbers_BN[:, 1:])
            y = torch.where(per_sample(numbers_BN[:, 0] < self.p), changed, y)
        return as_given(y, x_BCHW)


def coloured(x_BCHW: Tensor, numbers_B3: Tensor) -> Tensor:
    """Brightness x + U(-½, ½); saturation, the distance from the channels' mean times U(0, 2); contrast, the distance from the
    picture's mean times U(½, 1½). Numbers are uniform in [0, 1)."""
    brightness, saturation, contrast = (per_sample(number) for number in numbers_B3.unbind(1))
    x = x_BCHW + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = (x - grey) * (2 * saturation) + grey
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def translated(x_BCHW: Tensor, numbers_B3: Tensor) -> Tensor:
    """Moved by whole pixels, each way up to an eighth of the side with equal chance; zeros come in."""
    for dim, number_B in ((2, numbers_B3[:, 0]), (3, numbers_B3[:, 1])):
        size = x_BCHW.shape[dim]
        most = size // SHIFT
        shift_B1 = (number_B * (2 * most + 1)).long()[:, None] - most
        from_BS = torch.arange(size, device=x_BCHW.device) + shift_B1
        shape = [len(x_BCHW), 1, 1, 1]
        shape[dim] = size
        index = from_BS.clamp(0, size - 1).view(shape).expand_as(x_BCHW)
        inside = ((from_BS >= 0) & (from_BS < size)).view(shape)
        x_BCHW = torch.where(
            inside, x_BCHW.gather(dim, index), torch.zeros((), dtype=x_BCHW.dtype, device=x_BCHW.device)
        )
    return x_BCHW


def cut_out(x_BCHW: Tensor, numbers_B3: Tensor) -> Tensor:
    """A rectangle of half the sides becomes 0. Its middle lies anywhere in the picture, so that it may stick out."""
    hidden = []
    for dim, number_B in ((2, numbers_B3[:, 0]), (3, numbers_B3[:, 1])):
        size = x_BCHW.shape[dim]
        hole = size // HOLE
        middle_B1 = (number_B * (size + 1 - hole % 2)).long()[:, None]
        place_S = torch.arange(size, device=x_BCHW.device)
        hidden.append((place_S >= middle_B1 - hole // 2) & (place_S < middle_B1 - hole // 2 + hole))
    mask_BHW = hidden[0][:, :, None] & hidden[1][:, None, :]
    return x_BCHW * (~mask_BHW)[:, None].to(x_BCHW.dtype)


CHANGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": coloured,
    "translation": translated,
    "cutout": cut_out,
}
