"""The modulated convolution against its equations, sample by sample, both ways, and with upsampling against its steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import conv2d

from ganzoo.models.layers.modulated import _demodulation, modulated_conv2d
from ganzoo.models.layers.upfirdn import setup_filter, upfirdn2d


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_equations(x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool, padding: int) -> Tensor:
    """Equations 1 and 3, one sample and one output channel after another."""
    samples = []
    for n in range(len(x)):
        maps = []
        for o in range(len(weight)):
            own = weight[o] * styles[n].view(-1, 1, 1)
            if demodulate:
                own = own / (own.square().sum() + 1e-8).sqrt()
            maps.append(conv2d(x[n : n + 1], own[None], padding=padding)[0, 0])
        samples.append(torch.stack(maps))
    return torch.stack(samples)


@pytest.mark.parametrize("fused", [True, False, None])
@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("kernel", "padding"), [(3, None), (1, None), (3, 0), (5, 1)])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_the_equations(
    fused: bool | None, demodulate: bool, kernel: int, padding: int | None, batch: int
) -> None:
    x, weight, styles = noise(batch, 4, 6, 7), noise(5, 4, kernel, kernel, seed=1), noise(batch, 4, seed=2) + 1
    around = kernel // 2 if padding is None else padding
    wanted = by_equations(x, weight, styles, demodulate, around)
    for given in (x, x.to(memory_format=torch.channels_last), x.mT.contiguous().mT):
        y = modulated_conv2d(given, weight, styles, demodulate=demodulate, padding=padding, fused=fused)
        torch.testing.assert_close(y, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("up", [2, 3])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("taps", [[1, 3, 3, 1], [1, 2, 1], [1, 2, 3, 4, 3, 2, 1], [[1, 2], [3, 4], [5, 6]]])
def test_upsampling_is_zeros_between_a_filter_and_a_convolution(
    fused: bool, up: int, kernel: int, taps: list[int]
) -> None:
    x, weight, styles = noise(2, 3, 4, 5), noise(4, 3, kernel, kernel, seed=1), noise(2, 3, seed=2) + 1
    filter_ = setup_filter(taps).double()
    tall, wide = filter_.shape[0], filter_.shape[-1]
    around = kernel // 2
    sides = (
        around + (wide + up - 1) // 2,
        around + (wide - up) // 2,
        around + (tall + up - 1) // 2,
        around + (tall - up) // 2,
    )
    smooth = upfirdn2d(x, filter_, up, padding=sides, gain=up**2)
    # As in the published networks the weights act as those of a transposed convolution: turned by half a turn.
    wanted = by_equations(smooth, weight.flip(2, 3), styles, True, 0)
    y = modulated_conv2d(x, weight, styles, up=up, taps=filter_, fused=fused)
    torch.testing.assert_close(y, wanted, rtol=1e-10, atol=1e-12)
    assert y.shape[2:] == (4 * up, 5 * up)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_first_and_second_derivatives(fused: bool, up: int) -> None:
    inputs = (noise(2, 2, 3, 3), noise(2, 2, 3, 3, seed=1), noise(2, 2, seed=2) + 1)
    taps = setup_filter([1, 3, 3, 1]).double()

    def call(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
        return modulated_conv2d(x, weight, styles, up=up, taps=taps, fused=fused)

    inputs = tuple(tensor.requires_grad_() for tensor in inputs)  # type: ignore[assignment]
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


def test_demodulation_keeps_the_variance_whatever_the_styles() -> None:
    x, weight = noise(4, 64, 32, 32), noise(32, 64, 3, 3, seed=1)
    styles = noise(4, 64, seed=2).abs() * torch.tensor([0.01, 1, 30, 1000]).view(4, 1)
    # x stands for maps of variance 1 with independent pixels, and borders are left out.
    y = modulated_conv2d(x, weight, styles, padding=0)
    assert y.std(dim=(1, 2, 3)).tolist() == pytest.approx([1] * 4, rel=0.05)


def test_styles_of_zero_have_finite_derivatives() -> None:
    x, weight, styles = noise(2, 3, 4, 4), noise(2, 3, 3, 3, seed=1), torch.zeros(2, 3, dtype=torch.float64)
    styles.requires_grad_()
    (gradient,) = torch.autograd.grad(modulated_conv2d(x, weight, styles).sum(), styles, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), styles)
    assert gradient.isfinite().all()
    assert second.isfinite().all()


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_autocast(fused: bool, up: int) -> None:
    x, weight, styles = noise(2, 8, 6, 6).float(), noise(8, 8, 3, 3, seed=1).float(), noise(2, 8, seed=2).float() + 1
    taps = setup_filter([1, 3, 3, 1])
    wanted = modulated_conv2d(x, weight, styles, up=up, taps=taps)
    with torch.autocast("cpu", torch.bfloat16):
        for given in (x, x.bfloat16()):
            y = modulated_conv2d(given, weight, styles, up=up, taps=taps, fused=fused)
            torch.testing.assert_close(y.float(), wanted, rtol=0.05, atol=0.05)


def test_autocast_leaves_the_demodulation_its_digits() -> None:
    weight, styles = noise(8, 16, 3, 3).float(), noise(4, 16, seed=1).float() + 1
    wanted = (weight[None] * styles[:, None, :, None, None]).square().sum((2, 3, 4)).add(1e-8).rsqrt()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(_demodulation(weight, styles), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("fused", [True, False])
def test_on_meta_nested_and_traced(fused: bool) -> None:
    shapes = ((2, 3, 4, 4), (5, 3, 3, 3), (2, 3))
    taps = setup_filter([1, 3, 3, 1])
    meta = [torch.empty(shape, device="meta") for shape in shapes]
    y = modulated_conv2d(*meta, up=2, taps=taps.to("meta"), fused=fused)  # type: ignore[misc]
    assert y.shape == (2, 5, 8, 8)
    x, weight, styles = (noise(*shape, seed=n) for n, shape in enumerate(shapes))

    def slope_length(weight: Tensor, styles: Tensor) -> Tensor:
        slope = torch.func.grad(lambda s: modulated_conv2d(x, weight, s, fused=fused).square().sum())(styles)
        return slope.square().sum()

    second = torch.func.grad(slope_length)(weight, styles)
    traced = make_fx(torch.func.grad(slope_length))(weight, styles)
    torch.testing.assert_close(traced(weight, styles), second)
    leaf, leaf_weight = styles.clone().requires_grad_(), weight.clone().requires_grad_()
    length = modulated_conv2d(x, leaf_weight, leaf, fused=fused).square().sum()
    (slope,) = torch.autograd.grad(length, leaf, create_graph=True)
    torch.testing.assert_close(torch.autograd.grad(slope.square().sum(), leaf_weight)[0], second)


def test_mapped_over_samples() -> None:
    x, weight, styles = noise(2, 3, 4, 4), noise(5, 3, 3, 3, seed=1), noise(2, 3, seed=2)
    each = torch.vmap(lambda x, s: modulated_conv2d(x[None], weight, s[None], fused=False)[0])(x, styles)
    torch.testing.assert_close(each, modulated_conv2d(x, weight, styles))


def test_wrong_arguments() -> None:
    x, weight, styles = torch.ones(2, 3, 4, 4), torch.ones(5, 3, 3, 3), torch.ones(2, 3)
    for wrong in ((x[:, :2], weight, styles), (x, weight, styles[:1]), (x, weight[..., :2], styles)):
        with pytest.raises(ValueError, match="are wanted, given"):
            modulated_conv2d(*wrong)
    with pytest.raises(ValueError, match="the taps of a filter"):
        modulated_conv2d(x, weight, styles, up=2)
    with pytest.raises(ValueError, match="whole factor"):
        modulated_conv2d(x, weight, styles, up=0)
