"""Orthogonal initialisation, and the regularisation's value and gradient against its equation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models.layers.orthogonal import orthogonal_, orthogonality


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def off_diagonal(weight: Tensor) -> Tensor:
    matrix = weight.flatten(1)
    return matrix @ matrix.T * (1 - torch.eye(len(matrix), dtype=weight.dtype))


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 2, 3, 3), (4, 4)])
def test_the_gradient_is_twice_the_products_off_the_diagonal_times_the_weight(shape: tuple[int, ...]) -> None:
    weight = noise(*shape).requires_grad_()
    term = orthogonality([weight])
    torch.testing.assert_close(term, off_diagonal(weight).square().sum() / 2)
    (gradient,) = torch.autograd.grad(term, weight)
    torch.testing.assert_close(gradient, (2 * off_diagonal(weight) @ weight.flatten(1)).view(shape))


def test_rows_at_right_angles_cost_nothing_whatever_their_length() -> None:
    assert float(orthogonality([torch.diag(torch.tensor([1.0, 5.0, 0.1]))])) == 0
    assert float(orthogonality([torch.ones(2, 2)])) == 4


def test_several_weights_add_up() -> None:
    one, other = noise(3, 7), noise(7, 3, seed=1)
    torch.testing.assert_close(orthogonality([one, other]), orthogonality([one]) + orthogonality([other]))


def test_autocast_takes_no_digits() -> None:
    weight = noise(3, 7).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(orthogonality([weight]), orthogonality([weight]).float())
        lowered = orthogonality([weight])
    assert torch.equal(lowered, orthogonality([weight]))


def test_no_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="given none"):
        orthogonality([])


@pytest.mark.parametrize("layer", [nn.Linear(7, 3), nn.Linear(3, 7), nn.Conv2d(2, 5, 3), nn.Embedding(4, 6)])
def test_the_initialisation_is_orthogonal_with_biases_of_0(layer: nn.Linear | nn.Conv2d | nn.Embedding) -> None:
    orthogonal_(layer)
    matrix = layer.weight.detach().flatten(1)
    gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-5)
    assert not any(p.any() for name, p in layer.named_parameters() if name == "bias")
