"""Other ways to run the same game: whole steps as one function, compiled steps, an exported generator."""

from __future__ import annotations

import io
import warnings

import torch
from torch import Tensor, nn

from ganzoo.config import Sgd
from ganzoo.engine.program import Program
from ganzoo.engine.trace import has_compiler
from ganzoo.engine.way import Kind, Way
from ganzoo.models import Draws, Gan
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.subject import ArchSubject

WAYS = Checks("ways")
STEPS = 2  # of which the first is taken singly, and written down; more would let rounding grow
RATE = 1e-4  # of gradient descent
AGREE = 1e-3  # relative difference of what a player moved: two orders of summation in float32
SAME = 1e-4  # of the largest number of a sample, after an export


@WAYS.check(
    "whole-steps",
    why="Steps that cannot be one function of tensors can be neither compiled, nor put in a CUDA graph, nor run for many seeds.",
    hint="Keep state in buffers, draw from the context, and let nothing in a step depend on values of tensors.",
)
def whole_steps(subject: ArchSubject) -> str:
    """Steps traced as one function give the weights of single steps."""
    return _agree(subject, "traced")


@WAYS.check(
    "compiled",
    why="Long runs of small games are compiled without being asked.",
    hint="`whole-steps` has to hold first; then report the operation that inductor gets wrong.",
    slow=True,
)
def compiled(subject: ArchSubject) -> str:
    """Compiled steps give the weights of single steps."""
    if not has_compiler():
        raise Skipped("there is no C++ compiler (g++ or clang++)")
    return _agree(subject, "compiled")


@WAYS.check(
    "export",
    why="A generator that cannot be exported cannot leave Python.",
    hint="Keep data-dependent branches and Python state out of the generator's forward.",
)
def export(subject: ArchSubject) -> str:
    """The generator goes through torch.export and back with equal samples, also for another batch."""
    game = subject.gan().eval()
    generator = game.generator
    arguments = _arguments(subject, game, 2)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about its own
        wanted = generator(*arguments)
        batch = torch.export.Dim("batch", min=1, max=1024)
        try:
            program = torch.export.export(_Plain(generator), arguments, dynamic_shapes=_dynamic(arguments, batch))
        except Exception as error:
            raise Failed(
                f"torch.export ends in {type(error).__name__}: {' '.join(str(error).split())[:160]}"
            ) from error
        file = io.BytesIO()
        torch.export.save(program, file)
        file.seek(0)
        again = torch.export.load(file).module()
        apart = float((again(*arguments) - wanted).abs().max())
        want(apart <= SAME * float(wanted.abs().max()), f"the exported generator's samples differ by {apart:.2g}")
        five = _arguments(subject, game, 5)
        apart = float((again(*five) - generator(*five)).abs().max())
        want(
            apart <= SAME * float(wanted.abs().max()),
            f"for a batch of 5 the exported generator differs by {apart:.2g}",
        )
    return f"{len(file.getvalue()) / 1e6:.1f} MB"


class _Plain(nn.Module):
    """The generator without its hooks and its place in the game."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, *arguments: Tensor) -> Tensor:
        x: Tensor = self.generator(*arguments)
        return x


def _arguments(subject: ArchSubject, game: Gan, n: int) -> tuple[object, ...]:
    z = game.latent.sample(n, Draws(3))
    if getattr(game.generator, "conditional", False):
        return z, torch.arange(n) % subject.spec.classes
    return (z,)


def _dynamic(arguments: tuple[object, ...], batch: torch.export.Dim) -> dict[str, object]:
    """The first dimension of every tensor is the batch."""
    each = tuple({name: {0: batch} for name in a} if isinstance(a, dict) else {0: batch} for a in arguments)
    return {"arguments": each}


def _agree(subject: ArchSubject, kind: Kind) -> str:
    # Plain gradient descent: an optimiser that divides by the gradient's size makes a step out of its rounding.
    single, whole = (subject.trained_world(optimizer=Sgd(lr=RATE, momentum=0.0)) for _ in range(2))
    start = [p.detach().clone() for p in single.game.parameters()]
    complaints: list[str] = []
    program = Program([whole.lane], Way(kind, 1, "a check"), complaints.append)
    for _ in range(STEPS):
        single.step()
        program.call(None, 1.0)
    refused = [text for text in complaints if "one by one" in text]
    want(not refused, "; ".join(refused))
    worst = 0.0
    for name, seat in single.stepper.seats.items():
        own = {id(p) for p in seat.parameters}
        apart = moved = 0.0
        for p, other, before in zip(single.game.parameters(), whole.game.parameters(), start, strict=True):
            if id(p) in own:
                apart += float((p - other).detach().square().sum())
                moved += float((p.detach() - before).square().sum())
        worst = max(worst, (apart / max(moved, 1e-30)) ** 0.5)
        want(worst <= AGREE, f"in {STEPS} steps {name} moves to a place {worst:.1e} of the way off from single steps'")
    return f"relative difference {worst:.1e}"
