"""Fréchet distance against closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.metrics.frechet import frechet_between, frechet_distance, moments


def noise(samples: int, features: int, seed: int = 0) -> Tensor:
    return torch.randn(samples, features, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def white(samples: int, features: int, seed: int = 0) -> Tensor:
    """A set whose sample mean is exactly 0 and whose unbiased covariance is exactly the identity."""
    x_NF = noise(samples, features, seed)
    q_NF: Tensor = torch.linalg.qr(x_NF - x_NF.mean(dim=0)).Q
    return q_NF * math.sqrt(samples - 1)


def psd_root(matrix_FF: Tensor) -> Tensor:
    values_F, vectors_FF = torch.linalg.eigh(matrix_FF)
    root_FF: Tensor = vectors_FF @ torch.diag(values_F.clamp(min=0).sqrt()) @ vectors_FF.T
    return root_FF


@given(
    st.floats(-50, 50),
    st.floats(-50, 50),
    st.floats(0.01, 20),
    st.floats(0.01, 20),
    st.integers(2, 40),
    st.integers(2, 40),
)
def test_one_feature_is_the_closed_form(m: float, n: float, s: float, t: float, samples_a: int, samples_b: int) -> None:
    a_NF = m + s * white(samples_a, 1)
    b_NF = n + t * white(samples_b, 1, seed=1)
    assert frechet_distance(a_NF, b_NF) == pytest.approx((m - n) ** 2 + (s - t) ** 2, abs=1e-9)


def test_diagonal_covariances_add_up_feature_by_feature() -> None:
    s_F = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    t_F = torch.tensor([2.0, 2.0, 1.5, 0.0], dtype=torch.float64)
    shift_F = torch.tensor([0.0, -1.0, 2.0, 0.5], dtype=torch.float64)
    figure = frechet_distance(white(50, 4) * s_F, white(70, 4, seed=1) * t_F + shift_F)
    assert figure == pytest.approx(float(shift_F.square().sum() + (s_F - t_F).square().sum()), abs=1e-10)


def test_general_covariances_agree_with_matrix_roots() -> None:
    a_NF = white(200, 6) @ noise(6, 6, seed=1)
    b_NF = white(300, 6, seed=2) @ noise(6, 6, seed=3) + 1.0
    s_FF, t_FF = torch.cov(a_NF.T), torch.cov(b_NF.T)
    root_FF = psd_root(s_FF)
    expected = 6.0 + float((s_FF + t_FF - 2 * psd_root(root_FF @ t_FF @ root_FF)).trace())
    assert frechet_distance(a_NF, b_NF) == pytest.approx(expected, rel=1e-9)


def test_large_gaussians_approach_their_distributions_distance() -> None:
    figure = frechet_distance(noise(200_000, 2), 2 * noise(200_000, 2, seed=1) + 3)
    assert figure == pytest.approx(9 * 2 + 1 * 2, rel=0.01)


@pytest.mark.parametrize(("samples", "features"), [(500, 20), (50, 50), (20, 500), (200, 1280), (2, 3)])
def test_a_set_is_at_distance_zero_from_itself(samples: int, features: int) -> None:
    x_NF = 10 * noise(samples, features) + 5
    assert frechet_distance(x_NF, x_NF) < 1e-9
    assert frechet_distance(x_NF, x_NF.flip(0)) < 1e-9


def test_float32_features_of_one_set_stay_at_zero() -> None:
    x_NF = noise(200, 1280).float()
    assert frechet_distance(x_NF, x_NF) < 1e-9


def test_fewer_samples_than_features_equals_the_dense_formula() -> None:
    a_NF, b_NF = noise(8, 30), 2 * noise(12, 30, seed=1) + 0.3
    s_FF, t_FF = torch.cov(a_NF.T), torch.cov(b_NF.T)
    root_FF = psd_root(s_FF)
    shift = float((a_NF.mean(0) - b_NF.mean(0)).square().sum())
    expected = shift + float((s_FF + t_FF - 2 * psd_root(root_FF @ t_FF @ root_FF)).trace())
    assert frechet_distance(a_NF, b_NF) == pytest.approx(expected, rel=1e-6)  # the dense root is the less exact side


@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 20), st.integers(0, 1000))
def test_symmetric_and_not_negative(samples_a: int, samples_b: int, features: int, seed: int) -> None:
    a_NF, b_NF = noise(samples_a, features, seed), noise(samples_b, features, seed + 1)
    there, back = frechet_distance(a_NF, b_NF), frechet_distance(b_NF, a_NF)
    assert there >= 0
    assert there == pytest.approx(back, abs=1e-10)


@given(st.integers(0, 1000))
def test_rotation_changes_nothing_and_scale_enters_squared(seed: int) -> None:
    a_NF, b_NF = noise(30, 5, seed), noise(40, 5, seed + 1) + 1
    rotation_FF = torch.linalg.qr(noise(5, 5, seed + 2)).Q
    figure = frechet_distance(a_NF, b_NF)
    assert frechet_distance(a_NF @ rotation_FF, b_NF @ rotation_FF) == pytest.approx(figure, rel=1e-9)
    assert frechet_distance(3 * a_NF, 3 * b_NF) == pytest.approx(9 * figure, rel=1e-9)


def test_moments_are_the_mean_and_a_root_of_the_covariance() -> None:
    x_NF = noise(9, 4)
    summary = moments(x_NF)
    assert summary.count == 9
    torch.testing.assert_close(summary.mean_F, x_NF.mean(dim=0))
    torch.testing.assert_close(summary.root_KF.T @ summary.root_KF, torch.cov(x_NF.T))
    assert summary.variance == pytest.approx(float(torch.cov(x_NF.T).trace()))
    assert frechet_between(summary, summary) < 1e-12


@pytest.mark.parametrize("samples", [0, 1])
def test_too_few_samples(samples: int) -> None:
    with pytest.raises(ValueError, match=f"at least 2 samples, got {samples}"):
        frechet_distance(noise(samples, 3), noise(5, 3))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_counted_and_located(value: float) -> None:
    x_NF = noise(6, 3)
    x_NF[2, 1] = x_NF[4, 0] = value
    with pytest.raises(ValueError, match=r"2 of 6 samples .* the first is number 2"):
        frechet_distance(noise(5, 3), x_NF)


def test_different_widths() -> None:
    with pytest.raises(ValueError, match="3 and 4 features"):
        frechet_distance(noise(5, 3), noise(5, 4))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.zeros(4), r"matrix .* got shape \(4,\)"),
        (torch.zeros(4, 1, 2, 2), "flatten each sample"),
        (torch.zeros(4, 0), "no columns"),
        (torch.zeros(4, 2, dtype=torch.complex64), "real numbers"),
    ],
)
def test_things_that_are_not_feature_sets(features: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moments(features)
