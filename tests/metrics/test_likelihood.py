"""Bits a number of pictures: against densities whose bits are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ganzoo.metrics import bits_per_dim


class Uniform(nn.Module):
    """The same density over all levels, those half a level beyond the value range too."""

    def __init__(self, value_range: tuple[float, float], share: float = 1.0) -> None:
        super().__init__()
        self.value_range, self.share = value_range, share

    def log_likelihood(self, x: Tensor) -> Tensor:
        low, high = self.value_range
        level = (high - low) / 255
        assert bool(((x >= low - level / 2 - 1e-6) & (x <= high + level / 2 + 1e-6)).all())
        return torch.full((len(x),), x[0].numel() * math.log(self.share / (256 * level)))


PICTURES = torch.randint(0, 256, (6, 3, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_equal_chance_of_all_levels_is_8_bits(value_range: tuple[float, float]) -> None:
    assert bits_per_dim(PICTURES, Uniform(value_range)) == pytest.approx(8, abs=1e-5)
    assert bits_per_dim(PICTURES, Uniform(value_range, 0.5)) == pytest.approx(9, abs=1e-5)


def log_normal(x: Tensor, mean: float, deviation: Tensor | float) -> Tensor:
    deviation = torch.as_tensor(deviation)
    return -0.5 * ((x - mean) / deviation).square() - deviation.log() - 0.5 * math.log(2 * math.pi)


class Normal(nn.Module):
    value_range = (-1.0, 1.0)

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = nn.Parameter(torch.tensor(deviation))

    def log_likelihood(self, x: Tensor) -> Tensor:
        return log_normal(x, 0.0, self.deviation).flatten(1).sum(1)


def test_of_a_wide_density_a_level_has_its_share() -> None:
    x = PICTURES.double() / 127.5 - 1
    level = 2 / 255
    wanted = -(log_normal(x, 0.0, 2.0) + math.log(level)).mean() / math.log(2)
    game = Normal(2.0)
    assert bits_per_dim(PICTURES, game) == pytest.approx(float(wanted), abs=1e-3)
    assert bits_per_dim(PICTURES, game, chunk=4) == pytest.approx(bits_per_dim(PICTURES, game), abs=1e-6)
    assert bits_per_dim(PICTURES, game, seed=1) != bits_per_dim(PICTURES, game)


def test_no_density_narrower_than_a_level_gains_from_it() -> None:
    """On constant pictures a density may be as high as one likes, and bits must not fall below 0."""
    grey = torch.full((20, 1, 8, 8), 128, dtype=torch.uint8)

    class Spike(Normal):
        def log_likelihood(self, x: Tensor) -> Tensor:
            return log_normal(x, 1 / 255, self.deviation).flatten(1).sum(1)

    assert all(bits_per_dim(grey, Spike(deviation)) > 0 for deviation in (1e-4, 1e-3, 2e-3))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="has no log_likelihood"):
        bits_per_dim(PICTURES, nn.Linear(2, 2))
    with pytest.raises(ValueError, match="uint8"):
        bits_per_dim(PICTURES.float(), Normal(1.0))
    with pytest.raises(ValueError, match="chunk"):
        bits_per_dim(PICTURES, Normal(1.0), chunk=0)

    class Nowhere(Normal):
        def log_likelihood(self, x: Tensor) -> Tensor:
            return torch.full((len(x),), -torch.inf)

    with pytest.raises(ValueError, match="6 of 6 samples have no finite"):
        bits_per_dim(PICTURES, Nowhere(1.0))

    class Scalar(Normal):
        def log_likelihood(self, x: Tensor) -> Tensor:
            return torch.zeros(())

    with pytest.raises(ValueError, match="has shape"):
        bits_per_dim(PICTURES, Scalar(1.0))
