"""Grids of samples: over the run, and class by class, in the page or as one picture with names beside its rows."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from torch import Tensor

from ganzoo.report.blocks import Block, Gallery, Image, LeftOut, Table, Text
from ganzoo.report.material import Material, comparable
from ganzoo.report.svg import shortened
from ganzoo.runs import Run
from ganzoo.tracking.pictures import SMALLEST_CELL, as_pillow

OVER_RUN = 6  # pictures of the run that are shown
LARGEST_FILE = 200_000  # bytes: larger pictures of the run are shown smaller and compressed
LARGEST_SIDE = 480  # pixels of such a picture
CLASSES, COLUMNS = 40, 8  # rows and columns of the grid by class
NAME_LENGTH, FONT_PIXELS = 24, 14
T = TypeVar("T")
_NAME = re.compile(r"images-(\d{1,18})\.png")


def encoded(picture: Pillow.Image, alt: str, caption: str = "", *, zoom: int = 1) -> Image:
    """A PNG of a picture, shown `zoom` times as large."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    size = (picture.width * zoom, picture.height * zoom)
    return Image(buffer.getvalue(), "image/png", alt, *size, caption, pixelated=zoom > 1)


def zoom_of(height: int, width: int) -> int:
    """By how much pictures of this size are enlarged, so that a person can see them."""
    return max(1, -(-SMALLEST_CELL // max(height, width)))


def over_run(folder: Path) -> list[Block]:
    """The pictures in a run's samples/: the first, some between, the last.

    Raises:
        LeftOut: there is none that can be read.
    """
    found = sorted((int(match[1]), path) for path in _listed(folder) if (match := _NAME.fullmatch(path.name)))
    shown, unread = [], 0
    for images, path in spread(found, OVER_RUN):
        try:
            shown.append(_embedded(path, images))
        except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
            unread += 1
    if not shown:
        raise LeftOut(
            f"{folder.name}/ holds no picture that can be read" if found else f"{folder.name}/ holds no picture"
        )
    blocks: list[Block] = [
        Text("The same latents each time: a picture changes because the generator has, and for no other reason."),
        Gallery(tuple(shown)),
    ]
    if unread:
        blocks.append(Text(f"{unread} of the pictures could not be read.", "note"))
    if any(image.media != "image/png" for image in shown):
        blocks.append(Text("Large pictures are shown smaller and compressed; the originals lie in samples/.", "note"))
    return blocks


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many items at equal distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def obeys_labels(run: Run) -> bool:
    """Whether the run makes other samples for other classes; data with classes alone do not tell."""
    if run.spec.classes < 2:
        return False
    one, other = (run.sample(2, seed=0, labels=[label]) for label in (0, 1))
    return not one.equal(other)


def class_name(run: Run, label: int) -> str:
    """A class's name, or its number where it has none."""
    names = run.spec.class_names
    return str(names[label]) if label < len(names) and str(names[label]).strip() else f"class {label}"


def by_class(
    run: Run,
    columns: int = COLUMNS,
    *,
    seed: int = 0,
    labels: Sequence[int] | None = None,
    **options: Any,
) -> list[tuple[int, Tensor]]:
    """Class by class, samples in [-1, 1], (columns, ...): the same latents in each class.

    Args:
        labels: class indices; None: all.
        options: as for `Run.sample`; with `interpolate` a row is a path.

    Raises:
        LeftOut: the run's samples have no classes to choose from.
    """
    if not run.spec.classes:
        raise LeftOut(f"{run.spec.name} has no classes")
    if not obeys_labels(run):
        raise LeftOut(f"{run.arch} makes its samples without being told a class, as it was trained")
    chosen = list(dict.fromkeys(range(run.spec.classes) if labels is None else labels))
    return [(label, run.sample(columns, seed=seed, labels=[label], **options)) for label in chosen]


def class_table(run: Run, seed: int = 0) -> list[Block]:
    """A row a class, a column a latent.

    Raises:
        LeftOut: as for `by_class`, and where samples are no pictures.
    """
    if run.spec.modality != "image":
        raise LeftOut(f"samples of {run.spec.modality} are no pictures")
    whole = run.spec.classes
    rows = []
    for label, samples in by_class(run, seed=seed, labels=range(min(whole, CLASSES))):
        name = class_name(run, label)
        rows.append((name, strip(samples, f"{len(samples)} samples of {name}")))
    blocks: list[Block] = [
        Text("Each row is a class, each column one latent."),
        Table("Samples class by class", ("class", "samples"), tuple(rows)),
    ]
    if whole > CLASSES:
        blocks.append(Text(f"The first {CLASSES} of {whole} classes.", "note"))
    return blocks


def reconstructions(material: Material) -> list[Block]:
    """A row of the data's pictures, and below it the same through the model's code and back.

    Raises:
        LeftOut: the model has no code of samples, or they are no pictures, or the data cannot be had.
    """
    run = material.run
    if not run.game.reconstructs:
        raise LeftOut(f"{run.arch} has no code of samples to reconstruct them from")
    if not material.is_pictures:
        raise LeftOut(f"samples of {run.spec.modality} are no pictures")
    real = material.real[:COLUMNS]
    again = run.reconstruct(real, seed=material.seed)
    rows = (
        ("data", strip(real, f"{len(real)} pictures of the data")),
        ("reconstructed", strip(again, "the same pictures, reconstructed")),
    )
    return [Table("Pictures of the data through the model's code and back", ("", "pictures"), rows)]


def strip(samples: Tensor, alt: str) -> Image:
    """Pictures (N, C, H, W), uint8 or in [-1, 1], beside each other."""
    pictures = samples if samples.dtype == torch.uint8 else comparable(samples)
    height, width = pictures.shape[2:]
    zoom = zoom_of(height, width)
    return encoded(as_pillow(torch.cat(list(pictures), dim=2)), alt, zoom=zoom)


def labelled(rows: Sequence[tuple[str, Tensor]]) -> Pillow.Image:
    """One picture: a row of samples in [-1, 1] (N, C, H, W) a name, which stands left of it."""
    named = [(shortened(name, NAME_LENGTH), comparable(samples)) for name, samples in rows]
    font = ImageFont.load_default(FONT_PIXELS)
    margin = 12 + max(round(font.getlength(name)) for name, _ in named)
    columns = max(len(samples) for _, samples in named)
    channels, height, width = named[0][1].shape[1:]
    zoom = zoom_of(height, width)
    cell_h, cell_w = max(height * zoom, FONT_PIXELS + 4) + 1, width * zoom + 1
    mode = "RGB" if channels == 3 else "L"
    sheet = Pillow.new(mode, (margin + columns * cell_w, len(named) * cell_h + 1), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (name, samples) in enumerate(named):
        top = row * cell_h + 1
        draw.text((6, top + cell_h / 2), name, fill="black", font=font, anchor="lm")
        for column, sample in enumerate(samples):
            picture = as_pillow(sample).resize((width * zoom, height * zoom), Pillow.Resampling.NEAREST)
            sheet.paste(picture, (margin + column * cell_w, top))
    return sheet


def _listed(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise LeftOut(f"{folder.name}/ cannot be read ({error.strerror})") from error


def _embedded(path: Path, images: int) -> Image:
    """Read and written anew: what a browser gets is a picture, whatever the file was."""
    alt = f"Grid of samples after {images:,} images"
    with Pillow.open(path, formats=["PNG"]) as opened:
        picture = opened.convert("L" if opened.mode == "L" else "RGB")
    first = encoded(picture, alt, f"{images:,} images")
    if len(first.data) <= LARGEST_FILE:
        return first
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85, optimize=True)
    return Image(buffer.getvalue(), "image/jpeg", alt, *picture.size, first.caption)
