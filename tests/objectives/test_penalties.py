"""Penalties on critics whose gradient is known, second derivatives against finite differences, and the traps."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from ganzoo.models.draws import Draws
from ganzoo.models.inputs import PenaltyInputs
from ganzoo.objectives.penalties import (
    R1,
    R2,
    Dragan,
    Drift,
    GradientPenalty,
    OneSidedGradientPenalty,
    Penalty,
    WeightClip,
    ZeroCentredGradientPenalty,
    batch_std,
    dragan_samples,
    gradient_norm,
    gradient_penalty,
    input_gradient,
    interpolate,
    one_sided_gradient_penalty,
    r1,
    r2,
    squared_gradient,
)

TERMS: list[Callable[[], Penalty]] = [
    GradientPenalty,
    OneSidedGradientPenalty,
    ZeroCentredGradientPenalty,
    R1,
    R2,
    Dragan,
    Drift,
    partial(GradientPenalty, target=0.3),
    partial(OneSidedGradientPenalty, target=0.01),
]
GRADIENT_TERMS = [term for term in TERMS if term is not Drift]
Critic = Callable[[Tensor], Tensor]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def inputs(critic: Critic, n: int = 5, shape: tuple[int, ...] = (3,), seed: int = 7) -> PenaltyInputs:
    return PenaltyInputs(critic, noise(n, *shape, seed=1), noise(n, *shape, seed=2), Draws(seed))


class Mlp(nn.Module):
    """A smooth critic of points."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
        with torch.no_grad():
            for index, parameter in enumerate(self.layers.parameters()):
                parameter.copy_(noise(*parameter.shape, seed=index))

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.layers(x)
        return score.squeeze(1)


# A linear critic D(x) = w·x: its gradient is w everywhere.


@settings(deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.floats(0, 3))
def test_a_linear_critic_costs_what_its_weight_says(weight: list[float], target: float) -> None:
    w = torch.tensor(weight, dtype=torch.float64)
    norm = math.hypot(*weight)
    given_inputs = inputs(lambda x: x @ w)
    wanted: list[tuple[Penalty, float]] = [
        (GradientPenalty(target), (norm - target) ** 2),
        (OneSidedGradientPenalty(target), max(norm - target, 0) ** 2),
        (ZeroCentredGradientPenalty(), norm**2),
        (R1(), norm**2 / 2),
        (R2(), norm**2 / 2),
        (Dragan(target), (norm - target) ** 2),
    ]
    for penalty, value in wanted:
        assert penalty(given_inputs).item() == pytest.approx(value, abs=1e-5)


def test_r1_and_r2_have_the_half_and_the_zero_centred_penalty_does_not() -> None:
    given_inputs = inputs(lambda x: 3 * x[:, 0])
    assert R1()(given_inputs).item() == pytest.approx(4.5, rel=1e-14)
    assert R2()(given_inputs).item() == pytest.approx(4.5, rel=1e-14)
    assert ZeroCentredGradientPenalty()(given_inputs).item() == pytest.approx(9.0, rel=1e-14)


# A quadratic critic D(x) = ½xᵀAx with symmetric A: its gradient is Ax.


def test_a_quadratic_critic_shows_where_each_gradient_is_taken() -> None:
    a = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, -1.0], [0.0, -1.0, 3.0]], dtype=torch.float64)

    def of(penalty: Penalty) -> Tensor:
        return penalty(inputs(lambda x: ((x @ a) * x).sum(1) / 2))

    given_inputs = inputs(lambda x: ((x @ a) * x).sum(1) / 2)
    real, fake = given_inputs.real, given_inputs.fake
    assert torch.allclose(input_gradient(given_inputs.critic, real), real @ a)
    assert torch.allclose(of(R1()), (real @ a).square().sum(1).mean() / 2)
    assert torch.allclose(of(R2()), (fake @ a).square().sum(1).mean() / 2)
    eps = Draws(7).uniform(5, stream="penalty").double().unsqueeze(1)
    norms = ((eps * real + (1 - eps) * fake) @ a).norm(dim=1)
    assert torch.allclose(of(GradientPenalty()), (norms - 1).square().mean())
    assert torch.allclose(of(OneSidedGradientPenalty()), (norms - 1).clamp_min(0).square().mean())
    assert torch.allclose(of(ZeroCentredGradientPenalty()), norms.square().mean())


def test_each_sample_has_a_norm_of_its_own() -> None:
    # Gradients of length 0.6 and 0.8 for two samples each; one norm of all four gradients would be √2.
    scale = torch.tensor([0.6, 0.8, 0.6, 0.8], dtype=torch.float64)

    def critic(x: Tensor) -> Tensor:
        return scale * x[:, 0, 0]

    x = noise(4, 2, 2)
    assert gradient_norm(critic, x).tolist() == pytest.approx([0.6, 0.8, 0.6, 0.8], rel=1e-11)
    assert gradient_penalty(critic, x).item() == pytest.approx((0.16 + 0.04) / 2, rel=1e-11)
    assert one_sided_gradient_penalty(critic, x, target=0.7).item() == pytest.approx(0.01 / 2, rel=1e-11)
    assert squared_gradient(critic, x).item() == pytest.approx((0.36 + 0.64) / 2, rel=1e-14)


@pytest.mark.parametrize("term", TERMS)
def test_a_sample_seen_twice_costs_the_same(term: Callable[[], Penalty]) -> None:
    def critic(x: Tensor) -> Tensor:
        return x[:, 0].square() + x[:, 1]

    class Fixed(Draws):
        def uniform(
            self, *shape: int, low: float = 0.0, high: float = 1.0, stream: str = "latent", batched: bool = True
        ) -> Tensor:
            return torch.full(shape, 0.25)

    once = PenaltyInputs(critic, noise(3, 2, seed=1), noise(3, 2, seed=2), Fixed())
    twice = PenaltyInputs(critic, once.real.repeat(2, 1), once.fake.repeat(2, 1), Fixed())
    torch.testing.assert_close(term()(twice), term()(once))


# Second derivatives.


def _with_parameters(critic: nn.Module, term: Callable[[], Penalty]) -> tuple[Callable[..., Tensor], list[str]]:
    names = [name for name, _ in critic.named_parameters()]

    def value(*parameters: Tensor) -> Tensor:
        by_name = dict(zip(names, parameters, strict=True))
        return term()(inputs(lambda x: functional_call(critic, by_name, (x,))))

    return value, names


@pytest.mark.parametrize("term", TERMS)
def test_gradients_of_the_critics_parameters_are_those_of_finite_differences(term: Callable[[], Penalty]) -> None:
    critic = Mlp()
    value, _ = _with_parameters(critic, term)
    parameters = tuple(parameter.detach().clone().requires_grad_() for parameter in critic.parameters())
    assert torch.autograd.gradcheck(value, parameters)


@pytest.mark.parametrize("term", TERMS)
def test_backward_and_nested_functional_gradients_agree(term: Callable[[], Penalty]) -> None:
    critic = Mlp()
    term()(inputs(critic)).backward()  # type: ignore[no-untyped-call]
    value, names = _with_parameters(critic, term)
    nested = torch.func.grad(value, argnums=tuple(range(len(names))))(*(p.detach() for p in critic.parameters()))
    for parameter, gradient in zip(critic.parameters(), nested, strict=True):
        wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-14)


def test_functional_gradients_agree_with_double_backward_by_autograd() -> None:
    critic = Mlp()
    given_inputs = inputs(critic)
    parameters = list(critic.parameters())
    mix_B = Draws(7).uniform(5, stream="penalty").double()
    x = interpolate(given_inputs.real, given_inputs.fake, mix_B).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    wanted = torch.autograd.grad((slope.norm(dim=1) - 1).square().mean(), parameters[:-1])
    found = torch.autograd.grad(GradientPenalty()(given_inputs), parameters[:-1])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_critic_has_finite_gradients(term: Callable[[], Penalty], dtype: torch.dtype) -> None:
    weight = torch.zeros(3, dtype=dtype, requires_grad=True)
    samples = noise(4, 3).to(dtype)
    value = term()(PenaltyInputs(lambda x: x @ weight, samples, samples + 1, Draws(0)))
    (slope,) = torch.autograd.grad(value, weight)
    assert value.isfinite()
    assert slope.isfinite().all()
    assert slope.abs().max() < 1e-5


def test_no_gradient_reaches_the_generator_by_r2() -> None:
    fake = noise(4, 3).requires_grad_()
    assert not r2(lambda x: x.square().sum(1), fake).requires_grad


@pytest.mark.parametrize("term", GRADIENT_TERMS)
def test_images_and_points_alike(term: Callable[[], Penalty]) -> None:
    weight = noise(2 * 3 * 3)
    images = inputs(lambda x: x.flatten(1) @ weight, shape=(2, 3, 3))
    points = PenaltyInputs(images.critic, images.real.flatten(1), images.fake.flatten(1), Draws(7))
    torch.testing.assert_close(term()(images), term()(points))


def test_penalties_run_on_the_meta_device() -> None:
    with torch.device("meta"):
        critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
        samples = torch.empty(5, 3)
    for term in TERMS:
        critic.zero_grad()
        given_inputs = PenaltyInputs(critic, samples, samples, Draws(0, "meta"))
        term()(given_inputs).backward()  # type: ignore[no-untyped-call]
        assert critic[0].weight.grad is not None


@pytest.mark.slow
@pytest.mark.parametrize("points", [r1, r2, gradient_penalty, one_sided_gradient_penalty, squared_gradient])
def test_compiled_whole_a_penalty_and_its_gradient_are_the_same(points: Callable[[Critic, Tensor], Tensor]) -> None:
    critic = Mlp()
    x = noise(5, 3)
    parameters = {name: parameter.detach() for name, parameter in critic.named_parameters()}

    def slopes(parameters: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
        def value(parameters: dict[str, Tensor]) -> Tensor:
            return points(lambda x: functional_call(critic, parameters, (x,)), x)

        gradients: dict[str, Tensor] = torch.func.grad(value)(parameters)
        return gradients

    compiled = torch.compile(slopes, fullgraph=True)(parameters, x)
    for name, gradient in slopes(parameters, x).items():
        torch.testing.assert_close(compiled[name], gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_compiled_whole_the_term_of_a_penalty_goes_backward() -> None:
    critic = Mlp()
    given_inputs = inputs(critic)

    def term(real: Tensor, fake: Tensor, mix_B: Tensor) -> Tensor:
        return gradient_penalty(critic, interpolate(real, fake, mix_B)) + r1(critic, real)

    arguments = (given_inputs.real, given_inputs.fake, noise(5).sigmoid())
    wanted = torch.autograd.grad(term(*arguments), list(critic.parameters())[:-1])
    found = torch.autograd.grad(torch.compile(term, fullgraph=True)(*arguments), list(critic.parameters())[:-1])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


# Mixing.


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 99))
def test_a_mix_lies_on_the_way_with_one_number_a_sample(n: int, seed: int) -> None:
    real, fake = noise(n, 2, 2, seed=seed), noise(n, 2, 2, seed=seed + 100)
    mix_B = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    mixed = interpolate(real, fake, mix_B)
    way = (mixed - fake) / (real - fake)
    assert torch.allclose(way, mix_B.view(n, 1, 1).expand_as(way), atol=1e-6)


def test_a_mix_of_1_is_real_and_of_0_fake() -> None:
    real, fake = noise(2, 3, seed=1), noise(2, 3, seed=2)
    assert torch.equal(interpolate(real, fake, torch.ones(2).double()), real)
    assert torch.equal(interpolate(real, fake, torch.zeros(2).double()), fake)


def test_samples_that_cannot_be_mixed_are_refused_with_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"real \(4, 3\), fake \(5, 3\)"):
        interpolate(noise(4, 3), noise(5, 3), torch.rand(4))
    with pytest.raises(ValueError, match=r"mix \(4, 1\)"):
        interpolate(noise(4, 3), noise(4, 3), torch.rand(4, 1))


@pytest.mark.parametrize("term", [GradientPenalty, OneSidedGradientPenalty, ZeroCentredGradientPenalty, Dragan])
def test_chance_comes_from_the_penaltys_stream_alone(term: Callable[[], Penalty]) -> None:
    def critic(x: Tensor) -> Tensor:
        return x.pow(3).sum(1)

    before = torch.get_rng_state()
    draws = Draws(3)
    samples = noise(6, 2, seed=1), noise(6, 2, seed=2)
    first = term()(PenaltyInputs(critic, *samples, draws))
    second = term()(PenaltyInputs(critic, *samples, draws))
    again = term()(PenaltyInputs(critic, *samples, Draws(3)))
    assert first.item() == again.item()
    assert first.item() != second.item()
    assert list(draws.state_dict()["streams"]) == ["penalty"]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("term", [GradientPenalty, OneSidedGradientPenalty, ZeroCentredGradientPenalty, R1, R2])
def test_ranks_together_draw_what_one_process_draws(term: Callable[[], Penalty]) -> None:
    def critic(x: Tensor) -> Tensor:
        return x.pow(3).sum(1)

    real, fake = noise(6, 2, seed=1), noise(6, 2, seed=2)
    whole = term()(PenaltyInputs(critic, real, fake, Draws(3)))
    halves = [
        term()(PenaltyInputs(critic, real.chunk(2)[rank], fake.chunk(2)[rank], Draws(3, rank=rank, world=2)))
        for rank in range(2)
    ]
    torch.testing.assert_close((halves[0] + halves[1]) / 2, whole, rtol=1e-12, atol=0)


# DRAGAN.


def test_dragans_noise_is_one_sided_uniform_and_as_wide_as_the_data() -> None:
    real = 2 + 3 * noise(20_000, 8)
    draws = Draws(1)
    std = batch_std(real)
    assert std.item() == pytest.approx(3, rel=0.01)
    noise_BF, mix_B = draws.uniform(20_000, 8).double(), draws.uniform(20_000).double()
    shift = (dragan_samples(real, noise_BF, mix_B, std) - real) / std
    # α·½·U with independent α and U from [0, 1): mean ⅛, second moment 1/36, α common to a sample's numbers.
    assert shift.min() >= 0
    assert shift.max() <= 0.5
    assert shift.mean().item() == pytest.approx(1 / 8, rel=0.01)
    assert shift.square().mean().item() == pytest.approx(1 / 36, rel=0.02)
    ratio = 2 * shift / noise_BF
    assert torch.allclose(ratio, mix_B.unsqueeze(1).expand_as(ratio), atol=1e-6)


def test_dragan_looks_near_real_samples_only() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    Dragan()(
        PenaltyInputs(critic, torch.zeros(4, 3) + torch.tensor([0.0, 1.0, 2.0]), torch.full((4, 3), 1e6), Draws(0))
    )
    assert len(seen) == 1
    assert seen[0].max() < 3


def test_the_deviation_is_that_of_all_numbers_with_divisor_n() -> None:
    assert batch_std(torch.tensor([[0.0, 2.0], [4.0, 6.0]])).item() == pytest.approx(math.sqrt(5), rel=1e-6)


def _half_of_dragan(rank: int, folder: Path, real: Tensor, fake: Tensor) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    critic = Mlp()
    part = PenaltyInputs(critic, real.chunk(2)[rank], fake.chunk(2)[rank], Draws(7, rank=rank, world=2))
    Dragan()(part).backward()  # type: ignore[no-untyped-call]
    flat = torch.cat([parameter.grad.flatten() for parameter in critic.parameters() if parameter.grad is not None])
    torch.save((batch_std(part.real, world=2), flat), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_one_processs_dragan(tmp_path: Path) -> None:
    critic = Mlp()
    real, fake = noise(6, 3, seed=1), noise(6, 3, seed=2)
    real[:3] *= 10  # the halves' own deviations are far apart
    Dragan()(PenaltyInputs(critic, real, fake, Draws(7))).backward()  # type: ignore[no-untyped-call]
    wanted = torch.cat([parameter.grad.flatten() for parameter in critic.parameters() if parameter.grad is not None])
    torch.multiprocessing.spawn(_half_of_dragan, (tmp_path, real, fake), nprocs=2)  # type: ignore[attr-defined, no-untyped-call]
    (std, first), (other_std, second) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert std.item() == other_std.item() == pytest.approx(batch_std(real).item(), rel=1e-14)
    torch.testing.assert_close((first + second) / 2, wanted, rtol=1e-12, atol=1e-14)


# Drift.


def test_drift_uses_the_scores_that_there_are_with_their_graph() -> None:
    def no_critic(x: Tensor) -> Tensor:
        raise AssertionError("scored again")

    scores = torch.tensor([1.0, -3.0], dtype=torch.float64, requires_grad=True)
    value = Drift()(PenaltyInputs(no_critic, noise(2, 3), noise(2, 3), Draws(0), scores, scores.detach()))
    assert value.item() == pytest.approx(5.0, rel=1e-14)
    (slope,) = torch.autograd.grad(value, scores)
    assert slope.tolist() == [1.0, -3.0]
    assert Drift()(inputs(lambda x: 2 + 0 * x[:, 0])).item() == pytest.approx(4.0, rel=1e-14)


def test_drift_of_half_precision_scores_is_in_float32() -> None:
    scores = noise(300).bfloat16()
    value = Drift()(PenaltyInputs(torch.sum, noise(300, 1), noise(300, 1), Draws(0), scores))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), scores.double().square().mean(), rtol=1e-5, atol=0)


# Weight clipping.


@settings(deadline=None)
@given(st.floats(1e-3, 2), st.integers(0, 99))
def test_clipping_bounds_every_parameter_and_keeps_what_lies_within(limit: float, seed: int) -> None:
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    before = [parameter.detach().clone() for parameter in module.parameters()]
    WeightClip(limit).project(module)
    for old, parameter in zip(before, module.parameters(), strict=True):
        assert torch.equal(parameter, old.clamp(-limit, limit))
        assert parameter.requires_grad
    once = [parameter.detach().clone() for parameter in module.parameters()]
    WeightClip(limit).project(module)
    assert all(torch.equal(a, b) for a, b in zip(once, module.parameters(), strict=True))


def test_a_module_without_parameters_is_no_trouble() -> None:
    WeightClip().project(nn.Identity())


def test_a_projection_has_no_term_and_a_term_projects_nothing() -> None:
    assert WeightClip.is_projection
    with pytest.raises(TypeError, match="WeightClip has no term: it is a projection"):
        WeightClip()(inputs(lambda x: x.sum(1)))
    for kind in (GradientPenalty, OneSidedGradientPenalty, ZeroCentredGradientPenalty, R1, R2, Dragan, Drift):
        assert not kind.is_projection
        with pytest.raises(TypeError, match="not a projection"):
            kind().project(nn.Linear(1, 1))


@pytest.mark.parametrize("kind", [GradientPenalty, OneSidedGradientPenalty, Dragan])
@pytest.mark.parametrize("target", [-0.1, math.nan])
def test_a_negative_target_is_refused(kind: Callable[[float], Penalty], target: float) -> None:
    with pytest.raises(ValueError, match="target is"):
        kind(target)


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_a_limit_that_is_no_limit_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="limit is"):
        WeightClip(limit)
