"""What the papers and their code say of the networks: counts, starts, shapes, norms, dropout, patches."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from ganzoo_translate.norms import norm, start_
from ganzoo_translate.patch import PatchGan, halvings_of
from ganzoo_translate.resnet import Block, ResNet
from ganzoo_translate.unet import UNet
from torch import nn
from torch.nn.functional import leaky_relu

from ganzoo.build import build, configure, default_spec, find_arch, parameter_counts
from ganzoo.errors import UsageError
from ganzoo.models import DataSpec, Draws

SIZES = [(16, 16), (28, 28), (32, 32), (33, 47), (32, 64), (64, 64)]


def pairs(shape: tuple[int, ...], second: tuple[int, ...] | None = None) -> DataSpec:
    return DataSpec(shape, fields={"source": second or shape}, count=10)


def unpaired(shape: tuple[int, ...], second: tuple[int, ...] | None = None) -> DataSpec:
    return DataSpec(shape, fields={"other": second or shape}, count=10)


@pytest.mark.parametrize("preset", ["", "paper"])
def test_counts_of_the_papers_configuration(preset: str) -> None:
    for name in ("pix2pix", "cyclegan"):
        entry = find_arch(name)
        config = configure(entry, preset=preset or None)
        game = build(entry, config, default_spec(entry.record), device="meta")
        assert parameter_counts(game) == dict(entry.record.parameters)
        assert config.batch == 1


def test_counts_by_hand() -> None:
    """One convolution has in·out·kernel² numbers, a norm with scale and offset two a channel."""
    width, channels = 3, [4, 3, 6, 12, 24, 24]  # of 4-channel pictures of 32 pixels, five levels
    down = sum(a * b * 16 for a, b in pairwise(channels))
    outs = [24, 12, 6, 3, 2]
    ins = [24, 48, 24, 12, 6]
    up = sum(a * b * 16 for a, b in zip(ins, outs, strict=True)) + 2  # the last has a bias
    norms = 2 * (6 + 12 + 24) + 2 * (24 + 12 + 6 + 3)
    network = UNet(4, 2, (32, 32), width, "batch")
    assert sum(p.numel() for p in network.parameters()) == down + up + norms
    own = UNet(4, 2, (32, 32), width, "own")
    assert [p.shape for p in own.parameters()] == [p.shape for p in network.parameters()]


@pytest.mark.parametrize("size", SIZES)
def test_pictures_keep_their_size(size: tuple[int, int]) -> None:
    x = torch.rand(2, 1, *size)
    assert UNet(1, 3, size, 2, "own")(x, Draws(0)).shape == (2, 3, *size)
    assert ResNet(1, 3, size, 2, 1)(x).shape == (2, 3, *size)


def test_the_depth_follows_from_the_size() -> None:
    for side, levels in ((256, 8), (128, 7), (32, 5), (28, 4), (16, 4)):
        with torch.device("meta"):
            network = UNet(3, 3, (side, side), 2, "batch")
        assert len(network.down) == len(network.up) == levels
        assert network.sizes[-1] == (1, 1)


def test_where_dropout_is() -> None:
    """In the code after the first L - 5 doublings but the very first; in small networks after one."""
    for side, noisy in ((256, [6, 5, 4]), (128, [5, 4]), (64, [4]), (32, [3]), (28, [2])):
        with torch.device("meta"):
            assert list(UNet(3, 3, (side, side), 2, "batch").noisy) == noisy
    assert not UNet(3, 3, (32, 32), 2, "batch", dropout=0.0).noisy


def test_dropout_is_noise_of_the_streams_and_stays_on_in_evaluation() -> None:
    network = UNet(1, 1, (32, 32), 4, "own").eval()
    x = torch.rand(2, 1, 32, 32)
    one, same, other = network(x, Draws(1)), network(x, Draws(1)), network(x, Draws(2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    h = torch.ones(200, 3, 8, 8)
    dropped = network._dropped(h, Draws(3))
    assert set(dropped.flatten().tolist()) == {0.0, 2.0}
    assert abs(float(dropped.mean()) - 1) < 0.02


def test_the_first_and_the_last_map_down_have_no_norm() -> None:
    network = UNet(3, 3, (64, 64), 4, "batch")
    assert [down.norm is None for down in network.down] == [True, False, False, False, False, True]
    assert [up.norm is None for up in network.up] == [True, False, False, False, False, False]
    assert [any(name == "conv.bias" for name, _ in up.named_parameters()) for up in network.up] == [
        True,
        False,
        False,
        False,
        False,
        False,
    ]


def test_an_activation_in_place_does_not_reach_the_skips() -> None:
    """The skip carries the map itself, not its leaky ReLU: the way up sees the ReLU of both, which are the same."""
    network = UNet(1, 1, (16, 16), 2, "own", dropout=0.0)
    kept: list[torch.Tensor] = []
    network.down[0].register_forward_hook(lambda module, given, made: kept.extend([made, made.clone()]))
    network(torch.randn(1, 1, 16, 16), Draws(0))
    assert torch.equal(kept[0], kept[1])
    assert bool((kept[0] < 0).any())
    assert torch.equal(torch.relu(leaky_relu(kept[0], 0.2)), torch.relu(kept[0]))


def test_norm_of_one_picture_is_batch_norm_of_a_batch_of_one() -> None:
    batch, own = nn.BatchNorm2d(3), norm(3, "own")
    assert type(norm(3, "batch")) is nn.BatchNorm2d
    assert isinstance(own, nn.InstanceNorm2d)
    for layer in (batch, own):
        layer.weight.data.copy_(torch.tensor([1.0, 2.0, 3.0]))
        layer.bias.data.copy_(torch.tensor([0.1, 0.2, 0.3]))
    x = torch.randn(1, 3, 5, 7) * 4 + 2
    assert torch.allclose(batch(x), own(x), atol=1e-6)
    both = torch.cat([x, torch.randn(1, 3, 5, 7)])
    assert torch.allclose(own.eval()(both)[:1], own(x), atol=1e-6)
    instance = norm(3, "instance")
    assert not list(instance.parameters())
    assert not list(instance.buffers())


def test_auto_norm_is_own_with_one_picture_an_update() -> None:
    entry = find_arch("pix2pix")
    for assignments, kind in (
        (("batch=1",), nn.InstanceNorm2d),
        (("batch=2",), nn.BatchNorm2d),
        (("batch=2", "norm=own"), nn.InstanceNorm2d),
        (("batch=1", "norm=batch"), nn.BatchNorm2d),
    ):
        game = build(entry, configure(entry, (*assignments, "width=2", "d_width=2")), pairs((1, 32, 32)))
        kinds = {type(part) for part in game.modules() if isinstance(part, nn.InstanceNorm2d | nn.BatchNorm2d)}
        assert kinds == {kind}


@pytest.mark.parametrize("network", [lambda: UNet(3, 3, (64, 64), 24, "own"), lambda: PatchGan(3, 48, 3, "batch")])
def test_weights_start_normal_with_a_deviation_of_a_fiftieth(network: object) -> None:
    torch.manual_seed(0)
    made = network()  # type: ignore[operator]
    for part in made.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            assert abs(float(part.weight.detach().std()) / 0.02 - 1) < 0.12
            assert part.bias is None or not part.bias.any()
        if isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d):
            assert not part.bias.any()
            assert 0 < float((part.weight.detach() - 1).abs().mean()) < 0.04


def test_the_start_follows_from_the_seed() -> None:
    network = PatchGan(1, 4, 2, "own")
    torch.manual_seed(3)
    start_(network)
    before = [p.clone() for p in network.parameters()]
    torch.manual_seed(3)
    start_(network)
    assert all(torch.equal(p, q) for p, q in zip(before, network.parameters(), strict=True))


def test_a_block_adds_what_it_computes_without_a_last_activation() -> None:
    block = Block(2, "instance")
    x = torch.randn(1, 2, 6, 6)
    assert torch.equal(block(x), x + block.layers(x))
    assert isinstance(block.layers[-1], nn.InstanceNorm2d)
    assert [type(part).__name__ for part in block.layers].count("ReflectionPad2d") == 2


def test_blocks_by_size() -> None:
    entry = find_arch("cyclegan")
    for side, blocks in ((256, 9), (128, 6), (32, 6)):
        game = build(entry, configure(entry, ("width=2", "d_width=2")), unpaired((3, side, side)), device="meta")
        assert sum(isinstance(part, Block) for part in game.get_submodule("a_to_b").modules()) == blocks


@pytest.mark.parametrize(("halvings", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_of_this_size(halvings: int, patch: int) -> None:
    """The gradient of one score by the picture is not 0 in a square of that side; norms would reach beyond it."""
    network = PatchGan(1, 2, halvings, "batch").eval()
    x = torch.randn(1, 1, 128, 128, requires_grad=True)
    scores = network(x)
    (slope,) = torch.autograd.grad(scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2], x)
    rows, columns = slope[0, 0].nonzero(as_tuple=True)
    assert int(rows.max() - rows.min()) + 1 == patch
    assert int(columns.max() - columns.min()) + 1 == patch


def test_halvings_by_size() -> None:
    sides = {256: 3, 64: 3, 48: 3, 32: 2, 28: 2, 16: 1}
    assert {side: halvings_of(pairs((3, side, side)), None) for side in sides} == sides
    for side, halvings in sides.items():
        with torch.device("meta"):
            scores = PatchGan(3, 2, halvings, "batch")(torch.empty(2, 3, side, side))
        assert min(scores.shape[2:]) >= 4
    assert halvings_of(pairs((3, 32, 32)), 3) == 3
    with pytest.raises(ValueError, match="wanted 3 or fewer"):
        halvings_of(pairs((3, 32, 32)), 4)


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_data_that_do_not_fit_are_refused(name: str) -> None:
    entry = find_arch(name)
    config = configure(entry, preset="tiny")
    right, wrong = (pairs, unpaired) if name == "pix2pix" else (unpaired, pairs)
    layout = "pairs" if name == "pix2pix" else "domains"
    with pytest.raises(UsageError, match=rf"wants {layout} of pictures.*holds x, \w+ of shape \(1, 32, 32\)"):
        build(entry, config, wrong((1, 32, 32)))
    with pytest.raises(UsageError, match=r"holds x of shape \(1, 32, 32\)"):
        build(entry, config, DataSpec((1, 32, 32)))
    with pytest.raises(UsageError, match="holds pictures of 12x40 pixels, and these networks want 16"):
        build(entry, config, right((1, 12, 40)))
    with pytest.raises(UsageError, match="wanted one height and width"):
        build(entry, config, right((1, 32, 32), (1, 16, 32)))


def test_other_numbers_of_channels() -> None:
    entry = find_arch("pix2pix")
    game = build(entry, configure(entry, preset="tiny"), pairs((3, 32, 32), (1, 32, 32)))
    assert game.translate(torch.zeros(2, 1, 32, 32)).shape == (2, 3, 32, 32)
    entry = find_arch("cyclegan")
    with pytest.raises(UsageError, match="identity=0"):
        build(entry, configure(entry, preset="tiny"), unpaired((3, 32, 32), (1, 32, 32)))
    game = build(entry, configure(entry, ("identity=0",), preset="tiny"), unpaired((3, 32, 32), (1, 32, 32)))
    assert game.translate(torch.zeros(2, 1, 32, 32)).shape == (2, 3, 32, 32)
    assert game.translate(torch.zeros(2, 3, 32, 32), "b-to-a").shape == (2, 1, 32, 32)
