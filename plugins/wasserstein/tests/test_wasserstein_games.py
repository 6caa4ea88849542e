"""Every game of the family computes its phases at every size, on the processor and, without a host sync, on meta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from ganzoo_wasserstein import dragan, wgan, wgan_gp
from ganzoo_wasserstein.sizes import rounded_halvings

from ganzoo.models import Batch, DataSpec, Game, Gan, StepContext
from ganzoo.models.layers.sizes import halvings

Build = Callable[[Any, DataSpec], Game]

SMALL: dict[str, tuple[Build, Any]] = {
    "wgan": (wgan.build, wgan.WganConfig(width=4)),
    "wgan mlp": (wgan.build, wgan.WganConfig(network="mlp", width=8)),
    "wgan-gp": (wgan_gp.build, wgan_gp.WganGpConfig(width=4)),
    "wgan-gp mnist": (wgan_gp.build, wgan_gp.WganGpConfig(network="mnist", width=4)),
    "wgan-gp cifar": (wgan_gp.build, wgan_gp.WganGpConfig(network="cifar", width=4)),
    "wgan-gp resnet": (wgan_gp.build, wgan_gp.WganGpConfig(network="resnet", width=4)),
    "wgan-gp labels": (wgan_gp.build, wgan_gp.WganGpConfig(conditional=True, width=4)),
    "wgan-gp dcgan": (wgan_gp.build, wgan_gp.WganGpConfig(network="dcgan", width=4)),
    "dragan": (dragan.build, dragan.DraganConfig(width=4)),
    "dragan mlp": (dragan.build, dragan.DraganConfig(network="mlp", width=4)),
    "dragan dcgan": (dragan.build, dragan.DraganConfig(network="dcgan", width=4)),
}
SHAPES = [(channels, size, size) for size in (28, 32, 64) for channels in (1, 3)]
B, K = 4, 3


def made(name: str, shape: tuple[int, ...], device: str = "cpu") -> Gan:
    torch.manual_seed(0)
    build, config = SMALL[name]
    with torch.device(device):
        game = build(config, DataSpec(shape, classes=K))
    assert isinstance(game, Gan)
    return game


def batch_of(shape: tuple[int, ...], device: str = "cpu") -> Batch:
    labels = torch.arange(B, device=device) % K
    return Batch({"x": torch.rand(B, *shape, device=device), "y": labels})


def gradients(game: Gan, shape: tuple[int, ...], device: str) -> None:
    """Each phase's terms and their gradients for each of its players."""
    context = StepContext(0, device)
    players = {player.name: player for player in game.players()}
    batch = batch_of(shape, device)
    for phase in game.phases():
        terms = list(game(phase.name, batch, context).values())
        assert terms
        assert all(term.shape == () for term in terms)
        (player,) = phase.players
        parameters = players[player].parameters()
        found = torch.autograd.grad(sum(terms[1:], terms[0]), parameters, allow_unused=True)
        if device != "meta":
            assert all(gradient is not None and gradient.isfinite().all() for gradient in found)
        game.after_phase(phase.name, context)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_samples_have_the_datas_shape_and_range(name: str, shape: tuple[int, ...]) -> None:
    game = made(name, shape)
    labels = torch.arange(B) % K if game.conditional else None
    x = game.sample(B, condition=labels, generator=torch.Generator().manual_seed(0))
    low, high = game.value_range
    assert x.shape == (B, *shape)
    assert name == "wgan mlp" or (low <= x.min() and x.max() <= high)  # its generator has no bounds
    assert game.discriminator(x).logits.shape == (B,)


@pytest.mark.parametrize("name", SMALL)
def test_phases_give_finite_gradients(name: str) -> None:
    gradients(made(name, (1, 28, 28)), (1, 28, 28), "cpu")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_phases_run_on_meta(name: str, shape: tuple[int, ...]) -> None:
    gradients(made(name, shape, "meta"), shape, "meta")


@pytest.mark.parametrize("name", SMALL)
def test_a_step_follows_from_the_contexts_seed_alone(name: str) -> None:
    batch = batch_of((1, 28, 28))

    def terms(torch_seed: int) -> list[float]:
        game, context = made(name, (1, 28, 28)), StepContext(5)
        torch.manual_seed(torch_seed)
        found = [term for phase in game.phases() for term in game(phase.name, batch, context).values()]
        return [float(term.detach()) for term in found]

    assert terms(1) == terms(2)


@pytest.mark.parametrize("name", SMALL)
def test_other_sizes(name: str) -> None:
    game = made(name, (3, 16, 32))
    labels = torch.zeros(B, dtype=torch.int64) if game.conditional else None
    x = game.sample(B, condition=labels)
    assert x.shape == (B, 3, 16, 32)
    assert game.discriminator(x).logits.shape == (B,)


def test_the_rules_of_sizes() -> None:
    assert halvings(DataSpec((3, 32, 64))) == (3, (4, 8))
    assert halvings(DataSpec((3, 28, 28))) == (2, (7, 7))
    assert rounded_halvings(DataSpec((1, 28, 28))) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert rounded_halvings(DataSpec((1, 31, 62))) == [(31, 62), (16, 31), (8, 16), (4, 8)]


@pytest.mark.parametrize("size", [28, 31, 36, 57, 5])
def test_rounded_halves_make_every_size(size: int) -> None:
    game = made("wgan-gp mnist", (1, size, size))
    x = game.sample(B)
    assert x.shape == (B, 1, size, size)
    assert game.discriminator(x).logits.shape == (B,)


@pytest.mark.parametrize(("size", "near"), [(36, "32x32"), (30, "28x28"), (6, "8x8")])
def test_an_impossible_size_is_refused_with_a_remedy(size: int, near: str) -> None:
    with pytest.raises(ValueError, match=rf"toys holds pictures of {size}x{size}.*for example {near}"):
        wgan.build(wgan.WganConfig(), DataSpec((1, size, size), name="toys"))


def test_too_small_a_picture_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"4x9 pixels.*wants 5 pixels a side or more"):
        wgan_gp.build(wgan_gp.WganGpConfig(network="mnist"), DataSpec((1, 4, 9)))


def test_points_are_refused() -> None:
    for build, config in SMALL.values():
        with pytest.raises(ValueError, match="makes images"):
            build(config, DataSpec((2,), modality="points"))


def test_losses_and_penalties_can_be_swapped() -> None:
    config = wgan_gp.WganGpConfig.model_validate(
        {"network": "resnet", "width": 4, "loss": "relativistic", "penalty": [{"name": "r1", "interval": 4}, "r2"]}
    )
    game, context = wgan_gp.build(config, DataSpec((1, 16, 16))), StepContext(0)
    batch = batch_of((1, 16, 16))
    terms = {phase.name: set(game(phase.name, batch, context)) for phase in game.phases()}
    assert terms == {"discriminator": {"adversarial", "r2"}, "discriminator/r1": {"r1"}, "generator": {"adversarial"}}


def test_upsampling_is_the_dcgan_networks_alone() -> None:
    data = DataSpec((1, 32, 32))
    nearest = wgan_gp.build(wgan_gp.WganGpConfig(upsampling="nearest", width=4), data)
    kinds = [type(part).__name__ for part in nearest.modules()]
    assert kinds.count("Upsample") == 3
    assert kinds.count("ConvTranspose2d") == 1
    assert nearest.sample(2).shape == (2, 1, 32, 32)
    with pytest.raises(ValueError, match="upsampling of its own"):
        wgan_gp.build(wgan_gp.WganGpConfig(upsampling="nearest", network="mnist"), data)
