"""Copies of training samples are found, and each figure is what its definition says."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.memorisation import authenticity, copying, duplicates, mifid, nearest_training


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pictures(count: int, side: int = 4, levels: int = 256, seed: int = 0) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(0, levels, (count, 3, side, side), dtype=torch.uint8, generator=draws)


def squares(x: list[tuple[int, ...]], y: list[tuple[int, ...]]) -> list[list[int]]:
    return [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in y] for p in x]


def test_copies_are_at_zero_and_are_the_sample_that_was_copied() -> None:
    train = 100 + noise(300, 50)
    chosen = torch.tensor([5, 299, 0, 5])
    distances, numbers = nearest_training(train[chosen].clone(), train)
    assert distances.flatten().tolist() == [0, 0, 0, 0]
    assert torch.equal(numbers[:, 0], chosen)


def test_several_neighbours_rise_and_are_those_of_brute_force() -> None:
    fake, train = noise(40, 6), noise(70, 6, seed=1)
    distances, numbers = nearest_training(fake, train, k=4, chunk=7)
    table = torch.cdist(fake, train, compute_mode="donot_use_mm_for_euclid_dist")
    wanted = table.sort(1)
    torch.testing.assert_close(distances, wanted.values[:, :4], rtol=1e-12, atol=0)
    assert torch.equal(numbers, wanted.indices[:, :4])
    assert nearest_training(fake, fake)[0].sum() == 0  # one set given twice is two sets


GRID = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=15)


@settings(deadline=None, max_examples=100)
@given(GRID, GRID, st.sampled_from([None, 1, 4]))
def test_authenticity_is_its_definition(fake: list[Any], train: list[Any], chunk: int | None) -> None:
    across, within = squares(fake, train), squares(train, train)
    if len(set(train)) == 1:
        return
    authentic, unsure = 0, False
    for row in across:
        least = min(row)
        own = {min(d for i, d in enumerate(within[j]) if i != j) for j, d in enumerate(row) if d == least}
        unsure |= len({least > d for d in own}) > 1  # which of several nearest ones is taken decides
        authentic += least > min(own)
    if not unsure:
        found = authenticity(torch.tensor(fake).double(), torch.tensor(train).double(), chunk=chunk)
        assert found == pytest.approx(100 * authentic / len(fake))


def test_authenticity_of_draws_of_copies_and_of_noise() -> None:
    train = noise(800, 5)
    assert authenticity(noise(800, 5, seed=1), train) == pytest.approx(50, abs=6)
    assert authenticity(train + 1e-6, train) == 0
    assert authenticity(noise(100, 5, seed=2) + 40, train) == 100


def test_mifid_divides_where_it_is_near_and_else_not() -> None:
    real, train = noise(300, 40), noise(300, 40, seed=1)
    fake = noise(300, 40, seed=2)
    plain = frechet_distance(real, fake)
    assert mifid(real, fake, train) == plain  # in 40 dimensions no cosine is near 1

    near = train + 0.05 * noise(300, 40, seed=3)
    cosines = torch.nn.functional.cosine_similarity(near[:, None], train[None], dim=2).abs()
    distance = float((1 - cosines).amin(1).mean())
    assert distance < 0.01
    assert mifid(real, near, train) == pytest.approx(frechet_distance(real, near) / distance, rel=1e-9)
    assert mifid(real, near, train, chunk=7) == pytest.approx(mifid(real, near, train), rel=1e-12)
    assert mifid(real, near, train, threshold=0) == frechet_distance(real, near)
    assert mifid(real, -3 * near, train, threshold=1) < math.inf
    assert 1e6 < mifid(real, train, train) < math.inf


@settings(deadline=None, max_examples=50)
@given(GRID, GRID, GRID)
def test_copying_is_the_z_of_scipys_test_ties_and_all(real: list[Any], fake: list[Any], train: list[Any]) -> None:
    held, made = ([min(row) ** 0.5 for row in squares(x, train)] for x in (real, fake))
    sets = [torch.tensor(x).double() for x in (real, fake, train)]
    if len({*held, *made}) == 1:
        with pytest.raises(ValueError, match="are the same"):
            copying(*sets)
        return
    found = copying(*sets)
    wanted = stats.mannwhitneyu(made, held, use_continuity=False, alternative="less", method="asymptotic")
    assert stats.norm.cdf(found) == pytest.approx(wanted.pvalue, rel=1e-6)
    assert copying(sets[1], sets[0], sets[2]) == pytest.approx(-found, abs=1e-12)


def test_copying_is_below_zero_for_copies_and_above_for_poor_fit() -> None:
    train, held = noise(500, 4), noise(300, 4, seed=1)
    assert abs(copying(held, noise(400, 4, seed=2), train)) < 3
    assert copying(held, train[:400] + 0.01, train) < -15
    assert copying(held, noise(400, 4, seed=2) + 3, train) > 15
    assert copying(held, held.clone(), train) == 0


def test_two_hand_made_sets_of_pictures() -> None:
    a, b, c, d = pictures(4)
    train = torch.stack((a, b, b))
    assert duplicates(torch.stack((c, a, c, d, a)), train) == {"duplicates": 2 / 5, "repeats": 4 / 5}
    assert duplicates(torch.stack((c, d)), train) == {"duplicates": 0, "repeats": 0}
    off = a.clone()
    off[2, 3, 3] ^= 1
    assert duplicates(off[None], train) == {"duplicates": 0, "repeats": 0}


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 100))
def test_duplicates_are_what_comparing_all_pairs_finds(m: int, t: int, seed: int) -> None:
    fake, train = (x[:, :1, :2, :2] for x in (pictures(m, 2, 2, seed), pictures(t, 2, 2, seed + 1)))  # of 16 at most
    same = (fake[:, None] == train[None]).flatten(2).all(2).any(1)
    among = (fake[:, None] == fake[None]).flatten(2).all(2).sum(1) > 1
    assert duplicates(fake, train) == pytest.approx(
        {"duplicates": float(same.double().mean()), "repeats": float(among.double().mean())}
    )


def test_the_order_in_memory_is_nothing() -> None:
    x = pictures(20)
    other = x.to(memory_format=torch.channels_last)
    assert duplicates(other, x) == {"duplicates": 1, "repeats": 0}


def test_time_is_linear_in_the_pictures() -> None:
    train, fake = pictures(20_000, seed=1), pictures(20_000, seed=2)
    start = time.perf_counter()
    duplicates(fake, train)
    assert time.perf_counter() - start < 5  # 4e8 pairs would take minutes


@pytest.mark.parametrize("metric", [authenticity, copying, mifid])
def test_pieces_do_not_show(metric: Any) -> None:
    train, held, fake = noise(90, 4), noise(80, 4, seed=1), noise(70, 4, seed=2)
    sets = (fake, train) if metric is authenticity else (held, fake, train)
    wanted = metric(*sets)
    for chunk in (1, 13, 1000):
        assert metric(*sets, chunk=chunk) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest_training(noise(5, 2), noise(3, 2), k=4), "k is 4 and there are 3 training samples"),
        (lambda: nearest_training(noise(5, 2), noise(3, 2), k=0), "k is 0"),
        (lambda: nearest_training(noise(5, 2), noise(3, 3)), "fake samples have 2 features and training ones 3"),
        (lambda: authenticity(noise(5, 2), noise(1, 2)), "1 training samples, wanted 2"),
        (lambda: authenticity(noise(5, 2), torch.ones(9, 2)), "all 9 training samples have the same"),
        (lambda: authenticity(noise(5, 2), noise(9, 2), chunk=0), "chunk is 0"),
        (lambda: mifid(noise(5, 2), noise(5, 2), torch.zeros(5, 2)), "5 of 5 training samples are 0"),
        (lambda: mifid(noise(5, 2), noise(1, 2), noise(5, 2)), "at least 2 samples"),
        (lambda: copying(noise(5, 2), noise(5, 2), noise(0, 2)), "0 training samples"),
        (lambda: copying(noise(5, 2), noise(5, 2).log(), noise(5, 2)), "fake samples have features that are NaN"),
        (lambda: duplicates(pictures(3).float(), pictures(3)), "must be uint8"),
        (lambda: duplicates(pictures(3)[0], pictures(3)), "must be uint8 .* of shape"),
        (lambda: duplicates(pictures(3), pictures(0)), "there are no training pictures"),
        (lambda: duplicates(pictures(3), pictures(3, side=5)), r"fake pictures are \(3, 4, 4\)"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
