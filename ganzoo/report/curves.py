"""Which curves metrics.jsonl has: terms by player, scores, gradient norms, speed, health and figures. No torch.

A row's names are "phase.term"; a phase of several players has "player/term" there, a lazy penalty's phase is
"player/penalty".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganzoo.report.blocks import Block, LeftOut, Table, Text
from ganzoo.report.charts import Series, chart
from ganzoo.report.lines import Lines, Row, keys_of, seconds_of, series

GIVEN = ("images", "step", "images_per_second")
HEALTH, FIGURES, DIAGNOSIS = "health.", "evaluation.", "diagnosis"
SCORES = ("real", "fake")
NORM, SKIPPED, SECONDS = "gradient norm", "skipped", "seconds"
MOST_TEXTS = 30  # diagnoses that are shown
MOST_SERIES = 8  # of one chart: more lines than colours cannot be told apart


def training(metrics: Lines) -> list[Block]:
    """Terms, scores, gradient norms, speed.

    Raises:
        LeftOut: there are no rows.
    """
    rows = _rows(metrics)
    names = [key for key in keys_of(rows) if _is_measurement(key)]
    blocks: list[Block] = []
    for player, terms in _by_player(names).items():
        blocks += _charts(f"Terms of the {player}", [Series(label, series(rows, key)) for label, key in terms], "terms")
    scores = [key for key in names if key.partition(".")[2] in SCORES]
    blocks += _charts("Scores of real and of fake samples", _named(rows, scores), "mean score")
    norms = [key for key in names if _last_word(key) == NORM]
    blocks += _charts("Gradient norms", _named(rows, norms), "norm of a player's whole gradient")
    skipped = [key for key in names if _last_word(key) == SKIPPED and any(value for _, value in series(rows, key))]
    if skipped:
        blocks += _charts("Updates that were skipped, as they were not finite", _named(rows, skipped), "share")
    blocks += _charts("Speed", [Series("images/s", series(rows, "images_per_second"))], "images/s")
    blocks += _where_time_goes(rows, names)
    if not blocks:
        raise LeftOut(f"the rows of {metrics.name} hold no measurements")
    return blocks


def health(metrics: Lines) -> list[Block]:
    """Rows of "health." and the texts of "diagnosis", whatever they say.

    Raises:
        LeftOut: there are none.
    """
    rows = _rows(metrics)
    keys = [key for key in keys_of(rows) if key.startswith(HEALTH)]
    said = diagnoses(rows)
    if not keys and not said:
        raise LeftOut("the run has no rows on its health")
    blocks: list[Block] = []
    if said:
        table = tuple(
            (one.words, f"{one.first:,.0f}", f"{one.last:,.0f}", f"{one.rows:,}") for one in said[:MOST_TEXTS]
        )
        header = ("diagnosis", "first at images", "last at images", "rows that say so")
        blocks.append(Table("What was said while it trained", header, table))
        if len(said) > MOST_TEXTS:
            blocks.append(Text(f"{len(said) - MOST_TEXTS:,} more are left out; metrics.jsonl has them.", "note"))
    elif keys:
        blocks.append(Text("No trouble was seen while it trained."))
    for key in keys:
        name = key.removeprefix(HEALTH)
        blocks += chart(f"Health: {name}", [Series(name, series(rows, key))], name)
    return blocks


def figures(metrics: Lines) -> list[Block]:
    """Figures of "evaluation." over images, a chart each, since each has a unit of its own.

    Raises:
        LeftOut: there are none.
    """
    rows = _rows(metrics)
    blocks: list[Block] = []
    for key in keys_of(rows):
        if key.startswith(FIGURES):
            name = key.removeprefix(FIGURES)
            blocks += chart(f"{name} over the run", [Series(name, series(rows, key))], name, marks=True)
    if not blocks:
        raise LeftOut("no figure was taken while the run trained")
    return blocks


@dataclass
class Diagnosis:
    """What was said of a run's health, at how many images first and last, and in how many rows."""

    words: str
    first: float
    last: float
    rows: int = 1


def diagnoses(rows: Sequence[Row]) -> list[Diagnosis]:
    """Each text of "diagnosis" once, in the order in which they were first said."""
    found: dict[str, Diagnosis] = {}
    for row in rows:
        given = row.get(DIAGNOSIS) or []
        images = float(row["images"])
        for text in given if isinstance(given, list) else [given]:
            words = str(text).strip()
            if words in found:
                found[words].last = images
                found[words].rows += 1
            elif words:
                found[words] = Diagnosis(words, images, images)
    return list(found.values())


def _rows(metrics: Lines) -> Sequence[Row]:
    if not metrics.rows:
        raise LeftOut(metrics.why or f"{metrics.name} has no row that can be read")
    return metrics.rows


def _is_measurement(key: str) -> bool:
    return key not in GIVEN and "." in key and not key.startswith((HEALTH, FIGURES))


def _last_word(key: str) -> str:
    """The term without phase and player: "both.generator/gradient norm" is a gradient norm."""
    return key.partition(".")[2].rpartition("/")[2]


def _by_player(names: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(label, name) of the terms by player and phase, without what has a chart of its own."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in names:
        phase, _, term = key.partition(".")
        if _last_word(key) in (NORM, SKIPPED, SECONDS) or term in SCORES:
            continue
        if "/" in term:
            player, _, label = term.partition("/")
            player = f"{player}, in phase {phase}"
        else:
            player, _, lazy = phase.partition("/")
            label = f"{lazy}: {term}" if lazy and lazy != term else term
        found.setdefault(player, []).append((label, key))
    return found


def _named(rows: Sequence[Row], keys: Sequence[str]) -> list[Series]:
    """Series named by phase and term, or by what is different about them."""
    parts = [key.partition(".") for key in keys]
    phases, terms = {phase for phase, _, _ in parts}, {term for _, _, term in parts}
    names = []
    for phase, _, term in parts:
        names.append(term if len(phases) == 1 else phase if len(terms) == 1 else f"{phase}: {term}")
    return [Series(name, series(rows, key)) for name, key in zip(names, keys, strict=True)]


def _charts(title: str, lines: Sequence[Series], unit: str) -> list[Block]:
    blocks: list[Block] = []
    for start in range(0, len(lines), MOST_SERIES):
        more = f" ({start // MOST_SERIES + 1})" if len(lines) > MOST_SERIES else ""
        blocks += chart(title + more, lines[start : start + MOST_SERIES], unit)
    return blocks


def _where_time_goes(rows: Sequence[Row], names: Sequence[str]) -> list[Block]:
    means = {}
    for key in names:
        if _last_word(key) == SECONDS:
            values = [value for _, value in series(rows, key) if value is not None]
            if values:
                means[key.rpartition(".")[0]] = sum(values) / len(values)
    whole = sum(means.values())
    if not whole > 0:
        return []
    parts = ", ".join(f"{phase} {value / whole:.0%}" for phase, value in means.items())
    minutes = seconds_of(rows) / 60
    return [
        Text(f"Of the time in phases: {parts}. Training took about {minutes:.1f} minutes by the rows' rates.", "note")
    ]
