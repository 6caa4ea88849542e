"""How many channels the maps of a residual network have at each size.

The published networks are of two kinds. "constant": as many channels at all sizes, for pictures of 32x32. "tapering": one
width at the picture's own size, and twice as many channels at each half of it, up to 16 widths at 4x4.
"""

from __future__ import annotations

from typing import Literal

Network = Literal["auto", "constant", "tapering"]

PLATEAU = {6: (1, 2, 4, 8, 8, 16, 16)}  # 256x256: 16x16 and 32x32 have as many channels (1809.11096, table 7)


def is_constant(network: Network, size: tuple[int, int]) -> bool:
    """Whether the network is constant; auto: for pictures whose smaller side is 32 pixels or less."""
    return min(size) <= 32 if network == "auto" else network == "constant"


def multiples(stages: int) -> tuple[int, ...]:
    """Of a tapering network: widths at the picture's size, at half of it, and so on, stages + 1 numbers."""
    return PLATEAU.get(stages, tuple(min(2**level, 16) for level in range(stages + 1)))


def generator_channels(width: int, stages: int, *, constant: bool) -> list[int]:
    """Channels of the smallest maps, then of what each of the blocks gives, stages + 1 numbers."""
    if constant:
        return [width] * (stages + 1)
    return [width * multiple for multiple in reversed(multiples(stages))]


def discriminator_blocks(
    width: int, stages: int, size: tuple[int, int], *, constant: bool, last_halves: bool = False
) -> list[tuple[int, bool]]:
    """Of each block its channels and whether it halves the maps.

    Constant: the maps are halved until their smaller side is 8 pixels or less, once at least, and two blocks stay at that
    size. Tapering: halved `stages` times, and one block stays.

    Args:
        last_halves: the last block of a tapering network halves too.
    """
    if constant:
        halvings, side = 1, min(size) // 2
        while side > 8:
            halvings, side = halvings + 1, side // 2
        return [(width, True)] * halvings + [(width, False)] * 2
    channels = [width * multiple for multiple in multiples(stages)]
    return [(out, index < stages or last_halves) for index, out in enumerate(channels)]
