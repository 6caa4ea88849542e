"""Operations are counted from shapes: against closed forms written out here, and against torch's own counter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.bench import operations
from ganzoo.bench.operations import ATTENTION, FORWARD, PRODUCT, TO_DATA, TO_WEIGHTS, count

B, C, K, S = 4, 3, 8, 16  # samples, channels in and out, sides of the pictures
PLACES = 8 * 8  # of the output of kernel 4, stride 2, padding 1
ONE = 2 * B * PLACES * K * C * 4 * 4  # a multiplication and an addition for each weight at each place


@pytest.fixture(params=["cpu", "meta"])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pictures(device: str) -> tuple[Tensor, Tensor]:
    x = torch.randn(B, C, S, S, device=device, requires_grad=True)
    weight = torch.randn(K, C, 4, 4, device=device, requires_grad=True)
    return x, weight


def test_a_convolution(device: str) -> None:
    x, weight = pictures(device)
    counted = count(lambda: F.conv2d(x, weight, stride=2, padding=1))
    assert counted.operations == ONE
    assert counted.by_kind == {FORWARD: ONE}
    assert counted.by_dtype == {"float32": ONE}
    assert counted.bytes == 4 * (x.numel() + weight.numel() + B * K * PLACES)
    assert counted.calls == 1


@pytest.mark.parametrize(
    ("wanted", "kinds"), [("x", {TO_DATA}), ("weight", {TO_WEIGHTS}), ("both", {TO_DATA, TO_WEIGHTS})]
)
def test_each_part_of_its_backward(device: str, wanted: str, kinds: set[str]) -> None:
    x, weight = pictures(device)
    inputs = {"x": [x], "weight": [weight], "both": [x, weight]}[wanted]
    counted = count(lambda: torch.autograd.grad(F.conv2d(x, weight, stride=2, padding=1).sum(), inputs))
    assert counted.by_kind == {FORWARD: ONE, **dict.fromkeys(kinds, ONE)}


def test_groups_share_the_channels_out(device: str) -> None:
    x = torch.randn(2, 6, 5, 5, device=device)
    weight = torch.randn(9, 2, 3, 3, device=device)
    assert count(lambda: F.conv2d(x, weight, groups=3)).operations == 2 * 2 * 3 * 3 * 9 * 2 * 9


def test_a_transposed_convolution_works_on_the_places_of_its_input(device: str) -> None:
    z = torch.randn(B, K, 4, 4, device=device, requires_grad=True)
    weight = torch.randn(K, C, 4, 4, device=device, requires_grad=True)
    one = 2 * B * 4 * 4 * K * C * 4 * 4
    counted = count(lambda: torch.autograd.grad(F.conv_transpose2d(z, weight, stride=2, padding=1).sum(), (z, weight)))
    assert counted.by_kind == {FORWARD: one, TO_DATA: one, TO_WEIGHTS: one}


def test_a_linear_layer_and_its_backward(device: str) -> None:
    x = torch.randn(5, 7, device=device, requires_grad=True)
    weight, bias = torch.randn(9, 7, device=device, requires_grad=True), torch.randn(9, device=device)
    one = 2 * 5 * 7 * 9
    assert count(lambda: F.linear(x, weight, bias)).by_kind == {PRODUCT: one}
    assert count(lambda: torch.autograd.grad(F.linear(x, weight, bias).sum(), (x, weight))).operations == 3 * one


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (lambda a: a(3, 4) @ a(4, 5), 2 * 3 * 4 * 5),
        (lambda a: a(6, 3, 4) @ a(6, 4, 5), 2 * 6 * 3 * 4 * 5),
        (lambda a: torch.baddbmm(a(6, 3, 5), a(6, 3, 4), a(6, 4, 5)), 2 * 6 * 3 * 4 * 5),
        (lambda a: torch.addbmm(a(3, 5), a(6, 3, 4), a(6, 4, 5)), 2 * 6 * 3 * 4 * 5),
        (lambda a: a(3, 4) @ a(4), 2 * 3 * 4),
        (lambda a: torch.dot(a(7), a(7)), 2 * 7),
        (lambda a: torch.einsum("bi,ij,bj->b", a(2, 3), a(3, 4), a(2, 4)), 2 * 2 * 3 * 4 + 2 * 2 * 4),
    ],
)
def test_products(run: Callable[[Callable[..., Tensor]], Tensor], wanted: int, device: str) -> None:
    assert count(lambda: run(lambda *shape: torch.randn(*shape, device=device))).operations == wanted


def test_pointwise_operations_are_bytes_alone(device: str) -> None:
    x = torch.ones(10, 10, device=device)
    counted = count(x.exp)
    assert (counted.operations, counted.bytes) == (0, 2 * 400)
    # A view moves nothing, an expanded row is read once, and the sum is written.
    counted = count(lambda: x[:1].expand(50, 10).t() + 1)
    assert counted.bytes == 40 + 4 * 500


def test_a_gradient_of_a_gradient() -> None:
    """The penalty's way: the input gradient by torch.func, then its own gradient for the weights."""
    x, weight = pictures("cpu")

    def penalty() -> Tensor:
        gradient = torch.func.grad(lambda a: F.conv2d(a, weight, stride=2, padding=1).square().sum())(x.detach())
        return torch.autograd.grad(gradient.square().sum(), weight)[0]

    counted = count(penalty)
    # Forward, backward to data; then through that: a forward, a backward to weights; and through the first forward again.
    assert counted.operations == 5 * ONE
    assert counted.by_kind[TO_DATA] == ONE
    with torch.device("meta"):
        x, weight = pictures("meta")
        assert count(penalty) == counted


def test_attention() -> None:
    def attend() -> Tensor:
        q, k, v = (torch.randn(2, 3, n, 8) for n in (10, 12, 12))
        return F.scaled_dot_product_attention(q, k, v)

    wanted = 2 * (2 * 2 * 3 * 10 * 12 * 8)
    assert count(attend).by_kind == {ATTENTION: wanted}
    with torch.inference_mode():
        assert count(attend).operations == wanted


def test_inference_mode_hides_nothing() -> None:
    x, weight = pictures("cpu")
    with torch.inference_mode():
        assert count(lambda: F.conv2d(x, weight, stride=2, padding=1)).operations == ONE
        assert count(lambda: F.linear(torch.randn(5, 7), torch.randn(9, 7))).operations == 2 * 5 * 7 * 9


def test_bfloat16_under_autocast() -> None:
    x, weight = pictures("cpu")
    with torch.autocast("cpu", torch.bfloat16):
        counted = count(lambda: F.conv2d(x, weight, stride=2, padding=1))
    assert counted.by_dtype == {"bfloat16": ONE}


def test_as_torchs_counter_where_that_works() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 4, 2, 1),
        torch.nn.BatchNorm2d(8),
        torch.nn.LeakyReLU(),
        torch.nn.Conv2d(8, 8, 3),  # without groups, whose backward to weights torch's counter takes for that of none
        torch.nn.ConvTranspose2d(8, 4, 4, 2, 1),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(5),
    )
    x = torch.randn(2, 3, 16, 16)
    net(x)
    with FlopCounterMode(display=False) as theirs:
        net(x).sum().backward()
    assert count(lambda: net(x).sum().backward()).operations == theirs.get_total_flops()


def test_every_formula_is_of_an_operation_that_torch_has() -> None:
    assert {"aten.convolution", "aten.convolution_backward", "aten.mm", "aten.addmm", "aten.bmm"} <= {
        str(packet) for packet in operations.FORMULAS
    }
