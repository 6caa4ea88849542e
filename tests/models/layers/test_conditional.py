"""Conditional batch norm and projection against their equations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models.layers.conditional import (
    AdaptiveInstanceNorm2d,
    ClassBatchNorm2d,
    Projection,
    VectorBatchNorm2d,
)
from ganzoo.models.layers.spectral import spectral_norm


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def normalised(x: Tensor, eps: float) -> Tensor:
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (var + eps).sqrt()


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_each_class_has_its_own_scale_and_offset(eps: float) -> None:
    layer, x, y = ClassBatchNorm2d(3, 4, eps).double(), noise(5, 3, 2, 4), torch.tensor([3, 0, 3, 1, 2])
    with torch.no_grad():
        layer.scale_KC.copy_(noise(4, 3, seed=1))
        layer.offset_KC.copy_(noise(4, 3, seed=2))
    for i, k in enumerate(y.tolist()):
        wanted = normalised(x, eps)[i] * layer.scale_KC[k][:, None, None] + layer.offset_KC[k][:, None, None]
        torch.testing.assert_close(layer(x, y)[i], wanted, rtol=1e-10, atol=1e-10)


def test_at_first_all_classes_are_plain_batch_norm() -> None:
    layer, plain, x = ClassBatchNorm2d(3, 4).double(), nn.BatchNorm2d(3).double(), noise(5, 3, 2, 4)
    assert torch.equal(layer(x, torch.tensor([3, 0, 3, 1, 2])), plain(x))
    assert {name for name, _ in layer.named_parameters()} == {"scale_KC", "offset_KC"}


def test_the_vector_gives_a_scale_around_one_and_an_offset() -> None:
    torch.manual_seed(0)
    layer, x, v = VectorBatchNorm2d(3, 5, eps=0.1).double(), noise(4, 3, 2, 2), noise(4, 5, seed=1)
    assert isinstance(layer.scale, nn.Linear)
    assert isinstance(layer.offset, nn.Linear)
    assert layer.scale.bias is None
    assert layer.offset.bias is None
    scale, offset = 1 + v @ layer.scale.weight.T, v @ layer.offset.weight.T
    wanted = normalised(x, 0.1) * scale[:, :, None, None] + offset[:, :, None, None]
    torch.testing.assert_close(layer(x, v), wanted, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(layer(x, torch.zeros_like(v)), normalised(x, 0.1), rtol=1e-10, atol=1e-10)


def test_layers_of_the_vector_can_be_any() -> None:
    layer = VectorBatchNorm2d(3, 5, lambda features, out: spectral_norm(nn.Linear(features, out)))
    assert hasattr(layer.scale, "parametrizations")
    assert layer.offset.bias is not None


def test_the_projection_is_an_inner_product_with_the_class() -> None:
    layer, h, y = Projection(3, 4).double(), noise(2, 4), torch.tensor([2, 0])
    wanted = [float(layer.embedding.weight[k].detach() @ h[i]) for i, k in enumerate(y.tolist())]
    torch.testing.assert_close(layer(h, y), torch.tensor(wanted, dtype=torch.float64))


def test_the_embedding_can_be_normalised() -> None:
    layer = Projection(3, 4, spectral_norm)
    for _ in range(100):
        layer(torch.ones(1, 4), torch.tensor([0]))
    largest = torch.linalg.matrix_norm(layer.eval().embedding.weight, 2)
    torch.testing.assert_close(largest, torch.tensor(1.0), rtol=1e-5, atol=0)


def test_adain_gives_each_map_the_mean_and_deviation_of_its_style() -> None:
    layer = AdaptiveInstanceNorm2d(3, 5).double()
    x_BCHW, v_BV = noise(4, 3, 6, 7) * 3 + 2, noise(4, 5, seed=1)
    scale_BC, offset_BC = layer.affine(v_BV).detach().chunk(2, 1)
    y_BCHW = layer(x_BCHW, v_BV).detach()
    torch.testing.assert_close(y_BCHW.mean((2, 3)), offset_BC, atol=1e-5, rtol=0)
    torch.testing.assert_close(y_BCHW.std((2, 3), correction=0), (1 + scale_BC).abs(), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        layer(x_BCHW, torch.zeros(4, 5, dtype=torch.float64)),
        layer(5 * x_BCHW - 1, torch.zeros(4, 5, dtype=torch.float64)),
        atol=1e-4,
        rtol=0,
    )
