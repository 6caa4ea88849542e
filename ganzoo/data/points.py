"""Distributions in the plane whose every property is known: endless, and drawn on the device that trains.

Each is in the units of its definition, times `scale`. A kind of draw has a stream of its own ("data", "data-noise",
"data-angle"): so those of several steps can be drawn at once.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.data.digest import digest_of
from ganzoo.data.source import Source
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.draws import Draws


class Toy(Source):
    """A distribution of points (x1, x2).

    Args:
        name: for messages.
        class_names: of the parts that a point can come from; a point's class is its part.
        facts: the options that it was made with.
    """

    endless = True

    def __init__(self, name: str, class_names: tuple[str, ...], **facts: float) -> None:
        for option, value in facts.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{option} is {value!r}, wanted a number")
            if value < 0 or (value == 0 and option not in ("sigma", "noise")):
                raise ValueError(f"{option} is {value!r}, wanted a number above 0")
        self._facts = facts
        self._spec = DataSpec((2,), modality="points", classes=len(class_names), class_names=class_names, name=name)

    @property
    def spec(self) -> DataSpec:
        """Two numbers, no count."""
        return self._spec

    @cached_property
    def digest(self) -> str:
        """Of name and options."""
        return digest_of([repr((self.spec.name, sorted((k, float(v)) for k, v in self._facts.items()))).encode()])

    @abstractmethod
    def draw(self, n: int, draws: Draws) -> Batch:
        """n points, this rank's part of n * world: x float32 (n, 2), y int64 (n,) where there are classes."""


class Mixture(Toy):
    """Equally likely round normal distributions.

    Attributes:
        centers: float64 (K, 2), scaled.
        sigma: standard deviation of each in each direction, scaled.
    """

    def __init__(
        self,
        name: str,
        centers: NDArray[np.float64],
        sigma: float,
        scale: float,
        class_names: tuple[str, ...],
        **facts: float,
    ) -> None:
        super().__init__(name, class_names, sigma=sigma, scale=scale, **facts)
        self.centers, self.sigma = centers * scale, sigma * scale
        self._on_device: dict[torch.device, Tensor] = {}

    def draw(self, n: int, draws: Draws) -> Batch:
        """As Toy.draw; y is the number of the normal distribution."""
        if draws.device not in self._on_device:
            self._on_device[draws.device] = torch.tensor(self.centers, dtype=torch.float32, device=draws.device)
        y = draws.integers(len(self.centers), n, stream="data")
        x = (
            draws.normal(n, 2, stream="data-noise")
            .mul_(self.sigma)
            .add_(self._on_device[draws.device].index_select(0, y))
        )
        return Batch(x=x, y=y)


class Ring(Mixture):
    """Normal distributions on a circle, as in VEEGAN (1705.07761) and PacGAN (1712.04086): by default 8 with a standard
    deviation of .01 on the unit circle, the first at (1, 0), the others counter-clockwise at equal angles."""

    def __init__(self, modes: int = 8, radius: float = 1.0, sigma: float = 0.01, scale: float = 1.0) -> None:
        count = _whole("modes", modes)
        angles = 2 * np.pi * np.arange(count) / count
        names = tuple(f"{math.degrees(angle):.4g} degrees" for angle in angles)
        centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        super().__init__("ring", centers, sigma, scale, names, modes=count, radius=radius)


class Grid(Mixture):
    """Normal distributions on a square grid, as in VEEGAN and PacGAN: by default 5 x 5 at {-4, -2, 0, 2, 4}^2 with a
    standard deviation of .05.

    Args:
        side: modes a side.
        spacing: between neighbours.
    """

    def __init__(self, side: int = 5, spacing: float = 2.0, sigma: float = 0.05, scale: float = 1.0) -> None:
        ticks = spacing * (np.arange(_whole("side", side)) - (side - 1) / 2)
        centers = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
        names = tuple(f"({x:g}, {y:g})" for x, y in centers)
        super().__init__("grid", centers, sigma, scale, names, side=side, spacing=spacing)


class SwissRoll(Toy):
    """A spiral of one and a half turns, as in WGAN-GP (1704.00028): (t cos t, t sin t) for t uniform in 1.5 pi .. 4.5 pi, plus
    normal noise of .25, all divided by 7.5, so that it reaches out to about 1.9."""

    def __init__(self, noise: float = 0.25, scale: float = 1.0) -> None:
        super().__init__("swiss-roll", (), noise=noise, scale=scale)
        self.noise, self.scale = noise, scale

    def draw(self, n: int, draws: Draws) -> Batch:
        """As Toy.draw; no classes."""
        t = draws.uniform(n, low=1.5 * math.pi, high=4.5 * math.pi, stream="data")
        x = torch.stack([t * t.cos(), t * t.sin()], dim=1)
        return Batch(x=x.add_(draws.normal(n, 2, stream="data-noise"), alpha=self.noise).mul_(self.scale / 7.5))


class Moons(Toy):
    """Two interleaved half circles of radius 1: the upper about (-.5, -.25), the lower about (.5, .25), plus normal noise of
    .05. The mean is (0, 0)."""

    def __init__(self, noise: float = 0.05, scale: float = 1.0) -> None:
        super().__init__("moons", ("upper", "lower"), noise=noise, scale=scale)
        self.noise, self.scale = noise, scale

    def draw(self, n: int, draws: Draws) -> Batch:
        """As Toy.draw; y 0 is the upper half circle."""
        y = draws.integers(2, n, stream="data")
        angle = draws.uniform(n, low=0.0, high=math.pi, stream="data-angle")
        side = 1.0 - 2.0 * y.float()  # of the upper half circle 1, of the lower -1
        x = torch.stack([side * (angle.cos() - 0.5), side * (angle.sin() - 0.25)], dim=1)
        return Batch(x=x.add_(draws.normal(n, 2, stream="data-noise"), alpha=self.noise).mul_(self.scale), y=y)


class Checkerboard(Toy):
    """Uniform on every second field of a board that covers -1 .. 1 in both directions; the field at (-1, -1) is one of them.

    Args:
        fields: a side, an even number.
    """

    def __init__(self, fields: int = 4, scale: float = 1.0) -> None:
        if _whole("fields", fields) % 2:
            raise ValueError(f"fields is {fields}, wanted an even number")
        names = tuple(f"row {row}, column {2 * pair + row % 2}" for row in range(fields) for pair in range(fields // 2))
        super().__init__("checkerboard", names, fields=fields, scale=scale)
        self.fields, self.scale = fields, scale

    def draw(self, n: int, draws: Draws) -> Batch:
        """As Toy.draw; y numbers the filled fields row by row from below."""
        half = self.fields // 2
        y = draws.integers(self.fields * half, n, stream="data")
        row = torch.div(y, half, rounding_mode="floor")
        column = 2 * (y % half) + row % 2
        corner = torch.stack([column, row], dim=1)
        x = draws.uniform(n, 2, stream="data-noise").add_(corner)
        return Batch(x=x.mul_(2 / self.fields).sub_(1).mul_(self.scale), y=y)


def _whole(option: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
        raise ValueError(f"{option} is {value!r}, wanted a whole number from 1 to 10,000")
    return value
