"""What the papers and the code that the architectures follow have set: initialisation, rates, layers, and known traps."""

from __future__ import annotations

import math

import pytest
import torch
from ganzoo_classic import dcgan, dcgan_tf, gan, lsgan
from torch import Tensor, nn

from ganzoo.config import Adam, GanConfig, Schedule, Sgd, override, value_at
from ganzoo.models import Batch, DataSpec, Game, Gan, Phase, StepContext
from ganzoo.models.layers.maxout import Maxout

GREY, COLOUR, LARGE = DataSpec((1, 28, 28)), DataSpec((3, 32, 32)), DataSpec((3, 64, 64))


def as_gan(game: Game) -> Gan:
    assert isinstance(game, Gan)
    return game


def weights(module: nn.Module) -> list[Tensor]:
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    return [part.weight.detach() for part in module.modules() if isinstance(part, kinds)]


def norms(module: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]


def optimizers(game: Game) -> tuple[object, object]:
    players = {player.name: player.optimizer for player in game.players()}
    return players["generator"], players["discriminator"]


class TestGan:
    def test_initialisation_is_uniform(self) -> None:
        game = as_gan(gan.build(gan.MlpConfig(), GREY))
        for network, limit in ((game.generator, 0.05), (game.discriminator, 0.005)):
            for weight in weights(network):
                assert float(weight.abs().max()) <= limit * (1 + 1e-6)
                assert weight.numel() < 1000 or float(weight.std()) == pytest.approx(limit / math.sqrt(3), rel=0.02)
            assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))

    def test_rates_change_over_images_as_over_the_papers_epochs(self) -> None:
        generator, discriminator = optimizers(gan.build(gan.MlpConfig(), GREY))
        assert isinstance(generator, Sgd)
        assert isinstance(discriminator, Sgd)
        for sgd, lr in ((generator, 0.1), (discriminator, 0.05)):  # half, because the code halves its cost
            assert value_at(sgd.lr, 0) == lr
            assert value_at(sgd.lr, 100 * 50_000) == pytest.approx(lr / 1.000004**50_000, rel=1e-6)
            assert value_at(sgd.lr, 10**12) == pytest.approx(lr * 1e-5)
            assert value_at(sgd.momentum, 0) == 0.5
            assert value_at(sgd.momentum, 250 * 50_000) == 0.7
            assert value_at(sgd.momentum, 249 * 25_000) == pytest.approx(0.6)

    def test_the_last_bias_gives_the_datas_mean(self) -> None:
        game = as_gan(gan.build(gan.MlpConfig(), DataSpec((1, 2, 2))))
        x = torch.tensor([[0.0, 0.25], [0.5, 1.0]]).view(1, 1, 2, 2)
        game.fit(iter([Batch({"x": x.expand(3, 1, 2, 2)}), Batch({"x": x})]), StepContext(0))
        assert isinstance(game.generator, gan.MaxoutGenerator)
        assert torch.allclose(game.generator.last_bias.sigmoid(), x.flatten(), atol=1e-6)
        assert game.generator.last_bias.isfinite().all()

    def test_latents_have_a_variance_of_1(self) -> None:
        game = as_gan(gan.build(gan.MlpConfig(), GREY))
        seen: list[Tensor] = []
        layers = game.generator.layers
        assert isinstance(layers, nn.Sequential)
        layers.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        game.sample(2000)
        assert float(seen[0].abs().max()) == pytest.approx(math.sqrt(3), rel=0.01)
        assert float(seen[0].var()) == pytest.approx(1, rel=0.02)

    def test_the_discriminator_is_maxout_with_dropout(self) -> None:
        discriminator = as_gan(gan.build(gan.MlpConfig(), GREY)).discriminator
        assert [part.p for part in discriminator.modules() if isinstance(part, nn.Dropout)] == [0.2, 0.5, 0.5]
        assert [(p.out_features, p.pieces) for p in discriminator.modules() if isinstance(p, Maxout)] == [(240, 5)] * 2

    def test_pytorch_gans_eps_of_08_is_not_copied(self) -> None:
        game = as_gan(gan.build(gan.MlpConfig(network="mlp-bn"), GREY))
        assert [norm.eps for norm in norms(game.generator)] == [1e-5] * 3
        assert not norms(game.discriminator)

    def test_the_optimiser_goes_with_the_network(self) -> None:
        for assignments in (["network=mlp-bn"], ["network=mlp-bn", "latent=64"]):
            config = override(gan.MlpConfig(), assignments, "test")
            assert optimizers(gan.build(config, GREY)) == (Adam(lr=2e-4, beta1=0.5), Adam(lr=2e-4, beta1=0.5))

    def test_a_part_of_an_optimiser_is_a_change_of_the_networks_own(self) -> None:
        generator, _ = optimizers(gan.build(override(gan.MlpConfig(), ["generator.lr=0.01"], "test"), GREY))
        assert isinstance(generator, Sgd)
        assert generator.lr == 0.01
        assert isinstance(generator.momentum, Schedule)
        config = override(gan.MlpConfig(network="mlp-bn"), ["generator.lr=0.01"], "test")
        assert config.generator == Adam(lr=0.01, beta1=0.5)
        config = override(gan.MlpConfig(), ["generator.kind=adam"], "test")
        assert config.generator == Adam()

    def test_the_heuristic_loss_is_the_default(self) -> None:
        config = gan.MlpConfig()
        assert (config.batch, config.loss and config.loss.name) == (100, "non-saturating")


class TestDcgan:
    @pytest.mark.parametrize("network", ["example", "paper"])
    def test_initialisation(self, network: str) -> None:
        config = dcgan.DcganConfig.model_validate({"network": network, "width": 32})
        game = as_gan(dcgan.build(config, LARGE))
        for weight in weights(game):
            assert weight.numel() < 5000 or float(weight.std()) == pytest.approx(0.02, rel=0.05)
        scales = torch.cat([norm.weight.detach() for norm in norms(game)])
        assert float(scales.mean()) == pytest.approx(1, abs=0.005)
        assert float(scales.std()) == pytest.approx(0.02, rel=0.15)
        assert all(not norm.bias.any() for norm in norms(game))
        biases = [part.bias for part in game.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
        assert all(bias is None for bias in biases)

    def test_optimisers_and_batch(self) -> None:
        adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
        assert optimizers(dcgan.build(dcgan.DcganConfig(), COLOUR)) == (adam, adam)
        with_l2 = adam.model_copy(update={"weight_decay": 1e-5})
        config = override(dcgan.DcganConfig(width=4), ["network=paper"], "test")
        assert optimizers(dcgan.build(config, COLOUR)) == (with_l2, with_l2)
        config = override(config, ["discriminator.lr=1e-4"], "test")
        assert config.discriminator == with_l2.model_copy(update={"lr": 1e-4})
        assert dcgan.DcganConfig().batch == 64

    def test_the_papers_batch_norm(self) -> None:
        game = as_gan(dcgan.build(dcgan.DcganConfig(network="paper", width=4), LARGE))
        assert all(norm.eps == 1e-8 for norm in norms(game))
        first = norms(game.generator)[0]
        assert isinstance(first, nn.BatchNorm1d)
        assert first.num_features == 4 * 2**3 * 4 * 4

    def test_first_and_last_layers_have_no_batch_norm(self) -> None:
        game = as_gan(dcgan.build(dcgan.DcganConfig(width=4), LARGE))
        assert [norm.num_features for norm in norms(game.generator)] == [32, 16, 8, 4]
        assert [norm.num_features for norm in norms(game.discriminator)] == [8, 16, 32]

    def test_real_and_fake_are_normalised_apart_and_fakes_are_used_twice(self) -> None:
        game, context = as_gan(dcgan.build(dcgan.DcganConfig(width=4), COLOUR)), StepContext(0)
        batch = Batch({"x": torch.rand(6, 3, 32, 32)})
        scored: list[int] = []
        made: list[int] = []
        game.discriminator.register_forward_hook(lambda module, inputs, output: scored.append(len(inputs[0])))
        game.generator.register_forward_hook(lambda module, inputs, output: made.append(len(output)))
        assert [phase.keeps for phase in game.phases()] == [("generator",), ()]
        for phase in game.phases():
            game(phase.name, batch, context)
        assert scored == [6, 6, 6]
        assert made == [6]

    def test_the_papers_updates_have_fakes_of_their_own(self) -> None:
        game = as_gan(dcgan.build(dcgan.DcganConfig(network="paper", width=4), COLOUR))
        assert game.fakes == "fresh"
        assert game.latent.parts[0].distribution == "uniform"


class TestDcganTf:
    def test_keras_defaults(self) -> None:
        game = as_gan(dcgan_tf.build(dcgan_tf.DcganTfConfig(width=8), GREY))
        slopes = [part.negative_slope for part in game.modules() if isinstance(part, nn.LeakyReLU)]
        assert slopes == [0.3] * 5  # torch's own is 0.01, and DCGAN's 0.2
        assert [(norm.eps, norm.momentum) for norm in norms(game)] == [(1e-3, 0.01)] * 3
        assert [part.p for part in game.modules() if isinstance(part, nn.Dropout)] == [0.3, 0.3]
        keras = Adam(lr=1e-4, beta1=0.9, beta2=0.999, eps=1e-7)
        assert optimizers(game) == (keras, keras)
        assert dcgan_tf.DcganTfConfig().batch == 256

    def test_glorot_uniform(self) -> None:
        game = as_gan(dcgan_tf.build(dcgan_tf.DcganTfConfig(), GREY))
        linear, first, *_ = weights(game.generator)
        for weight, fans in ((linear, 100 + 12_544), (first, 25 * (256 + 128))):
            limit = math.sqrt(6 / fans)
            assert float(weight.abs().max()) == pytest.approx(limit, rel=0.01)
            assert float(weight.std()) == pytest.approx(limit / math.sqrt(3), rel=0.01)

    def test_one_forward_for_both_players(self) -> None:
        game, context = as_gan(dcgan_tf.build(dcgan_tf.DcganTfConfig(width=4), GREY)), StepContext(0)
        calls: list[str] = []
        game.generator.register_forward_hook(lambda module, inputs, output: calls.append("generator"))
        game.discriminator.register_forward_hook(lambda module, inputs, output: calls.append("discriminator"))
        assert game.phases() == [Phase("both", ("generator", "discriminator"))]
        terms = game("both", Batch({"x": torch.rand(4, 1, 28, 28)}), context)
        assert set(terms) == {"generator/adversarial", "discriminator/adversarial"}
        assert sorted(calls) == ["discriminator", "discriminator", "generator"]


class TestLsgan:
    def test_initialisation_is_orthogonal(self) -> None:
        game = as_gan(lsgan.build(lsgan.LsganConfig(width=8), COLOUR))
        for weight in weights(game):
            rows = weight.flatten(1).double()
            gram = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
            assert torch.allclose(gram, torch.eye(len(gram), dtype=torch.float64), atol=1e-5)
        assert all(not p.any() for name, p in game.named_parameters() if name.endswith("bias"))

    def test_rates_and_loss(self) -> None:
        config: GanConfig = lsgan.LsganConfig()
        studio = Adam(lr=2e-4, beta1=0.5, beta2=0.999, eps=1e-6)
        game = as_gan(lsgan.build(lsgan.LsganConfig(width=4), COLOUR))
        assert optimizers(game) == (studio, studio)
        assert (config.batch, config.d_steps, config.loss and config.loss.name) == (64, 2, "least-squares")
        assert [phase.times(0, 0) for phase in game.phases()] == [2, 1]
        assert all(norm.eps == 1e-4 for norm in norms(game))

    def test_the_discriminator_sums_over_space(self) -> None:
        game = as_gan(lsgan.build(lsgan.LsganConfig(width=4), COLOUR))
        discriminator = game.discriminator
        assert isinstance(discriminator, lsgan.DeepConvDiscriminator)
        x = torch.rand(2, 3, 32, 32)
        expected = discriminator.linear(discriminator.eval().features(x).mean((2, 3)) * 16).squeeze(1)
        assert torch.allclose(discriminator(x).heads[0], expected, atol=1e-5)


def test_no_relu_works_in_place() -> None:
    configs: list[Game] = [
        gan.build(gan.MlpConfig(network="mlp-bn"), GREY),
        dcgan.build(dcgan.DcganConfig(width=4), COLOUR),
        dcgan_tf.build(dcgan_tf.DcganTfConfig(width=4), COLOUR),
        lsgan.build(lsgan.LsganConfig(width=4), COLOUR),
    ]
    assert not [part for game in configs for part in game.modules() if getattr(part, "inplace", False)]
