"""Batches as the engine gets them: values, layout, order, resuming, processes, resident or not."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.data import Feed, Source, StoredImages, StoredPoints
from ganzoo.data.embedded import fashion
from ganzoo.data.points import Ring
from ganzoo.data.sampler import permutation
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.draws import Draws

COUNT = 23


def numbered(count: int = COUNT, channels: int = 3) -> StoredImages:
    """Pictures that are filled with their number, which is their class too."""
    images = np.repeat(np.arange(count, dtype=np.uint8), 4 * 6 * channels).reshape(count, 4, 6, channels)
    return StoredImages(images, np.arange(count), class_names=tuple(map(str, range(count))))


def feed(source: Source | None = None, **given: Any) -> Feed:
    facts: dict[str, Any] = {"seed": 3, "device": "cpu", "draws": Draws(3)}
    return Feed(source or numbered(), **{**facts, **given})


ROOMS = pytest.mark.parametrize("room", [None, 0])  # resident; gathered on the host


@ROOMS
@pytest.mark.parametrize("channels", [1, 3])
def test_values_layout_and_labels(room: int | None, channels: int) -> None:
    mine = feed(numbered(channels=channels), resident_bytes=room)
    assert mine.resident == (room is None)
    batch = mine.next(8)
    assert batch.x.shape == (8, channels, 4, 6)
    assert batch.x.dtype == torch.float32
    assert batch.x.is_contiguous(memory_format=torch.channels_last)
    assert batch["y"].dtype == torch.int64
    assert batch["y"].tolist() == permutation(COUNT, 3, 0)[:8].tolist()
    assert torch.allclose(batch.x, (batch["y"] / 127.5 - 1).view(-1, 1, 1, 1).expand_as(batch.x), atol=1e-6)


@ROOMS
@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-0.3, 0.7)])
def test_bytes_fill_the_value_range_and_never_leave_it(room: int | None, value_range: tuple[float, float]) -> None:
    images = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    x = feed(StoredImages(images), value_range=value_range, resident_bytes=room).next(256).x.flatten().sort().values
    low, high = value_range
    assert x[0] == torch.tensor(low)
    assert x[-1].item() <= torch.tensor(high).item()
    assert x[-1].item() == pytest.approx(high, rel=1e-6)
    assert torch.allclose(x, torch.linspace(low, high, 256), atol=(high - low) * 2e-7, rtol=0)


def test_a_wrong_range() -> None:
    with pytest.raises(ValueError, match="two rising numbers"):
        feed(value_range=(1.0, -1.0))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 7), st.sampled_from([None, 0]))
def test_resuming_at_any_point_equals_going_on(sizes: list[int], stop: int, room: int | None) -> None:
    """Also from resident to not: the state says what was handed out, not what was prepared."""
    whole = feed()
    wanted = [whole.next(size)["y"].tolist() for size in sizes]
    first = feed(resident_bytes=room)
    got = [first.next(size)["y"].tolist() for size in sizes[:stop]]
    state = first.state_dict()
    second = feed(seed=99, resident_bytes=0 if room is None else None)
    second.next(5)
    second.load_state_dict(state)
    got += [second.next(size)["y"].tolist() for size in sizes[stop:]]
    assert got == wanted


@ROOMS
@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_together_are_one_process(room: int | None, world: int) -> None:
    alone = feed(resident_bytes=None)
    ranks = [feed(rank=rank, world=world, resident_bytes=room) for rank in range(world)]
    for batch in (6, 6, 30, 12):
        joined = torch.cat([mine.next(batch).x for mine in ranks])
        assert torch.equal(joined, alone.next(batch).x)
    assert all(mine.state_dict() == alone.state_dict() for mine in ranks)


@pytest.mark.parametrize("batch", [5, 0, 1])
def test_batches_that_cannot_be_shared(batch: int) -> None:
    with pytest.raises(UsageError, match=f"batch of {batch} samples cannot be shared by 2 processes"):
        feed(world=2).next(batch)


@ROOMS
def test_resize_goes_on_in_the_same_order(room: int | None) -> None:
    mine, same = feed(resident_bytes=room), feed()
    mine.next(7), same.next(7)
    mine.resize((2, 3))
    batch = mine.next(40)
    assert batch.x.shape == (40, 3, 2, 3)
    assert torch.equal(batch["y"], same.next(40)["y"])
    assert mine.source.spec.shape == (3, 2, 3)
    mine.resize((4, 6))
    assert torch.equal(mine.next(9).x, same.next(9).x)
    assert mine.state_dict() == same.state_dict()


@ROOMS
def test_an_epoch_is_one_pass_in_order_and_leaves_the_state(room: int | None) -> None:
    mine = feed(resident_bytes=room)
    mine.next(4)
    state = mine.state_dict()
    batches = list(mine.epoch(10))
    assert [batch.size for batch in batches] == [10, 10, 3]
    assert torch.cat([batch["y"] for batch in batches]).tolist() == list(range(COUNT))
    assert batches[0].x.dtype == torch.float32
    assert batches[0].x.is_contiguous(memory_format=torch.channels_last)
    assert mine.state_dict() == state


@ROOMS
def test_points(room: int | None) -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    batch = feed(StoredPoints(points), resident_bytes=room).next(64)
    assert torch.equal(batch.x[:50], torch.from_numpy(points[permutation(50, 3, 0)]))
    assert batch.y is None


def test_endless_sources_draw_from_their_stream() -> None:
    draws = Draws(3)
    mine = feed(Ring(), draws=draws)
    assert mine.state_dict() == {}
    first = mine.next(16)
    state = draws.state_dict()
    second = mine.next(16)
    draws.load_state_dict(state)
    assert torch.equal(mine.next(16).x, second.x)
    assert torch.equal(first.x, Ring().draw(16, Draws(3)).x)
    ranks = [feed(Ring(), draws=Draws(3, rank=rank, world=2), rank=rank, world=2).next(16).x for rank in range(2)]
    assert torch.equal(torch.cat(ranks), first.x)
    state = draws.state_dict()
    assert sum(batch.size for batch in mine.epoch(999)) == 100_000
    assert torch.equal(draws.state_dict()["streams"]["data"], state["streams"]["data"])
    mine.load_state_dict({})


def test_states_of_other_data_are_refused() -> None:
    mine = feed()
    mine.next(20)
    state = mine.state_dict()
    other = feed(numbered(10))
    with pytest.raises(GanzooError, match="does not hold the samples that the checkpoint was made with"):
        other.load_state_dict(state)
    other.load_state_dict(state, strict=False)
    assert other.state_dict()["position"] == 0
    for saved, kind in ((state, Ring()), ({}, numbered())):
        with pytest.raises(GanzooError, match="one of the two is endless"):
            feed(kind).load_state_dict(saved)


def test_the_meta_device_has_shapes_without_reading() -> None:
    mine = feed(fashion(), device="meta", draws=Draws(0, "meta"))
    mine.resize((32, 32))
    batch = mine.next(64)
    assert batch.x.is_meta
    assert batch.x.shape == (64, 1, 32, 32)
    assert batch["y"].dtype == torch.int64
    assert mine.state_dict()["position"] == 64
    assert next(mine.epoch()).x.is_meta
    assert feed(Ring(), device="meta", draws=Draws(0, "meta")).next(8).x.is_meta


def test_a_source_is_gathered_one_batch_ahead_in_one_thread() -> None:
    threads: list[str] = []

    class Watched(StoredImages):
        def gather(self, indices: Any) -> Batch:
            threads.append(threading.current_thread().name)
            return super().gather(indices)

    source = Watched(numbered().images)
    mine = feed(source, resident_bytes=0)
    threads.clear()
    for _ in range(4):
        mine.next(8)
    mine.next(4)  # another size: what was prepared is of no use
    assert threads.count("MainThread") == 2
    assert {name for name in threads if name != "MainThread"} == {"ganzoo-feed_0"}


def test_errors_of_the_thread_reach_the_caller() -> None:
    class Failing(StoredImages):
        calls = 0

        def gather(self, indices: Any) -> Batch:
            self.calls += 1
            if self.calls > 3:
                raise GanzooError("the disk is gone")
            return super().gather(indices)

    mine = feed(Failing(numbered().images), resident_bytes=0)
    mine.next(4), mine.next(4)
    with pytest.raises(GanzooError, match="the disk is gone"):
        mine.next(4)


def test_other_tensors_and_second_pictures_come_along() -> None:
    class Pairs(Source):
        @property
        def spec(self) -> DataSpec:
            return DataSpec((3, 4, 4), count=9, fields={"target": (1, 2, 2), "weight": ()}, name="pairs")

        @property
        def digest(self) -> str:
            return "pairs"

        def gather(self, indices: Any) -> Batch:
            number = torch.from_numpy(indices)
            target = number.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
            x = torch.full((len(indices), 3, 4, 4), 255, dtype=torch.uint8)
            return Batch(x=x, target=target, weight=number.float())

    for room in (None, 0):
        batch = feed(Pairs(), resident_bytes=room, value_range=(0.0, 1.0)).next(9)
        assert batch["target"].shape == (9, 1, 2, 2)
        assert torch.allclose(batch["target"][:, 0, 0, 0] * 255, batch["weight"])
        assert batch.x.numpy() == pytest.approx(1, rel=1e-6)


def test_no_samples() -> None:
    with pytest.raises(UsageError, match="holds no samples"):
        feed(StoredImages(np.zeros((0, 4, 4, 1), np.uint8)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("room", [None, 0])
def test_cuda_gives_what_the_cpu_gives(room: int | None) -> None:
    here, there = feed(), feed(device="cuda", draws=Draws(3, "cuda"), resident_bytes=room)
    for batch in (8, 8, 40, 3):
        a, b = here.next(batch), there.next(batch)
        assert b.x.is_cuda
        assert b.x.is_contiguous(memory_format=torch.channels_last)
        assert torch.allclose(a.x, b.x.cpu(), atol=1e-6)
        assert torch.equal(a["y"], b["y"].cpu())
