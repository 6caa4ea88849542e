"""Averaged weights: the decay of the equation, and what follows the game."""

from __future__ import annotations

import pytest
import torch

from ganzoo.config import Schedule
from ganzoo.engine.ema import Ema
from tests.engine.tiny_games import GAMES, GrowingGame


def test_decay_halves_over_the_half_life() -> None:
    game = GAMES["simultaneous update"]()
    ema = Ema(game, half_life=100, ramp=1e9)
    weight = game.generator.net[0].weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    for images in range(10, 110, 10):
        ema.update(images, 10)
    torch.testing.assert_close(ema.state_dict()["generator.net.0.weight"], before + 0.5)


def test_the_ramp_shortens_the_half_life_at_the_start() -> None:
    game = GAMES["simultaneous update"]()
    ema = Ema(game, half_life=1e9, ramp=0.05)
    weight = game.generator.net[0].weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    ema.update(200, 10)  # half-life 10 images
    torch.testing.assert_close(ema.state_dict()["generator.net.0.weight"], before + 0.5)


def test_applied_swaps_and_returns_even_after_an_error() -> None:
    game = GAMES["shared fakes"]()
    ema = Ema(game, 100)
    weight = game.generator.net[0].weight
    with torch.no_grad():
        weight.fill_(7.0)
    averaged = ema.state_dict()["generator.net.0.weight"].clone()

    def fail() -> None:
        with ema.applied():
            assert torch.equal(weight, averaged)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.all(weight == 7.0)
    ema.update(10, 10)
    assert not torch.equal(ema.state_dict()["generator.net.0.weight"], averaged)


def test_buffers_are_copied_and_the_discriminator_is_left_out() -> None:
    game = GAMES["shared fakes"]()
    ema = Ema(game, 100)
    game.generator.net[1].running_mean.fill_(3.0)
    ema.update(10, 10)
    state = ema.state_dict()
    assert torch.all(state["generator.net.1.running_mean"] == 3.0)
    assert not any(name.startswith("discriminator") for name in state)


def test_growth_keeps_the_average_of_what_remains() -> None:
    game = GrowingGame()
    ema = Ema(game, 100)
    with torch.no_grad():
        game.to_4.weight.add_(1.0)
    kept = ema.state_dict()["to_4.weight"].clone()
    game.on_progress(game.GROWS_AT)
    ema.follow()
    assert torch.equal(ema.state_dict()["to_4.weight"], kept)
    assert torch.equal(ema.state_dict()["up.weight"], game.up.weight)


def test_no_half_life_keeps_nothing() -> None:
    game = GAMES["simultaneous update"]()
    ema = Ema(game, 0)
    ema.update(10, 10)
    assert ema.state_dict() == {}
    with ema.applied():
        pass


def test_a_schedule_of_half_lives_has_no_ramp_and_may_begin_at_nothing() -> None:
    """R3GAN's: from the weights themselves to a long memory."""
    game = GAMES["simultaneous update"]()
    ema = Ema(game, half_life=Schedule(points=((0, 0.0), (100, 50.0))), ramp=1e-9)
    weight = game.generator.net[0].weight
    with torch.no_grad():
        weight.add_(1.0)
    ema.update(0, 10)
    torch.testing.assert_close(ema.state_dict()["generator.net.0.weight"], weight.detach())
    with torch.no_grad():
        weight.add_(1.0)
    ema.update(100, 50)  # half-life 50 images
    torch.testing.assert_close(ema.state_dict()["generator.net.0.weight"], weight.detach() - 0.5)


def test_buffers_that_no_checkpoint_holds_are_left_out() -> None:
    game = GAMES["simultaneous update"]()
    game.generator.register_buffer("constant", torch.ones(3), persistent=False)
    ema = Ema(game, 100)
    ema.update(10, 10)
    assert set(ema.state_dict()) <= set(game.state_dict())
