"""AC-GAN: the published networks, what is not copied from PyTorch-GAN, the class terms, labels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_classic import acgan
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ganzoo.config import Adam
from ganzoo.models import Batch, DataSpec, Phase, StepContext
from ganzoo.models.layers.channel_dropout import ChannelDropout

GREY = DataSpec((1, 32, 32), classes=10)
COLOUR = DataSpec((3, 32, 32), classes=10)
B = 6


def made(spec: DataSpec = GREY, device: str = "cpu", **options: Any) -> acgan.Acgan:
    torch.manual_seed(0)
    with torch.device(device):
        game = acgan.build(acgan.AcganConfig.model_validate(options), spec)
    assert isinstance(game, acgan.Acgan)
    return game


def small(spec: DataSpec = GREY, **options: Any) -> acgan.Acgan:
    return made(spec, **{"width": 4, "d_width": 4, "latent": 8, "dropout": 0.0, **options})


def batch_of(spec: DataSpec, classes: int = 10) -> Batch:
    return Batch(x=torch.rand(B, *spec.shape) * 2 - 1, y=torch.arange(B) % classes)


def class_logits(game: acgan.Acgan, x: Tensor) -> Tensor:
    found = game.discriminator(x).classes
    assert isinstance(found, Tensor)
    return found


class TestNetworks:
    def test_the_papers_networks_have_the_counts_of_their_table(self) -> None:
        game = made(COLOUR, "meta", network="paper")
        maps = [(384, 192), (192, 96), (96, 3)]
        generator = 111 * 384 * 16 + sum(25 * one * other + other for one, other in maps) + 2 * (192 + 96)
        steps = [(3, 16), (16, 32), (32, 64), (64, 128), (128, 256), (256, 512)]
        discriminator = sum(9 * one * other + other for one, other in steps) + 2 * (32 + 64 + 128 + 256 + 512)
        heads = 11 * (512 * 16 + 1)
        assert sum(p.numel() for p in game.generator.parameters()) == generator
        assert sum(p.numel() for p in game.discriminator.parameters()) == discriminator + heads

    def test_pytorch_gans_eps_of_08_and_second_softmax_are_not_copied(self) -> None:
        game = made()
        norms = [part for part in game.modules() if isinstance(part, nn.BatchNorm2d)]
        assert [norm.eps for norm in norms] == [1e-5] * 6
        logits = class_logits(game, torch.rand(B, 1, 32, 32))
        assert not torch.allclose(logits.sum(1), torch.ones(B), atol=1e-3)
        assert not any(isinstance(part, nn.Softmax | nn.Sigmoid) for part in game.modules())

    def test_the_order_of_the_discriminators_layers(self) -> None:
        features = made().discriminator.features
        assert isinstance(features, nn.Sequential)
        first = [type(part) for part in features[:7]]
        conv = [nn.Conv2d, nn.LeakyReLU, ChannelDropout]
        assert first == [*conv, *conv, nn.BatchNorm2d]  # none after the first convolution
        assert [part.mask.p for part in features if isinstance(part, ChannelDropout)] == [0.25] * 4

    def test_latents_are_multiplied_by_the_embedding(self) -> None:
        game = small().eval()
        generator = game.generator
        assert isinstance(generator, acgan.ExampleGenerator)
        z, y, zero = torch.randn(B, 8), torch.arange(B), torch.zeros(B, dtype=torch.int64)
        with torch.no_grad():
            samples, product = generator(z, y), z * generator.embedding.weight[y]
            generator.embedding.weight[0] = 1.0
            assert torch.allclose(samples[1:], generator(product, zero)[1:], atol=1e-6)

    def test_initialisation_of_the_example(self) -> None:
        game = made()
        for part in game.modules():
            if isinstance(part, nn.Conv2d) and part.weight.numel() > 5000:
                assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
            if isinstance(part, nn.BatchNorm2d):
                assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.5)
        generator = game.generator
        assert isinstance(generator, acgan.ExampleGenerator)
        embedding, linear = generator.embedding, generator.layers[0]
        assert float(embedding.weight.detach().std()) == pytest.approx(1, rel=0.1)
        assert isinstance(linear, nn.Linear)
        assert float(linear.weight.detach().abs().max()) == pytest.approx(0.1, rel=0.01)  # 1/√100, torch's own

    def test_initialisation_of_the_paper(self) -> None:
        game = made(COLOUR, network="paper", width=24)
        for part in game.modules():
            if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) and part.weight.numel() > 5000:
                assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
        assert not any(p.any() for name, p in game.named_parameters() if name.endswith("bias"))
        assert [part.p for part in game.modules() if isinstance(part, nn.Dropout)] == [0.5] * 6

    def test_rates_and_updates(self) -> None:
        adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
        game = made(device="meta")
        assert [player.optimizer for player in game.players()] == [adam, adam]
        assert game.phases() == [Phase("both", ("generator", "discriminator"))]
        paper = made(COLOUR, "meta", network="paper")
        assert [phase.name for phase in paper.phases()] == ["discriminator", "generator"]
        assert acgan.AcganConfig().batch == 64

    @pytest.mark.parametrize("network", ["example", "paper"])
    @pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 64, 64), (3, 16, 32)], ids=str)
    def test_sizes(self, network: str, shape: tuple[int, int, int]) -> None:
        game = made(DataSpec(shape, classes=4), "meta", network=network)
        batch = Batch(x=torch.rand(B, *shape, device="meta"), y=torch.zeros(B, dtype=torch.int64, device="meta"))
        assert game.sample(B, condition=batch.y).shape == (B, *shape)
        for phase in game.phases():
            assert all(term.shape == () for term in game(phase.name, batch, StepContext(0, "meta")).values())


class TestTerms:
    def test_both_sides_are_the_papers_equations(self) -> None:
        game, batch = small().double(), batch_of(GREY).map(lambda t: t.double() if t.is_floating_point() else t)
        context, again = StepContext(3), StepContext(3)
        terms = game("both", batch, context)
        wished = again.integers(10, B, stream="labels")
        z = game.latent.sample(B, again)
        assert isinstance(z, Tensor)
        x = game.generator(z.double(), wished)
        real, fake = game.discriminator(batch.x), game.discriminator(x)
        one, other = real.heads[0], fake.heads[0]
        expected = {
            "generator/adversarial": softplus(-other).mean(),
            "generator/classes": cross_entropy(class_logits(game, x), wished),
            "discriminator/adversarial": softplus(-one).mean() + softplus(other).mean(),
            "discriminator/real classes": cross_entropy(class_logits(game, batch.x), batch["y"]),
            "discriminator/fake classes": cross_entropy(class_logits(game, x), wished),
        }
        assert set(terms) == set(expected)
        for name, value in expected.items():
            assert float(terms[name].detach()) == pytest.approx(float(value.detach()), rel=1e-6), name

    def test_alternating_updates_have_the_same_terms(self) -> None:
        game, batch = small(COLOUR, network="paper"), batch_of(COLOUR)
        context = StepContext(0)
        assert set(game("discriminator", batch, context)) == {"adversarial", "real classes", "fake classes"}
        assert set(game("generator", batch, context)) == {"adversarial", "classes"}

    def test_the_factor_of_the_class_terms(self) -> None:
        batch = batch_of(GREY)
        one, three = (small(classification=factor)("both", batch, StepContext(0)) for factor in (1, 3))
        for name in one:
            assert float(three[name].detach()) == pytest.approx(
                float(one[name].detach()) * (3 if "classes" in name else 1), rel=1e-5
            )

    def test_fakes_have_classes_of_their_own(self) -> None:
        game, batch = small(), batch_of(GREY)
        batch["y"] = torch.zeros(B, dtype=torch.int64)
        seen: list[Tensor] = []
        game.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
        context = StepContext(0)
        for _ in range(20):
            game("both", batch, context)
        assert set(torch.cat(seen).tolist()) == set(range(10))

    def test_losses_that_need_reals_and_penalties_of_either_player_go_with_it(self) -> None:
        for network, spec in (("example", GREY), ("paper", COLOUR)):
            game = small(spec, network=network, loss="relativistic", penalty=["r1"])
            context = StepContext(0)
            names = {name for phase in game.phases() for name in game(phase.name, batch_of(spec), context)}
            assert any(name.endswith("r1") for name in names)


class TestLabels:
    def test_a_class_changes_the_sample(self) -> None:
        game = small()
        game.built_for(GREY)
        game.eval()
        samples = [
            game.sample(2, condition=torch.full((2,), label), generator=torch.Generator().manual_seed(0))
            for label in (0, 0, 1)
        ]
        assert torch.equal(samples[0], samples[1])
        assert not torch.allclose(samples[0], samples[2])

    @pytest.mark.parametrize("classes", [0, 1])
    def test_data_without_classes_are_refused(self, classes: int) -> None:
        with pytest.raises(ValueError, match=r"toys has (no|1) classes.*wants labels.*dcgan"):
            acgan.build(acgan.AcganConfig(), DataSpec((1, 32, 32), classes=classes, name="toys"))

    def test_impossible_sizes_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"30x30.*multiples of 4.*for example 32x32"):
            acgan.build(acgan.AcganConfig(), DataSpec((1, 30, 30), classes=2))
        with pytest.raises(ValueError, match=r"36x36.*halve evenly"):
            acgan.build(acgan.AcganConfig(network="paper"), DataSpec((1, 36, 36), classes=2))


def test_labels_come_from_their_own_stream() -> None:
    game, batch = small(), batch_of(GREY)
    context = StepContext(5)
    game("both", batch, context)
    assert set(context.state_dict()["streams"]) == {"labels", "latent"}
