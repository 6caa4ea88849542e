"""The progress display: how far, how fast, each loss, where the time goes. Drawn on stderr. No torch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganzoo.plugin import RunView
from ganzoo.tracking.base import Progress, Tracker

PLAIN_SECONDS = 15.0  # without a terminal: from one line of progress to the next


class Console(Tracker):
    """A live display on a terminal; elsewhere a line every 15 seconds."""

    def __init__(self) -> None:
        self._terminal = Terminal(stderr=True)
        self._live: Live | None = None
        self._row: dict[str, Any] = {}
        self._progress: Progress | None = None
        self._first: Progress | None = None
        self._printed = 0.0

    def started(self, run: RunView) -> None:
        """Say what is trained, and begin the display."""
        self._print(f"[bold]{escape(run.arch)}[/] into {escape(str(run.folder))}")
        for reason in run.reasons:
            self._print(escape(reason), style="dim")
        if self._terminal.is_terminal:
            self._live = Live(
                Text("the first steps ..."), console=self._terminal, refresh_per_second=4, transient=False
            )
            self._live.start()
        self._printed = time.monotonic()

    def advanced(self, progress: Progress) -> None:
        """Redraw."""
        self._first = self._first or progress
        self._progress = progress
        if self._live is not None:
            self._live.update(self._display())
        elif time.monotonic() - self._printed >= PLAIN_SECONDS:
            self._print_plain()

    def logged(self, row: dict[str, Any]) -> None:
        """Show the newest losses."""
        self._row = row
        if self._live is not None and self._progress is not None:
            self._live.update(self._display())

    def pictured(self, path: Path, images: int) -> None:
        """Name the first picture and the last: the display has no room for each."""

    def said(self, text: str) -> None:
        """Print above the display."""
        self._print(escape(text), style="yellow")

    def ended(self, progress: Progress, interrupted: bool, checkpoint: Path) -> None:
        """Leave the last state of the display and say where things are."""
        self._progress = progress
        if self._live is not None:
            self._live.update(self._display())
            self._live.stop()
            self._live = None
        else:
            self._print_plain()
        word = "interrupted" if interrupted else "done"
        counts = f"{progress.images:,} images, {progress.step:,} steps"
        self._print(f"[bold]{word}[/]: {counts}; checkpoint {escape(str(checkpoint))}")

    def close(self) -> None:
        """Give the terminal back, whatever happened."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _speed(self) -> float:
        rate = self._row.get("images_per_second")
        return float(rate) if rate else 0.0

    def _display(self) -> RenderableType:
        progress = self._progress
        assert progress is not None
        head = Table.grid(padding=(0, 1))
        total = f" of {progress.total:,}" if progress.total else ""
        speed = self._speed()
        head.add_row(
            ProgressBar(total=1.0, completed=progress.share, width=24),
            f"{progress.images:,}{total} images",
            f"{speed:,.0f} images/s" if speed else "",
            self._left(progress),
        )
        return Group(head, *self._losses(), *self._times())

    def _left(self, progress: Progress) -> str:
        first = self._first
        if first is None or progress.share <= first.share or progress.seconds <= first.seconds:
            return ""
        pace = (progress.seconds - first.seconds) / (progress.share - first.share)
        return f"{_clock((1 - progress.share) * pace)} left"

    def _losses(self) -> list[Text]:
        by_phase: dict[str, list[str]] = {}
        for name, value in self._row.items():
            phase, dot, term = name.rpartition(".")
            if dot and term not in ("seconds", "skipped") and isinstance(value, float):
                by_phase.setdefault(phase, []).append(f"{term} {value:.4g}")
        return [
            Text(f"{phase}: " + "  ".join(terms), overflow="ellipsis", no_wrap=True)
            for phase, terms in by_phase.items()
        ]

    def _times(self) -> list[Text]:
        times = {name.removesuffix(".seconds"): value for name, value in self._row.items() if name.endswith(".seconds")}
        whole = sum(times.values())
        if not whole:
            return []
        parts = "  ".join(f"{name} {value * 1000:.3g} ms ({value / whole:.0%})" for name, value in times.items())
        return [Text(f"time a step: {parts}", style="dim", overflow="ellipsis", no_wrap=True)]

    def _print_plain(self) -> None:
        progress = self._progress
        if progress is None or not self._row:  # before the first row; and a game that is only fitted has none
            return
        self._printed = time.monotonic()
        losses = "; ".join(text.plain for text in self._losses())
        line = f"{progress.share:4.0%} {progress.images:,} images, {self._speed():,.0f} images/s, {self._left(progress)}; {losses}"
        self._print(escape(line))

    def _print(self, marked: str, style: str | None = None) -> None:
        """One line of marked text. Names, paths and messages have to be escaped: theirs may hold brackets."""
        self._terminal.print(marked, style=style, highlight=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
