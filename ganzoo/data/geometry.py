"""Where a picture lands when it is brought to another size: numbers only, the same for files and arrays.

A size is (height, width) in pixels.
"""

from __future__ import annotations

Size = tuple[int, int]


def cropped(source: Size, target: Size) -> tuple[float, float, float, float]:
    """(top, left, height, width) of the largest centred region of the source that has the target's proportions.

    Numbers are in source pixels and need not be whole; scaled to the target, the region fills it exactly.
    """
    height, width = source
    scale = max(target[0] / height, target[1] / width)
    region = min(float(height), target[0] / scale), min(float(width), target[1] / scale)
    return (height - region[0]) / 2, (width - region[1]) / 2, *region


def cropped_to_pixels(source: Size, target: Size) -> tuple[int, int, int, int]:
    """`cropped` in whole pixels, at least one a side."""
    _, _, height, width = cropped(source, target)
    whole = max(1, round(height)), max(1, round(width))
    return (source[0] - whole[0]) // 2, (source[1] - whole[1]) // 2, *whole


def padded(source: Size, target: Size) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the centred region of the target that the whole source fills when its proportions
    are kept: one side is the target's own."""
    scale = min(target[0] / source[0], target[1] / source[1])
    inner = min(target[0], max(1, round(source[0] * scale))), min(target[1], max(1, round(source[1] * scale)))
    return (target[0] - inner[0]) // 2, (target[1] - inner[1]) // 2, *inner


def margins(inner: tuple[int, int, int, int], target: Size) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pixels to add above and below, left and right of a region to fill the target."""
    top, left, height, width = inner
    return (top, target[0] - top - height), (left, target[1] - left - width)
