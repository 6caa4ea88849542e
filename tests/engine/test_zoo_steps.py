"""Every official architecture through the real engine: devices, host reads, layouts, and a step beside plain torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganzoo.engine.step import Stepper, laid_out_as
from ganzoo.testing.host import HostReads
from tests.engine.worlds import zoo_names, zoo_stepper


def test_the_seven_are_here() -> None:
    assert len(zoo_names()) >= 7


@pytest.mark.parametrize("name", zoo_names())
def test_two_steps_on_meta_find_no_host_sync_and_no_forgotten_device(name: str) -> None:
    engine = zoo_stepper(name, "meta")
    engine.step()
    engine.step()


@pytest.mark.parametrize("name", zoo_names())
def test_no_host_read_between_rows(name: str) -> None:
    engine = zoo_stepper(name)
    engine.step()
    with HostReads() as reads:
        engine.step()
    assert not reads.seen


@pytest.mark.parametrize("name", zoo_names())
def test_an_update_is_the_one_of_the_plain_optimiser(name: str) -> None:
    """Fused optimisers walk gradients in the parameter's memory order without a check: a wrong layout would train on
    shuffled gradients in silence."""
    engine = zoo_stepper(name)
    compared = 0

    def spy(seat: Any) -> None:
        original = seat.optimizer.step

        def step() -> None:
            nonlocal compared
            reached = [p for p in seat.parameters if p.grad is not None]
            group = {
                k: v
                for k, v in seat.optimizer.param_groups[0].items()
                if k in ("lr", "betas", "eps", "momentum", "alpha")
            }
            copies = [p.detach().clone(memory_format=torch.contiguous_format).requires_grad_() for p in reached]
            for copy, p in zip(copies, reached, strict=True):
                assert p.grad is not None
                copy.grad = p.grad.clone(memory_format=torch.contiguous_format)
            plain = type(seat.optimizer)(copies, foreach=False, **group)
            with torch.enable_grad():
                plain.step()
            original()
            seat.optimizer.step = original
            for copy, p in zip(copies, reached, strict=True):
                torch.testing.assert_close(p.detach(), copy.detach(), rtol=1e-5, atol=1e-7)
                compared += 1

        seat.optimizer.step = step

    for seat in engine.seats.values():
        spy(seat)
    engine.step()
    assert compared >= 6


def test_a_gradient_of_another_layout_is_copied() -> None:
    parameter = torch.zeros(3, 4, 2, 2).contiguous(memory_format=torch.channels_last)
    gradient = torch.arange(48.0).view(3, 4, 2, 2)
    laid_out = laid_out_as(parameter, gradient)
    assert torch.equal(laid_out, gradient)
    assert laid_out.stride() == parameter.stride()
    assert laid_out_as(parameter, laid_out) is laid_out


def gradients_of_a_step(name: str, dtype: torch.dtype, before: int) -> dict[str, torch.Tensor]:
    """The gradients by player of the step that follows `before` steps in float32."""
    engine: Stepper = zoo_stepper(name)
    for _ in range(before):
        engine.step()
    engine._dtype = dtype
    seen: dict[str, torch.Tensor] = {}
    for player, seat in engine.seats.items():

        def step(player: str = player, seat: Any = seat) -> None:
            if player not in seen:
                found = [p.grad.flatten() for p in seat.parameters if p.grad is not None]
                seen[player] = torch.cat(found).clone()

        seat.optimizer.step = step
    engine.step()
    return seen


@pytest.mark.parametrize("name", zoo_names())
def test_bfloat16_stays_near_float32(name: str) -> None:
    """Gradients in mixed precision are those of float32 within its rounding; penalties are float32 throughout.

    8 channels and 8 samples under batch norm are a small signal. At the very start the fakes of some networks are nearly
    alike, and batch norm over them is rounding alone: these are judged ten steps later.
    """
    worst = {}
    for before in (0, 10):
        full, mixed = (gradients_of_a_step(name, dtype, before) for dtype in (torch.float32, torch.bfloat16))
        assert all(gradient.dtype == torch.float32 for gradient in mixed.values())
        worst[before] = max(float((mixed[player] - g).norm() / g.norm()) for player, g in full.items())
        if worst[before] < 0.5:
            return
    raise AssertionError(worst)
