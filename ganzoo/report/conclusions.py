"""A few sentences on how a run fares, each from figures that the page shows, and none where they do not allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ganzoo.plugin import Metric
from ganzoo.registry import registry
from ganzoo.report.charts import lately
from ganzoo.report.curves import DIAGNOSIS, FIGURES, HEALTH, SCORES, SKIPPED, diagnoses
from ganzoo.report.facts import progress
from ganzoo.report.lines import keys_of, number, series
from ganzoo.report.manifold import found_overlap
from ganzoo.report.material import Material
from ganzoo.report.neighbours import of_report
from ganzoo.report.svg import shortened

FEW, MOST = 0.25, 0.75  # of what one half of the real samples reaches in the other
APART = 2.0  # growth of the distance between scores that is worth a word
WORSE = 0.1  # share by which a last figure must be worse than the best one to be worth a word
LONGEST = 200  # characters of what was diagnosed


def conclusion(material: Material) -> str:
    """Sentences in plain words."""
    sentences: list[str] = []
    for find in (_progress, _diagnosis, _skipped, _balance, _variety, _figures, _copies):
        sentences += _guarded(find, material)
    return " ".join(sentences)


def _guarded(find: Callable[[Material], Iterator[str]], material: Material) -> list[str]:
    try:
        return list(find(material))
    except Exception:  # what is missing for a sentence is said by the part that shows its figures
        return []


def _progress(material: Material) -> Iterator[str]:
    yield progress(material).words


def _diagnosis(material: Material) -> Iterator[str]:
    """What the last look at the run's health said, or what was said before it."""
    rows = material.metrics.rows
    looks = [float(row["images"]) for row in rows if DIAGNOSIS in row or any(key.startswith(HEALTH) for key in row)]
    said = diagnoses(rows)
    now = [one.words for one in said if looks and one.last == looks[-1]]
    past = [one.words for one in said if one.words not in now]
    if now:
        yield f"Diagnosed at its end: {_listed(now)}."
    if past:
        yield f"Diagnosed in its course, and not at its end: {_listed(past)}."


def _listed(words: list[str]) -> str:
    return shortened("; ".join(word.rstrip(".") for word in words), LONGEST)


def _skipped(material: Material) -> Iterator[str]:
    rows = material.metrics.rows
    bad = sum(any((number(value) or 0) > 0 for key, value in row.items() if key.endswith(SKIPPED)) for row in rows)
    if bad:
        yield f"Updates that were not finite were skipped in {bad:,} of {len(rows):,} rows."


def _balance(material: Material) -> Iterator[str]:
    """Whether real and fake scores drift apart; scores of critics have no scale, so only their change is told."""
    rows = material.metrics.rows
    for key in keys_of(rows):
        phase, _, term = key.partition(".")
        if term != SCORES[0] or len(rows) < 10:
            continue
        fakes = dict(series(rows, f"{phase}.{SCORES[1]}"))
        gaps = [
            (at, value - fake)
            for at, value in series(rows, key)
            if value is not None and (fake := fakes.get(at)) is not None
        ]
        middle, last = lately(gaps[: len(gaps) // 2]), lately(gaps)
        if middle is None or last is None:
            continue
        if abs(last) > APART * abs(middle):
            yield (
                f"The {phase}'s scores of real and fake samples drift apart: {last:.3g} lately, {middle:.3g} half-way. It is "
                "winning."
            )
        else:
            yield f"The {phase}'s scores of real and fake samples lie {last:.3g} apart, after {middle:.3g} half-way."


def _variety(material: Material) -> Iterator[str]:
    found = found_overlap(material)
    precision, recall, whole = found.precision, found.recall, max(found.halves, 1e-9)
    figures = f"(precision {precision:.0%}, recall {recall:.0%}, real samples among themselves {found.halves:.0%})"
    if precision < FEW * whole:
        yield f"Most samples are unlike the real ones {figures}."
    elif recall < FEW * whole:
        yield f"Samples are like real ones but show little of their variety: it may have collapsed {figures}."
    elif min(precision, recall) >= MOST * whole:
        yield f"Samples are like the real ones and show most of their variety {figures}."
    else:
        yield f"Samples are like the real ones in part, and show a part of their variety {figures}."


def _figures(material: Material) -> Iterator[str]:
    rows = material.metrics.rows
    for key in keys_of(rows):
        if not key.startswith(FIGURES):
            continue
        name = key.removeprefix(FIGURES)
        points = [(at, value) for at, value in series(rows, key) if value is not None]
        if len(points) < 2:
            continue
        higher = _higher_is_better(name)
        yield f"{shortened(name, 40)} went from {points[0][1]:.4g} to {points[-1][1]:.4g}."
        if higher is not None:
            at, best = (max if higher else min)(points, key=lambda point: point[1])
            if abs(points[-1][1] - best) > WORSE * abs(best):
                yield f"It was better at {at:,.0f} images: {best:.4g}."


def _higher_is_better(name: str) -> bool | None:
    """Of a metric, or of one of its figures; None where nobody says."""
    for entry in registry().entries(Metric):
        if name in (entry.id, entry.record.name, *entry.record.figures):
            return entry.record.higher_is_better
    return None


def _copies(material: Material) -> Iterator[str]:
    found = of_report(material)
    if found.close:
        yield f"{len(found.close)} of {len(found.samples)} samples are strikingly near to a training picture; see below."
