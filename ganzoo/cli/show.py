"""`ganzoo show`: one architecture or component whole."""

from __future__ import annotations

import json
from typing import Any

import rich_click as click

from ganzoo.cli.list import KINDS, row
from ganzoo.cli.table import print_table
from ganzoo.errors import UsageError
from ganzoo.plugin import Arch, Augmentation, Dataset, Loss, Penalty
from ganzoo.registry import Entry, registry

MADE = (Loss, Penalty, Augmentation, Dataset)  # components that a user builds by name with options


@click.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One object on stdout.")
def command(name: str, as_json: bool) -> None:
    """Show an architecture: its card, its options with defaults and units, its parameters, what it combines with.

    NAME may also be a loss, a penalty, or any other component.

    \b
    Examples:
      ganzoo show wgan-gp
      ganzoo show gradient-penalty --json
    """
    entry = _find(name)
    facts = (
        architecture(entry)
        if isinstance(entry.record, Arch)
        else row(entry) | {"options": options_of(entry) if isinstance(entry.record, MADE) else {}}
    )
    if as_json:
        print(json.dumps(facts, indent=2, default=str))
        return
    _print(entry, facts)


def _find(name: str) -> Entry[Any]:
    try:
        return registry().find(Arch, name)
    except UsageError as unknown:
        for kind in list(KINDS.values())[1:]:
            try:
                return registry().find(kind, name)
            except UsageError:
                continue
        raise unknown


def architecture(entry: Entry[Arch]) -> dict[str, Any]:
    """Everything that is known of an architecture; builds its default configuration without weights."""
    from ganzoo.build import build, configure, default_spec, parameter_counts
    from ganzoo.cli.fields import field_rows

    config = configure(entry)
    game = build(entry, config, built_for := default_spec(entry.record), device="meta")
    combines = {
        kind: [found.id for found in registry().entries(record)] if kind in game.takes else None
        for kind, record in (("loss", Loss), ("penalty", Penalty), ("augment", Augmentation))
    }
    return row(entry) | {
        "parameters": parameter_counts(game),
        "parameters_for": list(built_for.shape),
        "config": config.model_dump(mode="json"),
        "presets": {name: list(assignments) for name, assignments in entry.record.presets.items()},
        "options": [{"field": path, "default": default, "help": text} for path, default, text in field_rows(config)],
        "players": {player.name: type(player.optimizer).__name__ for player in game.players()},
        "phases": [{"name": phase.name, "player": phase.player, "every": phase.every} for phase in game.phases()],
        "combines_with": combines,
    }


def options_of(entry: Entry[Any]) -> dict[str, str]:
    """A component's own options and their defaults."""
    import inspect

    target = registry().load(entry)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {
        p.name: "required" if p.default is inspect.Parameter.empty else str(p.default)
        for p in parameters
        if p.kind in named
    }


def _print(entry: Entry[Any], facts: dict[str, Any]) -> None:
    record = entry.record
    print(f"{entry.id}: {record.summary}\n")
    card = [("kind", record.kind), ("from", f"{entry.distribution} {entry.version}"), ("paper", record.paper)]
    card += [("year", str(record.year or "")), ("licence", record.licence)]
    if isinstance(record, Arch):
        counts = ", ".join(f"{network} {count:,}" for network, count in facts["parameters"].items()) or "none"
        shape = "x".join(str(size) for size in facts["parameters_for"])
        card += [
            ("modality", record.modality + (f", {record.resolution} px" if record.resolution else "")),
            ("conditional", "with class labels" if record.conditional else "no"),
            ("parameters", f"{counts} (for {shape})"),
        ]
        for name, assignments in record.presets.items():
            card.append((f"--preset {name}", ", ".join(assignments)))
        for kind, ids in facts["combines_with"].items():
            nothing = "its own only" if ids is None else "none installed"
            card.append((f"--{kind}", ", ".join(_short(ids)) or nothing))
    print_table(("", ""), [line for line in card if line[1]])
    if isinstance(record, Arch):
        print("\nOptions (--set FIELD=VALUE):")
        print_table(("field", "default", "meaning"), [(o["field"], o["default"], o["help"]) for o in facts["options"]])
    elif facts["options"]:
        print("\nOptions:")
        print_table(("option", "default"), list(facts["options"].items()))


def _short(ids: list[str] | None) -> list[str]:
    return [identity.removeprefix("ganzoo/") for identity in ids or []]
