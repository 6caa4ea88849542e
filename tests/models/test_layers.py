"""SAME padding against its definition, maxout against its largest piece, initialisation by its moments."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.models.layers.init import normal_
from ganzoo.models.layers.maxout import Maxout
from ganzoo.models.layers.same import Mirror, SameConv2d, SameConvTranspose2d, same_padding


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def first_pad(size: int, kernel: int, stride: int) -> int:
    """Zeros before the data by TensorFlow's definition, written with the remainder of the size."""
    total = max(kernel - (stride if size % stride == 0 else size % stride), 0)
    return total // 2


def slow_conv(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """y[o, i, j] = b[o] + Σ w[o, c, a, b] x[c, i s + a - before, j s + b - before], number by number."""
    batch, _, height, width = x.shape
    outputs, inputs, kernel, _ = weight.shape
    top, left = first_pad(height, kernel, stride), first_pad(width, kernel, stride)
    y = torch.zeros(batch, outputs, -(-height // stride), -(-width // stride), dtype=torch.float64)
    y += bias.view(1, -1, 1, 1)
    for n, o, c, i, j, a, b in product(*map(range, (batch, outputs, inputs, *y.shape[2:], kernel, kernel))):
        row, column = i * stride + a - top, j * stride + b - left
        if 0 <= row < height and 0 <= column < width:
            y[n, o, i, j] += weight[o, c, a, b] * x[n, c, row, column]
    return y


def slow_conv_transpose(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Each x[c, i, j] spreads w[c, o] over (i s + a - before, j s + b - before) of an output of size n s."""
    batch, inputs, height, width = x.shape
    _, outputs, kernel, _ = weight.shape
    y = torch.zeros(batch, outputs, height * stride, width * stride, dtype=torch.float64) + bias.view(1, -1, 1, 1)
    before = first_pad(height * stride, kernel, stride)
    for n, o, c, i, j, a, b in product(*map(range, (batch, outputs, inputs, height, width, kernel, kernel))):
        row, column = i * stride + a - before, j * stride + b - before
        if 0 <= row < height * stride and 0 <= column < width * stride:
            y[n, o, row, column] += weight[c, o, a, b] * x[n, c, i, j]
    return y


def test_padding_of_known_sizes() -> None:
    assert same_padding(28, 5, 2) == (1, 2)
    assert same_padding(7, 5, 2) == (2, 2)
    assert same_padding(14, 5, 1) == (2, 2)
    assert same_padding(14, 4, 1) == (1, 2)
    assert same_padding(14, 4, 2) == (1, 1)
    assert same_padding(14, 1, 2) == (0, 0)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4))
def test_the_padding_is_the_least_that_gives_the_size_and_lies_behind_where_it_is_odd(
    n: int, kernel: int, stride: int
) -> None:
    before, after = same_padding(n, kernel, stride)
    assert before == first_pad(n, kernel, stride)
    assert after - before in (0, 1)
    if kernel >= stride:
        assert (n + before + after - kernel) // stride + 1 == -(-n // stride)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(4, 4), (5, 5), (4, 5), (7, 6), (1, 2)])
@pytest.mark.parametrize("kernel", [5, 4, 3])
def test_a_same_convolution_is_its_definition(stride: int, size: tuple[int, int], kernel: int) -> None:
    layer = SameConv2d(2, 3, kernel, stride).double()
    x = noise(2, 2, *size)
    y = layer(x)
    assert layer.bias is not None
    assert y.shape == (2, 3, -(-size[0] // stride), -(-size[1] // stride))
    torch.testing.assert_close(
        y, slow_conv(x, layer.weight.detach(), layer.bias.detach(), stride), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(3, 3), (4, 4), (3, 4), (1, 1)])
@pytest.mark.parametrize("kernel", [5, 4, 2])
def test_a_same_transposed_convolution_is_its_definition(stride: int, size: tuple[int, int], kernel: int) -> None:
    layer = SameConvTranspose2d(2, 3, kernel, stride).double()
    x = noise(2, 2, *size)
    y = layer(x)
    assert layer.bias is not None
    assert y.shape == (2, 3, size[0] * stride, size[1] * stride)
    wanted = slow_conv_transpose(x, layer.weight.detach(), layer.bias.detach(), stride)
    torch.testing.assert_close(y, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(4, 4), (5, 8), (7, 6), (1, 2)])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_a_mirrored_layer_on_mirrored_maps_is_the_plain_one(
    kind: type[SameConv2d | SameConvTranspose2d], stride: int, size: tuple[int, int], kernel: int
) -> None:
    plain, mirrored = kind(2, 3, kernel, stride).double(), kind(2, 3, kernel, stride, mirrored=True).double()
    mirrored.load_state_dict(plain.state_dict())
    x = noise(2, 2, *size)
    torch.testing.assert_close(Mirror()(mirrored(Mirror()(x))), plain(x), rtol=1e-12, atol=1e-13)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([(5, 1), (5, 2), (4, 2), (3, 2), (5, 3)]))
def test_the_transposed_convolution_is_the_transpose(height: int, width: int, sizes: tuple[int, int]) -> None:
    kernel, stride = sizes
    down = SameConv2d(2, 3, kernel, stride, bias=False).double()
    up = SameConvTranspose2d(3, 2, kernel, stride, bias=False).double()
    up.load_state_dict({"weight": down.weight.detach()})
    x, y = noise(1, 2, height * stride, width * stride, seed=1), noise(1, 3, height, width, seed=2)
    torch.testing.assert_close((down(x) * y).sum(), (x * up(y)).sum(), rtol=1e-10, atol=1e-12)


def test_a_mnist_sized_generator_and_discriminator_meet() -> None:
    up = nn.Sequential(
        SameConvTranspose2d(4, 3, 5, 1), SameConvTranspose2d(3, 2, 5, 2), SameConvTranspose2d(2, 1, 5, 2)
    )
    down = nn.Sequential(SameConv2d(1, 2, 5, 2), SameConv2d(2, 3, 5, 2))
    image = up(torch.zeros(1, 4, 7, 7))
    assert image.shape == (1, 1, 28, 28)
    assert down(image).shape == (1, 3, 7, 7)
    assert [down[0](torch.zeros(1, 1, n, n)).shape[-1] for n in (5, 6, 7)] == [3, 3, 4]


def test_another_output_size_is_refused() -> None:
    layer = SameConvTranspose2d(1, 1, 5, 2)
    assert layer(torch.zeros(1, 1, 3, 3), [6, 6]).shape == (1, 1, 6, 6)
    with pytest.raises(ValueError, match=r"SAME padding gives \(6, 6\)"):
        layer(torch.zeros(1, 1, 3, 3), [7, 7])


def test_same_layers_have_second_derivatives() -> None:
    layer = SameConv2d(1, 1, 5, 2).double()
    assert torch.autograd.gradgradcheck(layer, (noise(1, 1, 4, 4).requires_grad_(),))
    transposed = SameConvTranspose2d(1, 1, 5, 2).double()
    assert torch.autograd.gradgradcheck(transposed, (noise(1, 1, 2, 2).requires_grad_(),))


# Maxout.


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
def test_an_output_is_the_largest_of_its_pieces(pieces: int, inputs: int, outputs: int) -> None:
    layer = Maxout(inputs, outputs, pieces).double()
    x = noise(3, inputs)
    weight, bias = layer.linear.weight, layer.linear.bias
    for n, o in product(range(3), range(outputs)):
        own = range(o * pieces, (o + 1) * pieces)
        wanted = max((weight[k] @ x[n] + bias[k]).item() for k in own)
        assert layer(x)[n, o].item() == pytest.approx(wanted, rel=1e-12, abs=1e-14)


def test_maxout_of_one_piece_is_linear_and_of_two_can_be_the_absolute_value() -> None:
    layer = Maxout(1, 1, 2, bias=False)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
    assert layer(torch.tensor([[-2.0], [3.0]])).tolist() == [[2.0], [3.0]]
    one = Maxout(4, 3, 1)
    x = torch.randn(5, 2, 4)
    torch.testing.assert_close(one(x), one.linear(x))


def test_maxout_counts_its_parameters_as_one_linear_layer() -> None:
    assert sum(parameter.numel() for parameter in Maxout(784, 240, 5).parameters()) == 785 * 1200
    assert "pieces=5" in repr(Maxout(2, 3, 5))


def test_maxout_without_pieces_is_refused() -> None:
    with pytest.raises(ValueError, match="1 piece or more, given 0"):
        Maxout(2, 3, 0)


# Initialisation.


def test_dcgans_initialisation_has_its_moments() -> None:
    torch.manual_seed(0)
    linear, transposed, norm = nn.Linear(100, 400), SameConvTranspose2d(64, 64), nn.BatchNorm2d(4000)
    conv, plain_norm, other, maxout = (
        nn.Conv2d(64, 64, 5, bias=False),
        nn.BatchNorm2d(3, affine=False),
        nn.LayerNorm(7),
        Maxout(30, 30, 5),
    )
    network = nn.Sequential(linear, transposed, norm, conv, plain_norm, other, maxout)
    normal_(network)
    for weight in (linear.weight, transposed.weight, conv.weight, maxout.linear.weight):
        assert weight.mean().item() == pytest.approx(0, abs=1e-3)
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert norm.weight.mean().item() == pytest.approx(1, abs=2e-3)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for bias in (linear.bias, transposed.bias, norm.bias, maxout.linear.bias):
        assert bias is not None
        assert bias.abs().max() == 0
    assert torch.equal(other.weight, torch.ones(7))
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_initialisation_follows_the_global_seed_and_the_given_width() -> None:
    first, second = nn.Linear(50, 50), nn.Linear(50, 50)
    for layer in (first, second):
        torch.manual_seed(3)
        normal_(layer, std=0.5)
    assert torch.equal(first.weight, second.weight)
    assert first.weight.std().item() == pytest.approx(0.5, rel=0.05)


def test_a_parametrised_weight_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="0 is parametrised"):
        normal_(nn.Sequential(spectral_norm(nn.Linear(2, 2))))
