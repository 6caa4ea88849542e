"""The toy distributions against their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from ganzoo.data.points import Checkerboard, Grid, Mixture, Moons, Ring, SwissRoll, Toy
from ganzoo.errors import UsageError
from ganzoo.models.draws import Draws

N = 100_000
TOYS: list[Callable[[], Toy]] = [Ring, Grid, SwissRoll, Moons, Checkerboard]


@pytest.mark.parametrize("made", TOYS)
def test_every_toy(made: Callable[[], Toy]) -> None:
    toy = made()
    assert toy.endless
    assert toy.spec.count is None
    assert toy.spec.modality == "points"
    assert toy.spec.shape == (2,)
    assert len(toy.spec.class_names) == toy.spec.classes == len(set(toy.spec.class_names))
    batch = toy.draw(1000, Draws(5))
    assert batch.x.shape == (1000, 2)
    assert batch.x.dtype == torch.float32
    assert (batch.y is None) == (toy.spec.classes == 0)
    if batch.y is not None:
        assert batch.y.dtype == torch.int64
        assert set(batch.y.tolist()) == set(range(toy.spec.classes))
    assert torch.equal(toy.draw(64, Draws(1)).x, toy.draw(64, Draws(1)).x)
    assert not torch.equal(toy.draw(64, Draws(1)).x, toy.draw(64, Draws(2)).x)
    with pytest.raises(TypeError):
        len(toy)
    with pytest.raises(TypeError):
        toy.gather(np.zeros(1, np.int64))
    with pytest.raises(UsageError):
        toy.at((8, 8))
    assert bool(toy)


@pytest.mark.parametrize("made", TOYS)
def test_ranks_draw_their_parts_of_one_batch(made: Callable[[], Toy]) -> None:
    toy = made()
    whole = toy.draw(12, Draws(7))
    parts = [toy.draw(4, Draws(7, rank=rank, world=3)) for rank in range(3)]
    assert torch.equal(torch.cat([part.x for part in parts]), whole.x)
    if whole.y is not None:
        assert torch.equal(torch.cat([part["y"] for part in parts]), whole.y)


@pytest.mark.parametrize("made", TOYS)
def test_scale_multiplies_and_digests_tell_options_apart(made: Callable[..., Toy]) -> None:
    one, three = made(), made(scale=3)
    assert torch.allclose(one.draw(100, Draws(0)).x * 3, three.draw(100, Draws(0)).x, atol=1e-6)
    assert one.digest == made(scale=1).digest != three.digest
    assert len({toy().digest for toy in TOYS}) == len(TOYS)


@pytest.mark.parametrize("made", TOYS)
def test_the_meta_device_gives_shapes(made: Callable[[], Toy]) -> None:
    batch = made().draw(16, Draws(0, "meta"))
    assert batch.x.shape == (16, 2)
    assert batch.x.is_meta


@pytest.mark.parametrize(
    ("toy", "modes", "sigma"), [(Ring(), 8, 0.01), (Grid(), 25, 0.05), (Ring(5, 2.0, 0.1, 0.5), 5, 0.05)]
)
def test_mixtures_have_their_modes_and_deviations(toy: Mixture, modes: int, sigma: float) -> None:
    batch = toy.draw(N, Draws(3))
    x, y = batch.x.double().numpy(), batch["y"].numpy()
    assert toy.centers.shape == (modes, 2)
    assert toy.sigma == pytest.approx(sigma)
    share = np.bincount(y, minlength=modes) / N
    assert np.abs(share - 1 / modes).max() < 5 * math.sqrt(1 / modes / N)
    for mode in range(modes):
        mine = x[y == mode]
        assert np.abs(mine.mean(0) - toy.centers[mode]).max() < 6 * sigma / math.sqrt(len(mine))
        assert mine.std(0) == pytest.approx(sigma, rel=0.06)
    distance = np.linalg.norm(x - toy.centers[y], axis=1) / sigma
    assert (distance <= 3).mean() == pytest.approx(1 - math.exp(-4.5), abs=0.002)  # the high-quality share of the truth


def test_centres_of_ring_and_grid() -> None:
    assert np.allclose(np.linalg.norm(Ring().centers, axis=1), 1)
    assert np.allclose(Ring().centers[[0, 2]], [[1, 0], [0, 1]])
    assert {(x, y) for x, y in Grid().centers} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


def test_swiss_roll_lies_on_its_spiral() -> None:
    x = SwissRoll(noise=0).draw(N, Draws(0)).x.double().numpy() * 7.5
    t = np.linalg.norm(x, axis=1)
    assert (t.min(), t.max()) == pytest.approx((1.5 * math.pi, 4.5 * math.pi), rel=1e-3)
    assert np.allclose(x, np.stack([t * np.cos(t), t * np.sin(t)], 1), atol=1e-3)
    assert t.mean() == pytest.approx(3 * math.pi, rel=0.005)
    noise = (SwissRoll().draw(N, Draws(0)).x * 7.5).double().numpy() - x
    assert noise.std(0) == pytest.approx(0.25, rel=0.02)


def test_moons_are_half_circles() -> None:
    batch = Moons(noise=0).draw(N, Draws(0))
    x, y = batch.x.double().numpy(), batch["y"].numpy()
    for mode, sign in ((0, 1), (1, -1)):
        centred = x[y == mode] + np.array([0.5, 0.25]) * sign
        assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-5)
        assert (centred[:, 1] * sign >= -1e-6).all()
    assert x.mean(0) == pytest.approx(0, abs=0.01)


def test_checkerboard_fills_every_second_field() -> None:
    batch = Checkerboard().draw(N, Draws(0))
    fields = np.floor((batch.x.numpy() + 1) * 2).astype(int)
    assert fields.min() >= 0
    assert fields.max() <= 3
    assert (fields.sum(1) % 2 == 0).all()
    counts = np.unique(fields, axis=0, return_counts=True)[1]
    assert len(counts) == 8
    assert counts / N == pytest.approx(1 / 8, abs=0.005)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Ring(modes=0), "modes is 0"),
        (lambda: Ring(sigma=-1), "sigma is -1"),
        (lambda: Ring(radius=float("nan")), "radius is nan"),
        (lambda: Ring(modes=2.5), "modes is 2.5"),  # type: ignore[arg-type]
        (lambda: Grid(scale=0), "scale is 0"),
        (lambda: Checkerboard(fields=3), "fields is 3, wanted an even"),
        (lambda: Moons(noise="much"), "noise is 'much'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_options(made: Callable[[], Toy], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made()
