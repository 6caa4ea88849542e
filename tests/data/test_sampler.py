"""The order of samples: complete in each epoch, resumable anywhere, the same however many processes share it."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.data.sampler import Sampler, permutation
from ganzoo.errors import GanzooError

counts = st.integers(1, 300)
seeds = st.integers(-(2**70), 2**70)
quick = settings(deadline=None, max_examples=50)
batches = st.lists(st.integers(1, 400), min_size=1, max_size=12)


@quick
@given(counts, seeds, st.integers(0, 2**40))
def test_an_epoch_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    order = permutation(count, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(count))


@quick
@given(counts, seeds, batches)
def test_batches_run_through_the_epochs_and_are_full(count: int, seed: int, sizes: list[int]) -> None:
    sampler = Sampler(count, seed)
    handed = np.concatenate([sampler.next(size) for size in sizes])
    assert len(handed) == sum(sizes)
    for epoch in range(len(handed) // count + 1):
        part = handed[epoch * count : (epoch + 1) * count]
        assert (part == permutation(count, seed, epoch)[: len(part)]).all()


@quick
@given(counts, seeds, batches, batches)
def test_resuming_equals_going_on(count: int, seed: int, before: list[int], after: list[int]) -> None:
    sampler = Sampler(count, seed)
    for size in before:
        sampler.next(size)
    state = sampler.state_dict()
    assert set(map(type, state.values())) == {int}
    other = Sampler(count, 0)
    other.load_state_dict(state)
    for size in after:
        assert (other.next(size) == sampler.next(size)).all()


@quick
@given(counts, seeds, st.integers(1, 7), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_ranks_together_are_one_process(count: int, seed: int, world: int, parts: list[int]) -> None:
    alone = Sampler(count, seed)
    ranks = [Sampler(count, seed) for _ in range(world)]
    for part in parts:
        joined = np.concatenate([sampler.next(part * world, rank, world) for rank, sampler in enumerate(ranks)])
        assert (joined == alone.next(part * world)).all()


@quick
@given(counts, st.integers(0, 500))
def test_peeking_does_not_go_on(count: int, n: int) -> None:
    sampler = Sampler(count, 3)
    ahead = sampler.peek(n).copy()
    assert sampler.state_dict()["position"] == 0
    assert (sampler.next(n) == ahead).all()


def test_the_order_is_fixed_for_ever() -> None:
    assert permutation(10, 0, 0).tolist() == [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    assert permutation(10, 0, 1).tolist() != permutation(10, 0, 0).tolist()
    assert permutation(10, 1, 0).tolist() != permutation(10, 0, 1).tolist()


def test_orders_are_uniform() -> None:
    """Each sample is as often at each place: a chi-squared statistic of 25 cells with 16 degrees of freedom."""
    places = np.zeros((5, 5))
    for epoch in range(5000):
        places[np.arange(5), permutation(5, 0, epoch)] += 1
    assert ((places - 1000) ** 2 / 1000).sum() < 45  # exceeded once in 7,000 times by chance


@pytest.mark.slow
def test_ten_million_samples_take_bounded_memory_and_time() -> None:
    tracemalloc.start()
    start = time.perf_counter()
    sampler = Sampler(10_000_000, 1)
    for _ in range(3):
        sampler.next(256)
    taken, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 260e6  # bytes
    assert taken < 30  # seconds, on a busy machine


def test_a_state_of_more_samples_is_refused_and_changes_nothing() -> None:
    sampler = Sampler(10, 1)
    sampler.next(4)
    with pytest.raises(GanzooError, match="these data have 10 samples"):
        sampler.load_state_dict({"seed": 1, "epoch": 0, "position": 12})
    assert sampler.state_dict() == {"seed": 1, "epoch": 0, "position": 4}


def test_no_samples() -> None:
    with pytest.raises(ValueError, match="0 samples"):
        Sampler(0)
