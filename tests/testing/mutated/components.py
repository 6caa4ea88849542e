"""The records of mutated losses, penalties, augmentations, data sets, metrics, feature extractors and trackers."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Any, TypeVar

from ganzoo import Augmentation, Dataset, FeatureExtractor, Loss, Metric, Penalty, Tracker, hookimpl
from ganzoo.plugin import Record
from tests.testing.component_mutants import MUTANTS, WHOLE

R = TypeVar("R", bound=Record)

DRAWN = {"modality": "points", "options": {"sigma": "standard deviation"}}
CLIP = {"norm": None}
SEVERAL = {"figures": ("mean", "worst")}
COPIES = {"inputs": ("fake", "train"), "identity": None, "symmetric": False}

# What a record says besides the facts of its kind, where it is another thing or where that is the fault.
OWN: dict[str, dict[str, Any]] = {
    "loss-whole-paired": {"needs_real": True, "equilibrium": log(2)},
    "loss-whole-batch": {"needs_real": True, "equilibrium": log(2)},
    "loss-real-moved": {"needs_real": True, "equilibrium": log(2)},
    "loss-stretched": {"needs_real": True, "equilibrium": log(2)},
    "loss-other-equilibrium": {"target": "tests.testing.mutated.parts.losses:Whole", "equilibrium": log(2)},
    "loss-needless-real": {"needs_real": True},
    "penalty-whole-clip": CLIP,
    "penalty-term-too": CLIP,
    "penalty-buffers": CLIP,
    "penalty-replacing": CLIP,
    "penalty-shrinking": CLIP,
    "penalty-looking": CLIP,
    "penalty-scores-count-twice": CLIP,
    "data-whole-drawn": DRAWN,
    "data-drawn-from-itself": DRAWN,
    "data-drawn-and-centred": DRAWN,
    "data-drawn-on-the-host": DRAWN,
    "data-drawn-from-latents": DRAWN,
    "data-unseeded-order": {"options": {"count": "pictures"}},
    "data-other-option": {"options": {"counts": "pictures"}},
    "data-said-to-be-points": {"modality": "points"},
    "metric-wrong-way": {"higher_is_better": True},
    "metric-whole-several": {**SEVERAL, "inputs": ("real", "fake", "real_labels", "fake_labels")},
    "metric-whole-copies": COPIES,
    "metric-other-figures": SEVERAL,
    "metric-copies-wanted": {**COPIES, "higher_is_better": True},
    "metric-nan-in-training": COPIES,
    "metric-labels-cut": {**SEVERAL, "inputs": ("real", "fake", "real_labels", "fake_labels")},
    "extractor-other-width": {"width": 32},
}


def _records(kind: type[R], prefix: str, module: str, **facts: Any) -> Iterator[R]:
    """A record for each name that begins with the prefix. The rest of the name is its class, or its function."""
    for name in (*WHOLE, *(mutant.name for mutant in MUTANTS)):
        if name.startswith(f"{prefix}-"):
            words = name.removeprefix(f"{prefix}-").split("-")
            attribute = "_".join(words) if kind is Metric else "".join(word.capitalize() for word in words)
            target = {"target": f"tests.testing.mutated.parts.{module}:{attribute}"}
            summary = "Whole, or with one fault"
            yield kind(name=name, summary=summary, **{"licence": "Apache-2.0", **facts, **target, **OWN.get(name, {})})


@hookimpl
def ganzoo_losses() -> Iterator[Loss]:
    return _records(Loss, "loss", "losses", equilibrium=2 * log(2))


@hookimpl
def ganzoo_penalties() -> Iterator[Penalty]:
    return _records(Penalty, "penalty", "penalties", weight=10.0, norm=1.0)


@hookimpl
def ganzoo_augmentations() -> Iterator[Augmentation]:
    return _records(Augmentation, "augmentation", "augmentations")


@hookimpl
def ganzoo_datasets() -> Iterator[Dataset]:
    return _records(Dataset, "data", "datasets", options={"count": "pictures", "tone": "dark or light"})


@hookimpl
def ganzoo_metrics() -> Iterator[Metric]:
    return _records(Metric, "metric", "metrics", identity=0.0, symmetric=True)


@hookimpl
def ganzoo_feature_extractors() -> Iterator[FeatureExtractor]:
    return _records(FeatureExtractor, "extractor", "extractors", width=16)


@hookimpl
def ganzoo_trackers() -> Iterator[Tracker]:
    return _records(Tracker, "tracker", "trackers")
