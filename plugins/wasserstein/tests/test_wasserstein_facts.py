"""What the papers and the code that the architectures follow have set: initialisation, rates, layers, and known traps."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from ganzoo_wasserstein import dragan, wgan, wgan_gp
from ganzoo_wasserstein.started import conv, conv_transpose, linear
from ganzoo_wasserstein.wgan_gp_resnet import (
    ResNetGenerator,
    UpBlock,
)
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from ganzoo.config import Adam, RMSprop, override, value_at
from ganzoo.models import Batch, DataSpec, Game, Gan, StepContext

GREY, COLOUR, LARGE = DataSpec((1, 28, 28)), DataSpec((3, 32, 32)), DataSpec((3, 64, 64))


def as_gan(game: Game) -> Gan:
    assert isinstance(game, Gan)
    return game


def gp(data: DataSpec = COLOUR, **options: Any) -> Gan:
    torch.manual_seed(0)
    return as_gan(wgan_gp.build(wgan_gp.WganGpConfig.model_validate(options), data))


def optimizers(game: Game) -> tuple[object, object]:
    players = {player.name: player.optimizer for player in game.players()}
    return players["generator"], players["discriminator"]


def norms(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, _NormBase | nn.LayerNorm | nn.GroupNorm)]


class TestWgan:
    def test_the_critic_has_100_updates_at_first_and_every_500_steps(self) -> None:
        game = wgan.build(wgan.WganConfig(width=4), COLOUR)
        critic, generator = game.phases()
        updates = [critic.times(step, 0) for step in range(1100)]
        assert {step for step, n in enumerate(updates) if n == 100} == {*range(25), 500, 1000}
        assert set(updates) == {5, 100}
        assert generator.times(0, 0) == 1

    def test_warm_up_and_usual_updates_are_options(self) -> None:
        config = wgan.WganConfig(width=4, d_steps=3, warm_up=1)
        assert [wgan.build(config, COLOUR).phases()[0].times(step, 0) for step in (0, 25, 500)] == [3, 3, 3]

    def test_weights_are_clipped_at_the_start_and_after_each_update(self) -> None:
        game, context = as_gan(wgan.build(wgan.WganConfig(width=4), COLOUR)), StepContext(0)

        def largest() -> float:
            return max(float(p.detach().abs().max()) for p in game.discriminator.parameters())

        assert largest() == pytest.approx(0.01)  # scales of batch norm, which start near 1, too
        with torch.no_grad():
            for parameter in game.discriminator.parameters():
                parameter.add_(1)
        game.after_phase("generator", context)
        assert largest() > 0.9
        game.after_phase("discriminator", context)
        assert largest() == pytest.approx(0.01)
        assert max(float(p.detach().abs().max()) for p in game.generator.parameters()) > 0.5

    def test_another_penalty_leaves_the_start_alone(self) -> None:
        config = wgan.WganConfig.model_validate({"width": 4, "penalty": "gradient-penalty"})
        game = as_gan(wgan.build(config, COLOUR))
        assert max(float(p.detach().abs().max()) for p in game.discriminator.parameters()) > 0.9

    def test_rates_batch_and_loss(self) -> None:
        config = wgan.WganConfig(width=4)
        rmsprop = RMSprop(lr=5e-5, alpha=0.99, eps=1e-8)
        assert optimizers(wgan.build(config, COLOUR)) == (rmsprop, rmsprop)
        assert config.loss is not None
        assert config.loss.name == "wasserstein"
        assert config.batch == 64

    def test_the_generator_starts_as_dcgans(self) -> None:
        torch.manual_seed(0)
        game = as_gan(wgan.build(wgan.WganConfig(width=32), LARGE))
        for part in game.generator.modules():
            if isinstance(part, nn.ConvTranspose2d) and part.weight.numel() > 5000:
                assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.05)

    def test_fully_connected_layers_keep_torchs_start(self) -> None:
        game = as_gan(wgan.build(wgan.WganConfig(network="mlp"), GREY))
        for part in game.modules():
            if isinstance(part, nn.Linear):
                assert (
                    float(part.weight.detach().abs().max()) <= 1 / math.sqrt(part.in_features) + 1e-6
                    or part.out_features == 1
                )

    def test_the_objective_is_the_difference_of_mean_scores(self) -> None:
        game = as_gan(wgan.build(wgan.WganConfig(network="mlp", width=8), GREY))
        batch = Batch({"x": torch.rand(4, 1, 28, 28)})
        (term,) = game("discriminator", batch, StepContext(0)).values()
        fake = game.fake(batch, StepContext(0))
        expected = game.discriminator(fake).heads[0].mean() - game.discriminator(batch.x).heads[0].mean()
        assert torch.allclose(term, expected)


class TestPenalisedCritics:
    @pytest.mark.parametrize("network", ["mnist", "cifar", "resnet", "dcgan"])
    def test_no_normalisation_in_wgan_gps_critics(self, network: str) -> None:
        assert not norms(gp(network=network, width=4).discriminator)

    def test_nor_with_labels_nor_in_dragans(self) -> None:
        labelled = DataSpec((3, 32, 32), classes=10)
        assert not norms(gp(labelled, conditional=True, width=4).discriminator)
        for network in ("mlp", "dcgan"):
            config = dragan.DraganConfig.model_validate({"network": network, "width": 4})
            assert not norms(as_gan(dragan.build(config, COLOUR)).discriminator)

    @pytest.mark.parametrize("network", ["mnist", "cifar", "resnet", "dcgan"])
    def test_a_samples_gradient_does_not_depend_on_the_others(self, network: str) -> None:
        critic = gp(network=network, width=4).discriminator
        x = torch.rand(4, 3, 32, 32, requires_grad=True)

        def gradient(samples: Tensor) -> Tensor:
            (found,) = torch.autograd.grad(critic(samples).total().sum(), samples)
            return found

        alone = x[:1].detach().requires_grad_()
        assert torch.allclose(gradient(x)[:1], gradient(alone), atol=1e-6)

    def test_batch_norm_is_in_the_generators_that_have_it(self) -> None:
        expected = {"mnist": 0, "cifar": 3, "resnet": 7, "dcgan": 3}
        assert {name: len(norms(gp(network=name, width=4).generator)) for name in expected} == expected
        first = norms(gp(network="cifar", width=4).generator)[0]
        assert isinstance(first, nn.BatchNorm1d)
        assert first.num_features == 4 * 4 * 16


class TestWganGp:
    def test_the_network_follows_the_data(self) -> None:
        def network(config: dict[str, Any], *shape: int) -> str:
            return wgan_gp.network_for(wgan_gp.WganGpConfig.model_validate(config), DataSpec(shape, classes=2))

        assert network({}, 1, 28, 28) == "mnist"
        assert network({}, 3, 32, 32) == "cifar"
        assert network({}, 1, 32, 32) == network({}, 3, 64, 64) == network({}, 3, 28, 28) == "dcgan"
        assert network({"conditional": True}, 1, 28, 28) == "resnet"
        assert network({"network": "cifar"}, 1, 28, 28) == "cifar"

    def test_only_mnists_pictures_are_in_0_to_1(self) -> None:
        ranges = {name: gp(network=name, width=4).value_range for name in ("mnist", "cifar", "resnet", "dcgan")}
        assert ranges.pop("mnist") == (0, 1)
        assert set(ranges.values()) == {(-1, 1)}

    def test_penalty_and_updates(self) -> None:
        game = gp(width=4)
        assert [(term.name, term.weight, term.interval) for term in game.penalties] == [("gradient-penalty", 10, 1)]
        assert [phase.times(0, 0) for phase in game.phases()] == [5, 1]

    @pytest.mark.parametrize("network", ["mnist", "cifar", "dcgan"])
    def test_adam_of_the_convolutional_scripts(self, network: str) -> None:
        adam = Adam(lr=1e-4, beta1=0.5, beta2=0.9)
        assert optimizers(gp(network=network, width=4)) == (adam, adam)

    @pytest.mark.parametrize("options", [{"network": "resnet"}, {"conditional": True}], ids=str)
    def test_adam_of_the_residual_script(self, options: dict[str, Any]) -> None:
        for adam in optimizers(gp(DataSpec((3, 32, 32), classes=2), width=4, **options)):
            assert isinstance(adam, Adam)
            assert (adam.beta1, adam.beta2) == (0, 0.9)
            rates = [value_at(adam.lr, images) for images in (0, 16_000_000, 32_000_000, 40_000_000)]
            assert rates == pytest.approx([2e-4, 1e-4, 0, 0])

    def test_a_part_of_an_optimiser_is_a_change_of_the_networks_own(self) -> None:
        config = override(wgan_gp.WganGpConfig(), ["generator.lr=1e-3"], "test")
        assert config.generator == Adam(lr=1e-3, beta1=0.5, beta2=0.9)
        config = override(wgan_gp.WganGpConfig(network="resnet"), ["discriminator.lr=1e-3"], "test")
        assert config.discriminator == Adam(lr=1e-3, beta1=0, beta2=0.9)
        assert config.generator is None

    def test_maps_are_cut_to_7_on_the_way_to_28(self) -> None:
        generator = gp(GREY, width=4).generator
        sizes: list[tuple[int, ...]] = []
        stages = generator.stages
        assert isinstance(stages, nn.ModuleList)
        for stage in stages:
            stage.register_forward_hook(
                lambda module, inputs, output: sizes.append((inputs[0].shape[-1], output.shape[-1]))
            )
        generator(torch.randn(2, 128))
        assert sizes == [(4, 8), (7, 14), (14, 28)]

    def test_labels_are_refused_where_there_are_none(self) -> None:
        with pytest.raises(ValueError, match="toys has no class labels"):
            wgan_gp.build(wgan_gp.WganGpConfig(conditional=True), DataSpec((3, 32, 32), name="toys"))
        with pytest.raises(ValueError, match="network mnist takes no class labels"):
            gp(DataSpec((3, 32, 32), classes=2), network="mnist", conditional=True)


class TestInitialisation:
    @pytest.mark.parametrize(
        ("layer", "variance"),
        [
            (conv(64, 128, 5, stride=2), 4 / (64 * 25 + 128 * 25 / 4)),
            (conv(128, 96, 3), 4 / (128 * 9 + 96 * 9)),
            (conv(256, 256, 1, gain=2), 2 / (256 + 256)),
            (conv_transpose(128, 64, 5), 4 / (128 * 25 / 4 + 64 * 25)),
            (linear(128, 1024), 2 / (128 + 1024)),
        ],
    )
    def test_weights_are_uniform_with_the_codes_variance(self, layer: nn.Linear, variance: float) -> None:
        assert float(layer.weight.detach().var()) == pytest.approx(variance, rel=0.03)
        assert float(layer.weight.detach().abs().max()) == pytest.approx(math.sqrt(3 * variance), rel=0.01)
        assert not layer.bias.any()

    def test_shortcuts_and_the_last_convolution_have_half_the_variance(self) -> None:
        torch.manual_seed(0)
        game = gp(network="resnet")
        generator = game.generator
        assert isinstance(generator, ResNetGenerator)
        block = generator.blocks[0]
        assert isinstance(block, UpBlock)
        assert float(block.shortcut.weight.detach().var()) == pytest.approx(2 / 256, rel=0.05)
        assert float(block.conv1.weight.detach().var()) == pytest.approx(4 / (2 * 128 * 9), rel=0.05)
        assert float(generator.last.weight.detach().var()) == pytest.approx(2 / (131 * 9), rel=0.08)

    def test_dragans_weights_have_hes_variance(self) -> None:
        torch.manual_seed(0)
        game = as_gan(dragan.build(dragan.DraganConfig(), GREY))
        first = next(part for part in game.discriminator.modules() if isinstance(part, nn.Linear))
        assert float(first.weight.detach().std()) == pytest.approx(math.sqrt(2 / 784), rel=0.02)
        assert not first.bias.any()


class TestDragan:
    def test_the_notebooks_setting(self) -> None:
        config = dragan.DraganConfig()
        game = as_gan(dragan.build(config, GREY))
        adam = Adam(lr=1e-4, beta1=0.5, beta2=0.9)
        assert optimizers(game) == (adam, adam)
        assert [(term.name, term.weight) for term in game.penalties] == [("dragan", 10)]
        assert (config.batch, config.d_steps, config.loss and config.loss.name) == (128, 1, "non-saturating")
        assert game.value_range == (0, 1)
        assert game.latent.parts[0].distribution == "uniform"

    def test_the_penalty_is_around_real_samples(self) -> None:
        game = as_gan(dragan.build(dragan.DraganConfig(), GREY))
        batch = Batch({"x": torch.rand(4, 1, 28, 28)})
        term = game("discriminator", batch, StepContext(0))["dragan"]
        with torch.no_grad():
            for parameter in game.generator.parameters():
                parameter.zero_()
        assert torch.equal(game("discriminator", batch, StepContext(0))["dragan"], term)
