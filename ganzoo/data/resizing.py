"""Arrays of pictures brought to another size or to other channels. uint8 (N, H, W, C) in and out, values 0..255."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ganzoo.data.choice import Resize
from ganzoo.data.geometry import Size, cropped_to_pixels, margins, padded
from ganzoo.models.batch import Batch

Images = NDArray[np.uint8]


def resized(images: Images, size: Size, resize: Resize) -> Images:
    """The pictures at (height, width) pixels.

    A whole factor smaller: the mean of each block of pixels, as a growing GAN expects of its reals. Otherwise: bicubic, with
    a filter as wide as the reduction, so that nothing aliases.
    """
    source = (images.shape[1], images.shape[2])
    if source == size:
        return images
    if resize == "crop":
        top, left, height, width = cropped_to_pixels(source, size)
        return _stretched(images[:, top : top + height, left : left + width], size)
    if resize == "pad":
        inner = padded(source, size)
        return np.pad(_stretched(images, (inner[2], inner[3])), ((0, 0), *margins(inner, size), (0, 0)), mode="edge")
    return _stretched(images, size)


def _stretched(images: Images, size: Size) -> Images:
    height, width = images.shape[1:3]
    if (height, width) == size:
        return np.ascontiguousarray(images)
    writable = np.require(images, requirements=["C", "W"])  # torch takes no other array without a warning
    x_BCHW = torch.from_numpy(writable).permute(0, 3, 1, 2).float()
    if height % size[0] == 0 and width % size[1] == 0:
        scaled = functional.avg_pool2d(x_BCHW, (height // size[0], width // size[1]))
    else:
        scaled = functional.interpolate(x_BCHW, size, mode="bicubic", antialias=True, align_corners=False)
    whole = scaled.round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(whole.permute(0, 2, 3, 1).numpy())


def opaque(images: Images) -> Images:
    """Pictures with four channels, the last of them opacity, laid on white: three channels."""
    alpha = images[..., 3:].astype(np.uint16)
    over = images[..., :3] * alpha + 255 * (255 - alpha)
    return ((over + 127) // 255).astype(np.uint8)


def recoloured(batch: Batch, channels: int) -> Batch:
    """A batch whose images, uint8 (B, C, H, W), have 1 (grey) or 3 (RGB) channels.

    Grey is the luma of ITU-R 601, (299 R + 587 G + 114 B) / 1000; grey pictures are repeated in three channels.
    """
    changed = batch.map(lambda value: _recoloured(value, channels))
    return batch if all(changed[name] is value for name, value in batch.items()) else changed


def _recoloured(x_BCHW: Tensor, channels: int) -> Tensor:
    if x_BCHW.dim() != 4 or x_BCHW.shape[1] == channels:
        return x_BCHW
    x_BCHW = x_BCHW.expand(-1, 3, -1, -1) if channels == 3 else luma(x_BCHW)
    return x_BCHW.contiguous(memory_format=torch.channels_last)


def luma(x_BCHW: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 1, H, W), the same dtype; whole numbers are rounded."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=x_BCHW.device)
    grey = (x_BCHW.float() * weights[:, None, None]).sum(1, keepdim=True)
    return grey if x_BCHW.is_floating_point() else grey.round_().to(x_BCHW.dtype)
