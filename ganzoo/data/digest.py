"""The identity of data: no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def digest_of(parts: Iterable[bytes | memoryview | NDArray[np.generic]]) -> str:
    """32 hexadecimal digits that identify the bytes of the parts, and where one part ends and the next begins."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else memoryview(part)
        digest.update(data.nbytes.to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
