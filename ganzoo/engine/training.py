"""What a runner trains and with what, and the choices that follow from it, each with a line of reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from ganzoo.data import Source
from ganzoo.engine.device import Chosen
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.processes import Processes
from ganzoo.engine.settings import DEFAULT_IMAGES, TrainSettings
from ganzoo.engine.trace import has_compiler
from ganzoo.engine.watch import Watching
from ganzoo.engine.way import Way, choose_way
from ganzoo.models import Game

LOWERS = {"auto": None, "float32": False, "network": True}
"""What a context is told of the penalties' precision, by the setting."""

_PENALTIES = {
    "auto": "penalties in the networks' precision, those with second derivatives in float32",
    "float32": "penalties in float32",
    "network": "penalties in the networks' precision",
}


@dataclass
class Training:
    """What a runner trains, and with what."""

    arch: str
    plugin_version: str
    game: Game
    source: Source
    batch: int
    settings: TrainSettings
    chosen: Chosen
    folder: RunFolder
    processes: Processes = field(default_factory=Processes)
    watching: Watching = field(default_factory=Watching)

    @property
    def total(self) -> int | None:
        """Images to train on, None if only the time is limited."""
        settings = self.settings
        return DEFAULT_IMAGES if settings.images is None and settings.minutes is None else settings.images

    def way(self, seeds: int) -> Way:
        """How steps are taken, with `seeds` runs at once."""
        return choose_way(
            self.settings,
            self.chosen.device,
            self.source.spec.modality,
            self.batch,
            self.total,
            world=self.processes.world,
            seeds=seeds,
            able=has_compiler(),
        )

    def reasons(self, way: Way) -> tuple[str, ...]:
        """A line for each choice."""
        order = "in torch's own order" if self.settings.memory_format == "contiguous" else "channels last"
        if not self.game.phases():
            return self.chosen.reasons[:1]  # the device: it takes no steps that the others are about
        return (*self.chosen.reasons, _PENALTIES[self.settings.penalty_precision], f"memory {order}", way.reason)
