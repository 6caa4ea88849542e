"""A pool of earlier fakes for a discriminator (1612.07828, section 2.3), as junyanz/pytorch-CycleGAN-and-pix2pix has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.models import Draws


class ImagePool(nn.Module):
    """Keeps up to `size` fakes; it is part of the checkpoint, and lies on the device.

    Until it is full, each fake is kept and handed out. Then each fake, with equal chance, is handed out itself, or takes the
    place of a random earlier one, which is handed out instead.

    Args:
        size: 0: fakes are handed out as they are. shape: of one fake, (C, H, W).
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, fakes: Tensor, draws: Draws) -> Tensor:
        """Fakes (B, C, H, W) to as many of the same or of earlier ones. Numbers come from the stream "pool"."""
        if not self.size:
            return fakes
        B = fakes.shape[0]
        places_B = draws.integers(self.size, B, stream="pool")
        chances_B = draws.uniform(B, stream="pool")
        given = []
        for i in range(B):
            fake, place, chance = fakes[i : i + 1].to(self.pictures.dtype), places_B[i : i + 1], chances_B[i : i + 1]
            full, swap = self.count >= self.size, chance < 0.5
            place = torch.where(full, place, self.count.clamp(max=self.size - 1))
            old = self.pictures.index_select(0, place)
            given.append(torch.where((full & swap)[:, None, None, None], old, fake))
            kept = torch.where((swap | ~full)[:, None, None, None], fake, old)
            self.pictures.index_copy_(0, place, kept)
            self.count.add_((~full).long())
        return torch.cat(given)
