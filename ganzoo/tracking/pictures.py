"""Pictures of samples: a grid of images, or a scatter plot of points."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

PLOT_PIXELS = 512
SMALLEST_CELL = 56  # pixels: smaller images are enlarged by a whole factor, so that a person can see them


def to_uint8(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Images (N, C, H, W) in `value_range` to uint8, rounded to the nearest of 256 values."""
    low, high = value_range
    return ((images.float() - low) / (high - low)).mul(255).round().clamp(0, 255).to(torch.uint8)


def write_picture(samples: Tensor, path: Path, value_range: tuple[float, float] = (-1.0, 1.0)) -> None:
    """Write samples to a PNG: images (N, C, H, W) as a grid, points (N, 2 or more) as a scatter plot of the first two."""
    picture = grid(to_uint8(samples, value_range)) if samples.dim() == 4 else scatter(samples)
    picture.save(path)


def as_pillow(image: Tensor) -> Image.Image:
    """One uint8 image (C, H, W) with 1 or 3 channels; of other counts the first channel is shown."""
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array if array.shape[2] == 3 else array[:, :, 0])


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """A nearly square grid of uint8 images (N, C, H, W), one pixel apart, small ones enlarged."""
    n, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    zoom = max(1, math.ceil(SMALLEST_CELL / max(height, width)))
    cell_h, cell_w = height * zoom + 1, width * zoom + 1
    sheet = Image.new("RGB" if channels == 3 else "L", (columns * cell_w + 1, rows * cell_h + 1))
    for i, image in enumerate(images):
        picture = as_pillow(image).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
        sheet.paste(picture, (i % columns * cell_w + 1, i // columns * cell_h + 1))
    return sheet


def scatter(points: Tensor) -> Image.Image:
    """The first two coordinates of points (N, F) in a square that holds all of them but the outermost."""
    xy = points.float().flatten(1)
    xy = xy[:, :2] if xy.shape[1] > 1 else torch.cat([xy, torch.zeros_like(xy)], dim=1)
    xy = xy[torch.isfinite(xy).all(1)]
    reach = max(float(xy.abs().flatten().quantile(0.99)) * 1.2, 1e-6) if len(xy) else 1.0
    sheet = Image.new("RGB", (PLOT_PIXELS, PLOT_PIXELS), "white")
    draw = ImageDraw.Draw(sheet)
    half = PLOT_PIXELS / 2
    draw.line((0, half, PLOT_PIXELS, half), fill="#dddddd")
    draw.line((half, 0, half, PLOT_PIXELS), fill="#dddddd")
    for x, y in xy.tolist():
        px, py = half + x / reach * half, half - y / reach * half
        draw.ellipse((px - 2, py - 2, px + 2, py + 2), fill="#1f6fb4")
    draw.text((4, 4), f"+-{reach:.3g}", fill="black")
    return sheet
