"""R3GAN: counts, initialisation, the loss and its five schedules, and the networks beside plain definitions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_style.r3gan_networks import HE, Basis, R3ganDiscriminator, R3ganGenerator, block
from torch import nn
from torch.nn.functional import conv2d, leaky_relu, softplus

from ganzoo.build import build, configure, find_arch, parameter_counts
from ganzoo.config import Adam, Schedule
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Batch, DataSpec, Gan, Scores, StepContext
from ganzoo.models.layers.piecewise import Sum, is_piecewise_linear

TINY = ("batch=4", "width=8", "wide_until=8", "group_size=2", "blocks=1", "latent=8", "augment_p=[0,0]")


def game(*assignments: str, shape: tuple[int, ...] = (3, 32, 32), classes: int = 0, **how: Any) -> Gan:
    entry = find_arch("r3gan")
    made = build(
        entry, configure(entry, assignments, preset=how.pop("preset", None)), DataSpec(shape, classes=classes), **how
    )
    assert isinstance(made, Gan)
    return made.train()


def networks(made: Gan) -> tuple[R3ganGenerator, R3ganDiscriminator]:
    """Both, as what they are."""
    assert isinstance(made.generator, R3ganGenerator)
    assert isinstance(made.discriminator, R3ganDiscriminator)
    return made.generator, made.discriminator


def layers_of(network: R3ganGenerator | R3ganDiscriminator) -> list[Any]:
    """The layers in order."""
    return list(network.layers.children())


def branch(residual: Sum) -> list[Any]:
    """The layers of a block's branch."""
    return list(residual.branches[1].children())


@pytest.mark.parametrize(("preset", "pixels", "classes", "generator", "discriminator"), [
    ("paper", 32, 10, 20_781_952, 21_280_512),
    ("ffhq-64", 64, 0, 22_429_824, 22_381_440),
    ("ffhq-256", 256, 0, 23_057_952, 23_009_568),
    ("imagenet-32", 32, 1000, 82_914_304, 86_548_992),
    ("imagenet-64", 64, 1000, 103_570_432, 107_205_120),
])  # fmt: skip
def test_counts_are_the_published_ones(
    preset: str, pixels: int, classes: int, generator: int, discriminator: int
) -> None:
    made = game(preset=preset, shape=(3, pixels, pixels), classes=classes, device="meta")
    assert parameter_counts(made) == {"generator": generator, "discriminator": discriminator}


def test_the_default_is_the_published_cifar_10() -> None:
    made = game(classes=10, device="meta")
    for player in made.players():
        adam = player.optimizer
        assert isinstance(adam, Adam)
        assert isinstance(adam.lr, Schedule)
        assert isinstance(adam.beta2, Schedule)
        assert (adam.beta1, adam.eps, adam.lr.shape) == (0.0, 1e-8, "cosine")
        assert [adam.lr.at(n) for n in (0, 10**7, 2 * 10**7, 10**9)] == pytest.approx([2e-4, 1.25e-4, 5e-5, 5e-5])
        assert [adam.beta2.at(n) for n in (0, 10**7, 2 * 10**7)] == pytest.approx([0.9, 0.945, 0.99])
    assert [term.name for term in made.penalties] == ["r1", "r2"]
    for term in made.penalties:
        assert isinstance(term.weight, Schedule)
        assert [term.weight.at(n) for n in (0, 10**7, 2 * 10**7)] == pytest.approx([0.05, 0.0275, 0.005])
        assert term.interval == 1
    assert isinstance(made.ema_images, Schedule)
    assert [made.ema_images.at(n) for n in (0, 2 * 10**7)] == [0, 5_000_000]
    config: Any = configure(find_arch("r3gan"))
    assert (config.batch, config.loss.name, config.augment_p) == (512, "relativistic", (0, 0.55))


def test_blocks_begin_as_the_identity_and_the_other_layers_with_their_gains() -> None:
    torch.manual_seed(0)
    made = block(64, 8, 2, blocks=8)
    x = torch.randn(2, 64, 5, 5)
    assert torch.equal(made(x), x)
    first, _, middle, _, last = branch(made)
    assert float(first.weight.detach().std()) == pytest.approx(HE * 8**-0.25 / 64**0.5, rel=0.05)
    assert float(middle.weight.detach().std()) == pytest.approx(HE * 8**-0.25 / (16 * 9) ** 0.5, rel=0.05)
    assert pytest.approx((2 / 1.04) ** 0.5) == HE
    assert (middle.groups, middle.weight.shape) == (8, (128, 16, 3, 3))
    assert not last.weight.any()
    assert [layer.bias is not None for layer in (first, middle, last)] == [True, True, False]
    small = game(preset="small")
    generator, discriminator = (layers_of(part) for part in networks(small))
    assert float(generator[0].maps_HWC.detach().std()) == pytest.approx(1, rel=0.1)
    assert float(generator[0].linear.weight.detach().std()) == pytest.approx(64**-0.5, rel=0.1)
    assert float(discriminator[-3].weight.detach().std()) == pytest.approx(1 / 4, rel=0.1)


def test_there_is_no_normalisation_and_every_bias_belongs_to_an_activation() -> None:
    made = game(*TINY)
    kinds = {type(module).__name__ for module in made.modules()}
    assert not [kind for kind in kinds if "Norm" in kind]
    for network in networks(made):
        chain = [module for module in network.layers.modules() if not list(module.children())]
        for layer, following in zip(chain, [*chain[1:], None], strict=True):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                assert (layer.bias is not None) == isinstance(following, nn.LeakyReLU)
            if isinstance(layer, nn.LeakyReLU):
                assert layer.negative_slope == 0.2


def test_a_block_and_the_bases_are_what_their_equations_say() -> None:
    torch.manual_seed(0)
    made = block(4, 2, 2, blocks=1).double()
    first, _, middle, _, last = branch(made)
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    h = leaky_relu(conv2d(x, first.weight, first.bias), 0.2)
    h = leaky_relu(conv2d(h, middle.weight, middle.bias, padding=1, groups=2), 0.2)
    torch.testing.assert_close(made(x), x + conv2d(h, last.weight))
    basis = Basis(3, 5, (4, 6))
    z = torch.randn(2, 3)
    wanted = torch.einsum("hwc,bc->bchw", basis.maps_HWC, z @ basis.linear.weight.T)
    torch.testing.assert_close(basis(z), wanted)


def test_the_discriminators_stages_mirror_the_generators() -> None:
    def shapes(network: R3ganGenerator | R3ganDiscriminator) -> list[tuple[int, ...]]:
        return [tuple(layer.weight.shape) for layer in network.layers.modules() if isinstance(layer, nn.Conv2d)]

    made = game(*TINY, "width=16")
    generator, discriminator = networks(made)
    forward, back = shapes(generator), shapes(discriminator)
    assert sorted(shape for shape in forward if shape[2] == 3) == sorted(shape for shape in back if shape[2] == 3)
    assert [shape[0] for shape in forward if shape[2] == 3] == [32, 32, 16, 8]
    assert back[-1] == (16, 1, 4, 4)  # a depthwise basis
    assert back[0] == (4, 3, 1, 1)


def test_the_discriminator_is_a_chain_unless_it_takes_labels() -> None:
    plain, labelled = game(*TINY).discriminator, game(*TINY, classes=5).discriminator
    assert isinstance(plain, R3ganDiscriminator)
    assert isinstance(labelled, R3ganDiscriminator)
    chain = plain.piecewise_linear()
    assert chain is not None
    assert is_piecewise_linear(chain)
    assert labelled.piecewise_linear() is None
    assert plain.per_sample


def test_labels_reach_both_networks_as_embeddings() -> None:
    torch.manual_seed(0)
    made = game(*TINY, classes=5)
    generator, discriminator = networks(made)
    assert generator.embedding is not None
    assert discriminator.embedding is not None
    assert (generator.embedding.weight.shape, discriminator.embedding.weight.shape) == ((8, 5), (8, 5))
    wide = game(*TINY, "width=512", "group_size=16", classes=5).discriminator
    assert isinstance(wide, R3ganDiscriminator)
    assert wide.embedding is not None
    assert float(wide.embedding.weight.detach().std()) == pytest.approx((512 * 5) ** -0.5, rel=0.1)
    x, y = torch.rand(3, 3, 32, 32), torch.tensor([0, 1, 4])
    features = discriminator.layers(x)
    wanted = torch.stack([features[i] @ discriminator.embedding.weight[:, y[i]] for i in range(3)])
    torch.testing.assert_close(Scores.of(discriminator(x, y)).total(), wanted)
    assert game(*TINY, "conditional=false", classes=5).conditional is False


def test_both_players_pair_real_and_fake_samples_and_gamma_follows_its_schedule() -> None:
    torch.manual_seed(0)
    made = game(*TINY, "schedule_images=100", "gamma=[2, 1]")
    x = torch.rand(4, 3, 32, 32) * 2 - 1
    for images, gamma in ((0, 2.0), (50, 1.5), (100, 1.0)):
        context = StepContext(seed=1)
        context.images = images
        terms = made("discriminator", Batch(x=x), context)
        z = made.latent.sample(4, StepContext(seed=1))
        fake = made.generator(z).detach()
        leaves = [x.clone().requires_grad_(), fake.clone().requires_grad_()]
        real_score, fake_score = (Scores.of(made.discriminator(leaf)).total() for leaf in leaves)
        torch.testing.assert_close(terms["adversarial"], softplus(fake_score - real_score).mean())
        for name, leaf, score in (("r1", leaves[0], real_score), ("r2", leaves[1], fake_score)):
            (gradient,) = torch.autograd.grad(score.sum(), leaf, retain_graph=True)
            torch.testing.assert_close(terms[name], gamma / 2 * gradient.square().sum((1, 2, 3)).mean())
        own = made("generator", Batch(x=x), StepContext(seed=1))["adversarial"]
        torch.testing.assert_close(own, softplus(real_score - fake_score).mean())


def test_the_augmentations_chance_follows_its_schedule_without_feedback() -> None:
    made = game(*TINY[:-1], "schedule_images=100")
    torch.manual_seed(0)
    x = torch.rand(4, 3, 32, 32) * 2 - 1
    context = StepContext(seed=1)
    assert made.augment is not None
    assert torch.equal(made.augment(x, context), x)
    context.images = 100
    assert not torch.equal(made.augment(x, context), x)
    assert game(*TINY).augment is None


def test_own_optimisers_can_be_changed_in_part() -> None:
    made = game(*TINY, "generator.lr=1e-3")
    generator, discriminator = made.players()
    assert generator.optimizer.lr == 1e-3
    assert isinstance(generator.optimizer, Adam)
    assert isinstance(generator.optimizer.beta2, Schedule)
    assert discriminator.optimizer.lr == 1e-3  # as the generator's, unless it has its own


def test_pictures_of_other_sizes_missing_labels_and_uneven_groups_are_refused() -> None:
    for shape, classes, assignments, message in (
        ((3, 27, 27), 0, TINY, "resolution"),
        ((3, 32, 32), 0, (*TINY, "conditional=true"), "no class labels"),
        ((3, 32, 32), 0, (*TINY, "group_size=3"), "do not split into groups"),
    ):
        with pytest.raises((GanzooError, UsageError), match=message):
            game(*assignments, shape=shape, classes=classes)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 32), (1, 64, 64)])
def test_other_sizes_are_made(shape: tuple[int, int, int]) -> None:
    made = game(*TINY, "wide_until=32", shape=shape)
    assert made.eval().sample(2).shape == (2, *shape)
    assert Scores.of(made.discriminator(torch.zeros(2, *shape))).total().shape == (2,)
