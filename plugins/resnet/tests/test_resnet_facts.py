"""The published facts: parameter counts, layers, initialisation, schedules, and the traps of residual networks."""

from __future__ import annotations

from math import sqrt
from typing import Any

import ganzoo_resnet
import pytest
import torch
from ganzoo_resnet import biggan, sngan
from ganzoo_resnet.biggan import BigGanConfig
from ganzoo_resnet.blocks import DownBlock, FirstBlock, UpBlock, summed
from ganzoo_resnet.plan import discriminator_blocks, multiples
from ganzoo_resnet.sngan import SnganConfig
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from ganzoo.config import Adam, Schedule
from ganzoo.models import DataSpec, Gan
from ganzoo.models.layers.conditional import ClassBatchNorm2d, VectorBatchNorm2d
from ganzoo.models.layers.spectral import SpectralNorm

RECORDS = {record.name: record for record in ganzoo_resnet.ganzoo_architectures()}
SMALL = {"generator_width": 8, "discriminator_width": 8}


def spec(size: int = 32, classes: int = 0, channels: int = 3) -> DataSpec:
    return DataSpec((channels, size, size), classes=classes)


def made(data: DataSpec, **options: Any) -> Gan:
    torch.manual_seed(0)
    return sngan.build(SnganConfig.model_validate(SMALL | options), data)


def counts(game: Gan) -> tuple[int, int]:
    return tuple(sum(p.numel() for p in net.parameters()) for net in (game.generator, game.discriminator))  # type: ignore[return-value]


class TestCounts:
    @pytest.mark.parametrize(
        ("size", "options", "classes", "wanted"),
        [
            (32, {}, 10, (4_276_739, 1_053_825)),
            (32, {"conditional": True}, 10, (4_304_387, 1_055_105)),
            (64, {}, 0, (12_220_675, 10_141_441)),
            (128, {}, 0, (32_150_787, 29_017_857)),
        ],
    )
    def test_sngan(self, size: int, options: dict[str, Any], classes: int, wanted: tuple[int, int]) -> None:
        with torch.device("meta"):
            assert counts(sngan.build(SnganConfig.model_validate(options), spec(size, classes))) == wanted

    @pytest.mark.parametrize(
        ("size", "options", "classes", "wanted"),
        [
            (32, {}, 10, (9_416_196, 2_415_170)),
            (128, {}, 1000, (70_433_988, 87_982_370)),
            (256, {"attention": 2, "chunk": 17}, 1000, (82_108_548, 99_225_890)),
        ],
    )
    def test_biggan(self, size: int, options: dict[str, Any], classes: int, wanted: tuple[int, int]) -> None:
        with torch.device("meta"):
            assert counts(biggan.build(BigGanConfig.model_validate(options), spec(size, classes))) == wanted

    def test_the_records_have_those_of_32x32(self) -> None:
        assert tuple(RECORDS["sngan"].parameters.values()) == (4_276_739, 1_053_825)
        assert tuple(RECORDS["biggan"].parameters.values()) == (9_416_196, 2_415_170)

    def test_channels_double_up_to_sixteen_widths(self) -> None:
        assert [multiples(n) for n in (3, 4, 5)] == [(1, 2, 4, 8), (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 16)]
        assert multiples(6) == (1, 2, 4, 8, 8, 16, 16)
        plain = discriminator_blocks(8, 3, (32, 32), constant=True)
        assert plain == [(8, True), (8, True), (8, False), (8, False)]


def plain_conv(channels: int, out: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, padding=kernel // 2).double()


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


class TestBlocks:
    """Each against its definition, shortcut's convolution on the large maps as the papers draw it: a ReLU in place would
    change what the shortcut sees."""

    def test_up(self) -> None:
        block, x = UpBlock(3, 5, plain_conv, lambda n: nn.BatchNorm2d(n).double()), noise(2, 3, 4, 6)
        before = x.clone()

        def doubled(y: Tensor) -> Tensor:
            return interpolate(y, scale_factor=2)

        h = block.conv2(relu(block.norm2(block.conv1(doubled(relu(block.norm1(x)))))))
        torch.testing.assert_close(block(x), h + block.shortcut(doubled(before)))
        assert torch.equal(x, before)

    @pytest.mark.parametrize(("out", "halves"), [(5, True), (3, True), (5, False), (3, False)])
    def test_down(self, out: int, halves: bool) -> None:
        block, x = DownBlock(3, out, 4, plain_conv, halves=halves), noise(2, 3, 4, 6)
        before = x.clone()
        h, shortcut = block.conv2(relu(block.conv1(relu(x)))), before
        assert (block.shortcut is None) == (out == 3 and not halves)
        if block.shortcut is not None:
            shortcut = block.shortcut(shortcut)
        wanted = avg_pool2d(h + shortcut, 2) if halves else h + shortcut
        torch.testing.assert_close(block(x), wanted)
        assert torch.equal(x, before)

    def test_first(self) -> None:
        block, x = FirstBlock(3, 5, plain_conv), noise(2, 3, 4, 6)
        wanted = avg_pool2d(block.conv2(relu(block.conv1(x))), 2) + block.shortcut(avg_pool2d(x, 2))
        torch.testing.assert_close(block(x), wanted)

    def test_features_are_summed_over_the_map_not_averaged(self) -> None:
        x = noise(2, 3, 4, 6)
        torch.testing.assert_close(summed(x), x.sum((2, 3)))


class TestSpectralNorm:
    def normalized(self, network: nn.Module) -> set[str]:
        return {
            name.split(".parametrizations")[0] for name, m in network.named_modules() if isinstance(m, SpectralNorm)
        }

    def weights(self, network: nn.Module) -> set[str]:
        return {
            name.split(".parametrizations")[0].removesuffix(".weight")
            for name, p in network.named_parameters()
            if p.ndim > 1
        }

    def test_sngan_has_it_on_every_layer_of_the_discriminator_and_on_none_of_the_generator(self) -> None:
        game = made(spec(classes=4), conditional=True)
        assert self.normalized(game.discriminator) == self.weights(game.discriminator)
        assert not self.normalized(game.generator)

    def test_biggan_has_it_everywhere_but_on_the_shared_embedding(self) -> None:
        game = biggan.build(BigGanConfig(width=4), spec(classes=4))
        assert self.normalized(game.discriminator) == self.weights(game.discriminator)
        assert self.weights(game.generator) - self.normalized(game.generator) == {"shared"}

    @pytest.mark.parametrize("name", ["sngan", "biggan"])
    def test_it_iterates_in_training_alone(self, name: str) -> None:
        game = made(spec()) if name == "sngan" else biggan.build(BigGanConfig(width=4), spec())
        for p in game.parameters():  # orthogonal weights have equal singular values: nothing to iterate
            p.data.add_(torch.randn_like(p))
        before = {key: b.clone() for key, b in game.discriminator.named_buffers()}
        x = torch.randn(2, 3, 32, 32)
        game.eval()
        assert torch.equal(game.discriminator(x).logits, game.discriminator(x).logits)
        assert all(torch.equal(b, before[key]) for key, b in game.discriminator.named_buffers())
        game.train()
        game.discriminator(x)
        assert all(not torch.equal(b, before[key]) for key, b in game.discriminator.named_buffers() if b.numel() > 1)


class TestInitialisation:
    def test_xavier_with_root_two_in_the_blocks(self) -> None:
        game = made(spec(classes=10), conditional=True, generator_width=64, discriminator_width=32)
        for network in (game.generator, game.discriminator):
            for name, p in network.named_parameters():
                if p.ndim < 2 or "_KC" in name:
                    continue
                fans = sum(nn.init._calculate_fan_in_and_fan_out(p))
                gain = sqrt(2) if "blocks" in name and "conv" in name else 1.0
                limit = gain * sqrt(6 / fans)
                assert 0.9 * limit < float(p.detach().abs().max()) <= limit, name

    @pytest.mark.parametrize("name", ["sngan", "biggan"])
    def test_biases_and_gammas_are_0_and_scales_1(self, name: str) -> None:
        data = spec(classes=3)
        game = made(data, conditional=True) if name == "sngan" else biggan.build(BigGanConfig(width=4), data)
        for key, p in game.named_parameters():
            if key.endswith(("bias", "gamma", "offset_KC")):
                assert not p.any(), key
            elif p.ndim < 2 or key.endswith("scale_KC"):
                assert bool((p == 1).all()), key

    def test_biggan_is_orthogonal(self) -> None:
        game = biggan.build(BigGanConfig(width=4), spec(classes=3))
        seen = 0
        for _, p in game.named_parameters():
            if p.ndim > 1:
                matrix = p.detach().flatten(1)
                gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
                torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-4)
                seen += 1
        assert seen > 40


class TestDefaults:
    def test_sngan_trains_with_hinge_and_rates_that_fall_to_nothing(self) -> None:
        config = SnganConfig()
        assert config.loss is not None
        assert (config.loss.name, config.d_steps, config.batch) == ("hinge", 5, 64)
        for adam in (config.generator, config.discriminator):
            assert isinstance(adam, Adam)
            assert (adam.beta1, adam.beta2) == (0.0, 0.9)
            assert isinstance(adam.lr, Schedule)
            rates = [adam.lr.at(updates * 5 * 64) for updates in (0, 50_000, 100_000, 200_000)]
            assert rates == pytest.approx([2e-4, 1e-4, 0, 0])

    def test_biggan_is_studiogans_configuration(self) -> None:
        config = BigGanConfig()
        assert config.loss is not None
        assert (config.loss.name, config.d_steps, config.batch) == ("hinge", 5, 64)
        assert config.penalty is not None
        assert [(each.name, each.weight) for each in config.penalty] == [("orthogonal", 1e-4)]
        assert config.generator == config.discriminator == Adam(lr=2e-4, beta1=0.5, beta2=0.999, eps=1e-6)

    def test_the_average_begins_at_its_update_and_has_its_decay(self) -> None:
        game = biggan.build(BigGanConfig(width=4), spec())
        update = 5 * 64
        assert isinstance(game.ema_images, Schedule)
        assert game.ema_images.at(1000 * update - 1) == 0
        assert 0.5 ** (update / game.ema_images.at(1000 * update)) == pytest.approx(0.9999, abs=1e-9)
        at_once = biggan.build(BigGanConfig(width=4, ema_start=0), spec())
        assert isinstance(at_once.ema_images, Schedule)
        assert at_once.ema_images.at(0) > 0

    def test_attention_stands_at_half_the_size_in_both_networks(self) -> None:
        game = biggan.build(BigGanConfig(width=4), spec())
        seen = []
        for attention in (m for m in game.modules() if type(m).__name__ == "SelfAttention"):
            attention.register_forward_hook(lambda _m, given, _out: seen.append(tuple(given[0].shape[2:])))
        game.discriminator(game.generator(torch.randn(2, 80)))
        assert seen == [(16, 16), (16, 16)]

    def test_norms(self) -> None:
        steered = {
            type(m) for m in made(spec(classes=3), conditional=True).modules() if "BatchNorm" in type(m).__name__
        }
        assert steered == {ClassBatchNorm2d, nn.BatchNorm2d}
        game = biggan.build(BigGanConfig(width=4), spec())
        norms = [m for m in game.modules() if isinstance(m, nn.BatchNorm2d)]
        assert {m.eps for m in norms} == {1e-4}
        assert sum(isinstance(m, VectorBatchNorm2d) for m in game.modules()) == len(norms) - 1
