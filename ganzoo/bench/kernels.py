"""Where the time of a step goes: by kind of kernel, by host syncs, by allocations; under torch's profiler."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, schedule
from torch.utils._python_dispatch import TorchDispatchMode

KINDS = (
    "convolution forward",
    "convolution backward",
    "matrix product",
    "normalisation",
    "pointwise",
    "optimiser",
    "copies",
    "random",
    "compiled",
    "rest",
)
"""Kinds of kernel. "pointwise" has reductions in it, "optimiser" the gradients' norms and the average of the weights,
"copies" the conversions between precisions and the memory, "compiled" code that was compiled and cannot be told apart,
"rest" all that is in no kernel: Python, the engine, autograd."""

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("optimiser", r"^Optimizer\.|^aten::(_fused_(adam|sgd|adagrad)|_foreach_)"),
        ("compiled", r"^(triton_|## Call Compiled|CompiledF|Torch-Compiled Region|cpp_|graph_)"),
        ("random", r"^aten::(bernoulli|normal|uniform|random|rand|native_dropout|exponential|cauchy|multinomial)"),
        ("convolution backward", r"^aten::.*conv\w*backward"),
        ("convolution forward", r"^aten::(_?conv|mkldnn_conv|cudnn_conv|miopen_conv|slow_conv|thnn_conv|_slow_conv)"),
        (
            "matrix product",
            r"^aten::(_?addmm|mm|bmm|baddbmm|addbmm|mv|addmv|dot|vdot|linear|mkldnn_linear|matmul|_scaled_)",
        ),
        ("normalisation", r"^aten::\w*(batch|layer|group|instance|rms|weight)_?norm"),
        (
            "copies",
            r"^aten::(copy_|_to_copy|to|clone|contiguous|cat|_cat|stack|index|gather|scatter|slice|select|narrow|view|_unsafe_view"
            r"|reshape|_reshape|as_strided|transpose|permute|t$|expand|unsqueeze|squeeze|split|chunk|unbind|flip|roll|empty"
            r"|new_empty|zeros|ones|full|zero_|fill_|resize|set_|alias|detach|lift|constant_pad|pad|reflection_pad|replication"
            r"|_resize|flatten|unflatten|pin_memory|item|_local_scalar)",
        ),
        ("pointwise", r"^aten::"),
    )
)
MOST_STEPS = 20  # under the profiler, whose events take longer to read than the steps took
# Of a GPU's kernels that no operation of torch launched, as in a captured graph: their own names have to tell.
_GPU_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("copies", r"^mem(cpy|set)|copy|cat_?array|gather|index_|nchwto|nhwcto"),
        ("optimiser", r"multi_tensor|adam|fused_sgd"),
        ("random", r"distribution|philox|dropout"),
        ("normalisation", r"batch_?norm|layer_?norm|group_?norm|bn_(fw|bw)"),
        ("convolution backward", r"wgrad|dgrad|bwd_(data|filter)|backward_(data|filter)"),
        ("convolution forward", r"fprop|conv|winograd"),
        ("matrix product", r"gemm|gemv|cutlass|cublas|flash|fmha"),
        ("compiled", r"^triton_"),
        ("pointwise", r"elementwise|reduce|vectorized|softmax"),
    )
)
_INHERITED = ("optimiser",)  # what an optimiser calls is its own, whatever its name is

_SYNCS = ("_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "unique_dim")


@dataclass(frozen=True)
class Profile:
    """Where the time of some calls went.

    seconds: a call's by kind, in the order of KINDS, under the profiler, which adds some of its own.
    whole: a call's, under the profiler. plain: the median of the same calls without it. calls: how many were profiled.
    """

    seconds: dict[str, float]
    whole: float
    plain: float
    calls: int


def kind_of(name: str, ancestors: Sequence[str] = ()) -> str:
    """The kind of an operation by its name and the names of those that it runs inside."""
    for ancestor in ancestors:
        found = _kind(ancestor)
        if found in _INHERITED:
            return found
    return _kind(name)


def kind_of_kernel(name: str) -> str:
    """The kind of a GPU's kernel by its own name."""
    return next((kind for kind, pattern in _GPU_PATTERNS if pattern.search(name)), "pointwise")


def _kind(name: str) -> str:
    return next((kind for kind, pattern in _PATTERNS if pattern.search(name)), "rest")


def time_by_kind(call: Callable[[], object], device: torch.device, wait: Callable[[], None], seconds: float) -> Profile:
    """Profile as many calls as fit into `seconds`, 1 at least and 20 at most."""
    plain = []
    for _ in range(3):
        plain.append(_timed(call, wait))
        if sum(plain) > seconds:
            break
    typical = sorted(plain)[len(plain) // 2]
    calls = max(1, min(MOST_STEPS, int(seconds / typical)))
    whole = 0.0
    # The profiler's own beginning falls into a call that is not recorded.
    with profile(
        activities=_activities(device), schedule=schedule(wait=0, warmup=1, active=calls, repeat=1)
    ) as profiler:
        for i in range(1 + calls):
            took = _timed(call, wait)
            whole += took if i else 0.0
            profiler.step()
    on_gpu = device.type == "cuda"
    spent: Counter[str] = Counter()
    kernels: Counter[str] = Counter()
    for event in profiler.events() or ():
        if str(event.device_type).endswith("CUDA"):
            # A kernel itself. Its time is that of the operation which launched it, where there was one.
            kernels[kind_of_kernel(event.name)] += event.self_device_time_total * 1e-6
            continue
        took = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        if took:
            spent[kind_of(event.name, _ancestors(event))] += took * 1e-6
    if sum(kernels.values()) > 2 * sum(spent.values()):  # most were replayed from a graph
        spent = kernels
    kinds = {kind: spent[kind] / calls for kind in KINDS if kind != "rest"}
    kinds["rest"] = max(0.0, whole / calls - sum(kinds.values()))
    return Profile(kinds, whole / calls, typical, calls)


def with_compiled(seconds: dict[str, float], inside: float) -> dict[str, float]:
    """Take what a compiled step computes, which the profiler does not see, out of the rest.

    inside: seconds of a call in the compiled code, by the run's own clock; products that it leaves to a library are among the
    kinds already.
    """
    known = sum(value for kind, value in seconds.items() if kind.startswith(("convolution", "matrix")))
    compiled = min(seconds["rest"], max(0.0, inside - known))
    return seconds | {"compiled": seconds["compiled"] + compiled, "rest": seconds["rest"] - compiled}


def _timed(step: Callable[[], object], wait: Callable[[], None]) -> float:
    begun = time.perf_counter()
    step()
    wait()
    return time.perf_counter() - begun


def _ancestors(event: Any) -> list[str]:
    names = []
    while event.cpu_parent is not None:
        event = event.cpu_parent
        names.append(event.name)
    return names


def _activities(device: torch.device) -> list[ProfilerActivity]:
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]


def allocations(call: Callable[[], object], device: torch.device) -> tuple[int, int]:
    """How many blocks of memory one call asks torch's allocator for, on the host and the device, and their bytes together."""
    with profile(activities=_activities(device), profile_memory=True) as profiler:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8", errors="replace"))["traceEvents"]
    sizes = [event["args"].get("Bytes", 0) for event in events if event.get("name") == "[memory]"]
    asked = [size for size in sizes if size > 0]
    return len(asked), sum(asked)


def trace(call: Callable[[], object], device: torch.device, path: Path, calls: int = 3) -> None:
    """Write a trace of some calls that Perfetto and Chrome open, with shapes and memory."""
    with profile(activities=_activities(device), record_shapes=True, profile_memory=True) as profiler:
        for _ in range(calls):
            call()
    profiler.export_chrome_trace(str(path))


class Syncs(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations inside it that make the host wait for the device: reads of a value, results whose shape depends
    on values, and copies from a device to the host. On a CPU they are counted as well, as what would wait elsewhere."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and note it."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.count += name in _SYNCS or _has_mask(name, args) or _to_host(name, args, out)
        return out


def _has_mask(name: str, args: Sequence[Any]) -> bool:
    """x[mask]: how many values there are must be known."""
    indices = args[1] if name in ("index", "index_put_", "index_put", "_index_put_impl_") else ()
    return any(isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8) for index in indices)


def _to_host(name: str, args: Sequence[Any], out: Any) -> bool:
    if name not in ("_to_copy", "copy_"):
        return False
    source = args[1] if name == "copy_" else args[0]
    if not (isinstance(source, Tensor) and isinstance(out, Tensor)):
        return False
    return source.device.type not in ("cpu", "meta") and out.device.type == "cpu"
