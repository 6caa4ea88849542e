"""Records of the built-in augmentations."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.builtin.papers import ADA, DIFFAUGMENT
from ganzoo.plugin import Augmentation, hookimpl


@hookimpl
def ganzoo_augmentations() -> Iterator[Augmentation]:
    yield Augmentation(
        name="diffaugment",
        target="ganzoo.augmentations.diffaugment:DiffAugment",
        summary="Colours, translation and cutout, of every picture",
        **DIFFAUGMENT,
    )
    yield Augmentation(
        name="ada",
        target="ganzoo.augmentations.ada:Ada",
        summary="Places and colours, by a chance that follows overfitting",
        **ADA,
    )
