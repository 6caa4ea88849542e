"""Several processes under torchrun: one flat all-reduce a phase, and layers that see the whole batch.

DDP's hooks are not used: they give wrong gradients with penalties, some of them in silence. Every rank draws the same
numbers and takes its part (models.Draws), so that N processes compute what one would on the joined batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ganzoo.models import StepContext
from ganzoo.models.layers.dropout import HashDropout


@dataclass(frozen=True)
class Processes:
    """This process among all of a run."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def from_environment(cls) -> Processes:
        """What torchrun says; one process without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        rank, world, local_rank, local_world = (int(os.environ.get(name, "01"[i % 2])) for i, name in enumerate(names))
        return cls(rank, world, local_rank, local_world)

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which writes."""
        return self.rank == 0

    def join(self, device: torch.device) -> None:
        """Meet the other processes; nothing to do for one."""
        if self.world > 1 and not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=timedelta(minutes=10))

    def leave(self) -> None:
        """End the group, if there is one."""
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def average(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """The mean of the gradients over ranks by one flat all-reduce."""
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        return [part.view(gradient.shape) for part, gradient in zip(parts, gradients, strict=True)]

    def share(self, context: StepContext) -> None:
        """Bring a phase's terms and notes to their means over ranks: controllers must do the same on each."""
        values = context.terms | context.notes
        if self.world == 1 or not values:
            return
        means = self.average([value.to(torch.promote_types(value.dtype, torch.float32)) for value in values.values()])
        for name, mean in zip(values, means, strict=True):
            (context.terms if name in context.terms else context.notes)[name] = mean

    def agree(self, value: Any) -> Any:
        """Rank 0's value on every rank. A collective: every rank must call it in the same step."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on some rank. A collective."""
        if self.world == 1:
            return flag
        flags: list[Any] = [None] * self.world
        dist.all_gather_object(flags, flag)
        return any(flags)


class _Sum(torch.autograd.Function):
    """Sum over ranks. Its derivative is the same sum, so that it can be differentiated any number of times; written
    with setup_context so that torch.func takes it too."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing to keep: the sum is linear."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        return sum_over_ranks(grads[0])


def sum_over_ranks(x: Tensor) -> Tensor:
    """The differentiable sum over all ranks."""
    total: Tensor = _Sum.apply(x)
    return total


class _JoinedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose statistics are those of the batch of all ranks, to any order of derivative."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"batch norm wants (B, C, ...), given {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input, of its dtype; statistics in float32 or wider."""
        self._check_input_dim(input)
        if not (self.training or self.running_mean is None):
            return super().forward(input)
        x = input if input.dtype == torch.float64 else input.float()
        over = [dim for dim in range(x.dim()) if dim != 1]
        shape = [1, -1, *[1] * (x.dim() - 2)]
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean_C = sum_over_ranks(x.sum(over)) / count
        centred = x - mean_C.view(shape)
        var_C = sum_over_ranks(centred.square().sum(over)) / count
        if (
            self.training
            and self.track_running_stats
            and self.running_mean is not None
            and self.running_var is not None
        ):
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean_C.detach().to(self.running_mean), momentum)
            self.running_var.lerp_((var_C.detach() * count / max(count - 1, 1)).to(self.running_var), momentum)
        y = centred * torch.rsqrt(var_C + self.eps).view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(input.dtype)


class _JoinedDropout(nn.Dropout):
    """Dropout whose mask is this rank's part of the whole batch's mask."""

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped, the others scaled by 1/(1-p)."""
        if not self.training or self.p == 0:
            return input
        n, world, rank = input.shape[0], dist.get_world_size(), dist.get_rank()
        joined = torch.empty((n * world, *input.shape[1:]), dtype=input.dtype, device=input.device)
        if input.dim() == 4 and input.is_contiguous(memory_format=torch.channels_last):
            joined = joined.contiguous(memory_format=torch.channels_last)
        return input * joined.bernoulli_(1 - self.p).div_(1 - self.p)[rank * n : (rank + 1) * n]


def see_joined_batches(game: nn.Module, processes: Processes) -> list[str]:
    """Let layers that look at the whole batch see the batch of all ranks; the names of layers for which it cannot be done.

    Layers are changed in place, by their class alone, so that parameters, buffers and names stay as they are.
    """
    if processes.world == 1:
        return []
    left = []
    for name, module in game.named_modules():
        if isinstance(module, nn.SyncBatchNorm):
            left.append(f"{name}: SyncBatchNorm has no second derivative; use BatchNorm")
        elif type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            module.__class__ = _JoinedBatchNorm
        elif type(module) is nn.Dropout and not module.inplace:
            module.__class__ = _JoinedDropout
        elif isinstance(module, HashDropout):
            module.rank = processes.rank
        elif isinstance(module, nn.modules.dropout._DropoutNd) and not isinstance(module, _JoinedDropout):
            left.append(f"{name}: {type(module).__name__} draws its mask on each rank by itself")
    return left


def filled(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]) -> list[Tensor]:
    """Gradients with zeros for parameters that have none, so that every rank reduces the same layout."""
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
