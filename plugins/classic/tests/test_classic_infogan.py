"""InfoGAN: counts by part, initialisation, the bound of the mutual information, who trains Q, and codes in sampling."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from ganzoo_classic import infogan
from torch import Tensor, nn

from ganzoo.config import Adam
from ganzoo.models import Batch, DataSpec, LatentPart, StepContext
from ganzoo.models.layers.same import SameConv2d, SameConvTranspose2d

GREY = DataSpec((1, 28, 28))
B = 8


def made(spec: DataSpec = GREY, device: str = "cpu", **options: Any) -> infogan.Infogan:
    torch.manual_seed(0)
    with torch.device(device):
        game = infogan.build(infogan.InfoganConfig.model_validate(options), spec)
    assert isinstance(game, infogan.Infogan)
    return game


def small(spec: DataSpec = GREY, **options: Any) -> infogan.Infogan:
    return made(spec, **{"width": 4, "hidden": 16, "noise": 6, **options})


def batch_of(spec: DataSpec = GREY) -> Batch:
    return Batch(x=torch.rand(B, *spec.shape, generator=torch.Generator().manual_seed(1)))


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


class TestNetworks:
    def test_counts_by_part(self) -> None:
        game = made(device="meta")
        discriminator = game.discriminator
        assert isinstance(discriminator, infogan.InfoganDiscriminator)
        parts = (game.generator, discriminator.trunk, discriminator.head, game.recognition)
        assert tuple(map(count, parts)) == (6_652_481, 6_558_144, 1_025, 133_004)

    def test_a_latent_has_four_parts(self) -> None:
        assert made(device="meta").latent.parts == (
            LatentPart("z", (62,), "uniform"),
            LatentPart("c1", (10,), "categorical"),
            LatentPart("c2", (1,), "uniform"),
            LatentPart("c3", (1,), "uniform"),
        )

    def test_other_codes(self) -> None:
        game = small(categories=[10, 3], continuous=1)
        assert [part.shape[0] for part in game.codes.values()] == [10, 3, 1]
        assert game.sample(4, c2=2, c3=[-1.0, 0.0, 0.5, 1.0]).shape == (4, 1, 28, 28)
        assert set(game("discriminator", batch_of(), StepContext(0))) == {"adversarial", "information"}

    def test_padding_is_tensorflows(self) -> None:
        x = torch.rand(2, 3, 14, 14)
        ours, theirs = nn.Conv2d(3, 5, 4, 2, 1), SameConv2d(3, 5, 4, 2)
        theirs.load_state_dict(ours.state_dict())
        assert torch.allclose(ours(x), theirs(x), atol=1e-6)
        up, their_up = nn.ConvTranspose2d(3, 5, 4, 2, 1), SameConvTranspose2d(3, 5, 4, 2)
        their_up.load_state_dict(up.state_dict())
        assert torch.allclose(up(x), their_up(x), atol=1e-6)

    def test_initialisation(self) -> None:
        game = made()
        for name, part in game.named_modules():
            if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert part.bias is None or not part.bias.any()
                cut = isinstance(part, nn.Conv2d)
                if part.weight.numel() >= 1000:
                    wanted = 0.02 * (0.8796 if cut else 1)  # of a normal distribution cut off at two deviations
                    assert float(part.weight.detach().std()) == pytest.approx(wanted, rel=0.1), name
                assert not cut or float(part.weight.detach().abs().max()) <= 0.04
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                assert (part.eps, part.momentum) == (1e-5, 0.1)
                if part.num_features > 500:
                    assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.15)

    def test_slope_range_rates_and_batch(self) -> None:
        game = made(device="meta")
        assert [part.negative_slope for part in game.modules() if isinstance(part, nn.LeakyReLU)] == [0.1] * 4
        code = made(device="meta", slope=0.01)
        assert {part.negative_slope for part in code.modules() if isinstance(part, nn.LeakyReLU)} == {0.01}
        assert game.value_range == (0.0, 1.0)
        config = infogan.InfoganConfig()
        assert config.generator == Adam(lr=1e-3, beta1=0.5, beta2=0.999)
        assert config.discriminator == Adam(lr=2e-4, beta1=0.5, beta2=0.999)
        assert (config.batch, config.information) == (128, 1.0)

    @pytest.mark.parametrize("shape", [(3, 32, 32), (1, 64, 64), (3, 16, 28)], ids=str)
    def test_sizes(self, shape: tuple[int, int, int]) -> None:
        game = made(DataSpec(shape), "meta")
        batch = Batch(x=torch.rand(B, *shape, device="meta"))
        assert game.sample(B).shape == (B, *shape)
        for phase in game.phases():
            assert all(term.shape == () for term in game(phase.name, batch, StepContext(0, "meta")).values())


class TestInformation:
    PARTS = (LatentPart("c1", (3,), "categorical"), LatentPart("c2", (1,), "uniform"))

    def test_it_is_the_closed_form_of_the_bound(self) -> None:
        one_hot = torch.eye(3, dtype=torch.float64)[[0, 2]]
        c2 = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
        guesses = torch.tensor([[2.0, 0.0, -1.0, 0.25], [0.3, 0.1, 0.9, -0.5]], dtype=torch.float64)
        total = 0.0
        for row, (index, code) in enumerate(((0, 0.5), (2, -1.0))):
            logits = guesses[row, :3].tolist()
            total += math.log(3) + logits[index] - math.log(sum(map(math.exp, logits)))
            q = torch.distributions.Normal(guesses[row, 3], 1.0)
            prior = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), 1.0)
            value = torch.tensor(code, dtype=torch.float64)
            total += float(q.log_prob(value) - prior.log_prob(value))  # type: ignore[no-untyped-call]
        found = infogan.information(self.PARTS, {"c1": one_hot, "c2": c2}, guesses)
        assert float(found) == pytest.approx(total / 2, rel=1e-12)

    def test_it_is_0_for_one_who_knows_nothing_and_largest_for_one_who_knows_all(self) -> None:
        c1, c2 = torch.eye(3).repeat(20, 1), torch.rand(60, 1) * 2 - 1
        nothing = infogan.information(self.PARTS, {"c1": c1, "c2": c2}, torch.zeros(60, 4))
        assert float(nothing) == pytest.approx(0, abs=1e-6)
        everything = infogan.information(self.PARTS, {"c1": c1, "c2": c2}, torch.cat([100 * c1, c2], 1))
        assert float(everything) == pytest.approx(math.log(3) + 0.5 * float(c2.square().mean()), rel=1e-5)


class TestPlayers:
    def test_the_papers_code_has_it_in_both_losses_and_trains_q_with_the_discriminator(self) -> None:
        game = small()
        generator, discriminator = game.players()
        held = {id(p) for p in discriminator.parameters()}
        assert {id(p) for p in game.recognition.parameters()} < held
        assert not held & {id(p) for p in generator.parameters()}
        assert [phase.name for phase in game.phases()] == ["discriminator", "generator"]
        for phase in ("discriminator", "generator"):
            assert "information" in game(phase, batch_of(), StepContext(0))

    def test_the_terms_are_of_the_same_fakes(self) -> None:
        game, batch, context = small(information=2.0), batch_of(), StepContext(4)
        start = {name: value.clone() for name, value in game.state_dict().items()}
        terms = game("discriminator", batch, context)
        game.load_state_dict(start)
        z = game.latent.sample(B, StepContext(4))
        assert isinstance(z, dict)
        game.discriminator(batch.x)
        embedding = game.discriminator(game.generator(z)).embedding
        bound = infogan.information(list(game.codes.values()), z, game.recognition(embedding))
        assert float(terms["information"].detach()) == pytest.approx(-2 * float(bound.detach()), abs=1e-5)

    def test_with_the_generator(self) -> None:
        game = small(code_player="generator")
        generator, discriminator = game.players()
        assert {id(p) for p in game.recognition.parameters()} < {id(p) for p in generator.parameters()}
        assert not {id(p) for p in game.recognition.parameters()} & {id(p) for p in discriminator.parameters()}
        assert "information" not in game("discriminator", batch_of(), StepContext(0))
        assert "information" in game("generator", batch_of(), StepContext(0))

    def test_of_its_own(self) -> None:
        game = small(code_player="own")
        generator, _, codes = game.players()
        assert codes.shares == ("generator",)
        both = {id(p) for p in (*game.generator.parameters(), *game.recognition.parameters())}
        assert {id(p) for p in codes.parameters()} == both
        assert {id(p) for p in generator.parameters()} == {id(p) for p in game.generator.parameters()}
        assert [phase.name for phase in game.phases()] == ["discriminator", "generator", "codes"]
        names = {phase.name: set(game(phase.name, batch_of(), StepContext(0))) for phase in game.phases()}
        assert names == {"discriminator": {"adversarial"}, "generator": {"adversarial"}, "codes": {"information"}}

    def test_gradients_reach_the_trunk_through_q(self) -> None:
        game = small()
        term = game("discriminator", batch_of(), StepContext(0))["information"]
        discriminator = game.discriminator
        assert isinstance(discriminator, infogan.InfoganDiscriminator)
        found = torch.autograd.grad(term, [next(discriminator.trunk.parameters()), *game.recognition.parameters()])
        assert all(bool(gradient.abs().sum() > 0) for gradient in found[:2])

    def test_losses_that_need_reals_and_penalties_go_with_it(self) -> None:
        game, context = small(loss="relativistic", penalty=["r1"]), StepContext(0)
        names = {f"{phase.name}/{name}" for phase in game.phases() for name in game(phase.name, batch_of(), context)}
        assert any(name.endswith("/r1") for name in names)


class TestSampling:
    @staticmethod
    def seen(game: infogan.Infogan, n: int, **options: Any) -> dict[str, Tensor]:
        found: list[dict[str, Tensor]] = []
        handle = game.generator.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))
        game.eval().sample(n, generator=torch.Generator().manual_seed(0), **options)
        handle.remove()
        return found[0]

    def test_a_code_has_the_value_that_was_asked_for(self) -> None:
        game = small()
        z = self.seen(game, 4, c1=3, c2=[0.0, 1.5, -1.0, 0.25])
        assert z["c1"].argmax(1).tolist() == [3] * 4
        assert z["c1"].sum(1).tolist() == [1] * 4
        assert z["c2"].flatten().tolist() == [0.0, 1.5, -1.0, 0.25]
        free = self.seen(game, 4)
        assert torch.equal(z["z"], free["z"])
        assert torch.equal(z["c3"], free["c3"])

    @pytest.mark.parametrize("code", ["c1", "c2"])
    def test_a_sweep_has_one_latent_a_row(self, code: str) -> None:
        z = self.seen(small(), 30, sweep=code)
        for name, part in z.items():
            rows = part.view(3, 10, -1)
            assert torch.equal(rows, rows[:, :1].expand_as(rows)) != (name == code)
        values = z[code].argmax(1) if code == "c1" else z[code].flatten()
        wanted = torch.arange(10) if code == "c1" else torch.linspace(-1, 1, 10)
        assert torch.equal(values.view(3, 10), wanted.expand(3, 10))

    def test_a_sweep_of_a_part_of_a_row(self) -> None:
        assert small().sample(13, sweep="c3").shape == (13, 1, 28, 28)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"c1": 10}, r"c1 was given 10, wanted whole numbers from 0 to 9"),
            ({"c1": 0.5}, r"c1 was given 0.5, wanted whole numbers"),
            ({"c2": [0.0, 1.0]}, r"c2 was given 2 values, wanted one, or one for each of 4"),
            ({"sweep": "c9"}, r"sweep is 'c9', wanted a code: c1, c2, c3"),
        ],
    )
    def test_what_there_is_not_is_refused(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            small().sample(4, **options)

    def test_an_unknown_option_is_refused(self) -> None:
        with pytest.raises(TypeError, match="interpolate beside codes"):
            small().sample(4, c1=1, interpolate=2)
        with pytest.raises(TypeError, match="unknown sampling option c7"):
            small().sample(4, c7=1)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (DataSpec((1, 30, 30), name="toys"), {}, r"toys holds pictures of 30x30.*multiples of 4.*for example 32x32"),
        (GREY, {"categories": [1]}, r"2 values or more"),
        (GREY, {"categories": [], "continuous": 0}, r"one code or more"),
    ],
)
def test_refusals(spec: DataSpec, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(spec, "meta", **options)
