"""A chart of several series over images, readable with thousands of rows: thinned so that every peak stays. No torch."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ganzoo.report.blocks import Block, Chart, Folded, Table
from ganzoo.report.svg import Axis, Drawing, Place, short, shortened

Points = Sequence[tuple[float, float | None]]
"""(images, value); the value is None where it was not finite."""

WIDTH, HEIGHT = 720, 300  # pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 40, 250
BUCKETS = 330  # of a thinned series, two pixels each
SMOOTH_FROM = 150  # rows: from so many on a median over some rows is drawn above them
SMOOTH_SHARE = 0.04  # of the rows that such a median is taken over


@dataclass(frozen=True)
class Series:
    """A named line."""

    name: str
    points: Points


def chart(title: str, series: Sequence[Series], unit: str, *, marks: bool = False) -> list[Block]:
    """A chart of the series, and their numbers below it; nothing where no series has a finite value.

    Args:
        title: above it.
        unit: of the values.
        marks: whether each value is marked, as figures that are rare should be.
    """
    shown = [one for one in series if any(value is not None for _, value in one.points)]
    if not shown:
        return []
    values = [value for one in shown for _, value in one.points if value is not None]
    images = [at for one in shown for at, _ in one.points]
    across = Axis(images, LEFT, WIDTH - RIGHT).fixed(min(*images, 0.0), max(images))
    up = Axis(values, BOTTOM, TOP, may_bend=True)
    numbers = _numbers(title, shown)
    about = "; ".join(
        f"{name}: first {a}, lowest {b}, highest {c}, lately {d}" for name, a, b, c, d, *_ in numbers.rows
    )
    drawing = Drawing(WIDTH, HEIGHT, title, f"Values over images. {about}")
    drawing.text(LEFT, 18, shortened(title, 90), kind="title")
    bent = {"linear": "", "log": ", logarithmic axis", "both signs": ", axis logarithmic away from 0"}[up.kind]
    drawing.text(LEFT, 33, shortened(unit + bent, 100))
    frame(drawing, across, up)
    entries = []
    for number, one in enumerate(shown):
        drawn = [(across(at), None if value is None else up(value)) for at, value in thinned(one.points)]
        smooth = running_median(one.points)
        drawing.line(pieces(drawn), "faint" if smooth else "line", number, dashed=not smooth)
        if smooth:
            drawing.line(
                pieces([(across(at), None if value is None else up(value)) for at, value in smooth]), "line", number
            )
        if marks:
            drawing.dots([(x, y) for x, y in drawn if y is not None], number % 8)
        entries.append((one.name, number, "line"))
    below = drawing.legend(LEFT, BOTTOM + 52, entries, WIDTH - LEFT - RIGHT)
    caption = "Thin lines are the rows, thick ones their running medians." if _any_smooth(shown) else ""
    return [Chart(drawing.finish(below), caption), Folded("The numbers of this chart", (numbers,))]


def frame(drawing: Drawing, across: Axis, up: Axis, unit: str = "images") -> None:
    """Axes with their values, and faint lines behind what will be drawn."""
    for value in across.ticks(6):
        drawing.line([[(across(value), up.start), (across(value), up.end)]], "grid")
        drawing.text(across(value), up.start + 16, short(value), "middle")
    for value in up.ticks():
        drawing.line([[(across.start, up(value)), (across.end, up(value))]], "grid")
        drawing.text(across.start - 6, up(value) + 4, short(value), "end")
    drawing.line([[(across.start, up.end), (across.start, up.start), (across.end, up.start)]], "axis")
    drawing.text((across.start + across.end) / 2, up.start + 32, unit, "middle")


def thinned(points: Points, buckets: int = BUCKETS) -> list[tuple[float, float | None]]:
    """At most four points a bucket of equally many rows: its first, lowest, highest and last, and a gap if it has one."""
    if len(points) <= 4 * buckets:
        return list(points)
    kept: list[tuple[float, float | None]] = []
    for number in range(buckets):
        start, end = number * len(points) // buckets, (number + 1) * len(points) // buckets
        part = points[start:end]
        finite = [i for i, (_, value) in enumerate(part) if value is not None]
        if not finite:
            kept.append(part[0])
            continue
        lowest = min(finite, key=lambda i: part[i][1] or 0.0)
        highest = max(finite, key=lambda i: part[i][1] or 0.0)
        gap = [i for i, (_, value) in enumerate(part) if value is None][:1]
        kept += [part[i] for i in sorted({finite[0], lowest, highest, finite[-1], *gap})]
    return kept


def pieces(points: Sequence[tuple[float, float | None]]) -> list[list[Place]]:
    """The runs of points between those without a value."""
    found: list[list[Place]] = [[]]
    for x, y in points:
        if y is None:
            found.append([])
        else:
            found[-1].append((x, y))
    return [piece for piece in found if piece]


def running_median(points: Points) -> list[tuple[float, float | None]]:
    """The median of the rows around each of some places, as many as a picture can show; empty for short series.

    A median, since a mean would carry a single peak to all places near it.
    """
    finite = [(at, value) for at, value in points if value is not None]
    if len(finite) < SMOOTH_FROM:
        return []
    half = max(2, round(len(finite) * SMOOTH_SHARE / 2))
    gaps = [at for at, value in points if value is None]
    medians: list[tuple[float, float | None]] = []
    for i in range(0, len(finite), max(1, len(finite) // BUCKETS)):
        at = finite[i][0]
        if medians and gaps and bisect.bisect(gaps, at) > bisect.bisect(gaps, medians[-1][0]):
            medians.append((at, None))
        around = finite[max(0, i - half) : i + half + 1]
        medians.append((at, statistics.median(value for _, value in around)))
    return medians


def lately(points: Points) -> float | None:
    """The mean of the last tenth of the finite values, and at least of one."""
    finite = [value for _, value in points if value is not None]
    last = finite[-max(1, len(finite) // 10) :]
    return sum(last) / len(last) if last else None


def _any_smooth(series: Sequence[Series]) -> bool:
    return any(sum(value is not None for _, value in one.points) >= SMOOTH_FROM for one in series)


def _numbers(title: str, series: Sequence[Series]) -> Table:
    rows = []
    for one in series:
        finite = [value for _, value in one.points if value is not None]
        late = lately(one.points)
        last = "-" if late is None else f"{late:.4g}"
        missing = len(one.points) - len(finite)
        rows.append(
            (
                one.name,
                f"{finite[0]:.4g}",
                f"{min(finite):.4g}",
                f"{max(finite):.4g}",
                last,
                str(missing) if missing else "0",
            )
        )
    header = ("series", "first", "lowest", "highest", "mean of the last tenth", "rows without a finite value")
    return Table(f"{title}, in numbers", header, tuple(rows))
