"""DiffAugment beside plain loops, and the ranges of its numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.augmentations.diffaugment import DiffAugment, coloured, cut_out, translated
from ganzoo.models import Draws


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def numbers(*rows: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_colours_in_their_order() -> None:
    x = noise(1, 3, 4, 5)
    y = x + (0.9 - 0.5)
    y = (y - y.mean(1, keepdim=True)) * 2 * 0.3 + y.mean(1, keepdim=True)
    y = (y - y.mean()) * (0.7 + 0.5) + y.mean()
    torch.testing.assert_close(coloured(x, numbers((0.9, 0.3, 0.7))), y)


def test_a_grey_picture_keeps_more_than_its_mean() -> None:
    x = noise(1, 1, 4, 4)
    torch.testing.assert_close(coloured(x, numbers((0.5, 0.0, 0.5))), x)


@pytest.mark.parametrize(("number", "shift"), [(0.0, -2), (0.999, 2), (0.5, 0), (0.7, 1)])
def test_translation_brings_zeros_in(number: float, shift: int) -> None:
    x = noise(1, 2, 16, 12)
    y = translated(x, numbers((number, 0.5, 0.0)))  # the middle of the second number is no shift along the width
    expected = torch.zeros_like(x)
    for row in range(16):
        if 0 <= row + shift < 16:
            expected[:, :, row] = x[:, :, row + shift]
    assert torch.equal(y, expected)


def test_translation_reaches_an_eighth_with_equal_chance() -> None:
    ramp = torch.arange(1.0, 17.0).double().expand(2000, 1, 16, 16)
    y = translated(ramp, torch.rand(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    counts = torch.bincount((y[:, 0, 8, 8] - 9).long() + 2, minlength=5)
    assert counts.numel() == 5
    assert bool(((counts - 400).abs() < 80).all())


@pytest.mark.parametrize("size", [8, 9, 14])
def test_a_half_is_cut_out_around_any_pixel(size: int) -> None:
    x = torch.ones(size * 2, 1, size, size, dtype=torch.float64)
    middles = torch.linspace(0, 0.999, size * 2, dtype=torch.float64)
    hole = size // 2
    y = cut_out(x, torch.stack([middles, torch.full_like(middles, 0.5), middles], 1))
    for i, middle in enumerate(middles.tolist()):
        start = int(middle * (size + 1 - hole % 2)) - hole // 2
        rows = [row for row in range(size) if not start <= row < start + hole]
        assert [row for row in range(size) if bool(y[i, 0, row].all())] == rows
        assert len(rows) < size


def test_the_policy_and_the_chance() -> None:
    x = noise(2000, 1, 8, 8)
    y = DiffAugment("cutout", p=0.25)(x, Draws(3))
    share = float((y != x).flatten(1).any(1).double().mean())
    assert abs(share - 0.25) < 0.04
    assert DiffAugment("cutout,color").policy == ("color", "cutout")
    assert DiffAugment(["translation"]).policy == ("translation",)


@pytest.mark.parametrize("policy", ["colour", "", "color,color"])
def test_an_unknown_policy_is_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="policy"):
        DiffAugment(policy)


def test_points_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        DiffAugment()(torch.zeros(3, 2), Draws())
