"""Reads a page as a browser would, and notes what a page must not have."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "link", "input", "hr"}
LOADS = ("src", "srcset", "href", "data", "action", "poster", "background", "xlink:href")


@dataclass
class Tag:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """tags: in their order, with the text directly in them. faults: what is not closed or not opened."""

    source: str
    tags: list[Tag] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Tag] = []
        self.feed(self.source)
        self.close()
        self.faults += [f"{tag.name} is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Tag(tag, {name: value or "" for name, value in attrs})
        self.tags.append(found)
        if tag not in VOID:
            self._open.append(found)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].name != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1].name if self._open else 'nothing'}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            tag.text += data

    def all(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]

    def part(self, anchor: str) -> str:
        """The words of a part, in one line."""
        (found,) = (tag for tag in self.all("section") if tag.attributes.get("id") == anchor)
        return " ".join(found.text.split())

    def loads(self) -> list[str]:
        """What a browser would fetch."""
        found = [
            tag.attributes[name] for tag in self.tags for name in LOADS if name in tag.attributes and tag.name != "a"
        ]
        styles = " ".join(tag.text for tag in self.all("style"))
        return [it for it in found if not it.startswith(("data:", "#"))] + re.findall(r"url\([^)]*\)|@import", styles)


def digest(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
