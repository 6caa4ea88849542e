"""What holds on a GPU, where there is one."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.models.draws import Drawn, Draws, Tape
from ganzoo.testing.check import Checks, Skipped, want
from ganzoo.testing.subject import ArchSubject, World

CUDA = Checks("cuda")
WARM_UP, STEPS = 20, 200  # steps before memory is looked at, and over which it must not grow
GROWTH = 2**20  # bytes that the allocator may need more, for its own reasons
AGREE = 1e-3  # relative difference of gradients in float32 without TF32: other kernels, other orders of summation


def _world(subject: ArchSubject, precision: torch.dtype = torch.float32) -> World:
    if not torch.cuda.is_available():
        raise Skipped("torch sees no CUDA GPU here")
    world = subject.trained_world(device="cuda", precision=precision)
    return world


@CUDA.check(
    "agrees",
    why="A run on a GPU has to be the run on a CPU, but for rounding.",
    hint="Look for tensors made on the CPU, and for operations whose result is undefined, such as duplicate indices.",
)
def agrees(subject: ArchSubject) -> str:
    """On the same weights, samples and draws each phase's gradients are those of the CPU."""
    there = _world(subject)
    here = subject.world()
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    worst = 0.0
    try:
        batch = here.stepper._next_batch(here.stepper.batch)
        for phase in here.stepper.phases:
            found: list[list[Tensor | None]] = []
            numbers: list[Tensor] = []
            for world in (here, there):
                recording = world is here
                tape = _Recorder() if recording else Tape(number.to("cuda") for number in numbers)
                world.context.tape = tape
                world.stepper.enable(phase)
                parameters = [world.stepper.seats[name].parameters for name in phase.players]
                moved = batch if recording else batch.map(lambda value: value.to("cuda"))
                gradients, _ = world.stepper.compute(phase, moved, world.context, parameters)
                if isinstance(tape, _Recorder):
                    numbers = tape.numbers
                found.append([gradient for own in gradients for gradient in own])
            apart = sum(
                float((a - b.cpu()).square().sum())
                for a, b in zip(*found, strict=True)
                if a is not None and b is not None
            )
            size = sum(float(a.square().sum()) for a in found[0] if a is not None)
            worst = max(worst, (apart / max(size, 1e-30)) ** 0.5)
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    want(worst < AGREE, f"gradients differ by {worst:.1e} of their size from the CPU's")
    return f"{worst:.1e}"


@CUDA.check(
    "no-host-sync",
    why="Each synchronisation leaves the GPU idle until the host has caught up.",
    hint="No .item(), .cpu(), nonzero, boolean masks, or copies from pageable memory in a step.",
)
def no_host_sync(subject: ArchSubject) -> None:
    """A step does not synchronise host and GPU."""
    world = _world(subject)
    for _ in range(2):
        world.step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        world.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@CUDA.check(
    "bfloat16",
    why="On GPUs with bfloat16 runs use it without being asked.",
    hint="Compute reductions and penalties in float32 (context.full_precision()).",
)
def bfloat16(subject: ArchSubject) -> None:
    """Ten steps in bfloat16 stay finite."""
    world = _world(subject, torch.bfloat16)
    for _ in range(10):
        world.step()
    bad = [name for name, value in world.game.state_dict().items() if not bool(torch.isfinite(value).all())]
    want(not bad, f"after 10 steps in bfloat16 {', '.join(bad[:3])} are not finite")


@CUDA.check(
    "memory",
    why="A run that needs more memory with each step ends in the middle of the night.",
    hint="Keep no tensor with a graph from step to step: .detach() what you keep.",
)
def memory(subject: ArchSubject) -> str:
    """Over 200 steps the memory in use does not grow."""
    world = _world(subject)
    used = []
    for steps in (WARM_UP, STEPS):
        for _ in range(steps):
            world.step()
        torch.cuda.synchronize()
        used.append(torch.cuda.memory_allocated())
    want(used[1] - used[0] <= GROWTH, f"{STEPS} steps leave {(used[1] - used[0]) / 2**20:.1f} MiB more in use")
    return f"{used[1] / 2**20:.0f} MiB"


class _Recorder(Tape):
    """Keeps the numbers that it hands out."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[Tensor] = []

    def next(self, draws: Draws, drawn: Drawn) -> Tensor:
        """The numbers of the next draw."""
        number = super().next(draws, drawn)
        self.numbers.append(number.clone())
        return number
