"""What is asked of one architecture's benchmark. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

CHUNK = 0.5  # seconds of one timed chunk, where the time that was asked for leaves room for more than five
LEAST_ROUNDS = 5
TRAINING, SAMPLING = 0.7, 0.3  # shares of the time that is asked for


@dataclass(frozen=True)
class Request:
    """One architecture, on some data, with some options; None and "auto" leave a choice to what `ganzoo train` would do.

    data: as --data takes it. batch: samples an update. size: 64 or 48x64 pixels. seconds: of timing, about.
    assignments: as --set takes them. spawned: when the process that serves the request was started, in seconds since 1970.
    """

    arch: str
    data: str | None = None
    batch: int | None = None
    size: str | None = None
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    assignments: tuple[str, ...] = ()
    seconds: float = 10.0
    spawned: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """All fields, for the pipe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Request:
        """The inverse of `to_dict`."""
        return cls(**{**values, "assignments": tuple(values.get("assignments", ()))})

    def rounds(self, share: float, call: float = 0.0) -> tuple[int, float]:
        """How many chunks, and of how many seconds, make this share of the time; five at least, of 0.8 s at most.

        call: seconds of one call, which is a chunk by itself where it takes longer than one.
        """
        whole = self.seconds * share
        rounds = max(LEAST_ROUNDS, int(whole / max(CHUNK, call)))
        return rounds, min(0.8, whole / rounds)
