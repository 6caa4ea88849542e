"""From a whole step to something fast: a trace of one or several steps, compiled by inductor or captured in a CUDA graph.

A trace takes a flat list of tensors and changes the state among them in place. It returns the measurements of the
call, (steps, names).
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from ganzoo.data.cache import cache_folder
from ganzoo.engine.packing import Packed
from ganzoo.engine.whole import CannotCapture, WholeStep
from ganzoo.models import Batch

Call = Callable[[list[Tensor]], Tensor]


@dataclass(frozen=True)
class Inputs:
    """What a trace takes besides the state. Tensors with a leading dimension for the steps of a call, but for `held`.

    held: resident data. parts: what batches are made of, (steps · fresh, ...). numbers: the draws in order.
    host: (steps, numbers of the host). With several lanes each but `held` and `host` has a dimension for them in front.
    """

    held: dict[str, Tensor]
    parts: dict[str, Tensor]
    numbers: list[Tensor]
    host: Tensor

    def flat(self) -> list[Tensor]:
        """In the order in which a trace takes them."""
        return [*self.held.values(), *self.parts.values(), *self.numbers, self.host]


def traced(step: WholeStep, steps: int, state: Sequence[Tensor], packed: Packed, inputs: Inputs) -> GraphModule:
    """`steps` steps of one lane as a graph of torch's basic operations on flat inputs: state, then `inputs`.

    Args:
        state: what the trace takes of one lane, packed as `packed` says.

    Raises:
        CannotCapture: a step cannot be traced.
    """
    many = len(state)
    held_names, part_names = list(inputs.held), list(inputs.parts)

    def run(*flat: Tensor) -> Tensor:
        given, rest = list(flat[:many]), list(flat[many:])
        held = dict(zip(held_names, rest, strict=False))
        parts = dict(zip(part_names, rest[len(held) :], strict=False))
        numbers, host = rest[len(held) + len(parts) : -1], rest[-1]
        now = packed.unpacked(given)
        rows = []
        for i in range(steps):
            first = i * step.fresh
            fresh = [Batch({name: part[first + k] for name, part in parts.items()}) for k in range(step.fresh)]
            now, row = step(now, fresh, held, [n[i] for n in numbers], host[i].unbind())
            rows.append(row)
        packed.write(given, now)
        return torch.stack(rows)

    examples = [tensor.detach() for tensor in (*state, *inputs.flat())]
    try:
        with torch.no_grad():
            graph = make_fx(
                run,
                tracing_mode="fake",
                decomposition_table={torch.ops.aten.addmm.default: _addmm},
                _allow_non_fake_inputs=True,
            )(*examples)
    except CannotCapture:
        raise
    except Exception as error:  # whatever a plugin's game does that a trace cannot hold
        raise CannotCapture(f"{type(error).__name__}: {' '.join(str(error).split())[:160]}") from error
    random = {node.name for node in graph.graph.nodes if _draws_itself(node)}
    if random:
        raise CannotCapture(f"it draws from torch's global generator ({', '.join(sorted(random)[:3])})")
    return graph


def over_lanes(graph: GraphModule, many: int, inputs: Inputs, states: Sequence[Tensor]) -> GraphModule:
    """The graph of one lane as one of several at once, whose state, parts and draws have a dimension for the lanes in front.

    Raises:
        CannotCapture: an operation has no rule for that.
    """
    dims = [0] * many + [None] * len(inputs.held) + [0] * (len(inputs.parts) + len(inputs.numbers)) + [None]
    try:
        with torch.no_grad():
            mapped = torch.func.vmap(graph, in_dims=tuple(dims))
            return make_fx(mapped, tracing_mode="fake", _allow_non_fake_inputs=True)(*states, *inputs.flat())
    except Exception as error:
        raise CannotCapture(f"{type(error).__name__}: {' '.join(str(error).split())[:160]}") from error


def compiled(graph: GraphModule, examples: Sequence[Tensor], threads: int) -> Call:
    """The graph compiled by inductor to C++ (on a GPU to Triton kernels). The compiler's results are kept in the cache
    folder, so that the same step compiles faster the next time.

    Raises:
        CannotCapture: the compiler failed.
    """
    _keep_results()
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns where there is no GPU
    import torch._inductor

    options: dict[str, Any] = {"cpp_wrapper": examples[0].device.type == "cpu", "cpp.threads": threads}
    for node in graph.graph.nodes:
        node.meta.clear()  # fake tensors of the trace, which the compiler would mix with its own
    try:
        with torch.no_grad():
            run: Callable[..., Any] = torch._inductor.compile(graph, list(examples), options=options)
    except Exception as error:
        raise CannotCapture(f"the compiler failed: {' '.join(str(error).split())[:160]}") from error

    def call(flat: list[Tensor]) -> Tensor:
        rows = run(*flat)
        found: Tensor = rows if isinstance(rows, Tensor) else rows[0]
        return found

    return call


def graphed(graph: GraphModule, examples: Sequence[Tensor], many: int) -> Call:
    """The graph captured whole in a CUDA graph. The first `many` tensors, the state, are the same in each call; the others
    are copied to where the capture found them.

    Raises:
        CannotCapture: an operation cannot be captured; the state is as it was.
    """
    fixed = [*examples[:many], *(tensor.clone() for tensor in examples[many:])]
    before = [tensor.clone() for tensor in fixed[:many]]
    try:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.no_grad(), torch.cuda.stream(side):
            for _ in range(3):  # libraries choose their kernels and allocate before a capture
                graph(*fixed)
        torch.cuda.current_stream().wait_stream(side)
        whole = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(whole):
            rows: Tensor = graph(*fixed)
    except RuntimeError as error:  # the run goes on with single steps
        raise CannotCapture(f"the capture failed: {' '.join(str(error).split())[:160]}") from error
    finally:
        for tensor, value in zip(fixed[:many], before, strict=True):
            tensor.copy_(value)  # the trials have changed the state; a capture does not

    def call(flat: list[Tensor]) -> Tensor:
        for tensor, value in zip(fixed[many:], flat[many:], strict=True):
            if tensor is not value:
                tensor.copy_(value, non_blocking=True)
        whole.replay()
        return rows

    return call


def _keep_results() -> None:
    """The compiler's results go to ganzoo's cache folder, unless the environment names another. torch writes its own default,
    which a reboot empties, into the environment as soon as a part of the compiler is loaded."""
    try:
        from torch._inductor.runtime.cache_dir_utils import default_cache_dir
    except ImportError:  # another version of torch keeps it elsewhere, and its own folder will do
        return
    if os.environ.get("TORCHINDUCTOR_CACHE_DIR") in (None, default_cache_dir()):
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache_folder() / "compiled")


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which inductor needs on a CPU."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++", "c++") if name)


def _addmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """A product and a sum apart: the sum then becomes part of the next pointwise kernel, and no copy of the bias is made.

    Written as a difference, since the compiler would make a sum and a product into this operation again.
    """
    if a.dtype != torch.float32:  # the product would be rounded before the sum
        unchanged: Tensor = NotImplemented
        return unchanged
    product = torch.mm(a, b)
    if alpha != 1:
        product = product * alpha
    return product - (-bias if beta == 1 else bias * -beta)


def _draws_itself(node: torch.fx.Node) -> bool:
    target = node.target
    return isinstance(target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in target.tags
