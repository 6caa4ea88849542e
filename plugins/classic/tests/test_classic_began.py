"""BEGAN: counts, TensorFlow's layers, the equilibrium's equations, the controller, the rates, sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_classic import began
from torch import nn

from ganzoo.config import Adam, LossChoice, PenaltyChoice, Schedule, value_at
from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Phase, StepContext
from ganzoo.models.layers.same import SameConv2d

GREY = DataSpec((1, 28, 28))
B = 6


def made(spec: DataSpec = GREY, device: str = "cpu", **options: Any) -> began.Began:
    torch.manual_seed(0)
    with torch.device(device):
        game = began.build(began.BeganConfig.model_validate(options), spec)
    assert isinstance(game, began.Began)
    return game


def small(spec: DataSpec = GREY, **options: Any) -> began.Began:
    return made(spec, **{"width": 4, "latent": 8, **options})


def batch_of(spec: DataSpec = GREY) -> Batch:
    return Batch(x=torch.rand(B, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def convolutions(module: nn.Module) -> list[tuple[int, int, int]]:
    return [(p.in_channels, p.out_channels, p.stride[0]) for p in module.modules() if isinstance(p, nn.Conv2d)]


class TestNetworks:
    def test_the_encoder_grows_by_its_width_a_stage(self) -> None:
        encoder = made(DataSpec((3, 64, 64)), "meta").discriminator.encoder
        assert isinstance(encoder, nn.Sequential)
        stages = [[(w, w, 2), (w, w + 128, 1), (w + 128, w + 128, 1)] for w in (128, 256, 384)]
        first = [(3, 128, 1), (128, 128, 1), (128, 128, 1)]
        assert convolutions(encoder) == first + [item for stage in stages for item in stage]
        assert all(isinstance(part, SameConv2d) for part in encoder if getattr(part, "stride", None) == (2, 2))

    def test_no_norm_no_last_activation_and_elu(self) -> None:
        game = small()
        kinds = {type(part).__name__ for network in (game.generator, game.discriminator) for part in network.modules()}
        assert kinds - {"BeganGenerator", "BeganDiscriminator", "Decoder", "Sequential"} == {
            "Linear",
            "ToMaps",
            "FromMaps",
            "Conv2d",
            "SameConv2d",
            "ELU",
            "Upsample",
        }
        with torch.no_grad():
            last = list(game.generator.parameters())[-1]
            last.fill_(3.0)
            z = torch.zeros(1, 8)
            assert float(game.generator(z).min()) > 1  # in training nothing is clipped
            assert float(game.eval().generator(z).max()) == 1

    def test_initialisation_is_glorot_uniform(self) -> None:
        game = made(DataSpec((1, 16, 16)), width=32)
        for part in game.modules():
            if isinstance(part, nn.Linear | nn.Conv2d):
                limit = (6 / (part.weight[0].numel() + part.weight.numel() // part.weight.shape[1])) ** 0.5
                assert part.bias is not None
                assert not part.bias.any()
                if part.weight.numel() > 5000:
                    assert float(part.weight.detach().abs().max()) == pytest.approx(limit, rel=0.01)

    def test_latents_are_uniform(self) -> None:
        (part,) = made(device="meta").latent.parts
        assert (part.shape, part.distribution) == ((64,), "uniform")


class TestObjective:
    def test_both_sides_are_the_papers_equations(self) -> None:
        game, batch, context = small(gamma=0.7), batch_of(), StepContext(2)
        game.k.fill_(0.25)
        terms = game("both", batch, context)
        fake = game.generator(game.latent.sample(B, StepContext(2)))

        def error(x: torch.Tensor) -> float:
            again = game.discriminator.decoder(game.discriminator.encoder(x))  # type: ignore[operator]
            return float((x - again).detach().abs().mean())

        real_error, fake_error = error(batch.x), error(fake)
        values = {name: float(term.detach()) for name, term in terms.items()}
        assert values == pytest.approx(
            {
                "generator/adversarial": fake_error,
                "discriminator/real error": real_error,
                "discriminator/fake error": -0.25 * fake_error,
            },
            rel=1e-5,
        )
        notes = {name: float(value) for name, value in context.notes.items()}
        balance = 0.7 * real_error - fake_error
        assert notes["balance"] == pytest.approx(balance, rel=1e-4)
        assert notes["convergence"] == pytest.approx(real_error + abs(balance), rel=1e-5)
        assert notes["k"] == 0.25

    def test_the_scores_are_errors_and_the_reconstruction_comes_with_them(self) -> None:
        game, x = small(), batch_of().x
        scores = game.discriminator(x)
        assert scores.reconstruction is not None
        assert scores.reconstruction.shape == x.shape
        for i in range(B):
            wanted = -(scores.reconstruction[i] - x[i]).abs().mean()
            assert float(scores.heads[0][i].detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)

    @pytest.mark.parametrize(
        ("start", "balance", "end"), [(0.5, 0.2, 0.52), (0.5, -0.3, 0.47), (0.0, -1.0, 0.0), (1.0, 2.0, 1.0)]
    )
    def test_the_controller(self, start: float, balance: float, end: float) -> None:
        game, context = small(lambda_k=0.1), StepContext(0)
        game.k.fill_(start)
        context.notes = {"balance": torch.tensor(balance)}
        game.after_phase("both", context)
        assert float(game.k) == pytest.approx(end, abs=1e-6)

    def test_k_begins_at_0_and_is_in_the_checkpoint(self) -> None:
        game = small()
        assert float(game.state_dict()["k"]) == 0
        assert "k" not in dict(game.named_parameters())

    def test_the_critic_pushes_fakes_away_by_k(self) -> None:
        game, batch = small(), batch_of()
        parameters = list(game.discriminator.parameters())

        def gradient(k: float) -> list[torch.Tensor]:
            game.k.fill_(k)
            terms = game("both", batch, StepContext(0))
            own = [term for name, term in terms.items() if name.startswith("discriminator/")]
            return list(torch.autograd.grad(sum(own[1:], own[0]), parameters))

        none, half, whole = gradient(0.0), gradient(0.5), gradient(1.0)
        for a, b, c in zip(none, half, whole, strict=True):
            assert torch.allclose(b, (a + c) / 2, atol=1e-6)
        assert any(not torch.allclose(a, c, atol=1e-6) for a, c in zip(none, whole, strict=True))

    def test_it_is_one_update_of_both(self) -> None:
        assert small().phases() == [Phase("both", ("generator", "discriminator"))]

    def test_the_loss_is_its_own(self) -> None:
        game = small()
        with pytest.raises(UsageError, match="takes no other loss"):
            game.use(loss=LossChoice(name="hinge"))
        game.use(penalty=[PenaltyChoice(name="r1", interval=1)])
        assert "discriminator/r1" in game("both", batch_of(), StepContext(0))


class TestRates:
    def test_the_rate_halves_twice(self) -> None:
        for player in made(device="meta").players():
            adam = player.optimizer
            assert isinstance(adam, Adam)
            assert isinstance(adam.lr, Schedule)
            updates = {0: 8e-5, 99_999: 8e-5, 100_000: 4e-5, 199_999: 4e-5, 200_000: 2e-5, 500_000: 2e-5}
            assert {at: value_at(adam.lr, at * 16) for at in updates} == updates
            assert (adam.beta1, adam.beta2) == (0.5, 0.999)

    def test_defaults(self) -> None:
        config = began.BeganConfig()
        assert (config.batch, config.width, config.latent) == (16, 128, 64)
        assert (config.gamma, config.lambda_k) == (0.5, 0.001)


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((64, 64), (4, (8, 8))),
            ((32, 32), (3, (8, 8))),
            ((28, 28), (3, (7, 7))),
            ((48, 48), (4, (6, 6))),
            ((8, 8), (1, (8, 8))),
            ((16, 32), (2, (8, 16))),
        ],
    )
    def test_the_rule(self, size: tuple[int, int], expected: tuple[int, tuple[int, int]]) -> None:
        assert began.halved(DataSpec((3, *size))) == expected

    @pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 16, 32)], ids=str)
    def test_reconstructions_and_samples_have_the_datas_shape(self, shape: tuple[int, int, int]) -> None:
        game = small(DataSpec(shape))
        assert game.sample(B).shape == (B, *shape)
        assert "discriminator/real error" in game("both", batch_of(DataSpec(shape)), StepContext(0))

    @pytest.mark.parametrize(("size", "near"), [((30, 30), "28x28"), ((4, 4), "5x5"), ((32, 34), "32x32")])
    def test_impossible_sizes_are_refused(self, size: tuple[int, int], near: str) -> None:
        with pytest.raises(ValueError, match=rf"toys holds pictures of {size[0]}x{size[1]}.*for example {near}"):
            began.build(began.BeganConfig(), DataSpec((1, *size), name="toys"))
