"""Standing statistics are the mean over batches, and leave the running averages alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models.layers.standing import standing_statistics


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).eval()


def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(8, 3, 4, 4, generator=generator) * 3 + 1 for _ in range(5)]


def test_they_are_the_mean_of_the_batches_own_statistics() -> None:
    net, seen = network(), batches()
    rest = iter(seen)
    with standing_statistics(net, lambda: net(next(rest)), 5):
        found = [(net[i].running_mean, net[i].running_var) for i in (0, 2)]
        sample = net(seen[0][:1])
    trained = network().train()
    inner = [trained[1](trained[0](x)).detach() for x in seen]  # the second norm sees what the first makes in training
    for (mean, var), inputs in zip(found, (seen, inner), strict=True):
        torch.testing.assert_close(mean, torch.stack([x.mean((0, 2, 3)) for x in inputs]).mean(0))
        wanted = torch.stack([x.var((0, 2, 3), correction=0) for x in inputs]).mean(0)
        torch.testing.assert_close(var, wanted)
    assert not torch.equal(sample, net(seen[0][:1]))


def test_the_running_averages_are_the_same_tensors_untouched() -> None:
    net = network()
    before = {name: (buffer, buffer.clone(), buffer._version) for name, buffer in net.named_buffers()}
    rest = iter(batches())
    with standing_statistics(net, lambda: net(next(rest)), 2):
        assert not net.training
    for name, buffer in net.named_buffers():
        same, value, version = before[name]
        assert buffer is same
        assert torch.equal(buffer, value)
        assert buffer._version == version
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_they_end_with_an_error_too() -> None:
    net = network()
    before = [buffer for _, buffer in net.named_buffers()]

    def fail() -> None:
        net(torch.ones(2, 3, 4, 4))
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), standing_statistics(net, fail, 3):
        pass
    assert all(old is new for old, (_, new) in zip(before, net.named_buffers(), strict=True))


def test_no_pass_and_a_norm_that_is_not_reached_are_refused() -> None:
    net = network()
    with pytest.raises(ValueError, match="1 pass or more, given 0"), standing_statistics(net, lambda: None, 0):
        pass
    with pytest.raises(ValueError, match="did not reach"), standing_statistics(net, lambda: net[0], 1):
        pass
