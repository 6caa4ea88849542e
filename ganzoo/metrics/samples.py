"""What sets of samples have to be before a formula sees them, and how many rows of pairs fit into memory.

Shape letters: N, M, T samples, F features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.metrics.neighbours import MEMORY

ROWS = 128  # of distances at a time: large blocks leave the cache between the few operations on each, and take half as long again


def checked(*, least: int = 1, **sets: Tensor) -> list[Tensor]:
    """Feature matrices in float64, each on its device, in the order given.

    Args:
        least: samples that each must have.
        sets: one row a sample, any real dtype, by the name that a message calls them.

    Raises:
        ValueError: not a matrix, complex, without columns, too few samples, not finite, or of different widths.
    """
    given = {name: _matrix(name, x, least) for name, x in sets.items()}
    first = next(iter(given))
    for name, x in given.items():
        if x.shape[1] != given[first].shape[1]:
            raise ValueError(
                f"{first} samples have {given[first].shape[1]} features and {name} ones {x.shape[1]}; "
                "both must come from one extractor"
            )
    return list(given.values())


def _matrix(name: str, features: Tensor, least: int) -> Tensor:
    shape = tuple(features.shape)
    if features.ndim != 2 or features.is_complex():
        raise ValueError(
            f"{name} features must be a matrix of real numbers [samples, features], got {features.dtype} of shape {shape}"
        )
    if shape[1] == 0:
        raise ValueError(f"{name} features have no columns: shape {shape}")
    if shape[0] < least:
        raise ValueError(f"there are {shape[0]} {name} samples, wanted {least} or more; draw more samples")
    x_NF = features.detach().to(torch.float64)
    broken_N = ~torch.isfinite(x_NF).all(dim=1)
    if bool(broken_N.any()):
        first = int(broken_N.nonzero()[0])
        raise ValueError(
            f"{int(broken_N.sum())} of {shape[0]} {name} samples have features that are NaN or infinite, the first is "
            f"number {first}; look for a diverged generator before measuring it"
        )
    return x_NF


def directions(name: str, x_NF: Tensor) -> Tensor:
    """Rows divided by their lengths.

    Raises:
        ValueError: a row is zero, so that it has no direction.
    """
    x_NF = x_NF / x_NF.abs().amax(1, keepdim=True).clamp_min(torch.finfo(x_NF.dtype).tiny)  # squares may underflow
    length_N1 = torch.linalg.vector_norm(x_NF, dim=1, keepdim=True)
    zeros = int((length_N1 == 0).sum())
    if zeros:
        raise ValueError(
            f"all features of {zeros} of {len(x_NF)} {name} samples are 0: they have no direction, and no cosine"
        )
    unit_NF: Tensor = x_NF / length_N1
    return unit_NF


def not_constant(name: str, x_NF: Tensor) -> None:
    """Raises ValueError where all samples are one and the same: then no neighbourhood has an extent."""
    if bool((x_NF == x_NF[:1]).all()):
        raise ValueError(
            f"all {len(x_NF)} {name} samples have the same features; look for an extractor that has saturated, "
            "or data that were read wrongly"
        )


def block_bytes(chunk: int | None, columns: int) -> int:
    """Bytes of a block of distances in float64, for `neighbours.distance_blocks`.

    Args:
        chunk: rows; None: ROWS, or as many as fit into neighbours.MEMORY (256 MiB).

    Raises:
        ValueError: a chunk below 1.
    """
    row = 8 * max(1, columns)
    if chunk is None:
        return min(MEMORY, ROWS * row)
    at_least_one("chunk", chunk)
    return chunk * row


def at_least_one(name: str, value: int) -> None:
    """Raises ValueError for a number below 1."""
    if value < 1:
        raise ValueError(f"{name} is {value}, wanted 1 or more")
