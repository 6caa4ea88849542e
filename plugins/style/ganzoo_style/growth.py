"""When a growing network has which size: the training schedule of Progressive Growing of GANs (1710.10196, appendix A.1).

A resolution is trained for so many images, then the next one is faded in over so many, and trained in its turn; the last one is
trained to the end. Time is counted in real images seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from ganzoo.config import Schedule


@dataclass(frozen=True)
class Stage:
    """What is trained: the resolution's number, from 0, and whether it is being faded in."""

    level: int
    fading: bool


@dataclass(frozen=True)
class Growth:
    """Sizes over images.

    Args:
        sizes: (H, W) of each level, from the smallest on.
        train, fade: images that a level is trained for, and that the next one is faded in over.
    """

    sizes: tuple[tuple[int, int], ...]
    train: int
    fade: int

    @property
    def top(self) -> int:
        """The last level."""
        return len(self.sizes) - 1

    def start(self, level: int) -> int:
        """Images at which a level appears."""
        return level * (self.train + self.fade) - self.fade if level else 0

    def stage(self, images: int) -> Stage:
        """The stage when `images` have been seen."""
        if self.train + self.fade == 0:
            return Stage(self.top, False)
        level, rest = divmod(images, self.train + self.fade)
        if level >= self.top:
            return Stage(self.top, False)
        return Stage(level + 1, True) if rest >= self.train else Stage(level, False)

    def alpha(self, images: int) -> float:
        """The share of the newest level in the picture: from 0 to 1 while it is faded in, and then 1."""
        stage = self.stage(images)
        return (images - self.start(stage.level)) / self.fade if stage.fading else 1.0

    def half_lives(self, decay: float, batches: Sequence[int]) -> float | Schedule:
        """Half-life in images of an average that keeps `decay` of itself in each step, with each level's batch; 0 for 0."""
        if decay == 0 or self.train + self.fade == 0:
            return log(0.5) / log(decay) * batches[self.top] if decay else 0.0
        points = {self.start(level): log(0.5) / log(decay) * batch for level, batch in enumerate(batches)}
        return Schedule(points=tuple(points.items()), shape="step")


def value_from(table: Sequence[tuple[int, float]], height: int, first: float) -> float:
    """The value of the largest height of the table that is not above `height`; `first` below all of them."""
    return next((value for from_height, value in sorted(table, reverse=True) if from_height <= height), first)
