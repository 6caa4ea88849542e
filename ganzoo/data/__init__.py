"""Data: sources of samples, the readers that make them, and the feed that hands out batches.

Importing it loads no torch, so that a configuration can name a `DataChoice` for nothing; the rest is imported when it is
first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ganzoo.data.choice import DataChoice

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed
    from ganzoo.data.opening import open_source
    from ganzoo.data.sampler import Sampler
    from ganzoo.data.source import Source
    from ganzoo.data.stored import StoredImages, StoredPoints

_MODULE_OF = {
    "Feed": "ganzoo.data.feed",
    "Sampler": "ganzoo.data.sampler",
    "Source": "ganzoo.data.source",
    "StoredImages": "ganzoo.data.stored",
    "StoredPoints": "ganzoo.data.stored",
    "open_source": "ganzoo.data.opening",
}

__all__ = ["DataChoice", "Feed", "Sampler", "Source", "StoredImages", "StoredPoints", "open_source"]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ganzoo.data' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
