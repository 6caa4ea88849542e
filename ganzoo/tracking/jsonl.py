"""metrics.jsonl: one JSON object a row, appended and flushed, so that a run that is cut off keeps its rows. No torch."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ganzoo.errors import GanzooError
from ganzoo.plugin import RunView
from ganzoo.tracking.base import Tracker


class JsonLines(Tracker):
    """Writes each row to metrics.jsonl in the run's folder. A value that is not finite is null, as JSON has no NaN."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def started(self, run: RunView) -> None:
        """The file lies in the run's folder."""
        self._path = Path(run.folder) / "metrics.jsonl"

    def logged(self, row: dict[str, Any]) -> None:
        """Append the row.

        Raises:
            GanzooError: the file cannot be written.
        """
        assert self._path is not None
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(clean) + "\n")
        except OSError as error:
            raise GanzooError(f"{self._path} cannot be written ({error.strerror})") from error
