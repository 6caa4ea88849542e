"""What a projection of weights is held to: parameters alone, in place, and the same done twice."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from ganzoo.objectives import Penalty
from ganzoo.testing.check import Checks, Skipped, want
from ganzoo.testing.component import Component, apart, normal, seeded, without_global_chance
from ganzoo.testing.host import HostReads

TOLERANCE = 1e-5  # of weights that are equal but for rounding

PROJECTION = Checks("projection")


def _projection(subject: Component) -> Penalty:
    """The penalty, if it is a projection."""
    if not subject.own.is_projection:
        raise Skipped("it is a term, and projects nothing")
    return cast(Penalty, subject.own)


def _with_buffers() -> nn.Module:
    """Large weights, and running statistics."""
    with seeded(0):
        module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 4), nn.Linear(4, 1))
    for number, tensor in enumerate([*module.parameters(), *module.buffers()]):
        if tensor.is_floating_point():
            tensor.data = 3 * normal(*tensor.shape, seed=40 + number, dtype=torch.float32)
    return module


@PROJECTION.check(
    "parameters",
    why="Buffers are running statistics, and optimisers hold on to the parameters that there are.",
    hint="Change module.parameters() in place, under torch.no_grad().",
)
def parameters(subject: Component) -> None:
    """It changes parameters in place, keeps their shapes and types, and leaves buffers as they are."""
    projection, module = _projection(subject), _with_buffers()
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    before = {name: (id(p), p.data_ptr(), p.shape, p.dtype, p.requires_grad) for name, p in module.named_parameters()}
    old = {name: p.detach().clone() for name, p in module.named_parameters()}
    projection.project(module)
    for name, value in module.named_buffers():
        want(torch.equal(value, buffers[name]), f"it changes the buffer {name}")
    for name, p in module.named_parameters():
        now = (id(p), p.data_ptr(), p.shape, p.dtype, p.requires_grad)
        want(before[name] == now, f"it replaces the parameter {name}, or its shape, type or requires_grad")
        want(bool(torch.isfinite(p).all()), f"{name} is not finite after it")
        want(p.grad_fn is None, f"{name} has a graph after it")
    changed = [name for name, p in module.named_parameters() if not torch.equal(p, old[name])]
    want(bool(changed), "it changes no parameter, of weights of about 3")


@PROJECTION.check(
    "idempotent",
    why="A projection of what it has projected is the same, or its strength depends on how often it runs.",
    hint="Project onto a set: what lies in it already stays.",
)
def idempotent(subject: Component) -> None:
    """Done twice it gives what it gives once, and no chance is used."""
    projection, module = _projection(subject), _with_buffers()
    without_global_chance(lambda: projection.project(module))
    once = {name: p.detach().clone() for name, p in module.named_parameters()}
    projection.project(module)
    moved = [name for name, p in module.named_parameters() if apart(p, once[name]) > TOLERANCE]
    want(not moved, f"done again it changes {', '.join(moved)} again")


@PROJECTION.check(
    "no-wait",
    why="It is done after every update, where reading a number makes the host wait for the device.",
    hint="Use tensor operations, in place of .item(), float() and if.",
)
def no_wait(subject: Component) -> None:
    """It reads no value on the host."""
    projection, module = _projection(subject), _with_buffers()
    with HostReads() as reads:
        projection.project(module)
    want(not reads.seen, f"it reads values on the host: {', '.join(reads.seen)}")
