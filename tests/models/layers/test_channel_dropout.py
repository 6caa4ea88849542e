"""Channels are dropped as a whole, as often as asked for, and as a function of the layer's state alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.models.layers.channel_dropout import ChannelDropout
from ganzoo.models.layers.dropout import hash_dropout


def made(p: float) -> ChannelDropout:
    torch.manual_seed(0)
    layer = nn.Sequential(ChannelDropout(p))
    hash_dropout(layer)
    first = layer[0]
    assert isinstance(first, ChannelDropout)
    return first


@pytest.mark.parametrize("shape", [(50, 40, 3, 5), (50, 40), (50, 40, 7)])
def test_whole_channels_are_dropped_and_the_others_scaled(shape: tuple[int, ...]) -> None:
    y = made(0.25)(torch.full(shape, 3.0)).flatten(2) if len(shape) > 2 else made(0.25)(torch.full(shape, 3.0))
    per_channel = y.reshape(50, 40, -1)
    assert torch.equal(per_channel, per_channel[..., :1].expand_as(per_channel))
    assert torch.allclose(per_channel.unique(), torch.tensor([0.0, 4.0]))
    assert float((per_channel[..., 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.04)


def test_torchs_own_layer_does_the_same_up_to_chance() -> None:
    x = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(1))
    for layer in (made(0.5), nn.Dropout2d(0.5)):
        y = layer(x)
        dropped = (y == 0).flatten(2).all(2)
        assert 0 < int(dropped.sum()) < dropped.numel()
        assert torch.allclose(y, torch.where(dropped[..., None, None], 0.0, 2 * x))


def test_the_mask_is_no_draw_of_the_global_generator() -> None:
    layer, x = made(0.5), torch.ones(8, 8, 2, 2)
    start = {name: value.clone() for name, value in layer.state_dict().items()}
    first = layer(x)
    torch.manual_seed(99)
    assert not torch.equal(layer(x), first)  # the next use has a mask of its own
    layer.load_state_dict(start)
    assert torch.equal(layer(x), first)


def test_evaluation_changes_nothing_and_the_memory_format_stays() -> None:
    layer = made(0.5)
    x = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)
    assert layer.eval()(x) is x
