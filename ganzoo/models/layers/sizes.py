"""Which pictures a network that doubles its maps stage by stage can make."""

from __future__ import annotations

from ganzoo.models.batch import DataSpec


def halvings(data: DataSpec) -> tuple[int, tuple[int, int]]:
    """How often the pictures are halved until their smaller side is 4 to 7 pixels, and the size (H, W) that is left.

    The published networks go from 4x4 to 32x32 in three stages and to 64x64 in four. The rule goes on from there: 28x28
    starts at 7x7 with two stages, 48x48 at 6x6 with three, 32x64 at 4x8 with three.

    Raises:
        ValueError: a side cannot be halved as often, or the pictures are smaller than 8 pixels.
    """
    _, height, width = data.image()
    times, side = 0, min(height, width)
    while side >= 8 and side % 2 == 0:
        times, side = times + 1, side // 2
    step = 2**times
    if times == 0 or side > 7 or height % step or width % step:
        sides = [base * 2**n for n in range(1, 10) for base in (4, 5, 6, 7)]
        near = min(sides, key=lambda size: (abs(size - min(height, width)), size))
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels. This network doubles a map of 4 to 7 pixels a "
            f"side until it is the picture, so both sides have to be 8 pixels or more and halve evenly: choose another "
            f"resolution, for example {near}x{near}"
        )
    return times, (height // step, width // step)
