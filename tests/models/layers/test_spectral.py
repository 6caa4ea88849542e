"""Spectral normalisation against singular values, and the traps of a state that each forward changes."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ganzoo.models.layers.spectral import SpectralNorm, spectral_norm


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def state(layer: nn.Module) -> Tensor:
    return next(buffer for name, buffer in layer.named_buffers() if name.endswith("u_O"))


def linear(rows: int = 5, columns: int = 4, seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return spectral_norm(nn.Linear(columns, rows).double())


@pytest.mark.parametrize(
    ("layer", "rows"),
    [
        (nn.Linear(4, 5), 5),
        (nn.Conv2d(3, 6, 3), 6),
        (nn.ConvTranspose2d(6, 3, 3), 3),
        (nn.Conv1d(2, 3, 5), 3),
        (nn.Embedding(7, 3), 7),
    ],
)
def test_it_converges_to_the_largest_singular_value(layer: nn.Module, rows: int) -> None:
    layer = layer.double()
    weight = layer.weight.detach().clone()
    assert isinstance(weight, Tensor)
    matrix = weight.movedim(0 if weight.shape[0] == rows else 1, 0).flatten(1)
    sigma = torch.linalg.svdvals(matrix)[0]
    normalized = spectral_norm(layer)
    assert state(normalized).shape == (rows,)
    for _ in range(300):
        last = normalized.weight
    torch.testing.assert_close(last, weight / sigma, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(normalized.eval().weight, weight / sigma, rtol=1e-8, atol=1e-10)


def test_one_use_is_one_iteration_of_the_algorithm() -> None:
    layer = linear()
    u = state(layer).clone()
    weight = layer.parametrizations.weight.original.detach()
    for _ in range(3):
        v = weight.T @ u
        v = v / v.norm()
        image = weight @ v
        u, sigma = image / image.norm(), image.norm()
        torch.testing.assert_close(layer.weight, weight / sigma)
        torch.testing.assert_close(state(layer), u)


def test_more_iterations_at_once() -> None:
    one, three = SpectralNorm(torch.zeros(5, 4)).double(), SpectralNorm(torch.zeros(5, 4), iterations=3).double()
    three.load_state_dict(one.state_dict())
    weight = noise(5, 4)
    wanted = [one(weight) for _ in range(3)][-1]
    torch.testing.assert_close(three(weight), wanted)
    torch.testing.assert_close(three.u_O, one.u_O)


def test_registering_and_evaluating_do_not_iterate() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 5)
    torch.manual_seed(3)
    random = torch.randn(5)
    torch.manual_seed(3)
    spectral_norm(layer)
    torch.testing.assert_close(state(layer), random / random.norm())
    layer.eval()
    before = state(layer).clone()
    x = torch.randn(2, 4)
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(state(layer), before)


def test_evaluation_divides_by_the_estimate_of_the_state() -> None:
    layer = linear().eval()
    weight = layer.parametrizations.weight.original
    torch.testing.assert_close(layer.weight, weight / (weight.T @ state(layer)).norm())


def test_the_derivative_has_u_and_v_as_constants() -> None:
    layer = linear()
    weight = layer.parametrizations.weight.original
    v = weight.T.detach() @ state(layer)
    v = v / v.norm()
    cotangent, normalized = noise(5, 4, seed=3), layer.weight
    (gradient,) = torch.autograd.grad((normalized * cotangent).sum(), weight)
    sigma = (weight.detach() @ v).norm()
    wanted = (cotangent - (cotangent * normalized.detach()).sum() * torch.outer(state(layer), v)) / sigma
    torch.testing.assert_close(gradient, wanted)


def test_several_forwards_before_one_backward() -> None:
    layer, twin = linear(), linear()
    real, fake = noise(3, 4), noise(3, 4, seed=1)
    weight = layer.parametrizations.weight.original
    (together,) = torch.autograd.grad(layer(real).square().sum() - layer(fake).square().sum(), weight)
    own = twin.parametrizations.weight.original
    (first,) = torch.autograd.grad(twin(real).square().sum(), own)
    (second,) = torch.autograd.grad(twin(fake).square().sum(), own)
    torch.testing.assert_close(together, first - second)


def test_training_between_an_evaluation_and_its_backward() -> None:
    layer = linear().eval()
    weight = layer.parametrizations.weight.original
    (wanted,) = torch.autograd.grad(layer(noise(3, 4)).square().sum(), weight)
    evaluated = layer(noise(3, 4)).square().sum()
    layer.train()(noise(3, 4))
    assert torch.equal(torch.autograd.grad(evaluated, weight)[0], wanted)


def test_a_gradient_penalty_reaches_the_raw_weight() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(spectral_norm(nn.Linear(3, 4)), nn.Tanh(), spectral_norm(nn.Linear(4, 1))).double()
    x = noise(5, 3).requires_grad_()
    start: dict[str, Tensor] = {}

    def penalty() -> Tensor:
        critic.load_state_dict({name: u for name, u in start.items() if name.endswith("u_O")}, strict=False)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return slope.square().sum()

    weight = critic[0].parametrizations.weight.original
    # v's own movement is no part of the derivative. Where v has converged it adds nothing, and numbers can be compared.
    for _ in range(2000):
        critic(x)
    start |= copy.deepcopy(critic.state_dict())
    (gradient,) = torch.autograd.grad(penalty(), weight)
    numeric = torch.zeros_like(gradient)
    step = 1e-5
    with torch.no_grad():
        for i in range(4):
            for j in range(3):
                values = []
                for sign in (1, -1):
                    weight[i, j] += sign * step
                    with torch.enable_grad():
                        values.append(penalty().item())
                    weight[i, j] -= sign * step
                numeric[i, j] = (values[0] - values[1]) / (2 * step)
    torch.testing.assert_close(gradient, numeric, rtol=1e-4, atol=1e-7)


def test_autocast_leaves_sigma_its_digits() -> None:
    torch.manual_seed(0)
    layer = spectral_norm(nn.Conv2d(8, 8, 3))
    twin = copy.deepcopy(layer)
    with torch.autocast("cpu", torch.bfloat16):
        weight = layer.weight
        y = layer(torch.randn(1, 8, 6, 6))
    assert weight.dtype == torch.float32
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(weight, twin.weight, rtol=1e-6, atol=1e-7)


def test_a_checkpoint_keeps_weight_and_state() -> None:
    layer, other = linear(), linear(seed=1)
    layer(noise(2, 4))
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert "parametrizations.weight.original" in layer.state_dict()
    assert torch.equal(other(noise(2, 4)), layer(noise(2, 4)))


def test_inside_a_functional_gradient_on_copies_of_the_state() -> None:
    layer = linear()
    x = noise(2, 4)
    before = state(layer).clone()

    def score(x: Tensor) -> Tensor:
        copies = {name: buffer.clone() for name, buffer in layer.named_buffers()}
        y: Tensor = functional_call(layer, copies, (x,))
        return y.sum()

    gradient = torch.func.grad(score)(x)
    assert torch.equal(state(layer), before)
    torch.testing.assert_close(gradient, layer.weight.sum(0).detach().expand(2, 4))


def test_stacked_layers_iterate_each_for_itself() -> None:
    layers = [linear(seed=n) for n in range(3)]
    # Each parametrised layer has a class of its own, which stack_module_state refuses.
    parameters = {
        name: torch.stack([dict(one.named_parameters())[name] for one in layers])
        for name, _ in layers[0].named_parameters()
    }
    buffers = {
        name: torch.stack([dict(one.named_buffers())[name] for one in layers]) for name, _ in layers[0].named_buffers()
    }
    skeleton = linear()
    x = noise(2, 4)

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        y: Tensor = functional_call(skeleton, (parameters, buffers), (x,))
        return y

    together = vmap(call)(parameters, buffers)
    torch.testing.assert_close(together, torch.stack([layer(x) for layer in layers]))


def test_meta_and_a_weight_of_zero() -> None:
    layer = spectral_norm(nn.Conv2d(3, 4, 3, device="meta"))
    assert layer(torch.empty(1, 3, 8, 8, device="meta")).shape == (1, 4, 6, 6)
    flat = nn.Linear(3, 2)
    nn.init.zeros_(flat.weight)
    spectral_norm(flat)
    y = flat(torch.ones(1, 3))
    y.sum().backward()
    assert y.isfinite().all()
    gradient = flat.parametrizations.weight.original.grad  # type: ignore[union-attr, operator]
    assert gradient.isfinite().all()


def test_what_has_no_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="2 or more axes"):
        spectral_norm(nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="ReLU has no tensor weight"):
        spectral_norm(nn.ReLU())
    with pytest.raises(ValueError, match="1 power iteration or more"):
        spectral_norm(nn.Linear(2, 2), iterations=0)
