"""A table of rows in the run's folder, and the faults that trackers have."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import IO, Any

import torch

from ganzoo.plugin import RunView
from ganzoo.tracking import Progress, Tracker


class Whole(Tracker):
    def __init__(self) -> None:
        self.file: IO[str] | None = None
        self.run: RunView | None = None

    def place(self, run: RunView) -> Path:
        return Path(run.folder) / "rows.csv"

    def started(self, run: RunView) -> None:
        self.run = run
        self.file = self.place(run).open("a")

    def logged(self, row: dict[str, Any]) -> None:
        assert self.file is not None
        self.file.write(",".join(f"{name}={value}" for name, value in row.items()) + "\n")

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class ChangesWeights(Whole):
    def logged(self, row: dict[str, Any]) -> None:
        super().logged(row)
        assert self.run is not None
        with torch.no_grad():
            for parameter in self.run.game.parameters():
                parameter.clamp_(-0.1, 0.1)


class DrawsFromTorch(Whole):
    def advanced(self, progress: Progress) -> None:
        self.shade = torch.rand(3)


class LeavesEvalMode(Whole):
    def started(self, run: RunView) -> None:
        super().started(run)
        run.game.eval()
        run.game.requires_grad_(False)
        run.game.generator.net[0].bias.data.zero_()


class WorkingFolder(Whole):
    def place(self, run: RunView) -> Path:
        return Path("rows.csv")


class BesideTheRun(Whole):
    def place(self, run: RunView) -> Path:
        return Path(run.folder).parent / "rows.csv"


class WantsTerms(Whole):
    def logged(self, row: dict[str, Any]) -> None:
        super().logged(row)
        terms = [value for name, value in row.items() if "." in name]
        self.mean = sum(terms) / len(terms)


class Printing(Whole):
    def ended(self, progress: Progress, interrupted: bool, checkpoint: Path) -> None:
        print(f"done: {progress.images} images")


class Waiting(Whole):
    def advanced(self, progress: Progress) -> None:
        assert self.run is not None
        self.size = sum(parameter.norm().item() for parameter in self.run.game.parameters())


class PopsFromRows(Whole):
    def logged(self, row: dict[str, Any]) -> None:
        row.pop("images_per_second")
        super().logged(row)


class ClosesOnce(Whole):
    def close(self) -> None:
        assert self.file is not None
        self.file.close()
        self.file = None


class KeepsAThread(Whole):
    def started(self, run: RunView) -> None:
        super().started(run)
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()


class WritesWhenMade(Whole):
    def __init__(self) -> None:
        super().__init__()
        Path("rows.lock").write_text("")


class NeedsAnAddress(Whole):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


class NoTotal(Whole):
    def advanced(self, progress: Progress) -> None:
        self.share = progress.images / progress.total  # type: ignore[operator]
