"""What an augmentation is held to: differentiable, the same for real and fake samples, and with chance from the draws alone."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ganzoo.models import Draws
from ganzoo.models.draws import Tape
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import (
    Component,
    apart,
    check_gradient,
    check_options,
    check_unknown_refused,
    normal,
    without_global_chance,
)
from ganzoo.testing.host import HostReads

BATCH = 6
SHAPES = {"image": ((3, 16, 16), (1, 16, 12)), "points": ((2,), (5,))}
DTYPES = (torch.float32, torch.float64, torch.bfloat16)
SAME = 1e-6  # largest difference of numbers from -1 to 1 that are equal but for rounding


class AugmentationSubject(Component):
    """An augmentation, and samples for it."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one sample, several.

        Raises:
            Skipped: no samples of the modality can be made up.
        """
        if self.record.modality not in SHAPES:
            raise Skipped(f"no {self.record.modality} can be made up for it")
        return SHAPES[self.record.modality]

    def samples(
        self, shape: tuple[int, ...], n: int = BATCH, seed: int = 0, dtype: torch.dtype = torch.float64
    ) -> Tensor:
        """n samples with values from -1 to 1."""
        return normal(n, *shape, seed=seed + 1).tanh().to(dtype)

    def changed(self, x: Tensor, seed: int = 3) -> Tensor:
        """The samples, with chance from fresh draws of the seed."""
        answer = self.own(x, Draws(seed, x.device))
        if not isinstance(answer, Tensor):
            raise Failed(f"it answers with {type(answer).__name__}, wanted a tensor")
        return answer


AUGMENTATION = Checks("augmentation")


@AUGMENTATION.check(
    "made",
    why="`--augment` makes it by its name, and --set gives its options.",
    hint="Make the target a class with __call__(x, draws), whose keyword arguments all have defaults.",
)
def made(subject: AugmentationSubject) -> str:
    """It is made with its defaults, can be called, and takes named options alone."""
    augmentation = subject.made()
    want(callable(augmentation), f"it makes a {type(augmentation).__name__}, which cannot be called")
    check_unknown_refused(subject)
    return check_options(subject)


@AUGMENTATION.check(
    "keeps",
    why="The discriminator takes augmented samples as it takes others.",
    hint="Build grids and noise in the samples' own type and on their device, and answer in their order of memory.",
)
def keeps(subject: AugmentationSubject) -> None:
    """Shape, type, device and order in memory stay, for grey and RGB, square and other pictures; values are finite."""
    for shape in subject.shapes:
        for dtype in DTYPES:
            x = subject.samples(shape, dtype=dtype)
            y = subject.changed(x)
            want(y.shape == x.shape, f"samples of shape {tuple(x.shape)} come out as {tuple(y.shape)}")
            want(y.dtype == dtype, f"samples in {dtype} come out as {y.dtype}")
            want(bool(torch.isfinite(y).all()), f"samples of shape {tuple(x.shape)} in {dtype} come out not finite")
        if len(shape) == 3 and shape[0] > 1:
            for order in (torch.channels_last, torch.contiguous_format):
                y = subject.changed(subject.samples(shape, dtype=torch.float32).contiguous(memory_format=order))
                want(y.is_contiguous(memory_format=order), f"samples in {order} come out in another order of memory")


@AUGMENTATION.check(
    "one",
    why="The last batch of a pass, and a sample by itself, may have one sample.",
    hint="Squeeze no dimension without naming it.",
)
def one(subject: AugmentationSubject) -> None:
    """A batch of one sample comes out as such."""
    for shape in subject.shapes:
        x = subject.samples(shape, n=1)
        y = subject.changed(x)
        want(y.shape == x.shape, f"a batch {tuple(x.shape)} comes out as {tuple(y.shape)}")
        want(bool(torch.isfinite(y).all()), "a batch of one sample comes out not finite")


@AUGMENTATION.check(
    "gradient",
    why="The generator learns through it: what has no derivative it cannot learn.",
    hint="Round, quantise and compare nothing on the way from the samples; detach nothing.",
)
def gradient(subject: AugmentationSubject) -> None:
    """The gradient by the samples is what differences say, and reaches every sample."""
    for shape in subject.shapes:
        x = subject.samples(shape).requires_grad_()
        weights = normal(*x.shape, seed=11)

        def value(x: Tensor = x, weights: Tensor = weights) -> Tensor:
            return (subject.changed(x) * weights).sum()

        check_gradient(value, {"the samples": x}, f"a sum over augmented samples {tuple(x.shape)}")
        (found,) = torch.autograd.grad(value(), [x])
        missed = int((found.flatten(1).abs().sum(1) == 0).sum())
        want(not missed, f"{missed} of {BATCH} samples {tuple(shape)} have a gradient of 0 through it")


@AUGMENTATION.check(
    "second-derivative",
    why="R1 and gradient penalties differentiate through it twice.",
    hint="Use operations that can be differentiated twice, and write no backward of your own.",
)
def second_derivative(subject: AugmentationSubject) -> None:
    """The gradient penalty of a critic behind it has the derivative that differences say."""
    for shape in subject.shapes:
        x, weight = subject.samples(shape), normal(*shape, seed=12).requires_grad_()

        def critic(x: Tensor, weight: Tensor = weight) -> Tensor:
            return torch.nn.functional.softplus((subject.changed(x) * weight).flatten(1).sum(1)).sum()

        def penalty(x: Tensor = x) -> Tensor:
            slope = torch.func.grad(critic)(x)
            return cast(Tensor, slope.square().flatten(1).sum(1).mean())

        length = check_gradient(penalty, {"the critic's weights": weight}, f"R1 behind it, of samples {tuple(shape)}")
        want(length > 0, f"R1 behind it does not depend on the critic, for samples {tuple(shape)}")


@AUGMENTATION.check(
    "identity",
    why="At probability 0 the run has to be the one without augmentation.",
    hint="Choose between the changed and the given samples, by a draw below p.",
)
def identity(subject: AugmentationSubject) -> None:
    """With p=0 samples come out as they went in."""
    if "p" not in subject.parameters:
        raise Skipped("it has no option p")
    never = subject.made(p=0.0)
    for shape in subject.shapes:
        x = subject.samples(shape)
        found = apart(never(x, Draws(3)), x)
        want(found < SAME, f"with p=0 samples {tuple(shape)} change by up to {found:.3g}")


@AUGMENTATION.check(
    "both-sides",
    why="Changed differently, real and fake samples are told apart by the change.",
    hint="Draw as many numbers whatever the samples are, and choose by torch.where.",
)
def both_sides(subject: AugmentationSubject) -> str:
    """Equal draws do the same to equal samples, and what is drawn does not depend on them."""
    counts = set()
    for shape in subject.shapes:
        x = subject.samples(shape)
        want(torch.equal(subject.changed(x), subject.changed(x)), "equal draws change equal samples differently")
        tapes = []
        for other in (x, subject.samples(shape, seed=5), torch.zeros_like(x), torch.full_like(x, -1.0)):
            draws = Draws(3)
            draws.tape = Tape()
            subject.own(other, draws)
            tapes.append(draws.tape.drawn)
        want(all(tape == tapes[0] for tape in tapes), "how many numbers it draws depends on the samples")
        counts.add(len(tapes[0]))
    return f"{', '.join(map(str, sorted(counts)))} draws"


@AUGMENTATION.check(
    "chance",
    why="A step must be repeatable, resumable, and the same on every process.",
    hint="Draw from the `draws` that it is called with: draws.uniform(n, stream=...).",
)
def chance(subject: AugmentationSubject) -> None:
    """Chance comes from the draws alone."""
    for shape in subject.shapes:
        x = subject.samples(shape)
        one, other = (without_global_chance(lambda x=x: subject.changed(x), seed) for seed in (0, 1))  # type: ignore[misc]
        want(torch.equal(one, other), "equal draws and samples come out differently")


@AUGMENTATION.check(
    "separates",
    why="Processes and micro-batches each take a part of the batch.",
    hint="Change each sample by itself, with numbers of its own.",
)
def separates(subject: AugmentationSubject) -> None:
    """Two processes, each with half of the batch, get what one gets."""
    for shape in subject.shapes:
        x, half = subject.samples(shape), BATCH // 2
        whole = subject.changed(x)
        parts = [subject.own(x[r * half : (r + 1) * half], Draws(3, rank=r, world=2)) for r in range(2)]
        want(
            apart(torch.cat(parts), whole) < SAME,
            f"halves of a batch {tuple(x.shape)} come out differently than the whole",
        )


@AUGMENTATION.check(
    "in-place",
    why="The same samples are scored without it, and shown.",
    hint="Change a copy: no method with a trailing underscore on the samples.",
)
def in_place(subject: AugmentationSubject) -> None:
    """The samples that are given stay as they are."""
    for shape in subject.shapes:
        x = subject.samples(shape)
        before = x.clone()
        subject.changed(x)
        want(torch.equal(x, before), f"it changes the samples {tuple(shape)} that it is given")


@AUGMENTATION.check(
    "no-wait",
    why="Reading a number makes the host wait for the device in every step.",
    hint="Use torch.where in place of if and boolean masks; make constants on x.device.",
)
def no_wait(subject: AugmentationSubject) -> None:
    """It reads no value on the host and leaves no device."""
    for shape in subject.shapes:
        x = subject.samples(shape)
        with HostReads() as reads:
            subject.changed(x)
        want(not reads.seen, f"it reads values on the host: {', '.join(reads.seen)}")
        y = subject.own(torch.zeros_like(x, device="meta"), Draws(3, "meta"))
        want(y.device.type == "meta", f"it leaves the device of the samples for {y.device}")


GROUPS = [AUGMENTATION]
SUBJECT = AugmentationSubject
