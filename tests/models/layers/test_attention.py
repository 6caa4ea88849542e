"""Self-attention against a definition in loops, and its start as nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models.layers.attention import SelfAttention


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def made(channels: int, gamma: float) -> SelfAttention:
    torch.manual_seed(0)
    layer = SelfAttention(channels).double()
    nn.init.constant_(layer.gamma, gamma)
    return layer


def pooled(x_CHW: Tensor) -> list[Tensor]:
    """A vector of channels for each 2x2 square, row by row: the largest of its four numbers."""
    _, H, W = x_CHW.shape
    return [
        x_CHW[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten(1).max(1).values
        for i in range(H // 2)
        for j in range(W // 2)
    ]


def slow(layer: SelfAttention, x_CHW: Tensor) -> Tensor:
    """1805.08318, section 3, one position after the other."""
    parts = (layer.query, layer.key, layer.value, layer.last)
    query, key, value, last = (part.weight.flatten(1) for part in parts if isinstance(part, nn.Conv2d))
    at_key = pooled(torch.einsum("dc,chw->dhw", key, x_CHW))
    at_value = pooled(torch.einsum("ec,chw->ehw", value, x_CHW))
    result = x_CHW.clone()
    for i in range(x_CHW.shape[1]):
        for j in range(x_CHW.shape[2]):
            scores = torch.stack([(query @ x_CHW[:, i, j]) @ each for each in at_key])
            shares = scores.exp() / scores.exp().sum()
            seen = sum((share * each for share, each in zip(shares, at_value, strict=True)), torch.zeros(()))
            result[:, i, j] += layer.gamma * (last @ seen)
    return result


@pytest.mark.parametrize("shape", [(16, 4, 4), (16, 2, 6), (4, 4, 5)])
def test_it_is_the_definition(shape: tuple[int, int, int]) -> None:
    layer, x = made(shape[0], 0.7), noise(2, *shape)
    for one, result in zip(x, layer(x), strict=True):
        torch.testing.assert_close(result, slow(layer, one), rtol=1e-10, atol=1e-10)


def test_the_memory_order_makes_no_difference() -> None:
    layer, x = made(16, 0.7), noise(2, 16, 4, 6)
    torch.testing.assert_close(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))


def test_at_first_it_is_not_there_and_can_be_learned() -> None:
    layer, x = SelfAttention(16).double(), noise(2, 16, 4, 4)
    assert torch.equal(layer(x), x)
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), layer.gamma)
    assert gradient != 0


def test_an_eighth_of_the_channels_for_queries_and_keys_half_for_values() -> None:
    layer = SelfAttention(384)
    assert sum(p.numel() for p in layer.parameters()) == 2 * 384 * 48 + 2 * 384 * 192 + 1


def test_it_has_a_second_derivative() -> None:
    layer, x = made(8, 0.7), noise(1, 8, 2, 2).requires_grad_()
    assert torch.autograd.gradgradcheck(layer, x)


def test_one_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="2 channels or more, given 1"):
        SelfAttention(1)
