"""What a generator starts from: named parts, each with a shape and a distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ganzoo.models.draws import Draws
from ganzoo.models.layers import one_hot

Latent = Tensor | dict[str, Tensor]
Path = Literal["linear", "spherical"]
PATHS: tuple[Path, ...] = ("linear", "spherical")
Distribution = Literal["normal", "uniform", "sphere", "categorical"]


@dataclass(frozen=True)
class LatentPart:
    """One named part of a latent.

    Args:
        name: what the generator calls it.
        shape: of one sample, without the batch; for categorical (K,), drawn as one-hot vectors.
        distribution: normal N(0, 1); uniform U(-1, 1); sphere: normal, scaled to length sqrt(L) (1710.10196);
            categorical: one of K with equal chance.
    """

    name: str
    shape: tuple[int, ...]
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        if not self.shape or any(size < 1 for size in self.shape):
            raise ValueError(f"latent part {self.name!r}: shape {self.shape} wants at least one positive size")
        if self.distribution == "categorical" and len(self.shape) != 1:
            raise ValueError(f"latent part {self.name!r}: a categorical part has the shape (K,), given {self.shape}")

    def sample(self, n: int, draws: Draws, stream: str = "latent", truncation: float | None = None) -> Tensor:
        """n samples, (n, *shape). `truncation`: normal numbers outside of ± it are drawn again (1809.11096, section 3.1)."""
        if self.distribution == "uniform":
            return draws.uniform(n, *self.shape, low=-1.0, high=1.0, stream=stream)
        if self.distribution == "categorical":
            index_B = draws.integers(self.shape[0], n, stream=stream)
            return one_hot(index_B, self.shape[0])
        z = draws.normal(n, *self.shape, stream=stream)
        if self.distribution == "normal" and truncation is not None:
            z = truncated(z, truncation, draws)
        if self.distribution == "sphere":
            z = z * torch.rsqrt(z.flatten(1).square().mean(1) + 1e-8).view(n, *[1] * len(self.shape))
        return z

    def between(self, start: Tensor, end: Tensor, way: Tensor, path: Path | None = None) -> Tensor:
        """Points on the way from `start` to `end`, each (*shape); way_N in [0, 1]; (N, *shape).

        With path None along the great circle for normal and spherical parts, whose samples lie near a sphere that a straight
        line would leave; straight for the others.
        """
        way = way.view(-1, *[1] * len(self.shape))
        if path == "linear" or (path is None and self.distribution not in ("normal", "sphere")):
            return start + (end - start) * way
        cosine = torch.dot(start.flatten(), end.flatten()) / (start.norm() * end.norm()).clamp_min(1e-12)
        angle = torch.arccos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
        return (torch.sin((1 - way) * angle) * start + torch.sin(way * angle) * end) / torch.sin(angle)


@dataclass(frozen=True)
class LatentSpec:
    """The parts of a latent. With one part a latent is that part's tensor, with several a dict by name."""

    parts: tuple[LatentPart, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a latent wants at least one part and no name twice, given {names}")

    @classmethod
    def normal(cls, *shape: int) -> LatentSpec:
        """One part z from N(0, 1)."""
        return cls((LatentPart("z", shape, "normal"),))

    @classmethod
    def uniform(cls, *shape: int) -> LatentSpec:
        """One part z from U(-1, 1)."""
        return cls((LatentPart("z", shape, "uniform"),))

    @property
    def size(self) -> int:
        """Numbers in one latent."""
        return sum(math.prod(part.shape) for part in self.parts)

    def sample(self, n: int, draws: Draws, stream: str = "latent", truncation: float | None = None) -> Latent:
        """n latents: (n, *shape), or a dict of them. `truncation`: of normal parts, above 0.

        Raises:
            ValueError: a truncation that is not above 0, or no normal part to truncate.
        """
        if truncation is not None:
            if not truncation > 0:
                raise ValueError(f"truncation is {truncation}, wanted a number above 0")
            if not any(part.distribution == "normal" for part in self.parts):
                raise ValueError(f"truncation is {truncation}, and this latent has no normal numbers to truncate")
        drawn = {part.name: part.sample(n, draws, stream, truncation) for part in self.parts}
        return drawn if len(drawn) > 1 else drawn[self.parts[0].name]

    def interpolate(self, ends: Latent, frames: int, path: Path | None = None) -> Latent:
        """From each latent of `ends` to the next, `frames` points a way, the last end left out; needs two ends or more.
        path: for all parts; None: as suits each."""
        if path is not None and path not in PATHS:
            raise ValueError(f"path is {path!r}, wanted {' or '.join(PATHS)}")
        parts = ends if isinstance(ends, dict) else {self.parts[0].name: ends}
        n = next(iter(parts.values())).shape[0]
        if n < 2 or frames < 1:
            raise ValueError(f"interpolation wants 2 ends or more and 1 frame or more, given {n} and {frames}")
        way = torch.arange(frames, device=next(iter(parts.values())).device) / frames
        found = {
            part.name: torch.cat(
                [part.between(parts[part.name][i], parts[part.name][i + 1], way, path) for i in range(n - 1)]
            )
            for part in self.parts
        }
        return found if len(found) > 1 else found[self.parts[0].name]


def truncated(z: Tensor, limit: float, draws: Draws) -> Tensor:
    """Normal numbers z, of which those outside ±limit are drawn again until none is: a truncated normal distribution.

    It looks at values: for sampling, not for a step.
    """
    if z.device.type == "meta":
        return z
    flat = z.flatten().clone()
    outside = (flat.abs() > limit).nonzero().squeeze(1)
    while len(outside):
        flat[outside] = draws.normal(len(outside))
        outside = outside[flat[outside].abs() > limit]
    return flat.view_as(z)
