"""Metrics: feature extractors, and formulas over what they give. Importing it loads no torch; names are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzoo.metrics.features import Extractor, Lite0Features, PixelFeatures
    from ganzoo.metrics.frechet import Moments, frechet_between, frechet_distance, moments
    from ganzoo.metrics.mixture import Mixture
    from ganzoo.metrics.neighbours import Within, distance_blocks, kth_neighbour, nearest, within

_HOME = {
    "features": ("Extractor", "Lite0Features", "PixelFeatures"),
    "frechet": ("Moments", "frechet_between", "frechet_distance", "moments"),
    "mixture": ("Mixture",),
    "neighbours": ("Within", "distance_blocks", "kth_neighbour", "nearest", "within"),
}
_MODULE_OF = {name: f"ganzoo.metrics.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "Extractor",
    "Lite0Features",
    "Mixture",
    "Moments",
    "PixelFeatures",
    "Within",
    "distance_blocks",
    "frechet_between",
    "frechet_distance",
    "kth_neighbour",
    "moments",
    "nearest",
    "within",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ganzoo.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
