"""Enough of SVG for two charts: text, lines, boxes, and colours that read on light and on dark paper. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Okabe and Ito's colours, told apart by colour-blind readers, and three greys.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A900", "#7F6FB0", "#6B8E6B", "#8A8A8A",
)  # fmt: skip
_STYLE = """
  text { font-family: system-ui, sans-serif; font-size: 12px; fill: #222 }
  .title { font-size: 15px; font-weight: 600 }
  .note { font-size: 11px; fill: #555 }
  .axis { stroke: #444; stroke-width: 1; fill: none }
  .grid { stroke: #999; stroke-width: 0.5; stroke-opacity: 0.4; fill: none }
  .roof { stroke-width: 1.5; fill: none }
  .inside { font-size: 11px; fill: #fff; paint-order: stroke; stroke: #000; stroke-opacity: 0.45; stroke-width: 2px }
  @media (prefers-color-scheme: dark) {
    text { fill: #eee } .note { fill: #bbb } .axis { stroke: #bbb } .inside { fill: #fff }
  }
"""


class Drawing:
    """A picture of a width; its height is known at the end. Units are pixels, y grows downwards."""

    def __init__(self, width: int, title: str) -> None:
        self.width = width
        self._title = title
        self._parts: list[str] = []
        self.text(16, 24, title, kind="title")

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start", turned: bool = False) -> None:
        """Words whose baseline begins, has its middle or ends at (x, y); turned: read from below."""
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        named = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}{turn}>{escape(words)}</text>')

    def line(self, points: Sequence[tuple[float, float]], kind: str, colour: str = "", dashed: bool = False) -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        more = (f' stroke="{colour}"' if colour else "") + (' stroke-dasharray="5 3"' if dashed else "")
        self._parts.append(f'<polyline points="{path}" class="{kind}"{more}/>')

    def box(self, x: float, y: float, width: float, height: float, colour: str, tip: str = "") -> None:
        """A filled box; the tip is shown where a reader points at it."""
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{colour}">{inner}</rect>'
        )

    def dot(self, x: float, y: float, colour: str, tip: str = "") -> None:
        """A point of a chart."""
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.9">{inner}</circle>'
        )

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]], width: float) -> float:
        """(words, colour) in lines of a width; the y below it."""
        at = x
        for words, colour in entries:
            needed = 22 + text_width(words) + 14
            if at > x and at + needed > x + width:
                at, y = x, y + 20
            self.box(at, y - 10, 14, 12, colour)
            self.text(at + 19, y, words)
            at += needed
        return y + 20

    def finish(self, height: float) -> str:
        """The whole file."""
        size = f'width="{self.width}" height="{height:.0f}" viewBox="0 0 {self.width} {height:.0f}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{escape(self._title)}</title>'
        return "\n".join([head, f"<style>{_STYLE}</style>", *self._parts, "</svg>", ""])


def text_width(words: str, size: float = 12.0) -> float:
    """About how wide words are, in pixels: the exact width depends on the reader's font."""
    return 0.56 * size * len(words)
