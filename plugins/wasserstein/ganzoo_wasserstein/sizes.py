"""Which pictures a network can make that cuts its maps to size."""

from __future__ import annotations

from ganzoo.models import DataSpec


def rounded_halvings(data: DataSpec) -> list[tuple[int, int]]:
    """The sizes (H, W) from the picture's to a map whose smaller side is 4 pixels or less, each half of the one before.

    Halves are rounded up: 28, 14, 7, 4. A generator that doubles its maps cuts off the odd row where one was rounded.

    Raises:
        ValueError: the pictures have 4 pixels a side or fewer.
    """
    _, height, width = data.image()
    sizes = [(height, width)]
    while min(sizes[-1]) > 4:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    if len(sizes) == 1:
        raise ValueError(
            f"{data.name} holds pictures of {height}x{width} pixels. This network wants 5 pixels a side or more: "
            f"choose another resolution, for example 28x28"
        )
    return sizes
