"""The samples: random bytes from one seed, the same for all contenders, ready in memory. NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.workloads import Workload

PICTURES = 512  # few, so that ready float batches do not count against the memory of the peers
POINTS = 16_384


def pictures(workload: Workload) -> NDArray[np.uint8]:
    """uint8 (N, H, W, C)."""
    channels, height, width = workload.shape
    return np.random.default_rng(0).integers(0, 256, (PICTURES, height, width, channels), dtype=np.uint8)


def points() -> NDArray[np.float32]:
    """float32 (N, 2): eight normal distributions on the unit circle, as ganzoo's data set "ring"."""
    chance = np.random.default_rng(0)
    angles = 2 * np.pi * chance.integers(0, 8, POINTS) / 8
    centers = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (centers + 0.01 * chance.standard_normal((POINTS, 2))).astype(np.float32)


def float_batches(workload: Workload, layout: str = "channels first") -> list[NDArray[np.float32]]:
    """Ready batches, pictures in [-1, 1]: what a peer's loader would have made, so that loading costs it nothing."""
    if len(workload.shape) == 1:
        ready = points()
    else:
        ready = pictures(workload).astype(np.float32) / np.float32(127.5) - np.float32(1)
        if layout == "channels first":
            ready = np.ascontiguousarray(ready.transpose(0, 3, 1, 2))
    batch = workload.batch
    return [ready[i : i + batch] for i in range(0, len(ready) - batch + 1, batch)]


def tensor_batches(workload: Workload) -> list[Any]:
    """The same as torch tensors."""
    import torch

    return [torch.from_numpy(batch) for batch in float_batches(workload)]
