"""Dropout whose mask is a hash of numbers, not draws of a generator.

Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout: A Simple Way to Prevent Neural Networks from Overfitting,
JMLR 15, 2014. Counter-based random numbers: Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011;
the hash is of the family of Appleby's MurmurHash3 finaliser.

torch draws a CPU's mask number by number, a third of a small discriminator's step. Here one 32-bit hash of (state, position)
decides two elements, in a few vectorised integer operations over half as many numbers: on a core
forward and backward of 3 million elements take a fifth to a seventh of the time of torch's. On a GPU torch's own
dropout is one kernel, and this one a dozen small ones unless compiled.

Shapes: N elements; R rows and Q columns of the table of hashes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  # 16 bits an element: p is rounded to a multiple of 1/65536
_COLUMNS = 4096
_BLOCK_ROWS = 64  # 64 x 4096 hashes are 1 MiB: a block stays in a core's cache while it is mixed

# Odd numbers without structure: 2^32 over the golden ratio, and the two factors of MurmurHash3's finaliser, as int32.
_STEP, _FIRST, _SECOND = -1640531535, -2048144789, -1028477387
# The finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), as int64.
_STEP_64, _FIRST_64, _SECOND_64 = -7046029254386353131, -4658895280553007687, -7723592293110705685


class HashDropout(nn.Module):
    """In training each element is 0 with probability p and else scaled by 1/(1 - p); in evaluation nothing changes.

    p is rounded to a multiple of 1/65536, and the scale is that of the rounded p, so the expectation is exact. A mask is a
    function of `state`, the input's shape and nothing else: not of its dtype, device or memory format. Elements are numbered
    along the input's axes, of pictures and volumes (4 and 5 axes) with the channels last, the order in which fast networks
    hold them.

    `state` is a buffer, one int64 on the device, begun from torch's global generator. Each use in training adds 1 in place, so
    captured and compiled steps go on drawing, and checkpoints go on where they were. `torch.func.grad` refuses to have a
    captured buffer changed: inside it, call the network by `functional_call` with copies of its buffers. Under vmap, stacked
    states give each member a mask of its own.

    Args:
        p: probability of 0, from 0 to 1.
    """

    state: Tensor
    rank = 0  # of this process: its batch is that part of the joint one

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout wants a probability from 0 to 1, given {p}")
        self.p = p
        self.register_buffer("state", _first_state())

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape with elements dropped, of its dtype and memory format."""
        dropped = round(self.p * _LEVELS)
        if not self.training or dropped == 0:
            return x
        if dropped == _LEVELS:
            return x * 0
        mask = keep(x, self.state, dropped, self.rank * x.numel()).to(x.dtype).mul_(_LEVELS / (_LEVELS - dropped))
        self.state.add_(1)
        return x * mask

    def extra_repr(self) -> str:
        """The probability, for print."""
        return f"p={self.p}"


def hash_dropout(network: nn.Module) -> None:
    """Every nn.Dropout of a network becomes a HashDropout, in place. Its places in a Sequential, its names and its
    probability stay; the state is added."""
    for module in network.modules():
        if type(module) is nn.Dropout and not module.inplace:
            module.__class__ = HashDropout  # type: ignore[assignment]
            module.register_buffer("state", _first_state())


def _first_state() -> Tensor:
    return torch.randint(-(2**62), 2**62, (), dtype=torch.int64)


def keep(x: Tensor, state: Tensor, dropped: int, first: int = 0) -> Tensor:
    """1 where an element is kept and 0 where not, int16 of x's shape, in x's memory format.

    Args:
        x: its shape and memory format are looked at, not its values.
        state: one int64, a tensor.
        dropped: of 65536 elements so many are 0 on average; above 0 and below 65536.
        first: number of x's first element, where x is a part of a batch: the elements of the samples before it.
    """
    words = -(-(x.numel() + first % 2) // 2)
    bits_N = _hashes(state, first // 2, words, x.device).view(torch.int16)[first % 2 : first % 2 + x.numel()]
    last_dropped = dropped - _LEVELS // 2 - 1
    # 0 up to the bound and 1 above it; a comparison would give booleans, which are slow to multiply with.
    kept_N = bits_N.clamp_min_(last_dropped).clamp_max_(last_dropped + 1).sub_(last_dropped)
    if x.ndim not in (4, 5):
        return kept_N.view(x.shape)
    kept = kept_N.view(x.shape[0], *x.shape[2:], x.shape[1]).movedim(-1, 1)
    # Copying two bytes an element first is cheaper than a product of tensors in two orders.
    return kept.contiguous() if x.is_contiguous() else kept


def _hashes(state: Tensor, first: int, count: int, device: torch.device) -> Tensor:
    """The hashes of positions `first`, `first` + 1, ..., (count,) int32 with all 32 bits usable."""
    start, turn = _keys(state)
    columns = min(_COLUMNS, max(count, 1))
    rows = -(-count // columns)
    row_R = torch.arange(rows, dtype=torch.int32, device=device).mul_(_int32(columns * _STEP))
    column_Q = torch.arange(columns, dtype=torch.int32, device=device).mul_(_STEP)
    hashes_RQ = (row_R + (start + _int32(first * _STEP)))[..., None] + column_Q
    whole = device.type != "cpu" or torch.compiler.is_compiling()
    for block in (hashes_RQ,) if whole else torch.split(hashes_RQ, _BLOCK_ROWS):
        # torch's shift repeats the sign, which is cut off: else the sign bits would cancel.
        block.bitwise_xor_((block >> 16).bitwise_and_(0xFFFF)).mul_(_FIRST)
        block.add_(turn).bitwise_xor_((block >> 13).bitwise_and_(0x7FFFF)).mul_(_SECOND)
        # At last only the lower half needs the upper one, which a sum does as well with nothing to cut off. Earlier a sum
        # would be no mixing: it is so nearly a multiplication that equal steps stay equal steps.
        block.add_(block >> 16)
    return hashes_RQ.view(-1)[:count]


def _keys(state: Tensor) -> tuple[Tensor, Tensor]:
    """Two int32 that differ for each state, where the positions start and what is added between the rounds: two, so that no
    two states give the same masks, shifted."""
    mixed = state * _STEP_64
    mixed = (mixed ^ (mixed >> 30)) * _FIRST_64
    mixed = (mixed ^ (mixed >> 27)) * _SECOND_64
    return (mixed >> 32).to(torch.int32), (mixed ^ (mixed >> 31)).to(torch.int32)


def _int32(number: int) -> int:
    """The number modulo 2^32, as a signed one."""
    return (number + 2**31) % 2**32 - 2**31
