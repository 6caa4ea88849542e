"""From names to a game: the architecture's code, its configuration, and the network built for some data."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from ganzoo import plugin
from ganzoo.config import ArchConfig, override, validate
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import DataSpec, Game
from ganzoo.models.layers.dropout import hash_dropout
from ganzoo.registry import Entry, preset_of, registry

DATA = "data."  # before the field, in assignments of a preset that are about the data


def data_assignments(record: plugin.Arch, preset: str | None) -> list[tuple[str, str]]:
    """What a preset says about the data: (field, text of the value)."""
    own = record.presets.get(preset or "", ())
    parts = [each.removeprefix(DATA).partition("=") for each in own if each.startswith(DATA)]
    return [(field.strip(), value.strip()) for field, _, value in parts]


def find_arch(name: str) -> Entry[plugin.Arch]:
    """The architecture that a name or an id means.

    Raises:
        UsageError: there is none, or several plugins offer it.
    """
    return registry().find(plugin.Arch, name)


def config_class(entry: Entry[plugin.Arch]) -> type[ArchConfig]:
    """The configuration's class: the annotation of the first parameter of the architecture's build function.

    Raises:
        GanzooError: the function cannot be imported, or has no such annotation.
    """
    target = registry().load(entry)
    where = f"{entry.id} (plugin {entry.plugin}, distribution {entry.distribution})"
    wanted = f"{entry.record.target} wants the form build(config: SomeConfig, data: DataSpec), SomeConfig an ArchConfig"
    try:
        parameters = list(inspect.signature(target).parameters)
        hint = typing.get_type_hints(target).get(parameters[0])
    except (TypeError, ValueError, NameError, IndexError) as error:
        raise GanzooError(f"{where}: {wanted} ({error})") from error
    if not (isinstance(hint, type) and issubclass(hint, ArchConfig)):
        raise GanzooError(f"{where}: {wanted}; its first parameter is annotated {hint!r}")
    return hint


def configure(
    entry: Entry[plugin.Arch],
    assignments: Sequence[str] = (),
    *,
    preset: str | None = None,
    loss: str | None = None,
    penalty: Sequence[str] | None = None,
    augment: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> ArchConfig:
    """The architecture's configuration: its defaults (or `values`), the swapped components, its preset, each assignment; those
    that are about the data are left out.

    Raises:
        UsageError: a field, value or component is unknown.
    """
    source = f"configuration of {entry.id}"
    given: dict[str, Any] = dict(values or {})
    if loss is not None:
        registry().find(plugin.Loss, loss)
        given["loss"] = {"name": loss}
    if penalty is not None:
        for name in penalty:
            registry().find(plugin.Penalty, name)
        given["penalty"] = [{"name": name} for name in penalty]
    if augment is not None:
        registry().find(plugin.Augmentation, augment)
        given["augment"] = {"name": augment}
    whole = [each for each in (*preset_of(entry, preset), *assignments) if not each.startswith(DATA)]
    return override(validate(config_class(entry), given, source), whole, source)


def build(entry: Entry[plugin.Arch], config: ArchConfig, data: DataSpec, *, seed: int = 0, device: str = "cpu") -> Game:
    """The game, its weights drawn from `seed`. device "meta" builds shapes without numbers.

    Raises:
        UsageError: the architecture refuses the data or the configuration.
        GanzooError: its code is at fault; names plugin and distribution.
    """
    target = registry().load(entry)
    torch.manual_seed(seed)
    try:
        with torch.device(device):
            game = target(config, data)
    except GanzooError:
        raise
    except ValueError as error:
        raise UsageError(f"{entry.id}: {error}") from error
    except Exception as error:
        raise GanzooError(
            f"{entry.id} could not be built: {type(error).__name__}: {error} "
            f"(plugin {entry.plugin}, distribution {entry.distribution} {entry.version})"
        ) from error
    if not isinstance(game, Game):
        raise GanzooError(
            f"{entry.id}: its build function returned {type(game).__name__}, wanted a Game ({entry.distribution})"
        )
    game.built_for(data)
    swapped = {name: getattr(config, name) for name in ("loss", "penalty", "augment")}
    # An empty tuple of penalties is every standard game's default, not a wish.
    wished = {name: choice for name, choice in swapped.items() if choice is not None and (choice or name in game.takes)}
    with torch.device(device):
        if wished:
            game.use(**wished)  # penalties and augmentations may have buffers
        hash_dropout(game)
    return game


def parameter_counts(game: Game) -> dict[str, int]:
    """Trainable parameters of each of the game's networks, and of those outside any."""
    counts = {
        name: sum(p.numel() for p in module.parameters() if p.requires_grad) for name, module in game.named_children()
    }
    own = sum(p.numel() for p in game.parameters(recurse=False) if p.requires_grad)
    return {name: count for name, count in {**counts, "game": own}.items() if count}


def spec_to_dict(spec: DataSpec) -> dict[str, Any]:
    """The description of the data as config.yaml holds it."""
    values = asdict(spec)
    return values | {"shape": list(spec.shape), "class_names": list(spec.class_names)}


def spec_from_dict(values: Mapping[str, Any]) -> DataSpec:
    """The inverse of `spec_to_dict`.

    Raises:
        GanzooError: the values are no description of data.
    """
    try:
        fixed = {"shape": tuple(values["shape"]), "class_names": tuple(values["class_names"])}
        fields = {name: tuple(shape) for name, shape in values["fields"].items()}
        return DataSpec(**{**values, **fixed, "fields": fields})
    except (KeyError, TypeError, AttributeError) as error:
        raise GanzooError(f"config.yaml does not describe its data: {error}") from error


def default_spec(record: plugin.Arch, *, classes: int | None = None, preset: str = "") -> DataSpec:
    """Data as the reference has it, to build the default configuration for, or as a preset has it. classes: None: 10 where it is
    conditional."""
    classes = (10 if record.conditional else 0) if classes is None else classes
    if record.modality == "points":
        return DataSpec((2,), "points", classes)
    sizes = [value for name, value in data_assignments(record, preset) if name == "size"]
    height, _, width = (sizes[-1] if sizes else str(record.resolution or 32)).lower().partition("x")
    shape = (record.channels, int(height), int(width or height))
    fields = {plugin.SECOND[record.layout]: shape} if record.layout in plugin.SECOND else {}
    return DataSpec(shape, record.modality, classes, fields=fields)
