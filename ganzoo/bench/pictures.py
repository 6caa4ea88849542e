"""Two pictures of a benchmark: speeds under the machine's roofs, and where the time of a step goes. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ganzoo.bench.units import bytes_text, operations_text, scaled, seconds_text
from ganzoo.tracking.svg import COLOURS, Drawing, text_width

Row = Mapping[str, Any]
Label = tuple[float, float, float]
"""Left, right and baseline of words, in pixels."""

WIDTH = 820
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 62, 400  # of the roofline's plot
LINE = 15  # pixels from one label to the next
_SHIFTS = (0, -LINE, LINE, -2 * LINE, 2 * LINE, 3 * LINE, 4 * LINE)
NARROW = 6  # pixels: thinner parts of a bar have no words
DTYPES = {"float32": COLOURS[0], "bfloat16": COLOURS[3]}


class _Scale:
    """A logarithmic axis from values to pixels."""

    def __init__(self, values: Sequence[float], low: float, high: float) -> None:
        self.first = math.floor(math.log10(min(values)))
        self.last = max(math.ceil(math.log10(max(values))), self.first + 1)
        self._low, self._step = low, (high - low) / (self.last - self.first)

    def __call__(self, value: float) -> float:
        return self._low + (math.log10(value) - self.first) * self._step

    def decades(self) -> list[float]:
        """The powers of ten on the axis."""
        return [10.0**power for power in range(self.first, self.last + 1)]


def roofline(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """Achieved operations/s against operations per byte, below the measured roofs, as SVG.

    Bytes are those of all inputs and outputs of the operations, an upper bound of the traffic: so a point lies at or left of
    its true place, and may lie above the slanted roof where caches serve it.
    """
    drawing = Drawing(WIDTH, "Training below this machine's measured roofs")
    drawing.text(16, 42, _machine_words(machine), kind="note")
    points = [row for row in rows if row.get("operations_per_second") and row.get("bytes_per_image")]
    ceilings: Mapping[str, float] = machine["ceilings"]
    roofs = _roofs(points, ceilings)
    if not points or not roofs:
        drawing.text(16, 80, "No row has counted operations and a measured rate.")
        return drawing.finish(100)
    intensity = {id(row): row["operations_per_image"] / row["bytes_per_image"] for row in points}
    bandwidth = ceilings.get("copy")
    ridges = [value / bandwidth for value in roofs.values()] if bandwidth else []
    shown = [*intensity.values(), *(ridge / 3 for ridge in ridges), *(3 * ridge for ridge in ridges)]
    across = _Scale(shown, LEFT, WIDTH - RIGHT)
    speeds = [row["operations_per_second"] for row in points]
    up = _Scale([*speeds, *roofs.values()], BOTTOM, TOP)
    _axes(drawing, across, up)
    taken = _draw_roofs(drawing, roofs, bandwidth, across, up)
    _points(drawing, points, intensity, across, up, taken)
    entries = [(name, colour) for name, colour in DTYPES.items() if any(name in roof for roof in roofs)]
    memory = [("copies of memory", COLOURS[9])] if bandwidth else []
    below = drawing.legend(LEFT, BOTTOM + 62, [*entries, *memory], WIDTH - LEFT)
    drawing.text(LEFT, below, "Bytes are an upper bound of the traffic; dashed roofs are matrix products.", kind="note")
    return drawing.finish(below + 16)


def _draw_roofs(
    drawing: Drawing, roofs: Mapping[str, float], bandwidth: float | None, across: _Scale, up: _Scale
) -> list[Label]:
    """The flat roofs from where the memory's meets them, and that; the places of their labels."""
    first, end = across.decades()[0], across.decades()[-1]
    taken: list[Label] = []

    def named(x: float, y: float, words: str) -> None:
        drawing.text(x, y, words, kind="note")
        taken.append((x, x + text_width(words, 11), y))

    for name, value in roofs.items():
        start = max(value / bandwidth, first) if bandwidth else first
        dashed = name.startswith("matmul")
        drawing.line([(across(start), up(value)), (across(end), up(value))], "roof", DTYPES[name.split()[1]], dashed)
        named(across(start) + 6, up(value) + (13 if dashed else -5), f"{name} {operations_text(value)}/s")
    lowest = max(first, up.decades()[0] / bandwidth) if bandwidth else end
    if bandwidth and lowest < end:
        top = max(roofs.values()) / bandwidth
        ends = [(across(at), up(at * bandwidth)) for at in (lowest, max(top, lowest))]
        drawing.line(ends, "roof", COLOURS[9])
        named(ends[0][0] + 26, ends[0][1] + 4, f"copy {bytes_text(bandwidth)}/s")
    return taken


def _roofs(rows: Sequence[Row], ceilings: Mapping[str, float]) -> dict[str, float]:
    used = {row["precision"] for row in rows}
    names = [name for name in ceilings if name != "copy" and name.split()[1] in used]
    return {name: ceilings[name] for name in sorted(names, key=lambda name: -ceilings[name])}


def _axes(drawing: Drawing, across: _Scale, up: _Scale) -> None:
    for value in across.decades():
        drawing.line([(across(value), TOP), (across(value), BOTTOM)], "grid")
        drawing.text(across(value), BOTTOM + 16, f"{value:g}", anchor="middle")
    for value in up.decades():
        drawing.line([(LEFT, up(value)), (WIDTH - RIGHT, up(value))], "grid")
        drawing.text(LEFT - 6, up(value) + 4, scaled(value).replace(".00", "").replace(".0", ""), anchor="end")
    drawing.line([(LEFT, TOP), (LEFT, BOTTOM), (WIDTH - RIGHT, BOTTOM)], "axis")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, BOTTOM + 36, "arithmetic intensity, operations per byte", anchor="middle")
    drawing.text(16, (TOP + BOTTOM) / 2, "achieved operations/s", anchor="middle", turned=True)


def _points(
    drawing: Drawing,
    rows: Sequence[Row],
    intensity: Mapping[int, float],
    across: _Scale,
    up: _Scale,
    taken: Sequence[Label],
) -> None:
    places = {id(row): (across(intensity[id(row)]), up(row["operations_per_second"])) for row in rows}
    # What a label must not lie on: other labels and the points.
    taken = [*taken, *((x - 6, x + 6, y + 4) for x, y in places.values())]
    for row in sorted(rows, key=lambda row: -row["operations_per_second"]):
        x, y = places[id(row)]
        share = row.get("share_of_ceiling")
        words = row["arch"] + (f" {share:.0%}" if share is not None else "")
        width = text_width(words)
        left, at = _free_place(x, y + 4, width, taken)
        taken.append((left, left + width, at))
        drawing.dot(x, y, DTYPES[row["precision"]], f"{words}: {operations_text(row['operations_per_second'])}/s")
        drawing.text(left, at, words)


def _free_place(x: float, y: float, width: float, taken: Sequence[Label]) -> tuple[float, float]:
    """Where words of a width can stand beside a point, as near as there is room: right of it or left, then above or below."""
    places = [(left, y + shift) for shift in _SHIFTS for left in (x + 9, x - 9 - width)]
    for left, at in places:
        inside = left > LEFT and left + width < WIDTH and at < BOTTOM
        if inside and not any(left < b and a < left + width and abs(at - c) < LINE for a, b, c in taken):
            return left, at
    return places[0]


def phases(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """Shares of a step's time as stacked bars, by phase and by kind of kernel, as SVG."""
    drawing = Drawing(WIDTH, "Where the time of a training step goes")
    drawing.text(16, 42, _machine_words(machine), kind="note")
    shown = [row for row in rows if row.get("phase_seconds") or row.get("kernel_seconds")]
    if not shown:
        drawing.text(16, 80, "No row has times by phase or by kind of kernel.")
        return drawing.finish(100)
    colours: dict[str, dict[str, str]] = {"phase_seconds": {}, "kernel_seconds": {}}
    for field, known in colours.items():
        names = list(dict.fromkeys(name for row in shown for name in row.get(field) or {}))
        order = COLOURS if field == "kernel_seconds" else COLOURS[4:] + COLOURS[:4]
        # A kind has the same colour in every picture, and is in the legend where any row has it.
        seen = {name for row in shown for name, value in (row.get(field) or {}).items() if value}
        known.update({name: order[i % len(order)] for i, name in enumerate(names) if name in seen})
    y = 66.0
    for row in shown:
        drawing.text(16, y, f"{row['arch']}, batch {row['batch']}, {row['precision']}")
        y += 8
        for field, word in (("phase_seconds", "phases"), ("kernel_seconds", "kernels")):
            if row.get(field):
                _bar(drawing, y, word, row[field], colours[field])
                y += 22
        y += 22
    y = _share_axis(drawing, y - 14)
    for field, word in (("phase_seconds", "phases"), ("kernel_seconds", "kinds of kernel, under the profiler")):
        if colours[field]:
            drawing.text(16, y, f"{word}:", kind="note")
            y = drawing.legend(16, y + 20, list(colours[field].items()), WIDTH - 32) + 6
    return drawing.finish(y)


def _bar(drawing: Drawing, y: float, word: str, seconds: Mapping[str, float], colours: Mapping[str, str]) -> None:
    whole, x, room = sum(seconds.values()), float(LEFT), WIDTH - LEFT - 110
    drawing.text(LEFT - 6, y + 13, word, kind="note", anchor="end")
    for name, value in seconds.items():
        if not value:
            continue
        width = room * value / whole
        drawing.box(x, y, width, 18, colours[name], f"{name}: {seconds_text(value)}, {value / whole:.0%}")
        for words in (f"{name} {value / whole:.0%}", f"{value / whole:.0%}"):
            if text_width(words, 11) + NARROW < width:
                drawing.text(x + width / 2, y + 13, words, kind="inside", anchor="middle")
                break
        x += width
    drawing.text(LEFT + room + 8, y + 13, f"{seconds_text(whole)} a step", kind="note")


def _share_axis(drawing: Drawing, y: float) -> float:
    room = WIDTH - LEFT - 110
    drawing.line([(LEFT, y), (LEFT + room, y)], "axis")
    for percent in range(0, 101, 25):
        x = LEFT + room * percent / 100
        drawing.line([(x, y), (x, y + 5)], "axis")
        drawing.text(x, y + 18, f"{percent} %", kind="note", anchor="middle")
    drawing.text(LEFT + room / 2, y + 34, "share of a step's time", anchor="middle")
    return y + 60


def _machine_words(machine: Mapping[str, Any]) -> str:
    threads = f", {machine['threads']} of {machine['cores']} cores" if machine["device"] == "cpu" else ""
    return f"{machine['name']}{threads}, torch {machine['torch']}"
