"""Evaluate a run or a folder of samples: rows, kept beside the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganzoo import plugin
from ganzoo.components import make
from ganzoo.config import Choice
from ganzoo.errors import GanzooError, UsageError
from ganzoo.evaluation.material import Material, Progress
from ganzoo.evaluation.measure import Row, measure
from ganzoo.evaluation.subject import Subject, Wanted, open_subject

FILE = "evaluations.jsonl"  # in the run's folder: a row a line, the newest last
EXTRACTOR = "lite0"
DRAWS = 20  # halves that intervals are estimated from


def evaluate(
    place: str | Path,
    *,
    metrics: Sequence[Choice] | None = None,
    wanted: Wanted | None = None,
    extractor: Choice | str | None = None,
    draws: int = DRAWS,
    keep: bool = True,
    say: Callable[[str], None] = lambda text: None,
    progress: Progress = lambda what, done, total: None,
) -> list[Row]:
    """A row for each figure of a run, or of a folder or file of samples.

    Args:
        metrics: with their options; None: what is usual for the samples.
        wanted: reference, numbers, size, seed, weights.
        extractor: of features of pictures; None: EfficientNet-Lite0.
        draws: random halves that each interval is estimated from; 0: none.
        keep: whether the rows of a run are added to evaluations.jsonl in its folder.

    Raises:
        UsageError: the place, a name, a number or the samples do not fit. GanzooError: a run, a plugin or a file is at fault.
    """
    subject = open_subject(place, wanted or Wanted(), say, progress)
    made = extractor_for(subject, extractor)
    protocol = {
        **subject.protocol,
        "extractor": made.name if made is not None else None,
        "extractor_digest": (made.digest or None) if made is not None else None,
    }
    material = Material(subject.fake, subject.real, subject.train, made, subject.game, progress)
    seed = (wanted or Wanted()).seed
    rows = measure(material, metrics, protocol, draws=draws, seed=seed, say=say, progress=progress)
    if keep and subject.run is not None:
        _keep(Path(place) / FILE, rows)
    return rows


def extractor_for(subject: Subject, choice: Choice | str | None) -> Any:
    """The extractor of features of pictures; None for points.

    Raises:
        UsageError: the name is unknown, or what it needs is not installed.
    """
    if not subject.fake.pictures:
        if choice is not None:
            raise UsageError(
                "an extractor looks at pictures, and these samples are points, which are features themselves"
            )
        return None
    try:
        made, _ = make(plugin.FeatureExtractor, choice or EXTRACTOR)
    except ModuleNotFoundError as error:
        raise UsageError(str(error)) from error
    return made


def _keep(file: Path, rows: Sequence[Row]) -> None:
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in rows)
    except OSError as error:
        raise GanzooError(f"{file} cannot be written ({error.strerror}); the figures are only printed") from error


def kept(folder: Path) -> list[Row]:
    """The rows beside a run, oldest first; lines that cannot be read are left out.

    Raises:
        UsageError: there are none.
    """
    file = folder / FILE
    rows: list[Row] = []
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(row, dict) and "metric" in row and "value" in row:
                rows.append(row)
    if not rows:
        raise UsageError(f"{folder} has no figures yet: ganzoo evaluate {folder}")
    return rows
