"""Figures of a run while it trains: few samples, the same latents each time, no intervals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from torch import Tensor

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import Choice
from ganzoo.data import Source
from ganzoo.errors import UsageError
from ganzoo.evaluation.evaluate import EXTRACTOR
from ganzoo.evaluation.material import Material
from ganzoo.evaluation.measure import DEFAULTS, measure
from ganzoo.evaluation.samples import from_source, generated
from ganzoo.evaluation.subject import DRAWN, MOST
from ganzoo.registry import registry

POINTS_METRIC = "energy"  # where the metric that is asked for is one of pictures, the default


def metric_for(asked: str, modality: str) -> str:
    """The metric by which a run's best checkpoint is kept: the one that is asked for, of points another default.

    Raises:
        UsageError: there is none of that name, or it is not of the modality.
    """
    name = POINTS_METRIC if asked == "fd" and modality == "points" else asked
    entry = registry().find(plugin.Metric, name)
    if entry.record.modality not in ("", modality):
        raise UsageError(
            f"evaluate_metric is {asked}, which is for {entry.record.modality}, and this run makes {modality}"
        )
    return entry.record.name


def judge_of(
    reference: Source, split: str, metric: str, value_range: tuple[float, float], seed: int
) -> tuple[Callable[[Tensor, Tensor | None], dict[str, float]], bool]:
    """What computes a run's figures, and whether less of the first one is better.

    Args:
        reference: what samples are held against; its features are kept in the cache.
        metric: by name; for points those of the data's modes are computed too, where they are known.
        value_range: of the game's samples.

    Raises:
        UsageError: the metric is unknown, or what the features need is not installed.
    """
    pictures = reference.spec.modality == "image"
    count = DRAWN if reference.endless else min(len(reference), MOST)
    real = from_source(reference, count, split, lambda done, total: None)
    extractor = None
    if pictures:
        try:
            extractor, _ = make(plugin.FeatureExtractor, EXTRACTOR)
        except ModuleNotFoundError as error:
            raise UsageError(f"--evaluate-every needs features: {error}") from error
    names = [metric]
    if not pictures and real.mixture is not None:
        names += [name for name in DEFAULTS["points"] if name != metric]
    choices = [Choice(name=name) for name in names]

    def judge(samples: Tensor, labels: Tensor | None) -> dict[str, float]:
        fake = generated(samples.cpu(), labels, value_range, "the run")
        material = Material(fake, real, None, extractor)
        figures: dict[str, float] = {}
        for choice in choices:
            # Samples of a run that has just begun may have no figure: that is no reason to end it.
            with contextlib.suppress(UsageError):
                rows = measure(material, [choice], {}, draws=0, seed=seed, say=_silent, progress=_unseen)
                figures |= {row["metric"]: row["value"] for row in rows}
        return figures

    return judge, not registry().find(plugin.Metric, metric).record.higher_is_better


def _silent(text: str) -> None:
    """Nobody is told of what is left out."""


def _unseen(what: str, done: int, total: int) -> None:
    """Nobody waits."""
