"""ALI's networks as the paper's table and code have them, its joint game, and its encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_encoder.ali import Ali, AliConfig, build
from ganzoo_encoder.ali_networks import JointCritic, MaxoutConv2d, convolutions
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.config import Adam
from ganzoo.models import Batch, DataSpec, StepContext

SHAPES = [(channels, size, size) for size in (28, 32, 64) for channels in (1, 3)]
B = 4


def made(shape: tuple[int, ...] = (1, 28, 28), device: str = "cpu", **options: Any) -> Ali:
    torch.manual_seed(0)
    with torch.device(device):
        game = build(AliConfig(**{"width": 4, "latent": 6, **options}), DataSpec(shape))
    assert isinstance(game, Ali)
    return game


def counts(**options: Any) -> tuple[int, ...]:
    game = made((3, 32, 32), "meta", **{"width": 32, "latent": 64, **options})
    networks = (game.encoder, game.generator, game.discriminator)
    return tuple(sum(p.numel() for p in network.parameters()) for network in networks)


def test_counts_of_the_paper_and_of_its_code() -> None:
    assert counts() == (3_118_496, 981_152, 10_366_593)
    assert counts(critic="code")[2] == 2_611_009


def test_a_deterministic_encoder_gives_half_as_many_numbers() -> None:
    assert counts()[0] - counts(encoder="deterministic")[0] == 64 * (512 + 1)


def test_the_tables_layers() -> None:
    convs, sizes = convolutions(32, 32)
    assert convs == [(5, 1, 1), (4, 2, 2), (4, 1, 4), (4, 2, 8)]
    assert [height for height, _ in sizes] == [32, 28, 13, 10, 4]
    assert [size[0] for size in convolutions(28, 28)[1]][-1] == 3
    assert [size[0] for size in convolutions(64, 64)[1]][-2:] == [12, 5]


def test_the_generators_last_bias_has_a_value_for_each_place_and_begins_at_the_datas_log_odds() -> None:
    game = made((1, 28, 28))
    assert game.generator.bias_CHW.shape == (1, 28, 28)
    x = torch.rand(600, 1, 28, 28)
    game.fit(iter(Batch(x=part) for part in torch.split(x, 64)), StepContext())
    torch.testing.assert_close(torch.sigmoid(game.generator.bias_CHW.detach()), x[:500].mean(0))


def test_pixels_that_are_always_0_have_a_finite_bias() -> None:
    game = made()
    game.fit(iter([Batch(x=torch.zeros(8, 1, 28, 28))]), StepContext())
    assert game.generator.bias_CHW.isfinite().all()


def test_initialisation() -> None:
    game = made((3, 32, 32), width=32, latent=64)
    for name, parameter in game.named_parameters():
        if name.endswith("bias") or name.endswith("bias_CHW"):
            assert not parameter.any(), name
        elif parameter.ndim == 4 and parameter.numel() > 5000:
            assert float(parameter.detach().std()) == pytest.approx(0.01, rel=0.05), name
    norms = [part for part in game.modules() if isinstance(part, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.05}
    assert len(norms) == 12
    assert {part.negative_slope for part in game.modules() if isinstance(part, nn.LeakyReLU)} == {0.1}


def test_dropout_is_of_numbers_and_falls_on_what_each_layer_of_the_critic_takes() -> None:
    critic = made(encoder="deterministic").discriminator
    assert not [part for part in critic.modules() if isinstance(part, nn.Dropout2d)]
    rates = [part.dropout.p for part in critic.modules() if isinstance(part, MaxoutConv2d)]
    assert rates == [0.2, 0.5, 0.5, 0.5, 0.5, 0.2, 0.5, 0.5, 0.5]
    assert not [
        part for part in (*made().encoder.modules(), *made().generator.modules()) if isinstance(part, nn.Dropout)
    ]


def test_optimisers_and_batch() -> None:
    config = AliConfig()
    assert config.batch == 100
    # The table's beta2 = 10^-3 is 1 less the decay that others call beta2.
    assert config.generator == config.discriminator == Adam(lr=1e-4, beta1=0.5, beta2=0.999)


def test_maxout_takes_the_larger_of_two_convolutions() -> None:
    layer = MaxoutConv2d(3, 4, 3, 1, dropped=0.0)
    x = torch.randn(2, 3, 5, 5)
    both = layer.conv(x)
    assert torch.equal(layer(x), torch.maximum(both[:, :4], both[:, 4:]))


def test_both_sides_are_the_same_scores_with_exchanged_labels() -> None:
    game = made()
    game.discriminator.eval()  # without dropout
    batch, context = Batch(x=torch.rand(B, 1, 28, 28)), StepContext(3)
    terms = game("both", batch, context)
    again = StepContext(3)
    z = again.normal(B, 6)
    own = game.encoder(batch.x, again.normal(B, 6, stream="encoder"))
    data, prior = game.discriminator(batch.x, own), game.discriminator(game.generator(z), z)
    torch.testing.assert_close(terms["discriminator/adversarial"], softplus(-data).mean() + softplus(prior).mean())
    torch.testing.assert_close(terms["generator/adversarial"], softplus(data).mean() + softplus(-prior).mean())


def test_encoder_and_generator_are_one_player_at_the_critics_own_point() -> None:
    game = made()
    (phase,) = game.phases()
    assert phase.players == ("discriminator", "generator")
    player = game.players()[0]
    assert {id(p) for p in player.parameters()} == {
        id(p) for network in (game.encoder, game.generator) for p in network.parameters()
    }


def test_the_gaussian_encoder_gives_mean_and_log_deviation() -> None:
    game = made().eval()
    x, noise = torch.rand(B, 1, 28, 28), torch.randn(B, 6)
    mean, log_deviation = game.encoder.layers(x).flatten(1).split(6, 1)
    torch.testing.assert_close(game.encoder(x, noise), mean + log_deviation.exp() * noise)
    torch.testing.assert_close(game.encode(x, mean=True), mean)
    drawn = [game.encode(x, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0], mean)


def test_bigans_encoder_is_a_function() -> None:
    game = made(encoder="deterministic", prior="uniform").eval()
    x = torch.rand(B, 1, 28, 28)
    assert torch.equal(game.encode(x), game.encode(x))
    context = StepContext(0)
    game("both", Batch(x=x), context)
    assert "encoder" not in context.state_dict()["streams"]
    z = game.latent.sample(1000, StepContext(0))
    assert isinstance(z, Tensor)
    assert z.abs().max() <= 1


@pytest.mark.parametrize("shape", [*SHAPES, (3, 40, 52)], ids=str)
def test_sizes(shape: tuple[int, ...]) -> None:
    game = made(shape, "meta")
    terms = game("both", Batch(x=torch.rand(B, *shape, device="meta")), StepContext(0, "meta"))
    assert all(term.shape == () for term in terms.values())
    assert game.sample(B).shape == game.reconstruct(torch.rand(B, *shape, device="meta")).shape == (B, *shape)


def test_samples_lie_in_0_to_1() -> None:
    game = made((3, 32, 32)).eval()
    x = game.sample(B, generator=torch.Generator().manual_seed(0))
    assert x.min() >= 0
    assert x.max() <= 1
    assert game.sample(5, interpolate=2, generator=torch.Generator().manual_seed(0)).shape == (5, 3, 32, 32)
    with pytest.raises(TypeError, match="truncation"):
        game.sample(B, truncation=0.5)


def test_the_critic_looks_at_both() -> None:
    torch.manual_seed(0)
    critic = JointCritic((1, 28, 28), 6, 8, halved=True).eval()
    for parameter in critic.parameters():  # its own beginnings are so small that scores hardly differ
        nn.init.normal_(parameter, 0, 0.3)
    x, z = torch.rand(B, 1, 28, 28), torch.randn(B, 6)
    assert critic(x, z).shape == (B,)
    assert not torch.allclose(critic(x, z), critic(x, z.flip(0)))
    assert not torch.allclose(critic(x, z), critic(x.flip(0), z))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"16x16.*20 a side.*--size 32"):
        made((1, 16, 16))
    with pytest.raises(ValueError, match="makes images"):
        build(AliConfig(), DataSpec((2,), modality="points"))
