"""Enough of SVG for charts over a number of images and for clouds of points, in colours for light and dark. No torch.

A drawing carries its style, so that it is the same in the page, in a notebook and as a file. Series differ by dashes or by
marks too, never by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Literal

SERIES = 8  # colours; the ninth series has the first one's, with other dashes
DASHES = ("", "7 3", "2 3", "9 3 2 3")
_LIGHT = ("#0060a8", "#b35900", "#00795a", "#b3392b", "#8a4fa0", "#56636f", "#7a6a00", "#007a8a")
_DARK = ("#6db8f2", "#f0a35e", "#4ecba5", "#f28b7d", "#cfa0e3", "#b4c0cb", "#d8c64a", "#5fd0e0")
_STYLE = (
    ".chart text{font:12px system-ui,sans-serif;fill:#333}.chart .axis{stroke:#666;fill:none}"
    ".chart .title{font-size:13px;font-weight:600}.chart .grid{stroke:#888;stroke-opacity:.3;fill:none}.chart .line{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    ".chart .faint{fill:none;stroke-width:1;stroke-opacity:.35}.chart .dots{fill:none;stroke-linecap:round;stroke-width:4}"
    ".chart .marks{fill:none;stroke-width:1.6}"
    + "".join(f".chart .c{i}{{stroke:{colour}}}" for i, colour in enumerate(_LIGHT))
    + "@media (prefers-color-scheme:dark){.chart text{fill:#ddd}.chart .axis{stroke:#aaa}"
    + "".join(f".chart .c{i}{{stroke:{colour}}}" for i, colour in enumerate(_DARK))
    + "}@media print{.chart text{fill:#333}.chart .axis{stroke:#666}"
    + "".join(f".chart .c{i}{{stroke:{colour}}}" for i, colour in enumerate(_LIGHT))
    + "}"
)
Kind = Literal["linear", "log", "both signs"]
Place = tuple[float, float]


class Axis:
    """From values to pixels.

    Linear where that shows everything; logarithmic for values above 0 of very different sizes; and for values of both signs
    and very different sizes linear near 0 and logarithmic far from it.

    Args:
        values: finite, at least one.
        start, end: pixels of the lowest and the highest value.
        may_bend: whether other than linear axes are allowed.
    """

    def __init__(self, values: Sequence[float], start: float, end: float, *, may_bend: bool = False) -> None:
        self.kind: Kind = "linear"
        low, high = min(values), max(values)
        sizes = sorted(abs(value) for value in values if value)
        self._unit = sizes[len(sizes) // 2] if sizes else 1.0
        if may_bend and sizes and sizes[-1] > 50 * self._unit:
            self.kind = "log" if low > 0 else "both signs"
        elif may_bend and low > 0 and high > 1000 * low:
            self.kind = "log"
        first, last = self._bent(low), self._bent(high)
        room = (last - first) * 0.05 or abs(last) * 0.1 or 1.0
        self._first, self._last = first - room, last + room
        if self.kind == "linear" and low >= 0 and low < 0.3 * high:
            self._first = 0.0  # near enough to 0 to show it
        self.start, self.end = start, end

    def fixed(self, first: float, last: float) -> Axis:
        """The same axis from one value to another, without room beside them."""
        self._first, self._last = self._bent(first), self._bent(last)
        if self._last <= self._first:
            self._last = self._first + 1
        return self

    def _bent(self, value: float) -> float:
        if self.kind == "log":
            return math.log10(value)
        return math.asinh(value / self._unit) if self.kind == "both signs" else value

    def __call__(self, value: float) -> float:
        way = (self._bent(value) - self._first) / (self._last - self._first)
        return self.start + way * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round values on the axis."""
        if self.kind == "linear":
            return _round_between(self._first, self._last, wanted)
        if self.kind == "log":
            powers = [10.0**power for power in range(math.ceil(self._first), math.floor(self._last) + 1)]
            return _some(powers, wanted) if len(powers) > 1 else _round_between(10**self._first, 10**self._last, 3)
        top = math.ceil(math.log10(self._unit))
        ends = (math.sinh(self._first) * self._unit, math.sinh(self._last) * self._unit)
        powers = [10.0**power for power in range(top, top + 40) if 10.0**power <= max(abs(end) for end in ends)]
        both = [*(-power for power in reversed(powers)), 0.0, *powers]
        return _some([value for value in both if ends[0] <= value <= ends[1]], wanted + 2)


def _round_between(low: float, high: float, wanted: int) -> list[float]:
    span = high - low
    if not span > 0:
        return [low]
    step = 10 ** math.floor(math.log10(span / wanted))
    step = next(step * factor for factor in (1, 2, 5, 10) if span / (step * factor) <= wanted + 1)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _some(values: list[float], most: int) -> list[float]:
    return values[:: -(-len(values) // most)] if values else []


class Drawing:
    """A chart of a size in pixels; y grows downwards.

    Args:
        title: above it, and read aloud.
        about: what it shows, for who cannot see it.
    """

    def __init__(self, width: int, height: int, title: str, about: str) -> None:
        self.width, self.height = width, height
        self._title, self._about = title, about
        self._parts: list[str] = []

    def text(self, x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> None:
        """Words whose baseline begins, has its middle or ends at (x, y); kind "title": in bold."""
        named = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>')

    def line(
        self, pieces: Sequence[Sequence[Place]], kind: str, series: int | None = None, dashed: bool = True
    ) -> None:
        """A line in pieces: between two of them there is no value. A piece of one point is a dot."""
        path = "".join(_piece(piece) for piece in pieces if piece)
        dashes = DASHES[series % len(DASHES)] if series is not None and dashed else ""
        more = f' stroke-dasharray="{dashes}"' if dashes else ""
        colour = "" if series is None else f" c{series % SERIES}"
        self._parts.append(f'<path d="{path}" class="{kind}{colour}" stroke-linecap="round"{more}/>')

    def dots(self, places: Sequence[Place], series: int, opacity: float = 1.0) -> None:
        """Round points: lines of no length with round ends, which take a third of the room of circles."""
        path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
        self._parts.append(f'<path d="{path}" class="dots c{series}" stroke-opacity="{opacity:g}"/>')

    def crosses(self, places: Sequence[Place], series: int, size: float = 3.0) -> None:
        """Points as crosses."""
        path = "".join(
            f"M{x - size:.1f} {y - size:.1f}l{2 * size:g} {2 * size:g}m0 {-2 * size:g}l{-2 * size:g} {2 * size:g}"
            for x, y in places
        )
        self._parts.append(f'<path d="{path}" class="marks c{series}"/>')

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, int, str]], width: float) -> float:
        """(words, series, "line", "dots" or "crosses") in lines of a width; the y below it."""
        at = x
        for words, series, kind in entries:
            words = shortened(words, 48)
            needed = 34 + text_width(words) + 12
            if at > x and at + needed > x + width:
                at, y = x, y + 18
            if kind == "line":
                self.line([[(at, y - 4), (at + 26, y - 4)]], "line", series)
            elif kind == "dots":
                self.dots([(at + 18, y - 4)], series)
            else:
                self.crosses([(at + 18, y - 4)], series)
            self.text(at + 32, y, words)
            at += needed
        return y + 18

    def finish(self, height: float | None = None) -> str:
        """The whole file."""
        tall = round(height or self.height)
        size = f'width="{self.width}" height="{tall}" viewBox="0 0 {self.width} {tall}"'
        label = escape(f"{self._title}. {self._about}")
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" aria-label="{label}">'
        return "".join([head, f"<style>{_STYLE}</style>", *self._parts, "</svg>"])


def _piece(piece: Sequence[Place]) -> str:
    (x, y), *rest = piece
    return f"M{x:.1f} {y:.1f}" + ("".join(f"L{a:.1f} {b:.1f}" for a, b in rest) or "h0")


def text_width(words: str, size: float = 12.0) -> float:
    """About how wide words are, in pixels: the exact width depends on the reader's font."""
    return 0.56 * size * len(words)


def shortened(words: str, most: int) -> str:
    """Words of at most so many characters on one line, without what no font prints."""
    words = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def short(value: float) -> str:
    """A number in few characters: 12k, 3.4M, 0.0012."""
    size = abs(value)
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit <= size < 1e12:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"
