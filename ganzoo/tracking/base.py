"""The interface of trackers, which callbacks of plugins share. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.plugin import RunView


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    images: seen. step: steps done. seconds: trained, earlier parts of the run not counted.
    total: images planned, None if only the time is limited. limit_seconds: time planned, None if it is not limited.
    """

    images: int
    step: int
    seconds: float
    total: int | None
    limit_seconds: float | None

    @property
    def share(self) -> float:
        """Share of the run that is done, 0 to 1."""
        by_images = self.images / self.total if self.total else 0.0
        by_time = self.seconds / self.limit_seconds if self.limit_seconds else 0.0
        return min(1.0, max(by_images, by_time))


class Tracker:
    """Receives what happens in a run; each method may be left as it is. Constructed with no arguments, by rank 0 alone.

    None of them may change the game or wait for the device.
    """

    def started(self, run: RunView) -> None:
        """Before the first step."""

    def advanced(self, progress: Progress) -> None:
        """About ten times a second."""

    def logged(self, row: dict[str, Any]) -> None:
        """A row of measurements: images, step, images_per_second, and phase.term: mean since the last row."""

    def pictured(self, path: Path, images: int) -> None:
        """A picture of samples was written."""

    def saved(self, path: Path) -> None:
        """A checkpoint was written."""

    def said(self, text: str) -> None:
        """Something the user should know."""

    def ended(self, progress: Progress, interrupted: bool, checkpoint: Path) -> None:
        """After the last step."""

    def close(self) -> None:
        """At the very end, also after a failure: give back what it holds."""
