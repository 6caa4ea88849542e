"""Minibatch deviation against its definition, number by number."""

from __future__ import annotations

import statistics

import pytest
import torch
from torch import Tensor

from ganzoo.models.layers.deviation import MinibatchDeviation, minibatch_deviation


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("batch", "group"), [(8, 4), (8, 2), (6, 3), (6, None), (2, 4), (4, 4), (1, 4), (3, 1)])
@pytest.mark.parametrize("features", [1, 2, 6])
def test_it_is_the_definition(batch: int, group: int | None, features: int) -> None:
    channels, height, width = 6, 2, 3
    x = noise(batch, channels, height, width)
    y = minibatch_deviation(x, group, features)
    assert y.shape == (batch, channels + features, height, width)
    assert torch.equal(y[:, :channels], x)
    size = batch if group is None else min(group, batch)
    groups = batch // size
    for n in range(batch):
        members = [m for m in range(batch) if m % groups == n % groups]
        assert len(members) == size
        for f in range(features):
            own = range(f * channels // features, (f + 1) * channels // features)
            wanted = statistics.fmean(
                (statistics.pvariance([x[m, c, i, j].item() for m in members]) + 1e-8) ** 0.5
                for c in own
                for i in range(height)
                for j in range(width)
            )
            assert y[n, channels + f].flatten().tolist() == pytest.approx([wanted] * height * width, rel=1e-9)


def test_first_and_second_derivatives() -> None:
    x = noise(4, 4, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: minibatch_deviation(x, 2, 2), (x,))
    assert torch.autograd.gradgradcheck(lambda x: minibatch_deviation(x, 2, 2), (x,))


def test_equal_samples_have_finite_derivatives() -> None:
    x = torch.ones(4, 2, 3, 3, requires_grad=True)
    y = minibatch_deviation(x)
    assert y[:, 2].max().item() == pytest.approx(1e-4)
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert gradient.isfinite().all()
    assert second.isfinite().all()


def test_formats_dtypes_and_devices() -> None:
    x = noise(4, 6, 5, 5).float() + 100
    wanted = minibatch_deviation(x)
    last = minibatch_deviation(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, wanted)
    assert last.is_contiguous(memory_format=torch.channels_last)
    half = minibatch_deviation(x.bfloat16())
    assert half.dtype == torch.bfloat16
    # Taken in float32, the deviation of the rounded numbers has all the digits that bfloat16 holds.
    exact = minibatch_deviation(x.bfloat16().double())
    torch.testing.assert_close(half.double(), exact, rtol=0.004, atol=0)
    assert MinibatchDeviation(2, 3)(torch.empty(4, 6, 5, 5, device="meta")).shape == (4, 9, 5, 5)


def test_functional_transforms() -> None:
    x = noise(4, 2, 3, 3)
    gradient = torch.func.grad(lambda x: minibatch_deviation(x).square().sum())(x)
    leaf = x.clone().requires_grad_()
    torch.testing.assert_close(gradient, torch.autograd.grad(minibatch_deviation(leaf).square().sum(), leaf)[0])
    stacked = noise(3, 4, 2, 3, 3)
    torch.testing.assert_close(
        torch.vmap(minibatch_deviation)(stacked), torch.stack([minibatch_deviation(part) for part in stacked])
    )


def test_what_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 6 samples does not split into groups of 4"):
        minibatch_deviation(torch.ones(6, 2, 2, 2))
    with pytest.raises(ValueError, match="3 channels do not split into 2 parts"):
        minibatch_deviation(torch.ones(4, 3, 2, 2), features=2)
    with pytest.raises(ValueError, match="groups of 0"):
        minibatch_deviation(torch.ones(4, 3, 2, 2), group=0)
    with pytest.raises(ValueError, match="wants maps"):
        minibatch_deviation(torch.ones(4, 3))
    assert "group=8, features=2" in repr(MinibatchDeviation(8, 2))
