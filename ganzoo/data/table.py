"""Points from a CSV file: one sample a line, numbers between commas, semicolons or tabs, perhaps a header."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.stored import StoredPoints
from ganzoo.errors import UsageError, did_you_mean

DELIMITERS = ",;\t"


def read_csv(
    path: Path,
    *,
    labels: bool = True,
    report: Callable[[str], None] = lambda _: None,
    columns: str | Sequence[str] | None = None,
    label: str | None = None,
    delimiter: str | None = None,
    standardise: bool = False,
) -> StoredPoints:
    """The points of a CSV file, in the file's units.

    The first line is a header if no cell of it is a number; without one, columns are called 1, 2, ... Empty lines are passed
    over.

    Args:
        labels: whether the column `label` is used.
        columns: names of the columns that make a point, also as one text with commas; None: all but `label`.
        label: name of the column of classes, whatever its cells hold; None: no classes.
        delimiter: between cells; None: the one of comma, semicolon and tab that the first line has most of.
        standardise: whether each column is brought to mean 0 and standard deviation 1.

    Raises:
        UsageError: the file cannot be read, is empty or not UTF-8; a column is unknown; a cell is no finite number or a
            line has too many or too few (the message gives line and column).
    """
    if delimiter is not None and len(delimiter) != 1:
        raise UsageError(f"delimiter is {delimiter!r}, wanted one character")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read(path, file, labels, report, columns, label, delimiter, standardise)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): wanted a CSV file"
        ) from None
    except csv.Error as error:
        raise UsageError(f"{path} is not a CSV file: {error}") from None


def _read(
    path: Path,
    file: Iterable[str],
    labels: bool,
    report: Callable[[str], None],
    columns: str | Sequence[str] | None,
    label: str | None,
    delimiter: str | None,
    standardise: bool,
) -> StoredPoints:
    lines = _Lines(path, file, delimiter)
    first = lines.first
    header = not any(_is_number(cell) for cell in first)
    names = (
        [cell.strip() or str(i + 1) for i, cell in enumerate(first)]
        if header
        else [str(i + 1) for i in range(len(first))]
    )
    label_at = None if label is None else _column(path, str(label), names)
    if columns is None:
        used = [i for i in range(len(names)) if i != label_at]
    else:
        wanted = columns.split(",") if isinstance(columns, str) else [str(name) for name in columns]
        used = [_column(path, name.strip(), names) for name in wanted]
    if not used:
        raise UsageError(f"{path} has no column left for the points: it has {', '.join(names)}")

    numbers = array("f")
    classes: list[str] = []
    for cells in lines.after_header() if header else lines:
        if len(cells) != len(names):
            raise UsageError(f"{path}, line {lines.number}: {len(cells)} cells, wanted {len(names)}")
        try:
            numbers.extend([float(cells[i]) for i in used])
        except ValueError:
            raise UsageError(_wrong_cell(path, lines.number, cells, used, names)) from None
        if label_at is not None:
            classes.append(cells[label_at].strip())
    points = np.array(numbers, np.float32).reshape(-1, len(used))
    if not len(points):
        raise UsageError(f"{path} has a header and no line of numbers: wanted one sample a line")
    if not np.isfinite(points).all():
        row, column = (int(at[0]) for at in np.nonzero(~np.isfinite(points)))
        raise UsageError(
            f"{path}, sample {row + 1}, column {names[used[column]]}: {points[row, column]:g}, wanted a finite number "
            "(32-bit floats end at 3.4e38)"
        )
    if standardise:
        points = _standardised(points, [names[i] for i in used], report)
    class_names, y = _classes(classes) if label_at is not None and labels else ((), None)
    return StoredPoints(points, y, class_names=class_names, columns=tuple(names[i] for i in used), name=path.name)


class _Lines(Iterator[list[str]]):
    """The lines that hold anything, and the number of the latest."""

    def __init__(self, path: Path, file: Iterable[str], delimiter: str | None) -> None:
        source = iter(file)
        skipped = 0
        start = ""
        for start in source:
            if start.strip():
                break
            skipped += 1
        if not start.strip():
            raise UsageError(f"{path} is empty: wanted one sample a line, such as 0.5,1.2")
        chosen = delimiter or max(DELIMITERS, key=start.count)
        self._skipped = skipped
        self._rows = csv.reader(_with(start, source), delimiter=chosen, skipinitialspace=True)
        self.first = next(self._rows)
        self._again: list[list[str]] = [self.first]

    @property
    def number(self) -> int:
        """In the file, from 1."""
        return self._skipped + self._rows.line_num

    def after_header(self) -> _Lines:
        self._again.clear()
        return self

    def __next__(self) -> list[str]:
        if self._again:
            return self._again.pop()
        for cells in self._rows:
            if cells and (len(cells) > 1 or cells[0].strip()):
                return cells
        raise StopIteration


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _column(path: Path, name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    raise UsageError(f"{path} has no column {name!r}. {did_you_mean(name, names)}")


def _wrong_cell(path: Path, line: int, cells: list[str], used: list[int], names: list[str]) -> str:
    at = next(i for i in used if not _is_number(cells[i]))
    called = "" if names[at] == str(at + 1) else f" ({names[at]})"
    given = repr(cells[at]) if cells[at].strip() else "empty"
    return f"{path}, line {line}, column {at + 1}{called}: {given}, wanted a number"


def _standardised(points: NDArray[np.float32], names: list[str], report: Callable[[str], None]) -> NDArray[np.float32]:
    mean, deviation = points.mean(0, dtype=np.float64), points.std(0, dtype=np.float64)
    deviation[deviation == 0] = 1.0
    facts = ", ".join(f"{name} {m:.6g} and {d:.6g}" for name, m, d in zip(names, mean, deviation, strict=True))
    report(f"columns standardised; means and standard deviations were: {facts}")
    scaled: NDArray[np.float32] = ((points - mean) / deviation).astype(np.float32)
    return scaled


def _classes(cells: list[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    names, y = np.unique(np.array(cells), return_inverse=True)
    return tuple(str(name) for name in names), y.astype(np.int64)
