"""What a metric is held to: one finite number, the direction and the symmetry of its record, and words for bad features."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import Component, apart, check_options, normal, shuffled, without_global_chance

SAMPLES, WIDTH = (240, 2400), 6  # the first number that the metric has a figure of
CHUNKS = (1, 7, 64, 100_000)  # rows a piece: some leave a rest, one holds everything
TOLERANCE = 1e-6  # of figures that are equal but for rounding
ROUNDED = 1e-4  # of one figure of the same features in float32 and in float64
AWAY = 5.0  # standard deviations to samples that are not of the distribution


class MetricSubject(Component):
    """A metric, which is the record's target itself."""

    given = 2  # features of real and of fake samples

    def figure(self, real: Tensor, fake: Tensor, **options: Any) -> float:
        """Its figure.

        Raises:
            Failed: it is no float.
        """
        value = self.target(real, fake, **options)
        if not isinstance(value, float):
            raise Failed(f"it answers with {type(value).__name__}, wanted a float")
        return value

    @cached_property
    def count(self) -> int:
        """Samples of a set: few, unless it has no figure of so few."""
        for count in SAMPLES:
            try:
                self.target(self.features(1, count), self.features(2, count))
            except ValueError:
                continue
            return count
        return SAMPLES[-1]

    def features(self, seed: int = 1, n: int | None = None, dtype: torch.dtype = torch.float64) -> Tensor:
        """(n, WIDTH) of a distribution that is neither round nor centred."""
        widths = torch.linspace(0.5, 1.5, WIDTH, dtype=torch.float64)
        return (normal(self.count if n is None else n, WIDTH, seed=seed) * widths + 1).to(dtype)

    def refused(self, real: Tensor, fake: Tensor, what: str) -> None:
        """Raises Failed unless these features are a ValueError with words."""
        try:
            value = self.target(real, fake)
        except ValueError as error:
            want(" " in str(error).strip(), f"{what}: the ValueError says {str(error)!r}, wanted what is wrong")
            return
        except Exception as error:
            raise Failed(f"{what}: {type(error).__name__}, wanted a ValueError that says what is wrong") from error
        raise Failed(f"{what}: it answers {value}, wanted a ValueError")


METRIC = Checks("metric")


@METRIC.check(
    "options",
    why="A figure is named with its options, and without any it has to be defined.",
    hint="Take (real, fake) first, then keyword arguments that all have defaults.",
)
def options(subject: MetricSubject) -> str:
    """After the two sets of features it takes named options with defaults alone."""
    return check_options(subject)


@METRIC.check(
    "number",
    why="Reports and comparisons hold floats.",
    hint="Return float(...), and bring round-off below a bound back to it.",
)
def number(subject: MetricSubject) -> str:
    """A finite float, also of sets of different sizes."""
    real, count = subject.features(), subject.count
    for fake in (subject.features(2), subject.features(2, count + count // 2), subject.features(2, 2 * count)):
        value = subject.figure(real, fake)
        want(math.isfinite(value), f"of {len(real)} and {len(fake)} samples it is {value}")
    return f"{subject.figure(real, subject.features(2)):.6g} of samples of one distribution"


@METRIC.check(
    "identity",
    why="It tells a reader what the best figure is.",
    hint="Mend the formula, or declare in `identity` what it is; None where it depends on the set.",
)
def identity(subject: MetricSubject) -> str:
    """The figure of a set against itself is the record's."""
    said = subject.record.identity
    if said is None:
        raise Skipped("the record says that it depends on the set")
    for seed in (1, 2):
        x = subject.features(seed)
        value = subject.figure(x, x.clone())
        want(apart(value, said) < TOLERANCE, f"of a set against itself it is {value:.6g}, the record says {said:g}")
    return f"{said:g}"


@METRIC.check(
    "symmetric",
    why="With a wrong declaration a reader exchanges the sets and gets another figure.",
    hint="Declare symmetric=False, or treat both sets alike.",
)
def symmetric(subject: MetricSubject) -> None:
    """Real and fake exchanged give the same figure, if that is declared."""
    if not subject.record.symmetric:
        raise Skipped("the record does not say that it is symmetric")
    for fake in (subject.features(2) + 0.5, subject.features(2, 2 * subject.count) * 2):
        real = subject.features()
        one, other = subject.figure(real, fake), subject.figure(fake, real)
        want(apart(one, other) < TOLERANCE, f"it is {one:.6g}, and {other:.6g} with real and fake exchanged")


@METRIC.check(
    "order",
    why="The order of samples is chance.",
    hint="Draw no subsets by place; use all samples, or choose by a seed from sorted ones.",
)
def order(subject: MetricSubject) -> None:
    """Another order of the samples gives the same figure."""
    real, fake = subject.features(), subject.features(2) + 0.5
    numbers = shuffled(subject.count, 1), shuffled(subject.count, 2)
    one, other = subject.figure(real, fake), subject.figure(real[numbers[0]], fake[numbers[1]])
    want(apart(one, other) < TOLERANCE, f"it is {one:.6g}, and {other:.6g} of the same samples in another order")


@METRIC.check(
    "chunk",
    why="`chunk` is about memory: with it a figure must not change.",
    hint="Take the last piece with the rows that are left, and weigh pieces by their rows.",
)
def chunk(subject: MetricSubject) -> str:
    """With any number of rows a piece the figure is the same."""
    if "chunk" not in subject.parameters:
        raise Skipped("it has no option chunk")
    real, fake = subject.features(), subject.features(2, subject.count + 50) + 0.5
    wanted = subject.figure(real, fake)
    for rows in CHUNKS:
        found = subject.figure(real, fake, chunk=rows)
        want(apart(found, wanted) < TOLERANCE, f"it is {wanted:.6g}, and {found:.6g} with chunk={rows}")
    return f"chunk {', '.join(map(str, CHUNKS))}"


@METRIC.check(
    "direction",
    why="The best checkpoint and the best architecture are chosen by it.",
    hint="Declare higher_is_better as it is, and exchange real and fake nowhere.",
)
def direction(subject: MetricSubject) -> str:
    """Samples of the same distribution score better than shifted ones, and than ones collapsed onto a point off it."""
    real, higher = subject.features(), subject.record.higher_is_better
    same = subject.figure(real, subject.features(2))
    others = {"shifted": subject.features(2) + AWAY, "collapsed": _collapsed(real.mean(0) + AWAY, len(real))}
    # Figures of fidelity are perfect for one good sample over and over; distances, which are 0 for a set itself, are not.
    if subject.record.identity == 0:
        others["collapsed onto a real sample"] = _collapsed(real[0], len(real))
    told = []
    for name, fake in others.items():
        value = subject.figure(real, fake)
        better = same > value if higher else same < value
        want(
            better,
            f"samples of the distribution have {same:.6g} and {name} ones {value:.6g}, "
            f"where {'higher' if higher else 'lower'} is said to be better",
        )
        told.append(f"{name} {value:.4g}")
    return f"{same:.4g}; {', '.join(told)}"


def _collapsed(point: Tensor, n: int) -> Tensor:
    """Nearly equal samples."""
    return point + 1e-3 * normal(n, WIDTH, seed=5)


@METRIC.check(
    "precision",
    why="Extractors give float32, and sums over samples need float64.",
    hint="Convert features to float64 first.",
)
def precision(subject: MetricSubject) -> None:
    """The same features in float32 and in float64 give one figure, also far from 0."""
    for shift in (0.0, 100.0):
        real = subject.features(dtype=torch.float32) + shift
        fake = subject.features(2, dtype=torch.float32) + (shift + 0.5)
        one, other = subject.figure(real, fake), subject.figure(real.double(), fake.double())
        want(
            apart(one, other) < ROUNDED,
            f"of features about {shift + 1:g} it is {one:.8g} in float32 and {other:.8g} in float64",
        )


@METRIC.check(
    "repeatable",
    why="A figure that another try does not give cannot be compared.",
    hint="Draw subsets and bootstraps from a generator of your own with a fixed seed.",
)
def repeatable(subject: MetricSubject) -> None:
    """Asked again it gives the same figure; no global generator is used, and features stay as they are."""
    real, fake = subject.features(), subject.features(2) + 0.5
    kept = real.clone(), fake.clone()
    one, other = (without_global_chance(lambda: subject.figure(real, fake), seed) for seed in (0, 1))
    want(one == other, f"it is {one!r}, and asked again {other!r}")
    want(torch.equal(real, kept[0]) and torch.equal(fake, kept[1]), "it changes the features that it is given")


@METRIC.check(
    "finite",
    why="The features of a diverged generator must not become a figure.",
    hint="Look for NaN and infinity first, and say how many samples have them.",
)
def finite(subject: MetricSubject) -> None:
    """A NaN or an infinity among the features, real or fake, is a ValueError that says so."""
    for value in (math.nan, math.inf):
        broken = subject.features(2)
        broken[len(broken) // 2, 1] = value
        subject.refused(subject.features(), broken, f"fake features with a {value}")
        subject.refused(broken, subject.features(), f"real features with a {value}")


@METRIC.check(
    "few",
    why="Of too few samples there is no figure, and a NaN or an index error does not say so.",
    hint="Count the samples first: raise ValueError with how many there are and how many are wanted.",
)
def few(subject: MetricSubject) -> None:
    """No samples are a ValueError with words; one sample is one too, or has a finite figure."""
    real, none = subject.features(), subject.features(2, 0)
    subject.refused(real, none, "no fake samples")
    subject.refused(none, real, "no real samples")
    for few_real, few_fake in ((real, real[:1]), (real[:1], real), (real[:1], real[:1])):
        try:
            value = subject.figure(few_real, few_fake)
        except ValueError:
            continue
        want(math.isfinite(value), f"of {len(few_real)} and {len(few_fake)} samples it is {value}, wanted a ValueError")


@METRIC.check(
    "widths",
    why="Features of two extractors have nothing to do with each other.",
    hint="Compare the widths first: raise ValueError with both.",
)
def widths(subject: MetricSubject) -> None:
    """Sets of different widths, and features that are no matrix, are a ValueError that says so."""
    x = subject.features()
    for narrow in (x[:, :-1], x[:, :1]):  # one column would be stretched to any width
        subject.refused(x, narrow, f"{WIDTH} and {narrow.shape[1]} features")
        subject.refused(narrow, x, f"{narrow.shape[1]} and {WIDTH} features")
    subject.refused(x, x[:, 0], "fake features that are a vector")
    subject.refused(x[:, :, None], x[:, :, None], "features with three dimensions")


GROUPS = [METRIC]
SUBJECT = MetricSubject
