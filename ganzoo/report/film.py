"""From one latent to the next: a strip of pictures, and films as GIF or MP4."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pillow
from torch import Tensor

from ganzoo.errors import UsageError
from ganzoo.report.blocks import Block, Folded, Image, LeftOut, Table, Text
from ganzoo.report.grids import class_name, obeys_labels, strip
from ganzoo.report.material import comparable
from ganzoo.runs import Run
from ganzoo.tracking.pictures import as_pillow

PATHS, STEPS = 8, 16  # paths of the report, and pictures a path
STRIPS, STRIP_PICTURES = 4, 8  # of which so many are shown as strips
FILM_PIXELS = 40_000  # of a frame, which bounds the film's size in the page
FRAMES_PER_SECOND = 12
SHORTEST_SIDE = 224  # pixels: frames of a film on its own are enlarged to about this


def paths(run: Run, count: int = PATHS, steps: int = STEPS, seed: int = 0) -> tuple[Tensor, list[str]]:
    """`count` paths of `steps` samples in [-1, 1], (count, steps, C, H, W), each from a latent to the next, and their names.

    With classes a path stays in one.

    Raises:
        LeftOut: samples are no pictures, or the architecture knows no path.
    """
    if run.spec.modality != "image":
        raise LeftOut(f"samples of {run.spec.modality} have no pictures to lead from one to another")
    classes = run.spec.classes if obeys_labels(run) else 0
    labels = [i % classes for i in range(count) for _ in range(steps)] if classes else None
    try:
        samples = run.sample(count * steps, seed=seed, labels=labels, interpolate=steps)
    except UsageError as error:
        raise LeftOut(str(error)) from error
    names = [f"{i + 1}" + (f", {class_name(run, i % classes)}" if classes else "") for i in range(count)]
    return samples.reshape(count, steps, *samples.shape[1:]), names


def interpolation(run: Run, seed: int = 0) -> list[Block]:
    """Strips, and a film that a reader starts: pictures that move by themselves disturb.

    Raises:
        LeftOut: see `paths`.
    """
    found, names = paths(run, seed=seed)
    rows = [
        (
            name,
            strip(path[:: STEPS // STRIP_PICTURES], f"{STRIP_PICTURES} samples on the way from one latent to the next"),
        )
        for name, path in zip(names[:STRIPS], found[:STRIPS], strict=True)
    ]
    film = there_and_back(found)
    return [
        Text(
            "A step to the side in the latent should be a small step in the picture. Jumps between two like pictures are a sign "
            "that samples were learnt by heart; pictures that do not change at all, that the latent is ignored."
        ),
        Table("Paths through the latents", ("path", "samples"), tuple(rows)),
        Folded(f"Play the film: {len(found)} paths, there and back", (film,)),
    ]


def there_and_back(found: Tensor, alt: str = "Film of samples that turn into others and back") -> Image:
    """A GIF of paths (count, steps, C, H, W) beside each other in two rows, that ends where it begins."""
    height, width = found.shape[-2:]
    fitting = max(1, FILM_PIXELS // (height * width))
    shown = found[:fitting]
    frames = [_tiled(comparable(shown[:, step])) for step in range(shown.shape[1])]
    zoom = max(1, round((FILM_PIXELS / (frames[0].width * frames[0].height)) ** 0.5))
    data = gif([*frames, *frames[-2:0:-1]])
    return Image(data, "image/gif", alt, frames[0].width * zoom, frames[0].height * zoom, pixelated=zoom > 1)


def gif(frames: Sequence[Pillow.Image], per_second: int = FRAMES_PER_SECOND) -> bytes:
    """An endless film. Equal frames that follow each other become one that is shown as long."""
    # One palette for all: with one a frame, still parts of a film would flicker.
    if frames[0].mode == "RGB":
        sheet = Pillow.new("RGB", (frames[0].width, frames[0].height * len(frames)))
        for i, frame in enumerate(frames):
            sheet.paste(frame, (0, i * frame.height))
        palette = sheet.quantize(256, method=Pillow.Quantize.MEDIANCUT)
        frames = [frame.quantize(palette=palette, dither=Pillow.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    time = 1000 // per_second // 10 * 10  # GIF counts in hundredths of a second
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=time, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()


def enlarged(samples: Tensor) -> list[Pillow.Image]:
    """A frame a sample in [-1, 1] (N, C, H, W), small ones enlarged by a whole factor."""
    pictures = comparable(samples)
    height, width = pictures.shape[2:]
    zoom = max(1, round(SHORTEST_SIDE / max(height, width)))
    return [as_pillow(picture).resize((width * zoom, height * zoom), Pillow.Resampling.NEAREST) for picture in pictures]


def write_film(samples: Tensor, path: Path) -> None:
    """A film of samples in [-1, 1] in their order, by the path's suffix .gif or .mp4.

    Raises:
        UsageError: samples are no pictures, or MP4 is wanted without the package av.
    """
    if samples.dim() != 4:
        raise UsageError(f"--out {path}: a film is made of pictures, and these samples are none; write .npz or .png")
    frames = enlarged(samples)
    if path.suffix.lower() == ".gif":
        path.write_bytes(gif(frames))
    else:
        _write_mp4(frames, path)


def _write_mp4(frames: Sequence[Pillow.Image], path: Path) -> None:
    try:
        # By name, so that types are checked alike with and without it.
        av: Any = importlib.import_module("av")
    except ImportError as error:
        raise UsageError(
            f"--out {path}: .mp4 needs the package av, not installed here: pip install 'ganzoo[video]'; .gif needs nothing"
        ) from error
    # The format's colours are kept for squares of 2 x 2 pixels, so sides are even.
    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            whole = Pillow.new("RGB", (width, height))
            whole.paste(frame.convert("RGB"))
            for packet in stream.encode(av.VideoFrame.from_image(whole)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _tiled(pictures: Tensor) -> Pillow.Image:
    """uint8 pictures (N, C, H, W) in two rows, or one picture alone; the place of an odd one stays black."""
    if len(pictures) == 1:
        return as_pillow(pictures[0])
    if len(pictures) % 2:
        pictures = torch.cat([pictures, torch.zeros_like(pictures[:1])])
    return as_pillow(torch.cat([torch.cat(list(row), dim=2) for row in pictures.tensor_split(2)], dim=1))
