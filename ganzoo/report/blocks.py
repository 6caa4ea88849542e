"""What a report is made of: paragraphs, tables, pictures and charts, each of which shows itself in a notebook. No torch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


class LeftOut(Exception):
    """A part that does not apply, or lacks something; the message is the reason that the page gives."""


@cache
def environment() -> Environment:
    """Templates whose every value is escaped, as names in files and plugins may hold anything."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class Block:
    """A piece of a part."""

    kind: ClassVar[str]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        module = environment().get_template("blocks.html.jinja").module
        return str(module.block(self))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph. tone: "note" for small print, "warning" for what a reader must not miss."""

    kind: ClassVar[str] = "text"
    words: str
    tone: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True)
class Image(Block):
    """A picture in a file format that browsers know.

    Args:
        data: the file.
        media: its type, such as image/png.
        alt: what it shows, for who cannot see it.
        caption: below it.
        pixelated: whether it is shown enlarged, and then with its pixels as squares.
        width, height: as it is shown, pixels.
    """

    kind: ClassVar[str] = "image"
    data: bytes = field(repr=False)
    media: str
    alt: str
    width: int
    height: int
    caption: str = ""
    pixelated: bool = False

    @property
    def uri(self) -> str:
        """The file as a data URI."""
        return f"data:{self.media};base64,{base64.b64encode(self.data).decode('ascii')}"

    def save(self, path: str | Path) -> None:
        """Write the file."""
        Path(path).write_bytes(self.data)


@dataclass(frozen=True)
class Chart(Block):
    """A drawing in SVG, made by `ganzoo.report.svg` alone, which escapes every word in it."""

    kind: ClassVar[str] = "chart"
    svg: str = field(repr=False)
    caption: str = ""

    def save(self, path: str | Path) -> None:
        """Write it as a file of its own."""
        Path(path).write_text(self.svg, encoding="utf-8")


Cell = str | Image
"""Words, or a small picture."""


@dataclass(frozen=True)
class Table(Block):
    """Rows of words and small pictures under a header.

    Args:
        caption: what it holds.
        header: of the columns.
        rows: the first cell of each is the row's own header.
    """

    kind: ClassVar[str] = "table"
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = field(repr=False)


@dataclass(frozen=True)
class Link(Block):
    """Words before an address, which is a link only where it leads to the web."""

    kind: ClassVar[str] = "link"
    words: str
    address: str

    @property
    def leads(self) -> bool:
        """Whether the address is one of the web; `javascript:` and the like are shown and lead nowhere."""
        return self.address.startswith(("https://", "http://"))


@dataclass(frozen=True)
class Gallery(Block):
    """Pictures beside each other, as many as fit."""

    kind: ClassVar[str] = "gallery"
    images: tuple[Image, ...] = field(repr=False)


@dataclass(frozen=True)
class Folded(Block):
    """What is seen when it is opened: numbers behind a chart, a film that would move all the time."""

    kind: ClassVar[str] = "folded"
    summary: str
    inside: tuple[Block, ...] = field(repr=False)


@dataclass(frozen=True)
class Part:
    """A section of the page.

    Args:
        anchor: its address in the page.
        heading: its title.
        blocks: what it shows; without any, `reason` says why.
        reason: why it is left out.
        failed: whether it should have been there.
    """

    anchor: str
    heading: str
    blocks: Sequence[Block] = ()
    reason: str = ""
    failed: bool = False
