"""From a record to a game: the code imports, the configuration holds, the counts are those declared."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import torch

from ganzoo.build import build, config_class, configure, default_spec, parameter_counts
from ganzoo.config import validate
from ganzoo.errors import UsageError
from ganzoo.models import DataSpec, Gan
from ganzoo.registry import registry
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.subject import MADE, ArchSubject, difference, tensors_of

BUILD = Checks("build")


@BUILD.check(
    "imports",
    why="The name is listed, and cannot be used.",
    hint='`target` is "module:attribute" of build(config: YourConfig, data: DataSpec), YourConfig an ArchConfig.',
)
def imports(subject: ArchSubject) -> None:
    """The target imports and has a configuration class."""
    config_class(subject.entry)


@BUILD.check(
    "default",
    why="`ganzoo train --arch NAME` without options has to work.",
    hint="Give every field a default that fits the record's resolution and channels.",
)
def default(subject: ArchSubject) -> None:
    """The default configuration builds for data as the record has it; on the meta device, which costs no memory."""
    build(
        subject.entry, configure(subject.entry), default_spec(subject.record, classes=_classes(subject)), device="meta"
    )


@BUILD.check(
    "presets",
    why="A preset that is wrong fails when it is asked for.",
    hint='A preset is a tuple of assignments "field=value" of the architecture\'s own fields.',
)
def presets(subject: ArchSubject) -> str:
    """Every preset is a configuration, and builds."""
    if not subject.record.presets:
        raise Skipped('the record has no presets; "tiny" would make the checks faster')
    for name, assignments in subject.record.presets.items():
        want(
            isinstance(assignments, tuple) and all(isinstance(each, str) for each in assignments),
            f"preset {name} is {assignments!r}, wanted a tuple of texts",
        )
        config = configure(subject.entry, assignments)
        spec = default_spec(subject.record, classes=_classes(subject), preset=name)
        build(subject.entry, config, spec, device="meta")
    return ", ".join(subject.record.presets)


@BUILD.check(
    "strict",
    why="A mistyped option would be passed over in silence.",
    hint="Derive the configuration from ArchConfig or GanConfig, and leave its model_config alone.",
)
def strict(subject: ArchSubject) -> None:
    """A field that does not exist is refused, with a suggestion."""
    try:
        configure(subject.entry, ("no_such_field_here=1",))
    except UsageError:
        return
    raise Failed("the configuration takes the field no_such_field_here")


@BUILD.check(
    "json",
    why="A run's config.yaml would not give back its configuration.",
    hint="Use numbers, texts, tuples, mappings and Config models for fields.",
)
def json_round_trip(subject: ArchSubject) -> None:
    """The default and the smallest configuration are the same after JSON."""
    for config in (config_class(subject.entry)(), subject.config):
        again = validate(type(config), json.loads(json.dumps(config.model_dump(mode="json"))), "the configuration")
        changed = [name for name in type(config).model_fields if getattr(config, name) != getattr(again, name)]
        want(not changed, f"after JSON {', '.join(changed)} differ")


@BUILD.check(
    "counts",
    why="A reader compares the number of parameters with the paper's.",
    hint="Mend the network, or the record's `parameters`: `ganzoo show NAME` prints what the default has.",
)
def counts(subject: ArchSubject) -> str:
    """The default configuration has as many parameters as the record says."""
    declared = dict(subject.record.parameters)
    if not declared:
        raise Skipped("the record declares no parameter counts")
    found = parameter_counts(
        build(subject.entry, configure(subject.entry), default_spec(subject.record), device="meta")
    )
    want(found == declared, f"the default has {_shown(found)}, and the record declares {_shown(declared)}")
    return _shown(found)


@BUILD.check(
    "seeded",
    why="Two runs with one seed would begin with different weights.",
    hint="Draw initial weights from torch's generator alone: torch.nn.init, torch.randn.",
)
def seeded(subject: ArchSubject) -> None:
    """Weights follow from torch's seed alone, another seed gives others, and no other generator is touched."""
    python, numbers = random.getstate(), np.random.get_state()
    try:
        random.seed(1)
        np.random.seed(1)
        before = _chance()
        game = subject.game(seed=7)
        first, trained = tensors_of(game), any(p.requires_grad for p in game.parameters())
        after = _chance()
        random.seed(2)
        np.random.seed(2)
        second, other = tensors_of(subject.game(seed=7)), tensors_of(subject.game(seed=8))
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
    place = difference(first, second)
    want(place is None, f"with one seed {place} differs from build to build")
    want(before == after, "building draws from Python's or NumPy's global generator")
    want(not trained or difference(first, other) is not None, "seeds 7 and 8 give the same weights")


@BUILD.check(
    "data",
    why="With data of another kind a user would meet an error of torch in the middle of the first step.",
    hint="Ask the data for its shape by data.image() or data.points(), which raise ValueError.",
)
def refuses_other_data(subject: ArchSubject) -> str:
    """Data of another modality or shape is a ValueError that says what the data is, as the user sees it."""
    if subject.record.modality not in MADE:
        raise Skipped(f"nothing is known of data other than {subject.record.modality}")
    points = subject.record.modality == "points"
    wrong = DataSpec((3, 8, 8), "image", name="pictures") if points else DataSpec((5,), "points", name="numbers")
    try:
        build(subject.entry, subject.config, wrong, device="meta")
    except UsageError as error:
        shape = ", ".join(map(str, wrong.shape))
        want(shape in str(error), f"the message does not say the shape ({shape}) that was given: {error}")
        return str(error).partition(": ")[2][:80]
    except Exception as error:
        raise Failed(f"{wrong.modality} of shape {wrong.shape} end in {type(error).__name__}: {error}") from error
    raise Skipped(f"it also takes {wrong.modality} of shape {wrong.shape}")


@BUILD.check(
    "objective",
    why="The configuration's default wins: what the code says instead is dropped without a word.",
    hint="Give loss and penalties as defaults of the configuration's fields, and the configuration to Gan(..., config).",
)
def objective(subject: ArchSubject) -> str:
    """The loss and the penalties that the build function gives its game are those of the default configuration."""
    made = registry().load(subject.entry)(subject.config, subject.spec)
    if not isinstance(made, Gan):
        raise Skipped("it is not the standard game")
    built = subject.gan()
    for what, one, other in (
        ("loss", type(made.loss).__name__, type(built.loss).__name__),
        ("penalties", [term.name for term in made.penalties], [term.name for term in built.penalties]),
    ):
        want(one == other, f"the code gives the {what} {one}, and by the configuration it is {other}")
    return ", ".join([type(built.loss).__name__, *(term.name for term in built.penalties)])


@BUILD.check(
    "catalogue",
    why="The code behind a record has to be importable by name, also in another process.",
    hint="Keep the build function at the top level of its module.",
)
def named(subject: ArchSubject) -> None:
    """The build function and the configuration are attributes of the modules that they name."""
    for thing in (registry().load(subject.entry), config_class(subject.entry)):
        want("<locals>" not in thing.__qualname__, f"{thing.__qualname__} is made inside a function")


@BUILD.check(
    "meta",
    why="Counting parameters of a large network would need its whole memory.",
    hint="Make no tensor on a device of your own choice, and read no value of a weight, while the game is built.",
)
def meta(subject: ArchSubject) -> None:
    """The smallest configuration builds on the meta device, and every tensor of it is there."""
    game = subject.game(device="meta")
    real = [name for name, tensor in game.state_dict(keep_vars=True).items() if tensor.device.type != "meta"]
    want(not real, f"built on the meta device, {', '.join(real[:3])} lie elsewhere")
    dtypes = {str(p.dtype) for p in game.parameters()} - {str(torch.float32)}
    want(not dtypes, f"parameters are {', '.join(sorted(dtypes))}, wanted float32: precision is the run's")


def _classes(subject: ArchSubject) -> int:
    return 10 if subject.record.conditional else 0


def _chance() -> tuple[Any, list[int]]:
    return random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()


def _shown(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"
