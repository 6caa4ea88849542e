"""Figures of several runs beside each other, if they were measured alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import GanzooError
from ganzoo.evaluation.evaluate import kept
from ganzoo.evaluation.measure import Row

# What has to be equal for two figures to mean the same. Seed, threads, images and times may differ.
PROTOCOL = (
    "formula",
    "options",
    "extractor",
    "extractor_digest",
    "real",
    "fake",
    "train",
    "reference_digest",
    "made_of",
    "split",
    "size",
    "resize",
    "precision",
    "sampling",
    "batch_norm",
    "ema",
)


class Unlike(GanzooError):
    """Two figures were measured differently; the message names the difference."""

    exit_status = 1


@dataclass(frozen=True)
class Line:
    """One figure of all runs, in their order; None where a run does not have it."""

    metric: str
    higher_is_better: bool
    rows: tuple[Row | None, ...]

    @property
    def best(self) -> int | None:
        """The number of the run that is best; None of fewer than two."""
        values = [(row["value"], i) for i, row in enumerate(self.rows) if row is not None]
        if len(values) < 2:
            return None
        return (max if self.higher_is_better else min)(values)[1]


def compare(folders: Sequence[Path], metrics: Sequence[str] | None = None) -> list[Line]:
    """The newest figure of each metric of each run.

    Raises:
        UsageError: a run has no figures.
        Unlike: two figures of one metric were measured differently.
    """
    newest = [_newest(kept(folder)) for folder in folders]
    names = list(dict.fromkeys(name for rows in newest for name in rows))
    lines = []
    for name in names:
        if metrics is not None and name not in metrics:
            continue
        rows = tuple(each.get(name) for each in newest)
        _check_alike(name, folders, rows)
        known = next(row for row in rows if row is not None)
        lines.append(Line(name, bool(known.get("higher_is_better")), rows))
    missing = [name for name in metrics or () if name not in names]
    if missing:
        raise Unlike(f"no run has the figure {missing[0]}; there are: {', '.join(names)}")
    return lines


def _newest(rows: Sequence[Row]) -> Mapping[str, Row]:
    return {row["metric"]: row for row in rows}


def _check_alike(name: str, folders: Sequence[Path], rows: Sequence[Row | None]) -> None:
    first: tuple[Path, Row] | None = None
    for folder, row in zip(folders, rows, strict=True):
        if row is None:
            continue
        if first is None:
            first = (folder, row)
            continue
        differences = [
            f"{field} is {_shown(first[1].get(field))} and {_shown(row.get(field))}"
            for field in PROTOCOL
            if first[1].get(field) != row.get(field)
        ]
        if differences:
            raise Unlike(
                f"{name} of {first[0]} and of {folder} were not measured alike, so they cannot be compared: "
                f"{'; '.join(differences)}. Measure both again with ganzoo evaluate and the same options"
            )


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
