"""`ganzoo list`: what is installed, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import rich_click as click

from ganzoo.cli.table import print_table
from ganzoo.errors import UsageError, did_you_mean
from ganzoo.plugin import Arch, Augmentation, Dataset, FeatureExtractor, Loss, Metric, Penalty, Record, Tracker
from ganzoo.registry import OFFICIAL_PLUGINS, Entry, Registry, registry

KINDS: Mapping[str, type[Record]] = {
    "architectures": Arch,
    "losses": Loss,
    "penalties": Penalty,
    "augmentations": Augmentation,
    "datasets": Dataset,
    "metrics": Metric,
    "extractors": FeatureExtractor,
    "trackers": Tracker,
}
MODALITIES = ("image", "points", "text", "audio", "video", "table", "series")


def row(entry: Entry[Any]) -> dict[str, Any]:
    """What JSON says of an entry: its id, where it comes from, and every field of its record."""
    facts = {item.name: getattr(entry.record, item.name) for item in fields(entry.record)}
    facts = {name: dict(value) if isinstance(value, Mapping) else value for name, value in facts.items()}
    origin = {"family": entry.plugin, "distribution": entry.distribution, "version": entry.version}
    return {"id": entry.id, "name": facts.pop("name"), **origin, **facts}


def selected(
    found: Registry, kind: str, modality: str | None, family: str | None, conditional: bool | None
) -> list[Entry[Any]]:
    """The entries of a kind that pass the filters; None passes everything.

    Raises:
        UsageError: no kind, modality or family of that name exists, or the kind has no such property.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no kind {kind!r}. {did_you_mean(kind, KINDS)}")
    entries: list[Entry[Any]] = list(found.entries(KINDS[kind]))
    names = {item.name for item in fields(KINDS[kind])}
    for given, name in ((modality, "modality"), (conditional, "conditional")):
        if given is not None and name not in names:
            raise UsageError(f"{kind} are not told apart by {name}; architectures are")
    if modality is not None:
        known = {*MODALITIES, *(entry.record.modality for entry in entries)}
        if modality not in known:
            raise UsageError(f"There is no modality {modality!r}. {did_you_mean(modality, known)}")
        entries = [entry for entry in entries if entry.record.modality == modality]
    if family is not None:
        families = {*OFFICIAL_PLUGINS, *(info.name for info in found.plugins)}
        if family not in families:
            raise UsageError(f"There is no family {family!r}. {did_you_mean(family, families)}")
        entries = [entry for entry in entries if entry.plugin == family]
    if conditional is not None:
        entries = [entry for entry in entries if entry.record.conditional == conditional]
    return entries


@click.command("list")
@click.argument("kind", default="architectures", metavar="[KIND]")
@click.option("--modality", metavar="NAME", help=f"Only this kind of samples: {', '.join(MODALITIES)}.")
@click.option("--family", metavar="NAME", help="Only what this plugin brings.")
@click.option("--conditional/--unconditional", default=None, help="Only those with, or without, class labels.")
@click.option("--json", "as_json", is_flag=True, help="An array of records on stdout.")
@click.option("--strict", is_flag=True, help="Fail if any plugin has a problem.")
def command(
    kind: str, modality: str | None, family: str | None, conditional: bool | None, as_json: bool, strict: bool
) -> None:
    """List what is installed.

    KIND is architectures (the default), losses, penalties, augmentations, datasets, metrics, extractors or trackers.
    """
    found = registry(strict=strict)
    entries = selected(found, kind, modality, family, conditional)
    if as_json:
        click.echo(json.dumps([row(entry) for entry in entries], indent=2, default=str))
    elif entries:
        _print(found, kind, entries)
    elif kind == "architectures" and not found.entries(Arch):
        click.echo("No architecture is installed. The project's own: pip install 'ganzoo[zoo]'", err=True)
    else:
        click.echo(f"No {kind} of that description are installed.", err=True)
    if found.problems:
        sources = ", ".join(sorted({problem.source for problem in found.problems}))
        click.echo(f"Plugins with problems: {sources}. `ganzoo plugins` says more.", err=True)


def _print(found: Registry, kind: str, entries: list[Entry[Any]]) -> None:
    has_modality = any(item.name == "modality" for item in fields(KINDS[kind]))
    header = ["id" if kind == "architectures" else "name", "year", *(["modality"] if has_modality else []), "summary"]
    rows: list[list[str]] = []
    for entry in entries:
        name = entry.id if kind == "architectures" else found.shortest_name(KINDS[kind], entry)
        modality = [entry.record.modality] if has_modality else []
        rows.append([name, str(entry.record.year or ""), *modality, entry.record.summary])
    print_table(header, rows)
