"""Precision, recall, density, coverage, rarity and the two-sample test: by hand, by brute force, and in bounded memory."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.manifold import (
    density_coverage,
    own_neighbours,
    prdc,
    precision_recall,
    rarity,
    rarity_scores,
    two_sample_accuracy,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def line(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


REAL, FAKE = line(0, 1, 2, 10), line(0.5, 3, 20)
# With k = 1 real balls reach 1, 1, 1 and 8 far, fake ones 2.5, 2.5 and 17.


def test_four_points_on_a_line() -> None:
    found = prdc(REAL, FAKE, k=1)
    assert found["precision"] == pytest.approx(2 / 3)  # 0.5 and 3; 20 is 10 away from 10
    assert found["recall"] == 1
    assert found["density"] == pytest.approx(3 / 3)  # (0, 0.5), (1, 0.5), (10, 3); 3 is on the edge about 2
    assert found["coverage"] == pytest.approx(3 / 4)
    assert precision_recall(REAL, FAKE, k=1) == {name: found[name] for name in ("precision", "recall")}
    assert density_coverage(REAL, FAKE, k=1) == {name: found[name] for name in ("density", "coverage")}
    assert rarity_scores(REAL, FAKE, k=1)[:2].tolist() == pytest.approx([1, 1])
    assert math.isnan(rarity_scores(REAL, FAKE, k=1)[2])
    assert rarity(REAL, FAKE, k=1) == pytest.approx({"rarity": 1, "rarity-inside": 2 / 3})


def test_an_edge_is_inside_for_precision_and_outside_for_density() -> None:
    found = prdc(line(0, 2), line(4, 100), k=1)
    assert (found["precision"], found["density"], found["coverage"]) == (0.5, 0, 0)


Grid = list[tuple[int, int]]


def squares(a: Grid, b: Grid) -> list[list[int]]:
    return [[(p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 for q in b] for p in a]


def reach(x: Grid, k: int) -> list[int]:
    return [sorted(row[:i] + row[i + 1 :])[k - 1] for i, row in enumerate(squares(x, x))]


def by_definition(real: Grid, fake: Grid, k: int) -> dict[str, Fraction]:
    """In whole numbers, where an edge is an edge."""
    across, real_reach, fake_reach = squares(real, fake), reach(real, k), reach(fake, k)
    n, m = range(len(real)), range(len(fake))
    return {
        "precision": Fraction(sum(any(across[i][j] <= real_reach[i] for i in n) for j in m), len(m)),
        "recall": Fraction(sum(any(across[i][j] <= fake_reach[j] for j in m) for i in n), len(n)),
        "density": Fraction(sum(across[i][j] < real_reach[i] for i in n for j in m), k * len(m)),
        "coverage": Fraction(sum(any(across[i][j] < real_reach[i] for j in m) for i in n), len(n)),
    }


POINTS = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=20)


@settings(deadline=None, max_examples=200)
@given(POINTS, POINTS, st.integers(1, 2), st.sampled_from([None, 1, 3]), st.sampled_from([1.0, 1 / 3, 1e5]))
def test_ties_and_copies_fall_where_the_definitions_say(
    real: Grid, fake: Grid, k: int, chunk: int | None, scale: float
) -> None:
    x, y = torch.tensor(real).double() * scale + 7, torch.tensor(fake).double() * scale + 7
    if len(set(real)) == 1:
        with pytest.raises(ValueError, match="same features"):
            prdc(x, y, k=k)
        return
    wanted = by_definition(real, fake, k)
    assert prdc(x, y, k=k, chunk=chunk) == pytest.approx({name: float(value) for name, value in wanted.items()})
    assert density_coverage(x, y, k=k, chunk=chunk) == pytest.approx(
        {name: float(wanted[name]) for name in ("density", "coverage")}
    )

    across, radii = squares(real, fake), reach(real, k)
    for j, score in enumerate(rarity_scores(x, y, k=k, chunk=chunk).tolist()):
        holding = [radius for i, radius in enumerate(radii) if across[i][j] <= radius]
        assert (
            math.isnan(score) if not holding else score == pytest.approx(min(holding) ** 0.5 * scale, abs=1e-6 * scale)
        )

    shares = []
    for own, other in ((real, squares(real, fake)), (fake, squares(fake, real))):
        nearer = [min(row) - least for row, least in zip(other, reach(own, 1), strict=True)]
        shares.append(sum(1 if d > 0 else 0.5 if d == 0 else 0 for d in nearer) / len(own))
    assert own_neighbours(x, y, chunk=chunk) == pytest.approx(tuple(shares))


def test_a_set_and_itself_and_two_of_one_distribution() -> None:
    x = noise(500, 4)
    assert prdc(x, x.flip(0)) == {"precision": 1, "recall": 1, "density": 1, "coverage": 1}
    assert two_sample_accuracy(x, x.flip(0)) == 0
    other = prdc(x, noise(500, 4, seed=1))
    # 2002.09797: of equal distributions density is 1 on average, and coverage about 1 - 2^-k.
    assert other["density"] == pytest.approx(1, abs=0.1)
    assert other["coverage"] == pytest.approx(1 - 2**-5, abs=0.03)


def test_one_good_sample_is_precise_and_recalls_nothing() -> None:
    found = prdc(noise(300, 3), 0.05 * noise(300, 3, seed=1))
    assert found["precision"] == 1
    assert found["recall"] < 0.05
    assert found["coverage"] < 0.2


@pytest.mark.parametrize(("n", "m"), [(400, 400), (200, 800), (800, 200)])
def test_nobody_can_tell_two_sets_of_one_distribution(n: int, m: int) -> None:
    assert two_sample_accuracy(noise(n, 3), noise(m, 3, seed=1)) == pytest.approx(0.5, abs=0.05)
    assert two_sample_accuracy(noise(n, 3), noise(m, 3, seed=1) + 50) == 1


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_pieces_rotations_and_shifts_do_not_show(seed: int, chunk: int) -> None:
    a, b = noise(40, 5, seed=seed), noise(50, 5, seed=seed + 1) + 0.2
    wanted = prdc(a, b)
    assert prdc(a, b, chunk=chunk) == wanted
    rotation = torch.linalg.qr(noise(5, 5, seed=seed + 2)).Q
    assert prdc(a @ rotation + 30, b @ rotation + 30) == wanted
    assert two_sample_accuracy(a, b, chunk=chunk) == two_sample_accuracy(b, a)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prdc(noise(5, 2), noise(9, 2)), "k is 5 and there are 5 real samples"),
        (lambda: prdc(noise(9, 2), noise(5, 2)), "k is 5 and there are 5 fake samples"),
        (lambda: prdc(noise(9, 2), noise(9, 2), k=0), "k is 0"),
        (lambda: prdc(torch.ones(9, 2), noise(9, 2)), "all 9 real samples have the same features"),
        (lambda: prdc(noise(9, 2), noise(9, 2), chunk=0), "chunk is 0"),
        (lambda: prdc(noise(9, 2), noise(9, 3)), "2 features and fake ones 3"),
        (lambda: density_coverage(noise(9, 2), noise(0, 2)), "0 fake samples"),
        (lambda: rarity(noise(9, 2), noise(9, 2) + 99), "none of 9 fake samples lies on the real manifold"),
        (lambda: two_sample_accuracy(noise(9, 2), noise(1, 2)), "1 fake samples, wanted 2"),
        (lambda: prdc(noise(9, 2), noise(9, 2).log()), "are NaN or infinite"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


BOUNDED = """
import resource, sys, torch
from ganzoo.metrics.manifold import prdc
torch.set_num_threads(2)
samples, features, chunk = map(int, sys.argv[1:])
draws = torch.Generator().manual_seed(0)
real, fake = (torch.randn(samples, features, generator=draws) for _ in range(2))
prdc(real[:100], fake[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = prdc(real, fake, chunk=chunk or None)
assert all(0.0 <= value <= 2.0 for value in found.values()), found
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(before * 1024, after * 1024)
"""


def peak(samples: int, features: int, chunk: int) -> tuple[int, int]:
    """Bytes of memory at most, of a process: before, and with prdc."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(samples), str(features), str(chunk)],
        env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    return before, after


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_memory_is_that_of_a_few_rows() -> None:
    before, after = peak(4000, 8, chunk=50)
    assert after - before < 40 * 2**20  # one matrix of all distances would take 122 MiB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_fifty_thousand_samples_in_less_than_two_gigabytes() -> None:
    _, after = peak(50_000, 112, chunk=0)
    assert after < 2e9
