"""ganzoo: a plugin-based zoo of generative adversarial networks.

Importing it loads no torch: what needs torch is imported when it is first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ganzoo.plugin import (
    Arch,
    Augmentation,
    Dataset,
    FeatureExtractor,
    Loss,
    Metric,
    Penalty,
    Tracker,
    hookimpl,
)

if TYPE_CHECKING:
    from ganzoo.api import train
    from ganzoo.config import (
        Adam,
        ArchConfig,
        GanConfig,
        LossChoice,
        Optimizer,
        PenaltyChoice,
        RMSprop,
        Schedule,
        Sgd,
        option,
    )
    from ganzoo.evaluation.evaluate import evaluate
    from ganzoo.models import (
        Batch,
        Change,
        DataSpec,
        Discriminator,
        Game,
        Gan,
        Generator,
        LatentSpec,
        Phase,
        Player,
        Scores,
        StepContext,
    )
    from ganzoo.runs import Run, load

__version__ = "0.1.0"

_HOME = {
    "ganzoo.api": ("train",),
    "ganzoo.evaluation.evaluate": ("evaluate",),
    "ganzoo.runs": ("Run", "load"),
    "ganzoo.config": (
        "Adam",
        "ArchConfig",
        "GanConfig",
        "LossChoice",
        "Optimizer",
        "PenaltyChoice",
        "RMSprop",
        "Schedule",
        "Sgd",
        "option",
    ),
    "ganzoo.models": (
        "Batch",
        "Change",
        "DataSpec",
        "Discriminator",
        "Game",
        "Gan",
        "Generator",
        "LatentSpec",
        "Phase",
        "Player",
        "Scores",
        "StepContext",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Adam",
    "Arch",
    "ArchConfig",
    "Augmentation",
    "Batch",
    "Change",
    "DataSpec",
    "Dataset",
    "Discriminator",
    "FeatureExtractor",
    "Game",
    "Gan",
    "GanConfig",
    "Generator",
    "LatentSpec",
    "Loss",
    "LossChoice",
    "Metric",
    "Optimizer",
    "Penalty",
    "PenaltyChoice",
    "Phase",
    "Player",
    "RMSprop",
    "Run",
    "Schedule",
    "Scores",
    "Sgd",
    "StepContext",
    "Tracker",
    "evaluate",
    "hookimpl",
    "load",
    "option",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
