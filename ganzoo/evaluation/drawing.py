"""Figures of several runs as a picture: a band for each figure, a dot and its interval for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ganzoo.evaluation.compare import Line
from ganzoo.tracking.svg import COLOURS, Drawing, text_width

WIDTH, ROW, BAND = 760, 22, 34  # pixels
RIGHT = 150  # pixels for the values


def drawn(lines: Sequence[Line], runs: Sequence[str]) -> str:
    """An SVG. Each figure has a scale of its own, whose ends are written below it."""
    drawing = Drawing(WIDTH, "Figures of runs, with 95 % intervals")
    left = 24 + max([text_width(run) for run in runs] or [0])
    y = 44.0
    for line in lines:
        y = _band(drawing, line, runs, left, y)
    return drawing.finish(y + 8)


def _band(drawing: Drawing, line: Line, runs: Sequence[str], left: float, y: float) -> float:
    ends = [end for row in line.rows if row is not None for end in (row.get("interval") or [row["value"]])]
    finite = [end for end in ends if math.isfinite(end)]
    if not finite:
        return y
    low, high = min(finite), max(finite)
    span = (high - low) or max(abs(high), 1.0)
    low, high = low - 0.05 * span, high + 0.05 * span

    def at(value: float) -> float:
        share: float = (value - low) / (high - low)
        return left + share * (WIDTH - left - RIGHT)

    better = "higher is better" if line.higher_is_better else "lower is better"
    drawing.text(16, y + 12, f"{line.metric}, {better}")
    y += BAND
    for i, (run, row) in enumerate(zip(runs, line.rows, strict=True)):
        drawing.text(16, y + 4, run, kind="note")
        drawing.line([(left, y), (WIDTH - RIGHT, y)], "grid")
        if row is not None and math.isfinite(row["value"]):
            colour = COLOURS[i % len(COLOURS)]
            if row.get("interval"):
                drawing.line([(at(end), y) for end in row["interval"]], "roof", colour)
            drawing.dot(at(row["value"]), y, colour, f"{run}: {row['value']:.5g}")
            drawing.text(WIDTH - RIGHT + 12, y + 4, f"{row['value']:.5g}{' *' if i == line.best else ''}", kind="note")
        y += ROW
    drawing.text(left, y + 2, f"{low:.4g}", kind="note")
    drawing.text(WIDTH - RIGHT, y + 2, f"{high:.4g}", kind="note", anchor="end")
    return y + 20
