"""What a metric is held to: finite numbers, the direction and the symmetry of its record, and words for bad samples."""

from __future__ import annotations

import inspect
import itertools
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.check import Checks, Skipped, want
from ganzoo.testing.component import apart, check_options, normal, shuffled, without_global_chance
from ganzoo.testing.figures import Figures, MetricSubject, apart_at_most, directed, it, told, want_equal
from ganzoo.testing.made_up import TRAIN_SEED, WIDTH, Inputs, about, changed, copies, floats

CHUNKS = (1, 7, 64, 100_000)  # rows a piece: some leave a rest, one holds everything
TOLERANCE = 1e-6  # of figures that are equal but for rounding
ROUNDED = 1e-4  # of one figure of the same features in float32 and in float64
AWAY = 5.0  # standard deviations to samples that are not of the distribution
SHAPES = re.compile(r"_[A-Z][A-Za-z0-9]*$")  # as in real_NF

METRIC = Checks("metric")


@METRIC.check(
    "inputs",
    why="What it asks for is given by place, in the record's order: other parameters get something else.",
    hint="Name the first parameters as `inputs` does, in that order; a suffix for shapes, as in real_NF, is fine.",
)
def inputs(subject: MetricSubject) -> str:
    """Its first parameters are the record's inputs."""
    wanted = subject.record.inputs
    found = [SHAPES.sub("", name) for name in inspect.signature(subject.target).parameters][: len(wanted)]
    want(found == list(wanted), f"it takes {', '.join(found) or 'nothing'}, the record says {', '.join(wanted)}")
    return ", ".join(wanted)


@METRIC.check(
    "options",
    why="A figure is named with its options, and without any it has to be defined.",
    hint="Take the record's inputs first, then keyword arguments that all have defaults.",
)
def options(subject: MetricSubject) -> str:
    """After its inputs it takes named options with defaults alone."""
    return check_options(subject)


@METRIC.check(
    "number",
    why="Reports and comparisons hold floats.",
    hint="Return float(...), or a float for each of `figures`, and bring round-off below a bound back to it.",
)
def number(subject: MetricSubject) -> str:
    """Finite floats, as many as the record says, also of sets of different sizes."""
    maker, count = subject.maker, subject.maker.count
    for size in (count, count + count // 2, 2 * count):
        for name, value in subject.figures(maker.inputs(fake=maker.features(2, size))).items():
            want(math.isfinite(value), f"of {count} and {size} samples {it(name)} is {value}")
    return f"{told(subject.figures(maker.inputs()))} of samples of one distribution"


@METRIC.check(
    "identity",
    why="It tells a reader what the best figure is.",
    hint="Mend the formula, or declare in `identity` what it is; None where it depends on the set.",
)
def identity(subject: MetricSubject) -> str:
    """The figures of a set against itself are the record's."""
    said = subject.record.identity
    if said is None:
        raise Skipped("the record says that it depends on the set")
    for seed in (1, 2):
        x = subject.maker.features(seed)
        train = None if "real" in subject.sets else x
        for name, value in subject.figures(subject.maker.inputs(x, x.clone(), train)).items():
            want(
                apart(value, said) < TOLERANCE,
                f"of a set against itself {it(name)} is {value:.6g}, the record says {said:g}",
            )
    return f"{said:g}"


@METRIC.check(
    "symmetric",
    why="With a wrong declaration a reader exchanges the sets and gets another figure.",
    hint="Declare symmetric=False, or treat both sets alike.",
)
def symmetric(subject: MetricSubject) -> None:
    """Real and fake exchanged give the same figures, if that is declared."""
    if not subject.record.symmetric:
        raise Skipped("the record does not say that it is symmetric")
    want({"real", "fake"} <= set(subject.sets), "it is said to be symmetric, and takes real or fake samples alone")
    maker = subject.maker
    real = maker.features()
    for fake in (maker.features(2) + 0.5, maker.features(2, 2 * maker.count) * 2):
        one, other = (subject.figures(maker.inputs(*sets)) for sets in ((real, fake), (fake, real)))
        want_equal(one, other, TOLERANCE, "with real and fake exchanged")


@METRIC.check(
    "order",
    why="The order of samples is chance.",
    hint="Draw no subsets by place; use all samples, or take an option `seed` for what is drawn.",
)
def order(subject: MetricSubject) -> None:
    """Another order of the samples gives the same figures, unless it draws by a seed."""
    if "seed" in subject.parameters:
        raise Skipped("it draws from the samples by its option seed")
    maker = subject.maker
    made = maker.inputs(fake=maker.features(2) + 0.5)
    other = made
    for seed, name in enumerate(subject.sets, 1):
        other = changed(other, name, shuffled(maker.count, seed))
    want_equal(subject.figures(made), subject.figures(other), TOLERANCE, "of the same samples in another order")


@METRIC.check(
    "chunk",
    why="`chunk` is about memory: with it a figure must not change.",
    hint="Take the last piece with the rows that are left, and weigh pieces by their rows.",
)
def chunk(subject: MetricSubject) -> str:
    """With any number of rows a piece the figures are the same."""
    if "chunk" not in subject.parameters:
        raise Skipped("it has no option chunk")
    maker = subject.maker
    made = maker.inputs(fake=maker.features(2, maker.count + 50) + 0.5)
    wanted = subject.figures(made)
    for rows in CHUNKS:
        want_equal(wanted, subject.figures(made, chunk=rows), TOLERANCE, f"with chunk={rows}")
    return f"chunk {', '.join(map(str, CHUNKS))}"


@METRIC.check(
    "direction",
    why="The best checkpoint and the best architecture are chosen by it.",
    hint="Declare higher_is_better as it is, and exchange real and fake nowhere.",
)
def direction(subject: MetricSubject) -> str:
    """Samples of the same distribution score better than shifted ones, and than ones collapsed onto a point off it. Where
    training samples are among the inputs, they score better than copies of those. Where labels of fake samples are, wrongly
    labelled ones are worse too, and some of these may be as good: it may be about the labels alone."""
    if "train" in subject.sets:
        return _copies_are_worse(subject)
    same = directed(subject.figures(subject.maker.inputs()))
    seen, refused, equal = [told(same)], [], []
    for name, made in _worse(subject).items():
        try:
            found = directed(subject.figures(made))
        except ValueError as error:  # a figure may not be defined off the distribution
            refused.append(f"{name} samples have no figure: {error}")
            continue
        seen.append(f"{name}: {told(found)}")
        if "fake_labels" in subject.record.inputs and apart_at_most(same, found, TOLERANCE):
            equal.append(name)
            continue
        for figure, value in found.items():
            _want_better(subject, figure, same[figure], value, name)
    if len(seen) == 1:
        raise Skipped("; ".join(refused))
    want(len(equal) < len(seen) - 1, f"samples that are {' or '.join(equal)} have the figures of good ones")
    return "; ".join(seen)


def _worse(subject: MetricSubject) -> dict[str, Inputs]:
    """Fake samples that are worse than those of the distribution, by what is wrong with them."""
    maker = subject.maker
    real, fake = maker.features(), maker.features(2)
    if subject.sets == ["fake"] and "mixture" not in maker.names:  # of one set alone there is only its diversity
        return {"collapsed": maker.inputs(fake=_collapsed(fake[0], len(fake)))}
    others = {"shifted": fake + AWAY, "collapsed": _collapsed(real.mean(0) + AWAY, len(real))}
    # Figures of fidelity are perfect for one good sample over and over; distances, which are 0 for a set itself, are not.
    if subject.record.identity == 0:
        others["collapsed onto a real sample"] = _collapsed(real[0], len(real))
    worse = {name: maker.inputs(real, fake) for name, fake in others.items()}
    if "fake_labels" in maker.names:
        made = maker.inputs(real, fake)
        worse["wrongly labelled"] = {**made, "fake_labels": made["fake_labels"].roll(1)}
    return worse


def _copies_are_worse(subject: MetricSubject) -> str:
    maker = subject.maker
    train = maker.features(TRAIN_SEED)
    same = directed(subject.figures(maker.inputs()))
    found = directed(subject.figures(maker.inputs(fake=train, train=train.clone())))
    unequal = [name for name in same if apart(same[name], found[name]) >= TOLERANCE]
    want(bool(unequal), "copies of the training samples have the same figures as other samples")
    for name in unequal:
        _want_better(subject, name, same[name], found[name], "copied training")
    return f"{told(same)}; copies: {told(found)}"


def _want_better(subject: MetricSubject, figure: str, same: float, value: float, name: str) -> None:
    higher = subject.record.higher_is_better
    want(
        same > value if higher else same < value,
        f"{it(figure)} is {same:.6g} of samples of the distribution and {value:.6g} of {name} ones, "
        f"where {'higher' if higher else 'lower'} is said to be better",
    )


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
    maker = subject.maker
    for shift in (0.0,) if maker.in_classes else (0.0, 100.0):
        sets = maker.features() + shift, maker.features(2) + (shift + 0.5), maker.features(TRAIN_SEED) + shift
        single = maker.inputs(*sets, dtype=torch.float32)
        names = floats(single)
        if not names:
            raise Skipped("it takes no floating point numbers")
        double = {name: value.double() if name in names else value for name, value in single.items()}
        how = f"in float64, of features about {shift + 1:g}"
        want_equal(subject.figures(single), subject.figures(double), ROUNDED, how)


@METRIC.check(
    "repeatable",
    why="A figure that another try does not give cannot be compared.",
    hint="Draw subsets and bootstraps from a generator of your own with a fixed seed.",
)
def repeatable(subject: MetricSubject) -> None:
    """Asked again it gives the same figures, by an option `seed` too; no global generator is used, and inputs stay."""
    maker = subject.maker
    made = maker.inputs(fake=maker.features(2) + 0.5)
    kept = copies(made)
    seeds: list[dict[str, Any]] = [{}, {"seed": 7}] if "seed" in subject.parameters else [{}]
    for chosen in seeds:
        one, other = (without_global_chance(_asked(subject, made, chosen), state) for state in (0, 1))
        want(one == other, f"it is {one}, and asked again {other}")
    same = all(torch.equal(made[name], value) for name, value in kept.items() if isinstance(value, Tensor))
    want(same, "it changes the samples that it is given")


def _asked(subject: MetricSubject, made: Inputs, chosen: Mapping[str, Any]) -> Callable[[], Figures]:
    return lambda: subject.figures(made, **chosen)


@METRIC.check(
    "finite",
    why="The features of a diverged generator must not become a figure.",
    hint="Look for NaN and infinity first, and say how many samples have them.",
)
def finite(subject: MetricSubject) -> None:
    """A NaN or an infinity among the features, of any set, is a ValueError that says so."""
    names = floats(subject.maker.inputs())
    if not names:
        raise Skipped("it takes no floating point numbers")
    for name, value in itertools.product(names, (math.nan, math.inf)):
        made = copies(subject.maker.inputs())
        made[name][len(made[name]) // 2, 1] = value
        subject.refused(made, f"{name} with a {value}")


@METRIC.check(
    "few",
    why="Of too few samples there is no figure, and a NaN or an index error does not say so.",
    hint="Count the samples first: raise ValueError with how many there are and how many are wanted.",
)
def few(subject: MetricSubject) -> None:
    """No samples are a ValueError with words; one sample is one too, or has finite figures."""
    made, sets = subject.maker.inputs(), subject.sets
    for name in sets:
        subject.refused(changed(made, name, slice(0)), f"no {name} samples")
    for alone in [[name] for name in sets] + ([sets] if len(sets) > 1 else []):
        single = made
        for name in alone:
            single = changed(single, name, slice(1))
        try:
            found = subject.figures(single)
        except ValueError:
            continue
        for name, value in found.items():
            want(
                math.isfinite(value),
                f"of one {' and one '.join(alone)} sample {it(name)} is {value}, wanted a ValueError",
            )


@METRIC.check(
    "widths",
    why="Features of two extractors have nothing to do with each other.",
    hint="Compare the widths first: raise ValueError with both.",
)
def widths(subject: MetricSubject) -> None:
    """Sets that do not fit together, and features that are no matrix, are a ValueError that says so."""
    made = subject.maker.inputs()
    for name, x in made.items():
        what = about(name)
        partners = [other for other in made if other != name and about(other) in (what, "mixture")]
        wrong: dict[str, Tensor] = {}
        if what in ("features", "probabilities"):
            wrong = {f"{name} that are a vector": x[:, 0], f"{name} with three dimensions": x[:, :, None]}
            if partners:  # one column would be stretched to any width
                wrong |= {
                    f"{width} columns of {name}, more of {partners[0]}": x[:, :width] for width in (x.shape[1] - 1, 1)
                }
        elif what == "labels":
            wrong = {f"one of {name} too few": x[:-1]}
        elif what == "pictures":
            wrong = {f"{name} that are rows of pixels": x.flatten(1)}
            if partners:
                wrong[f"{name} of another width"] = x[..., :-1]
        for words, value in wrong.items():
            subject.refused({**made, name: value}, words)


GROUPS = [METRIC]
SUBJECT = MetricSubject
