"""Dropout by hashing: nn.Dropout's semantics, masks that depend on position and state alone, and statistics of the hash."""

from __future__ import annotations

import copy
import io
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from ganzoo.models.layers.dropout import HashDropout, _hashes, _keys, keep


def layer(p: float = 0.5, seed: int = 0) -> HashDropout:
    torch.manual_seed(seed)
    return HashDropout(p)


def mask(p: float, *shape: int, seed: int = 0) -> Tensor:
    return layer(p, seed)(torch.ones(shape)) != 0


@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
def test_kept_elements_are_scaled_and_the_share_is_p(p: float) -> None:
    x = torch.randn(64, 16, 14, 14, dtype=torch.float64)
    y = layer(p)(x)
    kept = y != 0
    rounded = round(p * 65536) / 65536
    torch.testing.assert_close(y[kept], x[kept] / (1 - rounded), rtol=1e-12, atol=0)
    # Six standard deviations of a binomial share.
    assert abs(kept.double().mean().item() - (1 - p)) < 6 * (p * (1 - p) / x.numel()) ** 0.5


def test_a_small_p_is_rounded_and_the_expectation_stays() -> None:
    y = layer(1e-5)(torch.ones(1 << 21))
    assert y.max().item() == pytest.approx(1 / (1 - 1 / 65536), rel=1e-7)
    assert 5 < (y == 0).sum().item() < 90  # 32 are expected
    x = torch.ones(8)
    assert layer(1e-6)(x) is x


def test_the_ends_of_p() -> None:
    x = torch.randn(5, 7, requires_grad=True)
    assert layer(0.0)(x) is x
    y = layer(1.0)(x)
    assert y.abs().max() == 0
    assert torch.autograd.grad(y.sum(), x)[0].abs().max() == 0


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="probability from 0 to 1"):
        HashDropout(p)


def test_evaluation_changes_nothing_and_draws_nothing() -> None:
    dropout = layer().eval()
    before = dropout.state.clone()
    x = torch.randn(3, 4)
    assert dropout(x) is x
    assert torch.equal(dropout.state, before)


def test_the_global_seed_decides_the_stream_and_each_use_goes_on() -> None:
    x = torch.ones(1000)
    first, second = layer(seed=1), layer(seed=1)
    assert torch.equal(first(x), second(x))
    assert not torch.equal(first(x), first(x))
    assert not torch.equal(layer(seed=1)(x), layer(seed=2)(x))
    torch.manual_seed(1)
    assert not torch.equal(HashDropout()(x), HashDropout()(x))


def test_a_checkpoint_goes_on_where_it_was() -> None:
    dropout, x = layer(), torch.ones(100)
    dropout(x)
    file = io.BytesIO()
    torch.save(dropout.state_dict(), file)
    file.seek(0)
    wanted = [dropout(x), dropout(x)]
    other = layer(seed=5)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert all(torch.equal(other(x), y) for y in wanted)


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (2, 3, 4, 3, 5)])
def test_the_mask_is_the_same_in_every_memory_format(shape: tuple[int, ...]) -> None:
    dropout = layer()
    x = torch.randn(shape)
    formatted = x.contiguous(memory_format=torch.channels_last if len(shape) == 4 else torch.channels_last_3d)
    strided = torch.randn(*shape[:-1], 2 * shape[-1])[..., ::2].copy_(x)
    wanted = copy.deepcopy(dropout)(x)
    for other in (formatted, strided):
        y = copy.deepcopy(dropout)(other)
        assert torch.equal(y, wanted)
    assert wanted.is_contiguous()
    assert copy.deepcopy(dropout)(formatted).stride() == formatted.stride()
    half = copy.deepcopy(dropout)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.equal(half != 0, wanted != 0)


@pytest.mark.parametrize("shape", [(12, 3, 5, 5), (12, 3), (12, 7)])
@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_part_of_a_batch_has_its_part_of_the_mask(shape: tuple[int, ...], parts: int) -> None:
    state = torch.tensor(77)
    x = torch.zeros(shape)
    whole = keep(x, state, 20_000)
    numbers = x.numel() // parts
    for n, part in enumerate(x.chunk(parts)):
        assert torch.equal(keep(part, state, 20_000, first=n * numbers), whole.chunk(parts)[n])


def test_no_elements() -> None:
    assert layer()(torch.zeros(0, 3)).shape == (0, 3)
    assert layer()(torch.zeros(2, 0, 4, 4)).shape == (2, 0, 4, 4)


def test_derivatives_are_those_of_the_mask() -> None:
    dropout = layer(0.3)
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    y = dropout(x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    scale = (y / x).detach()
    torch.testing.assert_close(gradient, 2 * x * scale.square())
    (second,) = torch.autograd.grad(gradient.sum(), x)
    torch.testing.assert_close(second, 2 * scale.square())


def test_two_uses_before_one_backward() -> None:
    dropout = layer()
    x = torch.randn(50, requires_grad=True)
    first, second = dropout(x), dropout(x)
    (gradient,) = torch.autograd.grad(first.sum() + second.sum(), x)
    torch.testing.assert_close(gradient, (first + second).detach() / x.detach())


def test_inside_a_functional_gradient_on_copies_of_the_state() -> None:
    dropout = layer()
    x = torch.randn(20)

    def score(x: Tensor) -> Tensor:
        copies = {name: buffer.clone() for name, buffer in dropout.named_buffers()}
        y: Tensor = functional_call(dropout, copies, (x,))
        return y.sum()

    gradient = torch.func.grad(score)(x)
    assert torch.equal(gradient, copy.deepcopy(dropout)(torch.ones(20)))


def test_stacked_states_give_each_member_its_own_mask() -> None:
    members = [layer(seed=n) for n in range(3)]
    parameters, buffers = stack_module_state(members)  # type: ignore[arg-type]
    x = torch.ones(3, 6, 7)
    stateless = copy.deepcopy(members[0])

    def call(buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        y: Tensor = functional_call(stateless, buffers, (x,))
        return y

    together = vmap(call)(buffers, x)
    assert parameters == {}
    assert torch.equal(together, torch.stack([member(x[0]) for member in members]))
    assert buffers["state"].tolist() == [member.state.item() for member in members]


def test_a_traced_step_goes_on_drawing() -> None:
    dropout, twin = layer(), layer()
    x = torch.ones(300)
    state = dropout.state

    def use(x: Tensor, state: Tensor) -> Tensor:
        y: Tensor = functional_call(dropout, {"state": state}, (x,))
        return y

    graph = make_fx(use)(x, state.clone())
    first, second = graph(x, state), graph(x, state)
    assert torch.equal(first, twin(x))
    assert torch.equal(second, twin(x))


@pytest.mark.slow
def test_compiled_it_draws_the_same_masks() -> None:
    dropout, twin = layer(0.3), layer(0.3)
    compiled = torch.compile(dropout, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, 5, 40, 40).to(memory_format=torch.channels_last)
    for _ in range(3):
        assert torch.equal(compiled(x), twin(x))


def test_a_large_input_is_hashed_in_blocks_as_a_small_one_is() -> None:
    whole = _hashes(torch.tensor(5), 0, 70 * 4096 + 3, torch.device("cpu"))
    for first, count in ((0, 5), (4096, 4096), (64 * 4096 - 7, 14), (70 * 4096, 3)):
        assert torch.equal(_hashes(torch.tensor(5), first, count, torch.device("cpu")), whole[first : first + count])


def test_on_meta() -> None:
    with torch.device("meta"):
        dropout = HashDropout(0.3)
    y = dropout(torch.empty(2, 3, 4, 4, device="meta").to(memory_format=torch.channels_last))
    assert y.shape == (2, 3, 4, 4)
    assert y.is_contiguous(memory_format=torch.channels_last)


# Statistics, at fixed seeds. Bounds are six standard deviations or wider, so that another seed passes too.


def correlation(a: Tensor, b: Tensor) -> float:
    """Correlation of two masks in units of its standard deviation under independence."""
    a, b = a.double().flatten(), b.double().flatten()
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm())) * len(a) ** 0.5


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_neighbours_channels_samples_and_uses_are_independent(p: float) -> None:
    dropout = layer(p)
    x = torch.ones(64, 32, 14, 14)
    uses = torch.stack([dropout(x) != 0 for _ in range(4)])
    axes = range(uses.ndim)
    for axis, lag in product(axes, (1, 2, 3)):
        size = uses.shape[axis]
        ahead, behind = uses.narrow(axis, lag, size - lag), uses.narrow(axis, 0, size - lag)
        assert abs(correlation(ahead, behind)) < 6, (axis, lag)
    flat = uses[0].permute(0, 2, 3, 1).flatten()
    for lag in (2, 16, 128, 8192, 16_384):
        assert abs(correlation(flat[lag:], flat[:-lag])) < 6, lag


def test_bytes_of_the_hash_are_uniform() -> None:
    hashes = _hashes(torch.tensor(3), 0, 1 << 18, torch.device("cpu"))
    for part in hashes.view(torch.uint8).view(-1, 4).unbind(1):
        counts = torch.bincount(part.int(), minlength=256).double()
        expected = counts.sum() / 256
        chi_square = float(((counts - expected).square() / expected).sum())
        # 255 degrees of freedom: mean 255, standard deviation 22.6.
        assert 255 - 6 * 22.6 < chi_square < 255 + 6 * 22.6


def test_neighbouring_pairs_are_uniform() -> None:
    bits = _hashes(torch.tensor(9), 0, 1 << 19, torch.device("cpu")).view(torch.int16).int()
    high = (bits >> 12) & 15
    for lag in (1, 2):
        counts = torch.bincount(high[:-lag] * 16 + high[lag:], minlength=256).double()
        expected = counts.sum() / 256
        assert abs(float(((counts - expected).square() / expected).sum()) - 255) < 6 * 22.6


@pytest.mark.parametrize("step", [1, 2, 1 << 16, 1 << 32, 1 << 48])
def test_a_change_of_the_state_changes_half_of_all_bits(step: int) -> None:
    for state in (0, 12345, -(2**62)):
        a, b = (_hashes(torch.tensor(state + d), 0, 1 << 14, torch.device("cpu")) for d in (0, step))
        changed = sum(float(((a ^ b) >> bit).bitwise_and(1).double().mean()) for bit in range(32)) / 32
        assert changed == pytest.approx(0.5, abs=0.01)


def test_no_state_gives_anothers_mask_shifted() -> None:
    tables = [_hashes(torch.tensor(n), 0, 1 << 12, torch.device("cpu")) for n in range(32)]
    # 131,072 numbers of 32 bits: two are equal by chance twice on average; a shifted table would share thousands.
    assert torch.cat(tables).unique().numel() > 32 * (1 << 12) - 30


def test_a_mask_of_a_near_start_is_no_shifted_copy() -> None:
    states = torch.arange(40_000)
    # Where in the one long row of positions each state begins.
    position = (_keys(states)[0].long() * pow(-1640531535, -1, 2**32)) % 2**32
    order = position.argsort()
    gap, n = (int(found) for found in (position[order][1:] - position[order][:-1]).min(0))
    assert gap < 4096
    early, late = (_hashes(states[order[n + i]], 0, 1 << 13, torch.device("cpu")) for i in (0, 1))
    assert (early[gap:] == late[: len(late) - gap]).sum() < 5


def test_no_bits_are_lost_on_the_way() -> None:
    # Nearly a permutation: 2^20 of 2^32 numbers drawn at random would have 128 pairs of equals.
    hashes = _hashes(torch.tensor(11), 0, 1 << 20, torch.device("cpu"))
    assert hashes.unique().numel() > (1 << 20) - 40


def test_the_variance_over_uses_of_a_sum_is_the_binomials() -> None:
    dropout = layer(0.3)
    x = torch.ones(500)
    counts = torch.stack([(dropout(x) != 0).sum() for _ in range(400)]).double()
    assert counts.mean().item() == pytest.approx(350, abs=6 * (105 / 400) ** 0.5)
    # The relative standard deviation of a variance from 400 values is √(2/399) = 7 %.
    assert counts.var().item() == pytest.approx(105, rel=6 * 0.071)


def test_it_prints_p_and_is_no_parameter() -> None:
    assert "p=0.25" in repr(HashDropout(0.25))
    assert list(nn.Sequential(HashDropout()).state_dict()) == ["0.state"]
