"""Latents: truncation and paths."""

from __future__ import annotations

import pytest
import torch

from ganzoo.models import Draws, LatentPart, LatentSpec
from ganzoo.models.guard import checked_number
from ganzoo.models.latent import truncated


def seeded(seed: int = 0) -> Draws:
    return Draws(generator=torch.Generator().manual_seed(seed))


def test_truncated_numbers_lie_within_and_the_others_are_as_they_were() -> None:
    z = seeded().normal(200, 50)
    cut = truncated(z, 0.5, seeded(2))
    inside = z.abs() <= 0.5
    assert torch.equal(cut[inside], z[inside])
    assert float(cut.abs().max()) <= 0.5
    # The variance of a normal distribution cut off at ±a is 1 - 2aφ(a)/(2Φ(a) - 1).
    assert float(cut.var()) == pytest.approx(1 - 2 * 0.5 * 0.352065 / 0.382925, rel=0.05)
    assert float(cut.mean()) == pytest.approx(0, abs=0.01)


def test_truncation_is_of_the_normal_parts_alone() -> None:
    spec = LatentSpec((LatentPart("z", (50,)), LatentPart("u", (50,), "uniform")))
    z = spec.sample(20, seeded(), truncation=0.1)
    assert isinstance(z, dict)
    assert float(z["z"].abs().max()) <= 0.1 < float(z["u"].abs().max())
    with pytest.raises(ValueError, match="no normal numbers to truncate"):
        LatentSpec.uniform(3).sample(2, seeded(), truncation=0.5)
    with pytest.raises(ValueError, match="truncation is 0, wanted a number above 0"):
        LatentSpec.normal(3).sample(2, seeded(), truncation=0)


def test_a_linear_path_is_straight_and_a_spherical_one_keeps_the_length() -> None:
    spec = LatentSpec.normal(64)
    ends = spec.sample(2, seeded())
    assert isinstance(ends, torch.Tensor)
    ends = ends / ends.norm(dim=1, keepdim=True)
    straight, round_ = spec.interpolate(ends, 4, "linear"), spec.interpolate(ends, 4, "spherical")
    torch.testing.assert_close(straight[2], ends.mean(0))
    torch.testing.assert_close(round_.norm(dim=1), torch.ones(4))  # type: ignore[union-attr]
    torch.testing.assert_close(spec.interpolate(ends, 4), round_)
    with pytest.raises(ValueError, match="path is 'bent', wanted linear or spherical"):
        spec.interpolate(ends, 4, "bent")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["high", None, True, float("nan"), float("inf"), 0, -1, 1.5])
def test_an_option_that_is_no_such_number_is_told(value: object) -> None:
    with pytest.raises(ValueError, match=r"standing is .*, wanted a whole number above 0"):
        checked_number("standing", value, above=0, whole=True)
    assert checked_number("standing", 3, above=0, whole=True) == 3
    assert checked_number("psi", -0.5) == -0.5
