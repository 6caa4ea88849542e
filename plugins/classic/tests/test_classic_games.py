"""Every game of the family computes its phases at every size, on the processor and, without a host sync, on meta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from ganzoo_classic import dcgan, dcgan_tf, gan, lsgan

from ganzoo.models import Batch, DataSpec, Game, Gan, StepContext
from ganzoo.models.layers.sizes import halvings

Build = Callable[[Any, DataSpec], Game]

SMALL: dict[str, tuple[Build, Any]] = {
    "gan": (gan.build, gan.MlpConfig()),
    "gan mlp-bn": (gan.build, gan.MlpConfig(network="mlp-bn")),
    "dcgan": (dcgan.build, dcgan.DcganConfig(width=4)),
    "dcgan paper": (dcgan.build, dcgan.DcganConfig(network="paper", width=4)),
    "dcgan-tf": (dcgan_tf.build, dcgan_tf.DcganTfConfig(width=4)),
    "lsgan": (lsgan.build, lsgan.LsganConfig(width=4)),
}
SHAPES = [(channels, size, size) for size in (28, 32, 64) for channels in (1, 3)]
B = 4


def made(name: str, shape: tuple[int, ...], device: str = "cpu") -> Gan:
    torch.manual_seed(0)
    build, config = SMALL[name]
    with torch.device(device):
        game = build(config, DataSpec(shape))
    assert isinstance(game, Gan)
    return game


def gradients(game: Gan, shape: tuple[int, ...], device: str) -> None:
    """Each phase's terms and their gradients for each of its players."""
    context = StepContext(0, device)
    players = {player.name: player for player in game.players()}
    batch = Batch({"x": torch.rand(B, *shape, device=device)})
    for phase in game.phases():
        terms = game(phase.name, batch, context)
        for name in phase.players:
            own = [term for key, term in terms.items() if len(phase.players) == 1 or key.startswith(f"{name}/")]
            assert own
            assert all(term.shape == () for term in own)
            found = torch.autograd.grad(sum(own[1:], own[0]), players[name].parameters(), retain_graph=True)
            if device != "meta":
                assert all(gradient.isfinite().all() for gradient in found)
        context.terms = {key: term.detach() for key, term in terms.items()}
        game.after_phase(phase.name, context)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_samples_have_the_datas_shape_and_range(name: str, shape: tuple[int, ...]) -> None:
    game = made(name, shape)
    x = game.sample(B, generator=torch.Generator().manual_seed(0))
    low, high = game.value_range
    assert x.shape == (B, *shape)
    assert low <= x.min()
    assert x.max() <= high
    assert game.discriminator(x).logits.shape == (B,)


@pytest.mark.parametrize("name", SMALL)
def test_phases_give_finite_gradients(name: str) -> None:
    gradients(made(name, (1, 28, 28)), (1, 28, 28), "cpu")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_phases_run_on_meta(name: str, shape: tuple[int, ...]) -> None:
    gradients(made(name, shape, "meta"), shape, "meta")


@pytest.mark.parametrize("name", SMALL)
def test_a_step_follows_from_the_seeds(name: str) -> None:
    batch = Batch({"x": torch.rand(B, 1, 28, 28)})

    def terms(disturbance: int) -> list[float]:
        game, context = made(name, (1, 28, 28)), StepContext(5)
        torch.rand(disturbance)
        torch.manual_seed(1)  # torch's own generator serves dropout alone
        found = [term for phase in game.phases() for term in game(phase.name, batch, context).values()]
        return [float(term.detach()) for term in found]

    assert terms(1) == terms(2)


@pytest.mark.parametrize("name", SMALL)
def test_other_sizes(name: str) -> None:
    assert made(name, (3, 16, 32), "meta").sample(B).shape == (B, 3, 16, 32)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 64), (4, (4, 4))),
        ((32, 32), (3, (4, 4))),
        ((28, 28), (2, (7, 7))),
        ((48, 48), (3, (6, 6))),
        ((32, 64), (3, (4, 8))),
        ((8, 8), (1, (4, 4))),
    ],
)
def test_the_rule_of_sizes(size: tuple[int, int], expected: tuple[int, tuple[int, int]]) -> None:
    assert halvings(DataSpec((3, *size))) == expected


@pytest.mark.parametrize(
    ("size", "near"), [((36, 36), "32x32"), ((30, 30), "28x28"), ((6, 6), "8x8"), ((32, 36), "32")]
)
def test_an_impossible_size_is_refused_with_a_remedy(size: tuple[int, int], near: str) -> None:
    with pytest.raises(ValueError, match=rf"toys holds pictures of {size[0]}x{size[1]}.*for example {near}"):
        dcgan.build(dcgan.DcganConfig(), DataSpec((1, *size), name="toys"))


def test_the_tutorial_wants_multiples_of_4() -> None:
    with pytest.raises(ValueError, match=r"30x28.*multiples of 4.*for example 28x28"):
        dcgan_tf.build(dcgan_tf.DcganTfConfig(), DataSpec((1, 30, 28)))


def test_points_are_refused() -> None:
    for build, config in SMALL.values():
        with pytest.raises(ValueError, match="makes images"):
            build(config, DataSpec((2,), modality="points"))


def test_losses_penalties_and_labels_can_be_swapped() -> None:
    config = gan.MlpConfig.model_validate({"loss": "minimax", "penalty": ["r1", {"name": "drift", "weight": 0.1}]})
    game = gan.build(config, DataSpec((1, 8, 8)))
    terms = game("discriminator", Batch({"x": torch.rand(B, 1, 8, 8)}), StepContext(0))
    assert set(terms) == {"adversarial", "r1", "drift"}
    (minimax,) = game("generator", Batch({"x": torch.rand(B, 1, 8, 8)}), StepContext(0)).values()
    assert float(minimax.detach()) < 0
