"""Samples that lie on the device, one row each; and bytes brought to a game's value range.

Of pictures the bytes are kept in channels-last order, so that a gather copies a row at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganzoo.data.source import Source
from ganzoo.models.batch import Batch

HOST_BYTES = 2**30  # data of up to this size are resident on a device that shares the host's memory
CUDA_SHARE = 0.25  # of a CUDA device's free memory that resident data may take
_FILL_BYTES = 16 * 2**20


class Bytes:
    """The way from bytes of pictures to a value range, whose ends 0 and 255 become.

    Raises:
        ValueError: the range is not two rising numbers.
    """

    def __init__(self, value_range: tuple[float, float], device: torch.device) -> None:
        low, high = np.float32(value_range[0]), np.float32(value_range[1])
        if not low < high:
            raise ValueError(f"the value range is {value_range}, wanted two rising numbers")
        # 255 must not come to lie beyond the range's end, whether a device rounds the product or not.
        step = np.float32((float(high) - float(low)) / 255)
        while max(low + np.float32(255) * step, np.float32(float(low) + 255 * float(step))) > high:
            step = np.nextafter(step, np.float32(0))
        self._low, self._step = torch.tensor(low, dtype=torch.float32, device=device), float(step)

    def scaled(self, values: Tensor) -> Tensor:
        """Bytes as float32 in the range; the memory's order is kept."""
        floats = values.float()
        return torch.add(self._low, floats, alpha=self._step, out=floats)

    def ready(self, batch: Batch) -> Batch:
        """A source's batch with its pictures in the range."""
        return batch.map(lambda value: self.scaled(value) if is_image(value) else value)


@dataclass(frozen=True)
class Resident:
    """Samples on the device.

    rows: by name, one row a sample. shapes: of a sample, pictures (H, W, C).
    """

    rows: dict[str, Tensor]
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, source: Source, device: torch.device, room: int) -> Resident | None:
        """All samples of a source, or None where they need more than `room` bytes; on the meta device their shapes alone."""
        sample, count = source.gather(np.zeros(1, np.int64)), len(source)
        size = sum(value.nbytes for value in sample.values())
        if size * count > room:
            return None
        rows: dict[str, Tensor] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        for name, value in sample.items():
            one = value[0]
            shapes[name] = tuple(one.permute(1, 2, 0).shape) if is_image(value) else tuple(one.shape)
            rows[name] = torch.empty(count, one.numel(), dtype=value.dtype, device=device)
        step = max(1, _FILL_BYTES // max(1, size))
        for start in range(0, 0 if device.type == "meta" else count, step):
            for name, value in source.gather(np.arange(start, min(start + step, count))).items():
                laid = value.permute(0, 2, 3, 1) if is_image(value) else value
                rows[name][start : start + len(laid)].copy_(laid.reshape(len(laid), -1))
        return cls(rows, shapes)

    def picked(self, numbers: Tensor, rows: dict[str, Tensor], pixels: Bytes) -> Batch:
        """The samples of these numbers, pictures in the value range. rows: the own ones, or what stands for them in a step
        that takes them as its inputs."""
        batch = Batch()
        for name, all_rows in rows.items():
            found = all_rows.index_select(0, numbers)
            shape = self.shapes[name]
            if all_rows.dtype == torch.uint8 and len(shape) == 3:
                batch[name] = pixels.scaled(found).view(-1, *shape).permute(0, 3, 1, 2)
            else:
                batch[name] = found.view(-1, *shape)
        return batch


def room_on(device: torch.device, wanted: int | None) -> int:
    """Bytes that resident data may take: those wanted, else 1 GiB, or on CUDA a quarter of the memory that is free now."""
    if wanted is not None:
        return wanted
    if device.type == "cuda":
        # what torch holds without using it is free too: data of an earlier resolution, for one
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int((torch.cuda.mem_get_info(device)[0] + unused) * CUDA_SHARE)
    return 2**62 if device.type == "meta" else HOST_BYTES


def is_image(value: Tensor) -> bool:
    """Whether these are pictures: bytes (B, C, H, W)."""
    return value.dtype == torch.uint8 and value.dim() == 4
