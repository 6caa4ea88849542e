"""Reads files of one JSON object a line, as runs have them; what cannot be read is skipped and counted. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]

LARGEST = 2**62  # of a count of images: a larger one is a mistake, and no float64 tells it from its neighbour


@dataclass(frozen=True)
class Lines:
    """Rows of a file in its order.

    Args:
        name: of the file.
        rows: each an object.
        broken: how many lines were none.
        missing: whether there is no such file, or it cannot be opened; `why` says what happened then.
    """

    name: str
    rows: Sequence[Row] = field(default=(), repr=False)
    broken: int = 0
    missing: bool = False
    why: str = ""

    @property
    def note(self) -> str:
        """A sentence on what was skipped; empty if nothing was."""
        if not self.broken:
            return ""
        lines = "1 line" if self.broken == 1 else f"{self.broken:,} lines"
        return f"{lines} of {self.name} could not be read and {'is' if self.broken == 1 else 'are'} not shown."


def read_lines(path: Path) -> Lines:
    """The file's objects; an empty line is no fault."""
    rows: list[Row] = []
    broken = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.strip():
                    continue
                row = _object(line)
                if row is None:
                    broken += 1
                else:
                    rows.append(row)
    except FileNotFoundError:
        return Lines(path.name, missing=True, why=f"there is no {path.name}")
    except OSError as error:
        return Lines(path.name, missing=True, why=f"{path.name} cannot be read ({error.strerror})")
    return Lines(path.name, rows, broken)


def read_metrics(path: Path) -> Lines:
    """The rows of metrics.jsonl by rising images; a row that does not say how many is broken."""
    found = read_lines(path)
    rows = [row for row in found.rows if (number(row.get("images")) is not None)]
    rows.sort(key=lambda row: float(row["images"]))  # a row that was written twice by two processes keeps its place
    return Lines(found.name, rows, found.broken + len(found.rows) - len(rows), found.missing, found.why)


def number(value: Any) -> float | None:
    """A finite number as a float, None of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > LARGEST:
        return None
    return float(value) if math.isfinite(value) else None


def series(rows: Sequence[Row], key: str) -> list[tuple[float, float | None]]:
    """(images, value) of each row that has the key; the value None where it was not finite."""
    return [(float(row["images"]), number(row[key])) for row in rows if key in row]


def keys_of(rows: Sequence[Row]) -> list[str]:
    """The names of all numbers in the rows, in the order in which they first appear."""
    found: dict[str, None] = {}
    for row in rows:
        for key, value in row.items():
            if key not in found and (value is None or number(value) is not None):
                found[key] = None
    return list(found)


def seconds_of(rows: Sequence[Row]) -> float:
    """About how long training took: each row's images by its rate."""
    return sum(seconds for _, seconds in _spans(rows))


def _spans(rows: Sequence[Row]) -> Iterator[tuple[float, float]]:
    before = 0.0
    for row in rows:
        images, rate = float(row["images"]), number(row.get("images_per_second"))
        if rate is None:  # a row of figures, between two of measurements
            continue
        if rate > 0 and images > before:
            yield images, (images - before) / rate
        before = images


def _object(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # also text that is not UTF-8
        return None
    return row if isinstance(row, dict) else None
