"""Losses against numbers worked out by hand, finite differences and their symmetries."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.models.scores import Scores
from ganzoo.objectives.losses import (
    Hinge,
    LeastSquares,
    Loss,
    Minimax,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    RelativisticAverageHinge,
    RelativisticAverageLeastSquares,
    Wasserstein,
)

LOSSES: list[type[Loss]] = [
    Minimax,
    NonSaturating,
    LeastSquares,
    Hinge,
    Wasserstein,
    Relativistic,
    RelativisticAverage,
    RelativisticAverageLeastSquares,
    RelativisticAverageHinge,
]
AVERAGES: list[type[Loss]] = [RelativisticAverage, RelativisticAverageLeastSquares, RelativisticAverageHinge]
every_loss = pytest.mark.parametrize("kind", LOSSES)


def logits(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def sp(t: float) -> float:
    return math.log1p(math.exp(t))


def discriminator(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    return loss.discriminator(Scores(real), Scores(fake))


def generator(loss: Loss, fake: Tensor, real: Tensor) -> Tensor:
    return loss.generator(Scores(fake), Scores(real))


# By hand, for the logits D(x) = (1, 3) and D(Gz) = (-2, 0.5), whose means are 2 and -0.75.
D_X, D_GZ = (1.0, 3.0), (-2.0, 0.5)
BY_HAND: list[tuple[Loss, float, float]] = [
    (Minimax(), (sp(-1) + sp(-3)) / 2 + (sp(-2) + sp(0.5)) / 2, -(sp(-2) + sp(0.5)) / 2),
    (NonSaturating(), (sp(-1) + sp(-3)) / 2 + (sp(-2) + sp(0.5)) / 2, (sp(2) + sp(-0.5)) / 2),
    (
        NonSaturating(real_label=0.9),
        (0.9 * sp(-1) + 0.1 * sp(1) + 0.9 * sp(-3) + 0.1 * sp(3)) / 2 + (sp(-2) + sp(0.5)) / 2,
        (sp(2) + sp(-0.5)) / 2,
    ),
    (LeastSquares(), 0.5 * (0 + 4) / 2 + 0.5 * (4 + 0.25) / 2, 0.5 * (9 + 0.25) / 2),
    (LeastSquares(a=-1, b=1, c=0), 0.5 * (0 + 4) / 2 + 0.5 * (1 + 2.25) / 2, 0.5 * (4 + 0.25) / 2),
    (Hinge(), 0 + (0 + 1.5) / 2, 0.75),
    (Wasserstein(), -0.75 - 2, 0.75),
    (Relativistic(), (sp(-3) + sp(-2.5)) / 2, (sp(3) + sp(2.5)) / 2),
    (
        RelativisticAverage(),
        ((sp(-1.75) + sp(-3.75)) / 2 + (sp(-4) + sp(-1.5)) / 2) / 2,
        ((sp(4) + sp(1.5)) / 2 + (sp(1.75) + sp(3.75)) / 2) / 2,
    ),
    (
        RelativisticAverageLeastSquares(),
        ((0.75**2 + 2.75**2) / 2 + (3**2 + 0.5**2) / 2) / 2,
        ((5**2 + 2.5**2) / 2 + (2.75**2 + 4.75**2) / 2) / 2,
    ),
    (RelativisticAverageHinge(), (0 + 0) / 2, ((5 + 2.5) / 2 + (2.75 + 4.75) / 2) / 2),
]


@pytest.mark.parametrize(("loss", "wanted_d", "wanted_g"), BY_HAND, ids=lambda value: type(value).__name__)
def test_both_sides_are_the_numbers_worked_out_by_hand(loss: Loss, wanted_d: float, wanted_g: float) -> None:
    real, fake = logits(*D_X), logits(*D_GZ)
    assert discriminator(loss, real, fake).item() == pytest.approx(wanted_d, rel=1e-14, abs=1e-14)
    assert generator(loss, fake, real).item() == pytest.approx(wanted_g, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize(
    ("kind", "wanted_d", "wanted_g"),
    [
        (Minimax, 2 * math.log(2), -math.log(2)),
        (NonSaturating, 2 * math.log(2), math.log(2)),
        (LeastSquares, 0.5, 0.5),
        (Hinge, 2.0, 0.0),
        (Wasserstein, 0.0, 0.0),
        (Relativistic, math.log(2), math.log(2)),
        (RelativisticAverage, math.log(2), math.log(2)),
        (RelativisticAverageLeastSquares, 1.0, 1.0),
        (RelativisticAverageHinge, 1.0, 1.0),
    ],
)
def test_the_value_where_the_discriminator_cannot_tell(kind: type[Loss], wanted_d: float, wanted_g: float) -> None:
    zeros = torch.zeros(5, dtype=torch.float64)
    assert discriminator(kind(), zeros, zeros).item() == pytest.approx(wanted_d, rel=1e-14)
    assert generator(kind(), zeros, zeros).item() == pytest.approx(wanted_g, rel=1e-14)


@pytest.mark.parametrize(
    ("ratio", "kind"), [(ratio, kind) for ratio in (0.25, 1.0, 3.0) for kind in (Minimax, NonSaturating)]
)
def test_the_optimal_discriminator_is_the_log_of_the_density_ratio(ratio: float, kind: type[Loss]) -> None:
    # At a point with the masses p of real and q of fake samples, p sp(-d) + q sp(d) is least at d = log(p/q).
    best = torch.tensor(math.log(ratio), dtype=torch.float64, requires_grad=True)
    real_side = discriminator(kind(), best.expand(4), logits(-1e3)) * ratio
    fake_side = discriminator(kind(), logits(1e3), best.expand(4))
    (slope,) = torch.autograd.grad(real_side + fake_side, best)
    assert slope.abs().item() < 1e-12


def test_a_smoothed_label_has_its_optimum_at_the_labels_logit() -> None:
    d = torch.tensor(math.log(0.9 / 0.1), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(discriminator(NonSaturating(real_label=0.9), d.expand(3), logits(0.0)), d)
    assert slope.abs().item() < 1e-12


@every_loss
@pytest.mark.parametrize("side", [discriminator, generator])
def test_gradients_are_those_of_finite_differences(kind: type[Loss], side: Callable[..., Tensor]) -> None:
    first, second = (noise(6, seed=seed).requires_grad_() for seed in (1, 2))
    if side is generator:
        assert torch.autograd.gradcheck(lambda fake: side(kind(), fake, second), (first,))
    else:
        assert torch.autograd.gradcheck(lambda real, fake: side(kind(), real, fake), (first, second))


@every_loss
def test_the_generators_side_gives_the_reals_no_gradient(kind: type[Loss]) -> None:
    real, fake = noise(4, seed=1).requires_grad_(), noise(4, seed=2).requires_grad_()
    generator(kind(), fake, real).backward()  # type: ignore[no-untyped-call]
    assert real.grad is None
    assert fake.grad is not None


@every_loss
def test_a_generator_step_raises_the_fakes_and_a_discriminator_step_lowers_them(kind: type[Loss]) -> None:
    real, fake = logits(0.2, 0.1, 0.4), logits(0.3, 0.1, 0.05).requires_grad_()
    (up,) = torch.autograd.grad(generator(kind(), fake, real), fake)
    (down,) = torch.autograd.grad(discriminator(kind(), real, fake), fake)
    assert (up < 0).all()
    assert (down > 0).all()


@settings(deadline=None)
@given(st.sampled_from(LOSSES), st.integers(1, 9), st.integers(0, 99))
def test_the_order_of_a_batch_is_nothing(kind: type[Loss], n: int, seed: int) -> None:
    real, fake = 3 * noise(n, seed=seed), 3 * noise(n, seed=seed + 100)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))  # pairs stay pairs
    loss = kind()
    torch.testing.assert_close(discriminator(loss, real[order], fake[order]), discriminator(loss, real, fake))
    torch.testing.assert_close(generator(loss, fake[order], real[order]), generator(loss, fake, real))


@settings(deadline=None)
@given(st.sampled_from([Wasserstein, Relativistic, *AVERAGES]), st.floats(-50, 50), st.integers(0, 99))
def test_relativistic_discriminators_know_no_absolute_level(kind: type[Loss], shift: float, seed: int) -> None:
    real, fake = noise(5, seed=seed), noise(5, seed=seed + 100)
    moved = discriminator(kind(), real + shift, fake + shift)
    torch.testing.assert_close(moved, discriminator(kind(), real, fake), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [Relativistic, *AVERAGES])
def test_relativistic_sides_are_one_function_with_the_roles_exchanged(kind: type[Loss]) -> None:
    real, fake = noise(7, seed=1), noise(7, seed=2)
    torch.testing.assert_close(generator(kind(), fake, real), discriminator(kind(), fake, real), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [Minimax, Wasserstein])
def test_a_zero_sum_games_sides_cancel_for_the_fakes(kind: type[Loss]) -> None:
    real, fake = noise(5, seed=1), noise(5, seed=2).requires_grad_()
    (total,) = torch.autograd.grad(discriminator(kind(), real, fake) + generator(kind(), fake, real), fake)
    assert total.abs().max().item() == 0


@every_loss
def test_the_flag_says_whether_parts_of_a_batch_average_to_the_whole(kind: type[Loss]) -> None:
    real, fake = noise(8, seed=1), 1 + noise(8, seed=2)
    loss = kind()
    parts = [
        (discriminator(loss, r, f) + generator(loss, f, r)) / 2
        for r, f in zip(real.chunk(2), fake.chunk(2), strict=True)
    ]
    whole = discriminator(loss, real, fake) + generator(loss, fake, real)
    assert torch.allclose(parts[0] + parts[1], whole, rtol=1e-12) == kind.separates


@every_loss
def test_several_critics_add_up(kind: type[Loss]) -> None:
    reals = [noise(4, seed=1), noise(4, 1, 3, 3, seed=2)]
    fakes = [noise(4, seed=3), noise(4, 1, 3, 3, seed=4)]
    loss = kind()
    both = loss.discriminator(Scores(reals), Scores(fakes))
    torch.testing.assert_close(both, sum(discriminator(loss, r, f) for r, f in zip(reals, fakes, strict=True)))
    both = loss.generator(Scores(fakes), Scores(reals))
    torch.testing.assert_close(both, sum(generator(loss, f, r) for r, f in zip(reals, fakes, strict=True)))


@every_loss
def test_a_map_counts_as_its_positions(kind: type[Loss]) -> None:
    real, fake = noise(2, 1, 3, 4, seed=1), noise(2, 1, 3, 4, seed=2)
    torch.testing.assert_close(discriminator(kind(), real, fake), discriminator(kind(), real.flatten(), fake.flatten()))


@every_loss
def test_half_precision_logits_give_a_loss_in_float32(kind: type[Loss]) -> None:
    real, fake = noise(64, seed=1).bfloat16(), noise(64, seed=2).bfloat16()
    exact = discriminator(kind(), real.double(), fake.double())
    loss = discriminator(kind(), real, fake)
    assert loss.dtype == generator(kind(), fake, real).dtype == torch.float32
    torch.testing.assert_close(loss.double(), exact, rtol=1e-5, atol=1e-6)


@settings(deadline=None)
@given(st.sampled_from([Minimax, NonSaturating, Relativistic, RelativisticAverage]), st.sampled_from([-1e4, 1e4]))
def test_extreme_logits_stay_finite(kind: type[Loss], size: float) -> None:
    real, fake = torch.tensor([size]), torch.tensor([-size]).requires_grad_()
    value = discriminator(kind(), real, fake) + generator(kind(), fake, real)
    (slope,) = torch.autograd.grad(value, fake)
    assert value.isfinite()
    assert slope.isfinite().all()


def test_pairs_of_unequal_batches_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(4,\).*\(3,\)"):
        discriminator(Relativistic(), noise(3), noise(4))
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):  # would broadcast to (3, 3)
        generator(Relativistic(), noise(3), noise(3, 1))
    for kind in AVERAGES:
        assert discriminator(kind(), noise(3), noise(4)).isfinite()


def test_scores_of_unlike_discriminators_are_refused() -> None:
    with pytest.raises(ValueError, match="2 critics and fake samples those of 1"):
        Hinge().discriminator(Scores([noise(3), noise(3)]), Scores([noise(3)]))


def test_missing_real_scores_are_refused_where_they_are_needed() -> None:
    for kind in LOSSES:
        if kind.needs_real:
            with pytest.raises(ValueError, match=f"{kind.__name__} wants the scores of real samples"):
                kind().generator(Scores(noise(3)))
        else:
            assert kind().generator(Scores(noise(3))).isfinite()


@pytest.mark.parametrize("label", [0.0, -1.0, 1.1, math.nan])
def test_a_label_outside_its_range_is_refused(label: float) -> None:
    with pytest.raises(ValueError, match="real_label"):
        NonSaturating(real_label=label)
