"""Rows, ceilings and comparisons as text of 80 columns. No torch."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganzoo.bench.baseline import Comparison
from ganzoo.bench.document import size_of
from ganzoo.bench.units import bytes_text, operations_text, rate_text, seconds_text

WIDTH = 80
LABEL = 14
NOTHING = "not measured"
SMALL = 0.005  # shares below this are left out of a line

Row = Mapping[str, Any]


def of_row(row: Row) -> str:
    """Everything about one architecture, a line or two for each figure."""
    if row["status"] != "ok":
        return _wrapped(f"{row['arch']}: failed: {row['reason']}", "", 2)
    threads = f", {row['threads']} thread{'s' if row['threads'] > 1 else ''}" if row["device"] == "cpu" else ""
    head = f"{row['arch']}: {row['data']} {size_of(row)}, batch {row['batch']}; {row['device']}{threads}, {row['precision']}"
    lines = [_wrapped(head, "", 2)]
    lines += [_wrapped(text, f"  {name:<{LABEL - 2}}", LABEL) for name, text in _figures(row)]
    return "\n".join(lines)


def _figures(row: Row) -> Iterator[tuple[str, str]]:
    yield "training", _rate(row, "train")
    yield "sampling", _rate(row, "sample")
    yield "operations", _operations(row)
    yield "of ceiling", _ceiling(row)
    peak = row["peak_memory_bytes"]
    yield "peak memory", NOTHING if peak is None else f"{bytes_text(peak)} ({row['peak_memory_of']})"
    yield "a step", _counts(row)
    yield "start", f"cold {_seconds(row['cold_start_seconds'])}, warm {_seconds(row['warm_start_seconds'])}"
    yield "phases", _shares(row["phase_seconds"])
    yield "kernels", _shares(row["kernel_seconds"])
    for what, why in row["not_measured"].items():
        yield "missing", f"{what}: {why}"


def _rate(row: Row, what: str) -> str:
    found = row[what]
    if not found:
        return NOTHING
    rates, unit = len(found["rates"]), "samples" if len(row["shape"]) == 1 else "images"
    thrown = f", {found['discarded']} thrown away" if found["discarded"] else ""
    return (
        f"{rate_text(found['median'])} {unit}/s ({rate_text(found['min'])} to {rate_text(found['max'])}; "
        f"{rates} chunks of {seconds_text(found['chunk_seconds'])}{thrown})"
    )


def _operations(row: Row) -> str:
    if row["operations_per_image"] is None:
        return NOTHING
    whole = row["operations_per_image"]
    parts = ", ".join(f"{kind} {value / whole:.0%}" for kind, value in _large_first(row["operations_by_kind"]))
    return f"{operations_text(whole)} an image{f': {parts}' if parts else ''}"


def _ceiling(row: Row) -> str:
    if row["share_of_ceiling"] is None:
        return NOTHING
    return f"{row['share_of_ceiling']:.0%}, at {operations_text(row['operations_per_second'])}/s in {row['precision']}"


def _counts(row: Row) -> str:
    def number(name: str) -> str:
        return NOTHING if row[name] is None else f"{row[name]:,.0f}"

    size = row["allocated_bytes_per_step"]
    return (
        f"{number('images_per_step')} images, {number('host_syncs_per_step')} host syncs, "
        f"{number('torch_calls_per_step')} torch calls, {number('allocations_per_step')} allocations"
        f"{f' ({bytes_text(size)})' if size else ''}, {number('page_faults_per_step')} page faults"
    )


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else seconds_text(value)


def _shares(seconds: Mapping[str, float] | None) -> str:
    if not seconds:
        return NOTHING
    whole = sum(seconds.values())
    parts = [f"{name} {value / whole:.0%}" for name, value in _large_first(seconds) if value / whole >= SMALL]
    return f"{', '.join(parts)} of {seconds_text(whole)} a step"


def _large_first(values: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(values.items(), key=lambda item: -item[1])


def summary(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with one line for each architecture."""
    header = ["architecture", "train/s", "sample/s", "ceiling", "memory", "status"]
    table = []
    for row in rows:
        share, peak = row["share_of_ceiling"], row["peak_memory_bytes"]
        rates = [row["train_images_per_second"], row["sample_images_per_second"]]
        table.append(
            [
                row["arch"],
                *("-" if rate is None else rate_text(rate) for rate in rates),
                "-" if share is None else f"{share:.0%}",
                "-" if peak is None else bytes_text(peak),
                row["status"],
            ]
        )
    return header, table


def of_machine(machine: Mapping[str, Any]) -> str:
    """A machine and its ceilings."""
    ceilings = machine["ceilings"]
    facts = {
        "device": f"{machine['name']} ({machine['device']})",
        "cores": f"{machine['cores']}, {machine['threads']} used",
        "torch": machine["torch"],
        "system": machine["system"],
        "allocator": machine["allocator"],
        "bfloat16": "fast: the hardware multiplies it" if machine["fast_bfloat16"] else "slow: no instructions for it",
    }
    lines = [_wrapped(text, f"{name:<18}", 18) for name, text in facts.items()]
    for name, value in ceilings.items():
        text = f"{bytes_text(value)}/s read and written" if name == "copy" else f"{operations_text(value)}/s"
        lines.append(f"{name:<18}{text}")
    return "\n".join(lines)


def of_comparison(comparison: Comparison, path: str) -> str:
    """Ratios to a baseline, and the rows that have no partner."""
    lines = [f"against {path}, now over before:"]
    for pair in comparison.pairs:
        sample = "" if pair.sample is None else f", sampling {pair.sample:.2f}"
        machine = "" if pair.machine is None else f"; the machine {pair.machine:.2f}"
        what = f"{pair.arch} (batch {pair.batch}, {pair.size}, {pair.precision})"
        lines.append(_wrapped(f"{what}: training {pair.train:.2f}{sample}{machine}", "  ", 4))
        lines += [_wrapped(note, "    ", 6) for note in pair.notes]
    for word, labels in (("not in the baseline", comparison.alone), ("not measured now", comparison.missing)):
        lines += [_wrapped(f"{word}: {label}", "  ", 4) for label in labels]
    return "\n".join(lines)


def _wrapped(text: str, first: str, indent: int) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * indent, break_on_hyphens=False)
