"""What a data set is held to: samples as its spec says, in a fixed order, found again by number, and an honest digest."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Feed, Source
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Batch, Draws
from ganzoo.models.draws import Tape
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import (
    apart,
    check_options,
    check_unknown_refused,
    without_global_chance,
)
from ganzoo.testing.host import HostReads
from ganzoo.testing.sources import BATCH, LARGE_BYTES, DatasetSubject, equal, numbers, samples

LOOKED_AT = 2048  # samples of a large set, at equal distances
THREADS = 4
BATCHES = 3  # that a feed hands out before it is stopped and continued
TYPES = {"image": torch.uint8, "points": torch.float32}


DATA = Checks("data")


@DATA.check(
    "opens",
    why="`--data` opens it by its name alone.",
    hint="Return a subclass of data.Source from a function whose options all have defaults.",
)
def opens(subject: DatasetSubject) -> str:
    """It opens with its defaults, as a source of its record's modality that is finite or endless and has a digest."""
    source = subject.opened()
    spec = source.spec
    want(
        spec.modality == subject.record.modality, f"it holds {spec.modality}, the record says {subject.record.modality}"
    )
    want((spec.count is None) == source.endless, f"endless is {source.endless}, and the spec's count {spec.count}")
    if not source.endless:
        want(len(source) == spec.count and len(source) > 0, f"it has {len(source)} samples, the spec says {spec.count}")
    want(
        re.fullmatch("[0-9a-f]{32}", source.digest) is not None,
        f"its digest is {source.digest!r}, wanted 32 hexadecimal digits",
    )
    want(bool(source), "bool() of it is false")
    return f"{spec.modality} {tuple(spec.shape)}, {spec.count or 'endless'}"


@DATA.check(
    "options",
    why="Options reach it by `--set data.options.NAME=VALUE`, and `ganzoo show` lists the record's.",
    hint="Declare an option by the name of the target's keyword argument, and give every argument a default.",
)
def options(subject: DatasetSubject) -> str:
    """The record's options are arguments of the target, and others are refused."""
    check_options(subject)
    check_unknown_refused(subject)
    missing = [name for name in subject.record.options if name not in subject.parameters]
    want(not missing, f"the record has the option {', '.join(missing)}, which {subject.record.target} does not take")
    return ", ".join(subject.record.options) or "none"


@DATA.check(
    "spec",
    why="Networks are built for the shapes, types and classes that the spec says.",
    hint="Images are uint8 (B, C, H, W), points float32 (B, F), labels int64 from 0 to classes - 1.",
)
def spec(subject: DatasetSubject) -> str:
    """Samples have the spec's shape, the modality's type, and labels within its classes."""
    source, spec = subject.source, subject.source.spec
    batch = samples(source, LOOKED_AT)
    size, classes = batch.size, spec.classes
    shapes = {"x": spec.shape, **({"y": ()} if classes else {}), **spec.fields}
    want(batch.keys() == shapes.keys(), f"a batch holds {', '.join(batch)}, the spec says {', '.join(shapes)}")
    for name, shape in shapes.items():
        found = tuple(batch[name].shape)
        want(found == (size, *shape), f"{name} has shape {found}, the spec says {(size, *shape)}")
        want(batch[name].device.type == "cpu", f"{name} lies on {batch[name].device}, wanted the CPU")
        if batch[name].is_floating_point():
            want(bool(torch.isfinite(batch[name]).all()), f"{name} is not finite everywhere")
    wanted = TYPES.get(spec.modality, batch.x.dtype)
    want(batch.x.dtype == wanted, f"x is {batch.x.dtype}, wanted {wanted} for {spec.modality}")
    want(len(spec.class_names) == classes, f"there are {classes} classes and {len(spec.class_names)} names for them")
    if classes:
        y = batch["y"]
        want(y.dtype == torch.int64, f"y is {y.dtype}, wanted torch.int64")
        want(
            int(y.min()) >= 0 and int(y.max()) < classes,
            f"labels lie from {int(y.min())} to {int(y.max())}, wanted 0 to {classes - 1}",
        )
    return f"{size} samples looked at"


@DATA.check(
    "again",
    why="A resumed run must see the same samples, and a figure must say of which data it is.",
    hint="Sort what the file system lists, seed what is made up, and let the digest follow from the samples alone.",
)
def again(subject: DatasetSubject) -> None:
    """Opened twice it has the same samples in the same order, and one digest; no chance but its own is used."""
    one, other = (without_global_chance(subject.opened, seed) for seed in (0, 1))
    want(one.digest == other.digest, f"opened twice it has the digests {one.digest[:8]}... and {other.digest[:8]}...")
    want(one.spec == other.spec, "opened twice it has two specs")
    want(equal(samples(one, 256), samples(other, 256)), "opened twice it has other samples, or another order")


@DATA.check(
    "digest",
    why="The digest keeps a run from going on with other data.",
    hint="Put every option that changes samples into the digest.",
)
def digest(subject: DatasetSubject) -> str:
    """Options that change the samples change the digest."""
    own, tried = subject.source, []
    for name in subject.record.options:
        for value in _others(subject, name):
            try:
                other = subject.opened(**{name: value})
            except GanzooError:
                continue
            tried.append(f"{name}={value}")
            same = own.spec == other.spec and equal(samples(own, 256), samples(other, 256))
            want(same or own.digest != other.digest, f"{name}={value} changes the samples, and the digest stays")
            break
    if not tried:
        raise Skipped("no option with another value to try: it has none that are numbers, yes or no, or a choice")
    return ", ".join(tried)


def _others(subject: DatasetSubject, name: str) -> Iterator[Any]:
    """Values for an option besides its default."""
    default = subject.parameters[name].default if name in subject.parameters else None
    try:
        annotation = typing.get_type_hints(getattr(subject.target, "__init__", subject.target)).get(name)
        annotation = annotation or typing.get_type_hints(subject.target).get(name)
    except (NameError, TypeError):
        annotation = None
    if typing.get_origin(annotation) is typing.Literal:
        yield from (value for value in typing.get_args(annotation) if value != default)
    elif isinstance(default, bool):
        yield not default
    elif isinstance(default, int):
        yield from (default + 1, default + 2, default * 2, default - 1)
    elif isinstance(default, float):
        yield from (default * 1.5 if default else 0.5, default / 2)


@DATA.check(
    "gather",
    why="The order of a run's samples is chosen by the sampler, with any number of processes.",
    hint="Answer with row i for the i-th number, as indexing an array does.",
)
def gather(subject: DatasetSubject) -> None:
    """Samples come by number: in any order, several times the same, and none at all."""
    source = subject.finite
    rows = numbers(source, 5)
    order = np.concatenate([rows[::-1], rows[:1], rows[:1]])
    together = source.gather(order)
    for place, row in enumerate(order):
        alone = source.gather(np.array([row]))
        picked = together.map(lambda value, place=place: value[place : place + 1])  # type: ignore[misc]
        want(equal(alone, picked), f"sample {row} is another one when it is asked for with others")
    empty = source.gather(np.zeros(0, np.int64))
    shapes = {name: tuple(value.shape) for name, value in empty.items()}
    wanted = {name: (0, *value.shape[1:]) for name, value in together.items()}
    want(shapes == wanted, f"no numbers give {shapes}, wanted {wanted}")


@DATA.check(
    "outside",
    why="A wrong number must not become another sample in silence.",
    hint="Raise IndexError below 0 and from len on; NumPy counts negative numbers from the end.",
)
def outside(subject: DatasetSubject) -> None:
    """Numbers below 0, or of len and more, are an IndexError."""
    source = subject.finite
    for number in (-1, len(source), len(source) + 1000):
        try:
            source.gather(np.array([0, number]))
        except IndexError:
            continue
        raise Failed(f"number {number} of {len(source)} samples is taken, wanted an IndexError")


@DATA.check(
    "own-memory",
    why="A batch is changed in place on its way to the networks.",
    hint="Copy: torch.from_numpy(array[numbers].copy()); a slice of an array is a view.",
)
def own_memory(subject: DatasetSubject) -> None:
    """Writing to a batch changes no later one."""
    source = subject.source

    def ask() -> Batch:
        return source.draw(BATCH, Draws(0)) if source.endless else source.gather(np.arange(min(BATCH, len(source))))

    first = ask()
    kept = first.map(Tensor.clone)
    for value in first.values():
        value.logical_not_() if value.dtype == torch.bool else value.add_(1)
    want(equal(ask(), kept), "what was written into a batch comes back in the next one")


@DATA.check(
    "threads",
    why="A feed gathers in a thread of its own while the run goes on.",
    hint="Keep no position between calls: a file that is shared by threads wants a lock, or to be opened by each.",
)
def threads(subject: DatasetSubject) -> None:
    """Four threads at once get what one gets."""
    source = subject.finite
    asked = [(numbers(source, BATCH) + k) % len(source) for k in range(4 * THREADS)]
    wanted = [source.gather(rows) for rows in asked]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(source.gather, asked))
    want(all(map(equal, found, wanted)), f"{THREADS} threads at once get other samples than one")


@DATA.check(
    "draws",
    why="A step must be repeatable, resumable, and the same on any number of processes.",
    hint='Draw from the `draws` that it is given, from streams "data..."; take no other generator.',
)
def draws(subject: DatasetSubject) -> None:
    """An endless source follows from the draws: by seed, continued from their state, in parts that join to the whole."""
    source = subject.endless
    chance = Draws(0)
    without_global_chance(lambda: source.draw(BATCH, chance))
    state = chance.state_dict()
    following, other = source.draw(BATCH, chance), Draws(7)
    other.load_state_dict(state)
    want(equal(source.draw(BATCH, other), following), "continued from the state of its streams it draws other samples")
    whole = source.draw(BATCH, Draws(0))
    want(equal(source.draw(BATCH, Draws(0)), whole), "drawn twice from one seed the samples differ")
    want(not torch.equal(source.draw(BATCH, Draws(1)).x, whole.x), "two seeds give the same samples")
    parts = [source.draw(BATCH // 2, Draws(0, rank=rank, world=2)) for rank in range(2)]
    joined = Batch({name: torch.cat([part[name] for part in parts]) for name in parts[0]})
    for name, value in whole.items():
        want(apart(joined[name], value) < 1e-6, f"{name} of two processes does not join to that of one")
    tape = Draws(0)
    tape.tape = Tape()
    source.draw(BATCH, tape)
    streams = sorted({drawn.stream for drawn in tape.tape.drawn if not drawn.stream.startswith("data")})
    want(not streams, f'it draws from the stream {", ".join(streams)}, wanted streams "data..."')


@DATA.check(
    "no-wait",
    why="An endless source draws within the step, where reading a number makes the host wait for the device.",
    hint="Draw, compute and choose by tensor operations on draws.device.",
)
def no_wait(subject: DatasetSubject) -> None:
    """An endless source reads no value on the host and draws on the device of the draws."""
    source = subject.endless
    with HostReads() as reads:
        source.draw(BATCH, Draws(0))
    want(not reads.seen, f"it reads values on the host: {', '.join(reads.seen)}")
    for name, value in source.draw(BATCH, Draws(0, "meta")).items():
        want(value.device.type == "meta", f"{name} is drawn on {value.device}, wanted the device of the draws")


@DATA.check(
    "resume",
    why="A resumed run must go on with the next sample.",
    hint="Keep no state in the source: what was handed out is known to the feed and to the streams.",
)
def resume(subject: DatasetSubject) -> None:
    """A feed that is continued from its state hands out the batch that would have come next."""

    def feed(source: Source, draws: Draws) -> Feed:
        return Feed(source, seed=4, device="cpu", draws=draws, resident_bytes=0)

    chance, other = Draws(4), Draws(4)
    first = feed(subject.source, chance)
    for _ in range(BATCHES):
        first.next(BATCH)
    place, streams = first.state_dict(), chance.state_dict()
    following = first.next(BATCH)
    other.load_state_dict(streams)
    second = feed(subject.opened(), other)
    second.load_state_dict(place)
    want(equal(second.next(BATCH), following), f"continued after {BATCHES} batches it hands out another one")


@DATA.check(
    "sizes",
    why="Architectures want their own resolution, and growing ones several.",
    hint="Keep the pictures in a data.StoredImages, which can do it, or write `at`.",
)
def sizes(subject: DatasetSubject) -> str:
    """Pictures can be had at another size: the same ones with the same labels, once made and then kept."""
    source = subject.source
    if source.spec.modality != "image":
        raise Skipped(f"{source.spec.modality} has no resolution")
    channels, height, width = source.spec.image()
    if not source.endless and len(source) * channels * height * width > LARGE_BYTES:
        raise Skipped(f"{len(source):,} pictures of {height}x{width} take long to resize")
    size = (max(1, height // 2), max(1, width // 2))
    try:
        small = source.at(size)
    except UsageError as error:
        raise Failed(f"its pictures cannot be had at {size} pixels: {error}") from error
    want(small.spec.shape == (channels, *size), f"at {size} pixels its shape is {small.spec.shape}")
    want(source.at(size) is small, f"asked twice for {size} pixels it answers with two objects")
    want(source.at((height, width)).digest == source.digest, "at its own size it is another source")
    want(
        (small.spec.count, small.spec.classes, small.endless)
        == (source.spec.count, source.spec.classes, source.endless),
        "at another size it has another number of samples or of classes",
    )
    want(small.digest != source.digest, "at another size it has the same digest")
    one, other = samples(source), samples(small)
    want(tuple(other.x.shape[1:]) == (channels, *size) and other.x.dtype == one.x.dtype, f"at {size}: {other.x.shape}")
    if source.spec.classes:
        want(torch.equal(one["y"], other["y"]), "at another size the labels are others")
    return f"{size[0]}x{size[1]} from {height}x{width}"


GROUPS = [DATA]
SUBJECT = DatasetSubject
