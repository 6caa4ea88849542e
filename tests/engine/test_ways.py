"""Which way steps are taken, how many threads are chosen, and where a small game's state lies."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.engine.packing import Packed
from ganzoo.engine.probe import faster_threads
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.step import move
from ganzoo.engine.way import PAYS_ONE, PAYS_SEVERAL, SEVERAL, choose_way
from tests.engine.worlds import BATCH, batches, lane, stepper

CPU = torch.device("cpu")


def way(total: int | None = None, *, modality: str = "points", device: str = "cpu", **options: Any) -> tuple[str, int]:
    seeds, able, world = options.pop("seeds", 1), options.pop("able", True), options.pop("world", 1)
    found = choose_way(
        TrainSettings(**options), torch.device(device), modality, 64, total, world=world, seeds=seeds, able=able
    )
    assert found.reason.strip(), "every choice has a reason"
    return found.kind, found.steps


def test_short_runs_of_small_games_are_not_compiled_and_long_ones_are() -> None:
    assert way(64 * (PAYS_ONE - 1)) == ("eager", 1)
    assert way(64 * PAYS_ONE) == ("compiled", 1)
    assert way(64 * PAYS_SEVERAL) == ("compiled", SEVERAL)
    assert way(None, minutes=0.1) == ("eager", 1)
    assert way(None, minutes=5) == ("compiled", SEVERAL)
    assert way(64 * PAYS_SEVERAL, minutes=0.1) == ("eager", 1)  # the time ends it long before


def test_what_cannot_be_compiled_or_gains_nothing_is_not() -> None:
    long = 64 * PAYS_SEVERAL
    assert way(long, able=False) == ("eager", 1)
    assert way(long, world=2) == ("eager", 1)
    assert way(long, device="meta") == ("eager", 1)
    assert way(long, modality="image") == ("eager", 1)
    assert way(long, steps="graph") == ("eager", 1)  # there are none on a CPU


def test_what_is_asked_for_is_done() -> None:
    assert way(1, steps="compiled", steps_per_call=3) == ("compiled", 3)
    assert way(64 * PAYS_SEVERAL, steps="eager") == ("eager", 1)
    assert way(64 * PAYS_SEVERAL, steps_per_call=2) == ("compiled", 2)
    assert way(1, device="cuda") == ("graph", 1)
    assert way(1, device="cuda", steps="eager") == ("eager", 1)


def test_several_seeds_are_traced_where_compiling_does_not_pay() -> None:
    assert way(64, seeds=4) == ("traced", 1)
    assert way(64 * PAYS_ONE // 4, seeds=4) == ("compiled", 1)


def test_a_trial_of_threads_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = stepper("shared fakes")
    before = {name: value.clone() for name, value in engine.game.state_dict().items()}
    chance, threads = torch.get_rng_state(), torch.get_num_threads()
    seconds = iter([4.0, 4.0, 4.0, 1.0, 1.0, 1.0])
    monkeypatch.setattr("ganzoo.engine.probe._timed", lambda work: (work(), next(seconds))[1])
    count, why = faster_threads(engine, batches("cpu", torch.float32)(BATCH), (2, 1))
    assert count == 1
    assert "4e+03 ms on 2" in why
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), chance)
    assert not engine.context.state_dict()["streams"]
    assert all(torch.equal(value, before[name]) for name, value in engine.game.state_dict().items())
    assert all(parameter.requires_grad for parameter in engine.game.parameters())


def test_a_trial_takes_the_first_candidate_where_the_times_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1.0, 1.0, 1.0, 0.97, 0.97, 0.97])
    monkeypatch.setattr("ganzoo.engine.probe._timed", lambda work: (work(), next(seconds))[1])
    assert faster_threads(stepper("simultaneous update"), batches("cpu", torch.float32)(BATCH), (2, 1))[0] == 2


def test_packed_state_stays_the_games_own() -> None:
    of = lane(stepper("simultaneous update"))
    of.stepper.step()
    tensors = [*of.stepper.game.parameters(), torch.zeros(3, dtype=torch.int64), torch.randn(4, 6).t()]
    before = [t.detach().clone() for t in tensors]
    packed = Packed([tensors])
    assert len(packed.tensors) == 3  # the float32 ones together, whole numbers, and what is not contiguous
    assert all(torch.equal(a, b) for a, b in zip(before, tensors, strict=True))
    with torch.no_grad():
        packed.write(packed.tensors, [value + 1 for value in packed.unpacked(packed.tensors)])
    assert all(torch.equal(a + 1, b.detach()) for a, b in zip(before, tensors, strict=True))
    assert packed.holds()
    tensors[0].data = tensors[0].data.clone()
    assert not packed.holds()


def test_large_states_are_not_packed() -> None:
    large = [torch.zeros(1 << 20), torch.zeros(2)]
    addresses = [t.data_ptr() for t in large]
    packed = Packed([large])
    assert [t.data_ptr() for t in packed.tensors] == addresses


def test_lanes_become_rows() -> None:
    lanes = [[torch.full((3,), float(i)), torch.tensor(i)] for i in range(4)]
    packed = Packed(lanes)
    assert packed.tensors[0].shape[0] == 4
    with torch.no_grad():
        packed.tensors[0][2] += 1
        packed.tensors[1][1] += 5
    assert torch.equal(lanes[2][0], torch.full((3,), 3.0))
    assert int(lanes[1][1]) == 6


def test_weights_of_one_channel_tell_their_order() -> None:
    x = torch.randn(2, 1, 8, 8)
    for layer in (nn.Conv2d(1, 4, 4, 2, 1), nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 1, 3))):
        before = layer(x)
        move(layer, CPU)
        after = layer(x)
        torch.testing.assert_close(after, before)
        first = next(layer.parameters())
        assert first.stride(1) == 1
    assert nn.Conv2d(1, 4, 4)(x).is_contiguous()
    layer = nn.Conv2d(1, 4, 4)
    move(layer, CPU)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)
    move(layer, CPU, "contiguous")
    assert layer.weight.is_contiguous()
