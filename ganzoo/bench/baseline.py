"""Rows held against those of a bench.json of before: a gate on ratios. No torch."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.bench.document import size_of
from ganzoo.errors import UsageError

Row = Mapping[str, Any]
SAME = ("name", "cores", "device")  # of two machines whose figures can be compared


@dataclass(frozen=True)
class Pair:
    """Two rows of the same architecture, batch, size and precision. Ratios are now over before; None: not measured.

    machine: the ratio of the calibrations beside the training: how much slower or faster the machine itself was.
    """

    arch: str
    size: str
    batch: int
    precision: str
    train: float
    sample: float | None
    machine: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What became of every row.

    alone: rows of now that the baseline does not have. missing: rows of the baseline that were not measured now.
    """

    pairs: tuple[Pair, ...]
    alone: tuple[str, ...]
    missing: tuple[str, ...]

    def slower(self, tolerance: float) -> list[Pair]:
        """Pairs whose training fell below this share of the baseline."""
        return [pair for pair in self.pairs if pair.train < tolerance]


@dataclass(frozen=True)
class Baseline:
    """The rows of a bench.json and the machine that they were measured on."""

    path: Path
    rows: tuple[Row, ...]
    machine: Mapping[str, Any]

    def check_machine(self, machine: Mapping[str, Any]) -> None:
        """Refuse to compare figures of two machines.

        Raises:
            UsageError: this machine is another.
        """
        different = [name for name in SAME if self.machine.get(name) != machine.get(name)]
        if different:
            there = ", ".join(f"{name} {self.machine.get(name)}" for name in different)
            here = ", ".join(f"{name} {machine.get(name)}" for name in different)
            raise UsageError(
                f"{self.path} was measured on another machine ({there}; this one: {here}), so ratios say nothing about the "
                "code; --any-machine compares them all the same"
            )

    def compare(self, rows: Sequence[Row]) -> Comparison:
        """Pair rows by architecture, batch, size and precision. Rows that failed have no partner."""
        before = {key(row): row for row in self.rows}
        now = {key(row): row for row in rows if row.get("train_images_per_second")}
        pairs = tuple(_pair(row, before[name]) for name, row in now.items() if name in before)
        alone = tuple(label(row) for name, row in now.items() if name not in before)
        missing = tuple(label(row) for name, row in before.items() if name not in now)
        return Comparison(pairs, alone, missing)


def read(path: Path) -> Baseline:
    """The rows of a file that `ganzoo bench --out` wrote.

    Raises:
        UsageError: there is no such file, or it is something else.
    """
    wanted = "wanted the bench.json that ganzoo bench --out FOLDER writes"
    if path.is_dir():
        path = path / "bench.json"
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        rows = {}
        for entry in whole["benchmarks"]:
            row = entry["extra_info"].get("row")
            if row is not None:
                rows[key(row)] = row
                _rate(row, "train_images_per_second")
        machine = whole["machine_info"]["ganzoo"]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); {wanted}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no such document ({type(error).__name__}: {error}); {wanted}") from error
    if not rows or not isinstance(machine, dict):
        raise UsageError(f"{path} holds no rows of ganzoo bench; {wanted}")
    return Baseline(path, tuple(rows.values()), machine)


def key(row: Row) -> tuple[str, int, str, str]:
    """What two rows have in common that can be compared."""
    return row["arch"], row["batch"], size_of(row), row["precision"]


def label(row: Row) -> str:
    """A row in words."""
    arch, batch, size, precision = key(row)
    return f"{arch} (batch {batch}, {size}, {precision})"


def _pair(now: Row, before: Row) -> Pair:
    arch, batch, size, precision = key(now)
    sample = None
    if now.get("sample_images_per_second") and before.get("sample_images_per_second"):
        sample = _rate(now, "sample_images_per_second") / _rate(before, "sample_images_per_second")
    notes = tuple(
        f"{name}: {now.get(name)}, before {before.get(name)}"
        for name in ("threads", "device", "data", "distribution")
        if now.get(name) != before.get(name)
    )
    train = _rate(now, "train_images_per_second") / _rate(before, "train_images_per_second")
    return Pair(arch, size, batch, precision, train, sample, _machines(now, before), notes)


def _machines(now: Row, before: Row) -> float | None:
    speeds = [((row.get("train") or {}).get("calibrations") or [0.0]) for row in (now, before)]
    here, there = map(statistics.median, speeds)
    return here / there if here and there else None


def _rate(row: Row, name: str) -> float:
    rate = float(row[name])
    if rate <= 0:
        raise ValueError(f"{name} is {rate}")
    return rate
