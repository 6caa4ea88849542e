"""Sees what would make the host wait for a device, also where there is none."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what would wait for a GPU: reading a number, asking a truth, shapes that depend on values.

    Copies of whole tensors (`tolist`, `numpy`, `cpu`) pass it on a CPU; on the meta device they raise.
    """

    WAITING = ("_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select", "unique2", "item")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in self.WAITING:
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))
