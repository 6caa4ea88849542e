"""What a computation amounts to, counted from the shapes of its operations and not from the time it takes.

A multiplication and an addition are two operations. Convolutions, matrix products and attention are counted; pointwise
operations, normalisation and reductions are not, since memory bounds them: they appear as bytes alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten

FORWARD = "convolution forward"
TO_DATA = "convolution backward to data"
TO_WEIGHTS = "convolution backward to weights"
PRODUCT = "matrix product"
ATTENTION = "attention"
OTHER = "other"  # counted by torch's own table

Shares = Mapping[str, int]
Formula = Callable[[Sequence[Any], Mapping[str, Any], Any], Shares]


@dataclass(frozen=True)
class Counted:
    """What one call of a function did.

    operations: multiplications and additions.
    bytes: of the inputs and outputs of every operation: an upper bound of the memory traffic, since caches save some of
        it and fused code more. Views and empty tensors cost nothing.
    by_kind: operations by kind: the parts of a convolution, matrix products, attention.
    by_dtype: operations by the precision that they were computed in.
    calls: how many operations of torch there were, of any kind.
    """

    operations: int = 0
    bytes: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    by_dtype: dict[str, int] = field(default_factory=dict)
    calls: int = 0


def count(run: Callable[[], object]) -> Counted:
    """Call `run` and count what it does.

    It sees each operation below autograd and torch.func, so whole training steps with gradients of gradients can be
    counted, on any device; on the meta device nothing is computed. Code that was compiled is not seen.
    """
    tally = Tally()
    with tally:
        run()
    return tally.counted()


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that happen inside it; see `count`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._by_kind: Counter[str] = Counter()
        self._by_dtype: Counter[str] = Counter()
        self._bytes = 0
        self._calls = 0

    def counted(self) -> Counted:
        """What was counted so far."""
        return Counted(sum(self._by_kind.values()), self._bytes, dict(self._by_kind), dict(self._by_dtype), self._calls)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and note it."""
        kwargs = kwargs or {}
        formula = FORMULAS.get(func.overloadpacket)
        if formula is None and func.overloadpacket not in flop_registry and _has_parts(func):
            with self:  # in inference mode an operation arrives whole that is elsewhere seen by its parts
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        self._note(func, formula, args, kwargs, out)
        return out

    def _note(
        self, func: Any, formula: Formula | None, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        self._calls += 1
        if formula is not None:
            shares = formula(args, kwargs, out)
        elif func.overloadpacket in flop_registry:
            shares = {OTHER: int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=out))}
        else:
            shares = {}
        tensors = [leaf for leaf in tree_leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)]
        if shares:
            self._by_kind.update(shares)
            self._by_dtype[str(tensors[0].dtype).removeprefix("torch.")] += sum(shares.values())
        if not _is_free(func):
            made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
            self._bytes += sum(map(bytes_of, tensors)) + sum(map(bytes_of, made))


def bytes_of(tensor: Tensor) -> int:
    """Bytes that a tensor's values take; a value that `expand` shows many times counts once."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True) if tensor.layout == torch.strided else ()
    return math.prod(size for size, stride in sizes if stride) * tensor.element_size() if tensor.numel() else 0


def _has_parts(func: Any) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"))


def _is_free(func: Any) -> bool:
    """Whether the operation moves no values: it makes a view, or memory without content."""
    if func.overloadpacket in _EMPTY:
        return True
    aliases = [result.alias_info for result in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def convolution(x: Sequence[int], weight: Sequence[int], out: Sequence[int], transposed: bool) -> int:
    """Operations of a convolution of x (B, C, ...) to out (B, K, ...).

    weight: (K, C / groups, ...), or (C, K / groups, ...) where it is transposed. Each weight meets each place of the output,
    or of the input where it is transposed. Padding counts like values.
    """
    places = math.prod(x[2:] if transposed else out[2:])
    return 2 * x[0] * places * math.prod(weight)


def _forward(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Shares:
    transposed = args[6] if len(args) > 6 else kwargs.get("transposed", False)
    return {FORWARD: convolution(args[0].shape, args[1].shape, out.shape, transposed)}


def _direct(transposed: bool) -> Formula:
    return lambda args, kwargs, out: {FORWARD: convolution(args[0].shape, args[1].shape, out.shape, transposed)}


def _backward(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Shares:
    """Each part costs as much as the forward does: it pairs the same places with the same weights."""
    given, x, weight, transposed, mask = args[0], args[1], args[2], args[7], args[10]
    each = convolution(x.shape, weight.shape, given.shape, transposed)
    wanted = {TO_DATA: mask[0], TO_WEIGHTS: mask[1]}
    return {kind: each for kind, asked in wanted.items() if asked}


def _product(first: int) -> Formula:
    """(…, M, K) times (…, K, N), the first factor being argument number `first`: 2 K for each number of the product."""

    def formula(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Shares:
        left = args[first].shape
        return {PRODUCT: 2 * out.numel() * (left[-1] if left else 1)}

    return formula


def _attention(backward: bool) -> Formula:
    """Queries (…, Q, D), keys (…, K, D), values (…, K, E): two products, and on the way back five, the scores again."""

    def formula(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Shares:
        query, key, value = (args[i].shape for i in ((1, 2, 3) if backward else (0, 1, 2)))
        pairs = 2 * math.prod(query[:-1]) * key[-2]
        scores, mixture = pairs * query[-1], pairs * value[-1]
        return {ATTENTION: 3 * scores + 2 * mixture if backward else scores + mixture}

    return formula


def _table() -> dict[Any, Formula]:
    named: dict[str, Formula] = {
        "convolution": _forward,
        "_convolution": _forward,
        "convolution_overrideable": _forward,
        "convolution_backward": _backward,
        "convolution_backward_overrideable": _backward_overrideable,
        "mm": _product(0),
        "bmm": _product(0),
        "mv": _product(0),
        "dot": _product(0),
        "vdot": _product(0),
        "linear": _product(0),
        "addmm": _product(1),
        "_addmm_activation": _product(1),
        "baddbmm": _product(1),
        "addmv": _product(1),
        "addbmm": lambda args, kwargs, out: {PRODUCT: 2 * args[1].numel() * args[2].shape[-1]},
    }
    for kind in ("mkldnn_convolution", "cudnn_convolution", "miopen_convolution"):
        named[kind] = _direct(False)
    for kind in ("cudnn_convolution_transpose", "miopen_convolution_transpose"):
        named[kind] = _direct(True)
    for kind in ("flash", "efficient", "cudnn", "fused"):
        for ending, backward in (("attention", False), ("attention_backward", True)):
            named[f"_scaled_dot_product_{kind}_{ending}"] = _attention(backward)
    for ending, backward in (("attention_for_cpu", False), ("attention_for_cpu_backward", True)):
        named[f"_scaled_dot_product_flash_{ending}"] = _attention(backward)
    named["_scaled_dot_product_fused_attention_overrideable"] = _attention(False)
    named["_scaled_dot_product_fused_attention_overrideable_backward"] = _attention(True)
    return {getattr(aten, name): formula for name, formula in named.items() if hasattr(aten, name)}


def _backward_overrideable(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Shares:
    """As `convolution_backward`, without the sizes of the bias among its arguments."""
    return _backward([*args[:3], None, *args[3:]], kwargs, out)


FORMULAS: Mapping[Any, Formula] = _table()
_EMPTY = {
    getattr(aten, name)
    for name in ("empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "detach")
}
