"""Bias and activation against their definitions, and the derivatives of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.models.layers.biased import bias_act


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
DEFINITIONS: dict[str, tuple[Callable[[float], float], float]] = {
    "linear": (lambda v: v, 1),
    "relu": (lambda v: max(v, 0.0), math.sqrt(2)),
    "lrelu": (lambda v: v if v > 0 else 0.2 * v, math.sqrt(2)),
    "tanh": (math.tanh, 1),
    "sigmoid": (lambda v: 1 / (1 + math.exp(-v)), 1),
    "elu": (lambda v: v if v > 0 else math.expm1(v), 1),
    "selu": (lambda v: SELU_SCALE * (v if v > 0 else SELU_ALPHA * math.expm1(v)), 1),
    "softplus": (lambda v: math.log1p(math.exp(v)), 1),
    "swish": (lambda v: v / (1 + math.exp(-v)), math.sqrt(2)),
}


@pytest.mark.parametrize("act", DEFINITIONS)
@pytest.mark.parametrize("gain", [None, 0.7])
@pytest.mark.parametrize("clamp", [None, 0.5])
@pytest.mark.parametrize("biased", [True, False])
def test_it_is_the_definition(act: Any, gain: float | None, clamp: float | None, biased: bool) -> None:
    function, usual = DEFINITIONS[act]
    x, bias = noise(2, 3, 2, 2), noise(3, seed=1) if biased else None
    before = x.clone()
    y = bias_act(x, bias, act, gain=gain, clamp=clamp)
    for (n, c, i, j), value in zip(torch.cartesian_prod(*map(torch.arange, x.shape)), x.flatten(), strict=True):
        wanted = function(value.item() + (0 if bias is None else bias[c].item())) * (usual if gain is None else gain)
        wanted = wanted if clamp is None else max(-clamp, min(clamp, wanted))
        assert y[n, c, i, j].item() == pytest.approx(wanted, rel=1e-12, abs=1e-14)
    assert torch.equal(x, before)


@pytest.mark.parametrize("act", DEFINITIONS)
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_first_and_second_derivatives(act: Any, clamp: float | None) -> None:
    x, bias = noise(3, 2, 2).requires_grad_(), noise(2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, b: bias_act(x, b, act, clamp=clamp), (x, bias))
    assert torch.autograd.gradgradcheck(lambda x, b: bias_act(x, b, act, clamp=clamp), (x, bias))
    assert torch.autograd.gradgradcheck(lambda x: bias_act(x, None, act, gain=2.0, clamp=clamp), (x,))


def test_slopes() -> None:
    x = torch.tensor([[-2.0, 3.0]])
    assert bias_act(x, None, "lrelu", gain=1, slope=0.5).tolist() == [[-1, 3]]
    assert bias_act(x, None, "lrelu", gain=1, slope=0).tolist() == [[0, 3]]
    assert bias_act(x, torch.tensor([1.0, 1.0]), "relu", gain=2).tolist() == [[0, 8]]


@pytest.mark.parametrize("act", ["lrelu", "linear", "tanh"])
def test_formats_and_dtypes(act: Any) -> None:
    x, bias = noise(2, 4, 6, 6).float(), noise(4, seed=1).float()
    wanted = bias_act(x, bias, act)
    for given in (x.to(memory_format=torch.channels_last), torch.stack([x, x], -1)[..., 1]):
        assert torch.equal(bias_act(given, bias, act), wanted)
    last = bias_act(x.to(memory_format=torch.channels_last), bias, act)
    assert last.is_contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        half = bias_act(x.bfloat16(), bias, act)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), wanted, rtol=0.02, atol=0.02)
    assert bias_act(torch.empty(2, 4, device="meta"), torch.empty(4, device="meta"), act).shape == (2, 4)


def test_functional_transforms() -> None:
    x, bias = noise(5, 3), noise(3, seed=1)
    assert torch.equal(torch.vmap(lambda row: bias_act(row[None], bias)[0])(x), bias_act(x, bias))
    biases = noise(4, 3, seed=2)
    together = torch.vmap(lambda b: bias_act(x, b))(biases)
    assert torch.equal(together, torch.stack([bias_act(x, b) for b in biases]))
    gradient = torch.func.grad(lambda x: bias_act(x, bias).sum())(x)
    torch.testing.assert_close(gradient, math.sqrt(2) * torch.where(x + bias > 0, 1.0, 0.2).double())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"act": "gelu"}, "no activation is called 'gelu'; known: linear"),
        ({"bias_C": torch.ones(4)}, r"the bias has the shape \(4,\)"),
        ({"gain": 0.0}, "above 0"),
        ({"slope": -1.0}, "0 or more"),
        ({"clamp": 0.0}, "above 0"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bias_act(torch.ones(2, 3), **options)
