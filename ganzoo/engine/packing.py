"""The state of whole steps as few tensors: what a call takes in, and hands over one by one, costs time for each.

All float32 tensors of small games lie in one tensor whose slices the game's own tensors become: parameters, buffers, the
optimisers' state and the averages go on living in their modules, and a trace takes one tensor instead of sixty. With several
lanes it has a row for each. Other tensors stay as they are, with several lanes as slices of one tensor each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MOST = (
    1 << 20
)  # numbers in all that are packed; larger games gain nothing, and the copy at a call's end would cost them
ALIGNED = 16  # numbers that slices begin at a multiple of: 64 bytes, a cache line


class Packed:
    """The state of lanes that are alike.

    Args:
        owners: of each lane the tensors that a step changes, in the same order.

    Attributes:
        tensors: what a call takes; with several lanes each has a dimension for them in front.
    """

    def __init__(self, owners: Sequence[Sequence[Tensor]]) -> None:
        first = owners[0]
        self._many = len(owners) > 1
        fits = [t.dtype == torch.float32 and t.is_contiguous() for t in first]
        if sum(t.numel() for t, fit in zip(first, fits, strict=True) if fit) > MOST:
            fits = [False] * len(first)
        self._slices: list[tuple[int, int, torch.Size] | None] = []
        size = 0
        for tensor, fit in zip(first, fits, strict=True):
            self._slices.append((size, size + tensor.numel(), tensor.shape) if fit else None)
            size += -(-tensor.numel() // ALIGNED) * ALIGNED if fit else 0
        self._size = size
        self._owner = owners[0][0] if owners[0] else None
        self.tensors: list[Tensor] = []
        if size:
            self.tensors.append(self._pack(owners, size))
        for i, where in enumerate(self._slices):
            if where is None:
                own = [lane[i] for lane in owners]
                self.tensors.append(_joined(own) if self._many else own[0].detach())
        self._address = None if self._owner is None else self._owner.data_ptr()

    def _pack(self, owners: Sequence[Sequence[Tensor]], size: int) -> Tensor:
        device = owners[0][0].device
        whole = torch.zeros(len(owners), size, device=device)
        for row, lane in zip(whole, owners, strict=True):
            for tensor, where in zip(lane, self._slices, strict=True):
                if where is not None:
                    part = row[where[0] : where[1]].view(where[2])
                    part.copy_(tensor.detach())
                    tensor.data = part
        return whole if self._many else whole[0]

    def holds(self) -> bool:
        """Whether the game's tensors still lie where they were put."""
        return self._owner is None or self._owner.data_ptr() == self._address

    def unpacked(self, given: Sequence[Tensor]) -> list[Tensor]:
        """The state of one lane from what a call was given."""
        rest = iter(given)
        flat = next(rest) if self._size else None
        state = []
        for where in self._slices:
            if where is None:
                state.append(next(rest))
            else:
                assert flat is not None
                state.append(flat[where[0] : where[1]].view(where[2]))
        return state

    def write(self, given: Sequence[Tensor], now: Sequence[Tensor]) -> None:
        """Put one lane's state after a call into what the call was given."""
        rest = iter(given)
        flat = next(rest) if self._size else None
        pieces: list[Tensor] = []
        for where, value in zip(self._slices, now, strict=True):
            if where is None:
                old = next(rest)
                if old is not value:
                    old.copy_(value)
                continue
            pieces.append(value.reshape(-1))
            gap = -value.numel() % ALIGNED
            if gap:
                pieces.append(value.new_zeros(gap))
        if flat is not None:
            flat.copy_(torch.cat(pieces))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor of all lanes' values, whose slices the lanes' own tensors become."""
    whole = torch.stack([tensor.detach() for tensor in tensors])
    for tensor, part in zip(tensors, whole.unbind(), strict=True):
        tensor.data = part
    return whole
