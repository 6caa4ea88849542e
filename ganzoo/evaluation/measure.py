"""From samples to rows: each figure with its interval, the time it took, and its protocol."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganzoo import plugin
from ganzoo.config import Choice
from ganzoo.errors import GanzooError, UsageError, did_you_mean
from ganzoo.evaluation.material import Material, Unavailable
from ganzoo.registry import Entry, registry

Row = dict[str, Any]

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "image": ("fd", "kid", "prdc"),
    "points": ("modes-captured", "high-quality", "reverse-kl", "energy"),
}
"""What is measured where nothing is named, by modality."""

WIDTH_95 = 1.959964  # standard deviations on each side of a normal distribution that hold 95 %


def measure(
    material: Material,
    choices: Sequence[Choice] | None,
    protocol: Mapping[str, Any],
    *,
    draws: int,
    seed: int,
    say: Callable[[str], None],
    progress: Callable[[str, int, int], None],
) -> list[Row]:
    """A row for each figure.

    Args:
        choices: metrics with their options; None: those of DEFAULTS that there is material for.
        protocol: what every row says of how it was measured.
        draws: random halves of the samples that the interval is estimated from; 0: no intervals.
        seed: of the halves; a metric that draws has a seed of its own.
        say: told which of the default metrics are left out, and why.

    Raises:
        UsageError: a metric or an option is unknown, or a metric that was named cannot be computed here.
    """
    named = choices is not None
    modality = "image" if material.fake.pictures else "points"
    wanted = choices if choices is not None else [Choice(name=name) for name in DEFAULTS[modality]]
    found = [(registry().find(plugin.Metric, choice.name), choice) for choice in wanted]
    for entry, choice in found:  # all that can be refused is refused before minutes of measuring
        _check_options(entry, choice)
        if entry.record.modality not in ("", modality):
            raise UsageError(f"{entry.id} is for {entry.record.modality}, and these samples are {modality}")
    rows: list[Row] = []
    for entry, choice in found:
        try:
            rows += _rows(entry, choice, material, protocol, draws, seed, progress)
        except (Unavailable, UsageError) as why:
            if named:
                raise UsageError(
                    str(why) if isinstance(why, UsageError) else f"{entry.id} cannot be computed: {why}"
                ) from why
            say(f"{entry.record.name} is left out: {why}")
    return rows


def _rows(
    entry: Entry[plugin.Metric],
    choice: Choice,
    material: Material,
    protocol: Mapping[str, Any],
    draws: int,
    seed: int,
    progress: Callable[[str, int, int], None],
) -> list[Row]:
    record = entry.record
    target = registry().load(entry)
    options = dict(choice.options)
    for name in record.inputs:
        material[name]  # features take minutes, which are not the metric's
    start = time.perf_counter()
    figures = _figures(entry, target, material, options)
    seconds = time.perf_counter() - start
    resampled = draws > 1 and record.resampled and not {"game", "extractor"} & set(record.inputs)
    spread = _spread(entry, target, material, options, draws, seed, progress) if resampled else {}
    rows = []
    for name, value in figures.items():
        low_high = None
        if name in spread and math.isfinite(value):
            half = WIDTH_95 * spread[name]
            low_high = [value - half, value + half]
        rows.append(
            {
                "metric": name,
                "value": value,
                "interval": low_high,
                "interval_by": f"{draws} random halves" if low_high else None,
                "higher_is_better": record.higher_is_better,
                "formula": entry.id,
                "version": entry.version,
                "options": options,
                **_sizes(record, material),
                **protocol,
                **({} if _looks(record) else {"extractor": None, "extractor_digest": None}),
                "seconds": round(seconds, 3),
            }
        )
    return rows


def _figures(
    entry: Entry[plugin.Metric], target: Callable[..., Any], material: Material, options: Mapping[str, Any]
) -> dict[str, float]:
    """What the metric answers, by the figure's name.

    Raises:
        UsageError: it refuses the samples. GanzooError: its code is at fault.
    """
    record = entry.record
    where = f"{entry.id} ({entry.distribution} {entry.version})"
    try:
        answer = target(*(material[name] for name in record.inputs), **options)
    except ValueError as error:
        raise UsageError(f"{entry.id}: {error}") from error
    except (GanzooError, Unavailable):
        raise
    except Exception as error:
        raise GanzooError(f"{where} fails with {type(error).__name__}: {error}") from error
    if record.figures:
        if not isinstance(answer, Mapping) or set(answer) != set(record.figures):
            raise GanzooError(f"{where} answered {answer!r}, wanted figures {', '.join(record.figures)}")
        return {name: float(answer[name]) for name in record.figures}
    return {record.name: float(answer)}


def _spread(
    entry: Entry[plugin.Metric],
    target: Callable[..., Any],
    material: Material,
    options: Mapping[str, Any],
    draws: int,
    seed: int,
    progress: Callable[[str, int, int], None],
) -> dict[str, float]:
    """The standard error of each figure: its standard deviation over random halves of the samples, drawn without
    replacement. A half has twice the variance of the whole, and half of the halves' samples are shared, which halves what is
    seen of it; and no sample is there twice, which would be its own nearest neighbour."""
    values: dict[str, list[float]] = {}
    for number in range(draws):
        with material.half(seed * 1009 + number):
            try:
                figures = _figures(entry, target, material, options)
            except UsageError:  # half as many samples are too few for it
                return {}
        for name, value in figures.items():
            values.setdefault(name, []).append(value)
        progress(f"{entry.record.name} interval", number + 1, draws)
    return {name: _deviation(seen) for name, seen in values.items() if all(map(math.isfinite, seen))}


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _sizes(record: plugin.Metric, material: Material) -> dict[str, int | None]:
    """Numbers of the samples that the metric saw."""
    sides = {name.partition("_")[0] for name in record.inputs}
    counts = {"real": material.real, "fake": material.fake, "train": material.train}
    return {side: len(samples) if samples is not None and side in sides else None for side, samples in counts.items()}


def _looks(record: plugin.Metric) -> bool:
    """Whether an extractor is part of what the figure means."""
    return any(
        name in ("real", "fake", "train", "extractor") or name.endswith("_probabilities") for name in record.inputs
    )


def _check_options(entry: Entry[plugin.Metric], choice: Choice) -> None:
    parameters = list(inspect.signature(registry().load(entry)).parameters)
    known = [name for name in parameters if name not in entry.record.inputs]
    if len(parameters) - len(known) < len(entry.record.inputs):
        known = parameters[len(entry.record.inputs) :]  # parameters with other names, in the order of the inputs
    for option in choice.options:
        if option not in known:
            raise UsageError(f"the metric {entry.id} has no option {option!r}. {did_you_mean(option, known)}")
