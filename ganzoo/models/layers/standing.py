"""Standing statistics: batch norm in sampling by the mean of the statistics of many batches, measured with the weights that
samples are drawn from.

Brock, Donahue, Simonyan, 2018, 1809.11096, appendix B: running averages of training lag behind the weights, do not belong to
averaged weights, and do not know of truncated latents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def standing_statistics(network: nn.Module, once: Callable[[], object], passes: int) -> Iterator[None]:
    """Inside it each batch norm of the network, in evaluation mode, normalises by the mean over `passes` batches of their
    means and variances. At its end the running averages are as they were, the same tensors.

    Args:
        network: in evaluation mode.
        once: runs the network on a batch of its own; called `passes` times. Meanwhile each norm uses its batch's statistics.
        passes: 1 or more.

    Raises:
        ValueError: no pass is asked for, or a pass does not reach a norm.
    """
    if passes < 1:
        raise ValueError(f"standing statistics want 1 pass or more, given {passes}")
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    before = [(norm, norm._buffers["running_mean"], norm._buffers["running_var"]) for norm in norms]
    found: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in norms}

    # Not by training mode: that would change the running averages, and over several processes it waits for the others.
    def measure(norm: nn.Module, given: tuple[Any, ...]) -> None:
        x = given[0].detach().float()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        var, mean = torch.var_mean(x, axes, correction=0)
        found[norm].append((mean, var))
        _put(norm, mean, var)

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    try:
        try:
            with torch.no_grad():
                for _ in range(passes):
                    once()
        finally:
            for hook in hooks:
                hook.remove()
        for norm, seen in found.items():
            if not seen:
                raise ValueError("a pass for standing statistics did not reach every batch norm")
            _put(norm, torch.stack([mean for mean, _ in seen]).mean(0), torch.stack([var for _, var in seen]).mean(0))
        yield
    finally:
        for norm, mean, var in before:
            norm._buffers["running_mean"], norm._buffers["running_var"] = mean, var


def _put(norm: nn.Module, mean: Tensor, var: Tensor) -> None:
    like = norm._buffers["running_mean"]
    assert like is not None
    norm._buffers["running_mean"], norm._buffers["running_var"] = mean.to(like.dtype), var.to(like.dtype)
