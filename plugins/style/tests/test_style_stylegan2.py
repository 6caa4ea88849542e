"""StyleGAN2: counts, networks, lazy regularisation, path length, mixing, truncation, noise, options and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ganzoo_style
import pytest
import torch
from ganzoo_style.stylegan2 import PATH, StyleGan2, StyleGan2Config, build
from torch import Tensor

from ganzoo.config import Adam, override
from ganzoo.models import Batch, DataSpec, StepContext

(RECORD,) = (record for record in ganzoo_style.ganzoo_architectures() if record.name == "stylegan2")
B, K = 8, 3


def configured(*assignments: str, preset: str = "tiny") -> StyleGan2Config:
    return override(StyleGan2Config(), [*RECORD.presets[preset], *assignments], "test")


def made(*assignments: str, shape: tuple[int, ...] = (1, 16, 16), classes: int = K) -> StyleGan2:
    torch.manual_seed(0)
    game = build(configured(*assignments), DataSpec(shape, classes=classes))
    assert isinstance(game, StyleGan2)
    game.built_for(DataSpec(shape, classes=classes))
    return game.train()


@pytest.fixture
def double() -> Iterator[None]:
    """Whatever is made inside is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch_of(shape: tuple[int, ...] = (1, 16, 16), n: int = B) -> Batch:
    x = torch.rand(n, *shape, generator=torch.Generator().manual_seed(3)) * 2 - 1
    return Batch(x=x, y=torch.arange(n) % K)


def louder(game: StyleGan2) -> StyleGan2:
    """Its noise has a strength, which begins at 0."""
    with torch.no_grad():
        for convolution in game.generator.convolutions:
            convolution.noise_strength.fill_(0.5)
    return game


@pytest.mark.parametrize(
    ("preset", "size", "generator", "discriminator"),
    [
        ("paper", 32, 19_947_539, 20_720_641),
        ("conditional", 32, 20_215_315, 23_089_664),
        ("paper256", 256, 24_767_458, 24_001_089),
        ("paper1024", 1024, 30_370_060, 29_012_513),
    ],
)
def test_counts_are_those_of_the_published_networks(preset: str, size: int, generator: int, discriminator: int) -> None:
    with torch.device("meta"):
        game = build(configured(preset=preset), DataSpec((3, size, size), classes=10))
    assert isinstance(game, StyleGan2)
    networks = (game.generator, game.discriminator)
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == [generator, discriminator]


def test_the_default_is_the_published_one_for_cifar() -> None:
    game = build(StyleGan2Config(most_channels=4, mapping=1), DataSpec((3, 32, 32)))
    assert isinstance(game, StyleGan2)
    (r1,) = game.penalties
    assert (r1.name, r1.weight, r1.interval) == ("r1", 0.01, 16)
    assert game.ema_images == 500_000
    assert not game.discriminator.get_submodule("stages")[0].skip  # type: ignore[index]
    assert [phase.name for phase in game.phases()] == ["discriminator", "discriminator/r1", "generator"]
    assert game.augment is not None


def test_rates_are_corrected_for_lazy_penalties() -> None:
    """lr·k/(k+1) and β^(k/(k+1)) with 4 for the generator, also without path length, and 16 for the discriminator."""
    for weight in ("0", "2.0"):
        optimizers = {player.name: player.optimizer for player in made(f"path_weight={weight}").players()}
        for name, k in (("generator", 4), ("discriminator", 16)):
            adam = optimizers[name]
            assert isinstance(adam, Adam)
            assert adam.lr == pytest.approx(0.0025 * k / (k + 1))
            assert (adam.beta1, adam.beta2) == (0.0, pytest.approx(0.99 ** (k / (k + 1))))


def test_gamma_and_average_by_the_rule_of_auto() -> None:
    game = made("gamma=none", "ema=none", "batch=8", shape=(1, 32, 32))
    assert game.penalties[0].weight == pytest.approx(0.0002 * 32 * 32 / 8)
    assert game.ema_images == pytest.approx(8 * 10_000 / 32)


def test_initialisation() -> None:
    torch.manual_seed(0)
    game = build(StyleGan2Config(most_channels=64), DataSpec((3, 16, 16)))
    assert isinstance(game, StyleGan2)
    for name, parameter in game.generator.named_parameters():
        if "mapping" in name and "weight" in name:
            assert float(parameter.detach().std()) == pytest.approx(100, rel=0.05), name
        elif "affine.bias" in name:
            assert bool((parameter == 1).all()), name
        elif "bias" in name or "noise_strength" in name:
            assert bool((parameter == 0).all()), name
        else:
            assert float(parameter.detach().std()) == pytest.approx(1, rel=0.15), name


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 16, 32), (1, 48, 48)])
def test_sizes(shape: tuple[int, ...]) -> None:
    game = made(shape=shape)
    assert game.sample(2).shape == (2, *shape)
    assert game.discriminator(torch.zeros(4, *shape)).total().shape == (4,)


def gradients(game: StyleGan2, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """The terms of each phase, each with finite gradients for its player."""
    context, found = StepContext(), {}
    players = {player.name: player for player in game.players()}
    for phase in game.phases():
        terms = game(phase.name, batch_of(shape), context)
        found |= {f"{phase.name}.{name}": term.detach() for name, term in terms.items()}
        (player,) = phase.players
        slopes = torch.autograd.grad(sum(terms.values()), players[player].parameters(), allow_unused=True)  # type: ignore[arg-type]
        assert all(slope is None or bool(torch.isfinite(slope).all()) for slope in slopes)
    return found


@pytest.mark.parametrize("options", [(), ("conditional=true",), ("blocks=orig", "mixing=0", "path_weight=0")], ids=str)
def test_phases_give_finite_gradients(options: tuple[str, ...]) -> None:
    terms = gradients(made(*options), (1, 16, 16))
    assert ("path length.path length" in terms) == ("path_weight=0" not in options)


@pytest.mark.usefixtures("double")
def test_path_length_is_that_of_a_jacobian() -> None:
    """The Jacobian of pictures by all styles, multiplied by the same noise, by plain torch; half of the batch."""
    game = made("mixing=0", shape=(1, 8, 8))
    context = StepContext(3)
    value = game(PATH, batch_of((1, 8, 8)), context)[PATH]
    context = StepContext(3)  # the same chance again
    generator = game.generator
    styles = generator.spread(generator.style(context.normal(B // 2, 16))).detach()
    noise = context.normal(B // 2, generator.noise_numbers, stream="noise")
    y = context.normal(B // 2, 1, 8, 8, stream="path") / 8
    lengths = []
    for i in range(B // 2):
        J = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
            lambda s, i=i: generator.synthesis(s[None], noise[i : i + 1])[0], styles[i]
        )
        slope = (J * y[i, :, :, :, None, None]).sum((0, 1, 2))
        lengths.append(slope.square().sum(1).mean().sqrt())
    lengths_B = torch.stack(lengths)
    expected = 2.0 * 4 * (lengths_B - 0.01 * lengths_B.mean()).square().mean()  # the moving mean was 0
    torch.testing.assert_close(value, expected)


def test_the_mean_path_length_moves_by_a_hundredth() -> None:
    game = made()
    game.path_mean.fill_(0.5)
    context = StepContext()
    game(PATH, batch_of(), context)
    assert float(game.path_mean) == 0.5, "it moves after the update"
    length = float(context.notes["path length"])
    game.after_phase(PATH, context)
    assert float(game.path_mean) == pytest.approx(0.5 + 0.01 * (length - 0.5))


@pytest.mark.usefixtures("double")
def test_path_length_has_an_exact_second_derivative() -> None:
    game = made("mixing=0")
    parameter = game.generator.convolutions[1].weight
    assert isinstance(parameter, Tensor)
    direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)).double()

    def value(step: float) -> Tensor:
        with torch.no_grad():
            parameter.add_(direction, alpha=step)
        found = game(PATH, batch_of(), StepContext(3))[PATH]
        with torch.no_grad():
            parameter.sub_(direction, alpha=step)
        return found

    (slope,) = torch.autograd.grad(game(PATH, batch_of(), StepContext(3))[PATH], [parameter])
    numeric = (value(1e-6) - value(-1e-6)).detach() / 2e-6
    assert float((slope * direction).sum()) == pytest.approx(float(numeric), rel=1e-5)


def test_r1_goes_through_the_augmentation_and_is_weighted_by_gamma_times_the_interval() -> None:
    game = made("augment=none", "gamma=0.5")
    batch, context = batch_of(), StepContext()
    term = game("discriminator/r1", batch, context)["r1"]
    x = batch.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(game.discriminator(x).total().sum(), [x])
    expected = 0.5 * 16 * slope.square().flatten(1).sum(1).mean() / 2
    torch.testing.assert_close(term, expected)
    augmented = made("gamma=0.5", "augment.p=1.0")("discriminator/r1", batch, StepContext())["r1"]
    assert abs(float(augmented) - float(term)) > 1e-6


def test_styles_are_mixed_at_one_cut_for_the_batch() -> None:
    game, cuts = made("mixing=1.0"), set()
    context = StepContext(1)
    L = game.generator.styles_per_picture
    for _ in range(40):
        styles = game._styles(4, batch_of(), context)
        new = (styles[:, 1:] != styles[:, :-1]).any(2)
        assert bool((new == new[:1]).all())
        (place,) = new[0].nonzero().flatten().tolist()
        cuts.add(place + 1)
    assert cuts == set(range(1, L))
    plain = made("mixing=0")._styles(4, batch_of(), context)
    assert bool((plain == plain[:, :1]).all())


def test_the_average_style_follows_every_forward_but_the_mixed_in_latents() -> None:
    game = made("mixing=1.0")
    game.generator.average.fill_(1.0)
    context = StepContext(5)
    game.fake(batch_of(), context)
    style = game.generator.style(StepContext(5).normal(B, 16))
    torch.testing.assert_close(game.generator.average, 0.995 + 0.005 * style.detach().mean(0))


def test_truncation() -> None:
    game = made().eval()
    network = game.generator
    network.average.copy_(torch.randn(16, generator=torch.Generator().manual_seed(0)))

    def drawn(**options: Any) -> Tensor:
        return game.sample(3, generator=torch.Generator().manual_seed(1), noise="const", **options)

    style = network.style(torch.randn(3, 16, generator=torch.Generator().manual_seed(1)))
    half = network.spread(style, 0.5, 2)
    torch.testing.assert_close(half[:, 0], (style + network.average) / 2)
    assert torch.equal(half[:, 2:], network.spread(style)[:, 2:])
    torch.testing.assert_close(drawn(psi=0.5, cutoff=2), network.synthesis(half).clamp(-1, 1))
    torch.testing.assert_close(drawn(psi=0.0)[0], drawn(psi=0.0)[1])
    assert torch.equal(drawn(psi=1.0), drawn())


def test_mixed_styles_are_the_first_latents_and_then_the_seconds() -> None:
    game = made().eval()
    network = game.generator

    def drawn(**options: Any) -> Tensor:
        return game.sample(3, generator=torch.Generator().manual_seed(1), noise="const", **options)

    chance = torch.Generator().manual_seed(1)
    one, two = (network.spread(network.style(torch.randn(3, 16, generator=chance))) for _ in range(2))
    mixed = torch.cat([one[:, :2], two[:, 2:]], 1)
    torch.testing.assert_close(drawn(mix=2), network.synthesis(mixed).clamp(-1, 1))
    for wrong in (0, network.styles_per_picture, 1.5):
        with pytest.raises(ValueError, match="wanted how many of the"):
            drawn(mix=wrong)


def test_noise_is_random_or_the_layers_own() -> None:
    game = louder(made().eval())

    def drawn(noise: str, seed: int) -> Tensor:
        network = game.generator
        torch.manual_seed(seed)
        z = torch.ones(2, 16)
        styles = network.spread(network.style(z))
        return network.synthesis(styles, torch.randn(2, network.noise_numbers) if noise == "random" else None)

    assert torch.equal(drawn("const", 0), drawn("const", 1))
    assert not torch.equal(drawn("random", 0), drawn("random", 1))
    random = drawn("random", 0)
    assert not torch.equal(random[0], random[1]), "each picture has its own"
    assert torch.equal(game.generator(torch.ones(2, 16)), drawn("const", 0).clamp(-1, 1))


def test_sampling_options() -> None:
    game = made().eval()
    assert game.sample(7, interpolate=3).shape == (7, 1, 16, 16)
    with pytest.raises(TypeError, match="unknown sampling option truncation"):
        game.sample(2, truncation=0.5)
    with pytest.raises(ValueError, match="random or const"):
        game.sample(2, noise="none")


def test_the_samples_of_a_label_differ() -> None:
    game = made("conditional=true").eval()
    one, other = (
        game.sample(2, condition=torch.full((2,), label), generator=torch.Generator().manual_seed(0))
        for label in (0, 1)
    )
    assert not torch.equal(one, other)
    with pytest.raises(ValueError):
        game.sample(2)


def test_a_step_follows_from_the_contexts_seed_alone() -> None:
    game = louder(made())
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        found.append(game("generator", batch_of(), StepContext(2))["adversarial"])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "shape", "classes", "match"),
    [
        (("batch=12", "group=8"), (1, 16, 16), 0, "groups of 8"),
        ((), (1, 30, 30), 0, "30x30"),
        ((), (2,), 0, "images"),
        (("conditional=true",), (1, 16, 16), 0, "no class labels"),
    ],
)
def test_refusals(options: tuple[str, ...], shape: tuple[int, ...], classes: int, match: str) -> None:
    modality = "image" if len(shape) == 3 else "points"
    with pytest.raises(ValueError, match=match):
        build(configured(*options), DataSpec(shape, modality, classes=classes))
