"""The closed form of the input gradient equals autograd's, and so do penalties' gradients through it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models.layers.dcgan import DcganDiscriminator
from ganzoo.models.layers.maps import FromMaps
from ganzoo.models.layers.piecewise import SpatialMean, Sum, input_gradient, is_piecewise_linear
from ganzoo.models.layers.same import Mirror, SameConv2d

CHAINS = {
    "mlp": (nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.LeakyReLU(0.3), nn.Linear(6, 1)), (5,)),
    "convolutions": (
        nn.Sequential(
            nn.Conv2d(2, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.ReLU(), nn.Flatten(),
            nn.Linear(6 * 2 * 3, 1),
        ),
        (2, 8, 12),
    ),
    "rows left over": (nn.Sequential(nn.Conv2d(1, 3, 3, 2), nn.LeakyReLU(0.2), nn.Conv2d(3, 1, 2, 1, dilation=2)), (1, 10, 9)),
    "same padding": (
        nn.Sequential(SameConv2d(1, 3, 5, 2), nn.LeakyReLU(0.2), SameConv2d(3, 2, 3, 1), nn.ReLU(), SameConv2d(2, 2, 2, 3)),
        (1, 11, 8),
    ),
    "mirrored": (
        nn.Sequential(
            Mirror(), SameConv2d(1, 3, 5, 2, mirrored=True), nn.LeakyReLU(0.2), SameConv2d(3, 2, 4, 1, mirrored=True), nn.ReLU(),
            SameConv2d(2, 2, 2, 3, mirrored=True), FromMaps(), nn.Linear(2 * 2 * 2, 1),
        ),
        (1, 11, 9),
    ),
    "kernel below the stride, mirrored": (nn.Sequential(Mirror(), SameConv2d(1, 3, 1, 2, mirrored=True), nn.ReLU(), FromMaps(), nn.Linear(36, 1)), (1, 8, 6)),
    "kernel below the stride": (nn.Sequential(SameConv2d(1, 3, 1, 2), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 3, 1)), (1, 7, 6)),
    "residual": (
        nn.Sequential(
            Sum(nn.Sequential(nn.AvgPool2d(2), SameConv2d(2, 4, 1)), nn.Sequential(SameConv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2))),
            Sum(nn.Identity(), nn.Sequential(nn.ReLU(), SameConv2d(4, 4, 3)), nn.Sequential(nn.ReLU(), SameConv2d(4, 4, 1))),
            nn.ReLU(), SpatialMean(), nn.Linear(4, 1),
        ),
        (2, 9, 6),
    ),
    "dcgan": (DcganDiscriminator(4, 1, 2, (7, 7), batch_norm=False).layers, (1, 28, 28)),
}  # fmt: skip


def penalty(gradient: Tensor) -> Tensor:
    return ((gradient.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()  # a dead network has gradient 0


@pytest.mark.parametrize("name", list(CHAINS))
def test_value_and_derivative_are_autograds(name: str) -> None:
    torch.manual_seed(0)
    chain, shape = CHAINS[name]
    chain = chain.double()
    assert is_piecewise_linear(chain)
    x = torch.randn(3, *shape, dtype=torch.float64)
    closed = input_gradient(chain, x)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(chain(leaf).sum(), leaf, create_graph=True)
    torch.testing.assert_close(closed, expected)
    weights = [p for n, p in chain.named_parameters() if n.endswith("weight")]
    torch.testing.assert_close(
        torch.autograd.grad(penalty(closed), weights),
        torch.autograd.grad(penalty(expected), weights),
        rtol=1e-9,
        atol=1e-12,
    )


def test_what_is_no_chain_is_told() -> None:
    assert not is_piecewise_linear([nn.Linear(2, 2), nn.Tanh()])
    assert not is_piecewise_linear([nn.Conv2d(1, 1, 3, padding="same")])
    assert not is_piecewise_linear([nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")])
    assert not is_piecewise_linear([nn.AvgPool2d(3, 2)])
    assert not is_piecewise_linear([Sum(nn.Identity(), nn.Sequential(nn.Tanh()))])
    with pytest.raises(TypeError, match="Tanh is no layer"):
        input_gradient(nn.Sequential(nn.Tanh()), torch.zeros(1, 2))


def test_a_critic_with_batch_norm_has_no_chain() -> None:
    assert DcganDiscriminator(4, 1, 2, (7, 7), batch_norm=True).piecewise_linear() is None
    without = DcganDiscriminator(4, 1, 2, (7, 7), batch_norm=False)
    assert without.piecewise_linear() is without.layers
    assert is_piecewise_linear(without.layers)
