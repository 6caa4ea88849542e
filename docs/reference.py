"""Writes docs/reference.md from the registry: the project's own architectures and components. `make docs` runs it.

The page follows from the code alone: no dates, versions or plugins of others are in it, so a second run changes no byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzoo.cli.fields import field_rows
from ganzoo.cli.show import architecture, options_of
from ganzoo.data import DataChoice
from ganzoo.discovery import BUILTIN
from ganzoo.engine.settings import TrainSettings
from ganzoo.errors import GanzooError
from ganzoo.plugin import Arch, Dataset, FeatureExtractor, Loss, Metric, Penalty, Record, Tracker
from ganzoo.registry import OFFICIAL_ARCHITECTURES, Entry, registry

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference

Written by `make docs` from the registry; changes made here are lost. `ganzoo list` and `ganzoo show NAME` say the same of what is
installed, plugins of others included.
"""


def page() -> str:
    """The whole text.

    Raises:
        GanzooError: an official architecture is not installed, or cannot be built.
    """
    architectures = [registry().find(Arch, name) for name in sorted(OFFICIAL_ARCHITECTURES, key=_id)]
    lines = [HEAD, *_architectures(architectures)]
    lines += [
        "## Losses\n",
        "`--loss NAME`; options: `--set loss.OPTION=VALUE`, the weight: `--set loss.weight=VALUE`.\n",
    ]
    lines += _components(Loss, needs_real="needs real scores", separates="per sample")
    lines += [
        "## Penalties\n",
        "`--penalty NAME`; options: `--set penalty.OPTION=VALUE`, as are weight and interval (steps).\n",
    ]
    lines += _components(Penalty, weight="weight", interval="interval")
    lines += ["## Data sets\n", "`--data NAME`; options: `--set data.options.OPTION=VALUE`.\n"]
    lines += _components(Dataset, modality="modality")
    lines += ["## Metrics\n", *_components(Metric, higher_is_better="higher is better", options=False)]
    lines += ["## Feature extractors\n", *_components(FeatureExtractor, width="features")]
    lines += ["## Trackers\n", *_components(Tracker, options=False)]
    lines += ["## Settings of a run\n", "`--set run.FIELD=VALUE`; some have a flag of their own, as `--images`.\n"]
    lines += [*table(("field", "default", "meaning"), _fields(field_rows(TrainSettings()))), ""]
    lines += ["## Data\n", "`--set data.FIELD=VALUE`; some have a flag of their own, as `--size`.\n"]
    lines += [*table(("field", "default", "meaning"), _fields(field_rows(DataChoice())))]
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return f"{OFFICIAL_ARCHITECTURES[name]}/{name}"


def _architectures(entries: Sequence[Entry[Arch]]) -> Iterator[str]:
    facts = {entry.id: architecture(entry) for entry in entries}
    yield "## Architectures\n"
    yield "Trainable parameters are those of the default configuration, for samples of the shape in the last column.\n"
    header = ("id", "year", "what it is", "parameters", "for")
    yield from table(
        header,
        [
            (
                f"[`{entry.id}`](#{entry.id.replace('/', '')})",
                str(entry.record.year),
                entry.record.summary,
                ", ".join(f"{network} {count:,}" for network, count in facts[entry.id]["parameters"].items()),
                _shape(facts[entry.id]),
            )
            for entry in entries
        ],
    )
    for entry in entries:
        yield ""
        yield from _architecture(entry, facts[entry.id])
    yield ""


def _architecture(entry: Entry[Arch], facts: dict[str, Any]) -> Iterator[str]:
    record = entry.record
    swaps = [kind for kind, ids in facts["combines_with"].items() if ids]
    phases = ", ".join(phase["name"] for phase in facts["phases"])
    yield f"### {entry.id}\n"
    yield f"{record.summary}. From `{entry.distribution}`, {record.licence}. Paper: {_link(record)}.\n"
    yield f"- class labels: {'by an option' if record.conditional else 'no'}"
    yield f"- can be swapped: {', '.join(f'`--{kind}`' for kind in swaps) or 'nothing'}"
    yield f"- phases of a step: {phases}"
    yield f"- tags: {', '.join(record.tags) or 'none'}\n"
    yield from table(
        ("`--set` field", "default", "meaning"),
        _fields((o["field"], o["default"], o["help"]) for o in facts["options"]),
    )


def _components(kind: type[Record], *, options: bool = True, **columns: str) -> Iterator[str]:
    """A table of a kind's built-in components; `columns`: heading by the record's field."""
    rows = []
    for entry in registry().entries(kind):
        if entry.plugin != BUILTIN:
            continue
        record = entry.record
        own = [f"{name}={default}" for name, default in options_of(entry).items()] if options else []
        facts = [_cell(getattr(record, name)) for name in columns]
        rows.append((f"`{record.name}`", record.summary, _link(record), *facts, *([", ".join(own)] if options else [])))
    yield from table(("name", "what it is", "paper", *columns.values(), *(["options"] if options else [])), rows)
    yield ""


def _fields(rows: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(f"`{field}`", f"`{default}`", meaning) for field, default, meaning in rows]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shape(facts: dict[str, Any]) -> str:
    return "x".join(str(size) for size in facts["parameters_for"])


def _link(record: Record) -> str:
    return f"[{record.paper.rsplit('/', 1)[-1]}]({record.paper})" if record.paper else "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield _row(header)
    yield _row(["---"] * len(header))
    for row in rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/').strip() or '–' for cell in cells)} |"


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    except GanzooError as error:
        raise SystemExit(f"docs/reference.py: {error}") from None
