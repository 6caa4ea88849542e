"""What a user can say about the data, and what each answer means. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from ganzoo.config import Config, option

Resize = Literal["crop", "fit", "pad"]
Layout = Literal["samples", "pairs", "domains"]
Channels = Literal["auto", "grey", "rgb"]

DEFAULT_DATA: Mapping[str, str] = {
    "image": "fashion-12k",
    "points": "ring",
    "image pairs": "fashion-edges",
    "image domains": "fashion-trousers-dresses",
}
"""The data set that is used where none is named, by modality, and by layout where that is another than samples."""

LARGEST_SIZE = 65_536  # pixels a side

_SIZE = re.compile(r"(\d{1,6})(?:[xX](\d{1,6}))?")


class DataChoice(Config):
    """A data set or a place to read samples from, and how to bring them to one shape. A plain string is a `path`.

    resize says what happens to a picture whose proportions are not those wanted:
    "crop" scales it until its shorter side fits and cuts the centre out; "fit" stretches it; "pad" scales it until its
    longer side fits, centres it, and repeats its outermost pixels up to the border.
    """

    path: str | None = option(
        None, "a data set's name, or a folder, .npz, .npy or .csv; None: fashion-12k for images, ring for points"
    )
    size: int | str | None = option(
        None, "64, or height x width like 48x64; None: the architecture's resolution", unit="pixels"
    )
    resize: Resize = option("crop", "crop: scale and cut the centre; fit: stretch; pad: scale and repeat the edges")
    channels: Channels = option("auto", "grey, rgb, or auto: grey if every picture is")
    strict: bool = option(False, "stop at a picture that cannot be read instead of leaving it out")
    layout: Layout | None = option(
        None,
        "how a folder is read: samples; pairs: A and B with equal names, or both in one picture; domains: A and B; "
        "None: as the architecture wants",
    )
    labels: bool = option(True, "use class labels where there are any: sub-folders, y arrays, modes")
    options: dict[str, Any] = option({}, "options of the data set itself")

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": os.fspath(value)} if isinstance(value, str | Path) else value

    @field_validator("path", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return os.fspath(value) if isinstance(value, Path) else value

    @field_validator("path")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        if value is not None and (not value.strip() or "\0" in value):
            raise ValueError("wanted a data set's name, a folder or a file")
        return value

    @field_validator("size")
    @classmethod
    def _readable(cls, value: int | str | None) -> int | str | None:
        height_width(value)
        return value

    @property
    def resolution(self) -> tuple[int, int] | None:
        """(height, width) in pixels that `size` means, None where it is not set."""
        return height_width(self.size)

    def resolved(self, modality: str, layout: str = "samples") -> DataChoice:
        """The same choice with the layout and the default data set of an architecture named, where the choice names none."""
        wanted = self.layout or layout
        kind = modality if wanted == "samples" else f"{modality} {wanted}"
        return self.model_copy(update={"path": self.path or DEFAULT_DATA.get(kind), "layout": wanted})


def height_width(size: int | str | None) -> tuple[int, int] | None:
    """(height, width) in pixels of 64, "64" or "48x64"; None of None.

    Raises:
        ValueError: the text is something else, or a side is not in 1 .. 65,536.
    """
    if size is None:
        return None
    match = _SIZE.fullmatch(str(size).strip())
    sides = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not all(1 <= side <= LARGEST_SIZE for side in sides):
        raise ValueError("wanted pixels such as 64, or height x width such as 48x64")
    return sides
