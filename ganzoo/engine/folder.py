"""The run's folder: config.yaml, metrics.jsonl, samples/, checkpoints/, card.md."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from ganzoo.engine.checkpoint import write_whole
from ganzoo.errors import GanzooError, UsageError


class RunFolder:
    """A run's folder and the names in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.checkpoints = path / "checkpoints"
        self.best = self.checkpoints / "best"
        self.card = path / "card.md"

    @classmethod
    def create(cls, path: Path, config: dict[str, Any]) -> RunFolder:
        """A new folder with its config.yaml.

        Raises:
            UsageError: something is there already.
            GanzooError: it cannot be made.
        """
        folder = cls(path)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise UsageError(
                    f"{path} exists and is not an empty folder: choose another with --out, or go on with --resume {path}"
                )
            path.mkdir(parents=True, exist_ok=True)
            folder.write_config(config)
            folder.samples.mkdir(exist_ok=True)
            folder.checkpoints.mkdir(exist_ok=True)
        except OSError as error:
            raise GanzooError(
                f"the run folder {path} cannot be written ({error.strerror}); choose another with --out"
            ) from error
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run that exists.

        Raises:
            UsageError: it is none.
        """
        folder = cls(path)
        if not folder.config.is_file():
            what = "does not exist" if not path.exists() else "has no config.yaml"
            raise UsageError(f"{path} {what}; wanted the folder of a run that ganzoo train made")
        return folder

    def write_config(self, config: dict[str, Any]) -> None:
        """Write config.yaml whole."""
        write_whole(self.config, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))

    def read_config(self) -> dict[str, Any]:
        """What config.yaml says.

        Raises:
            GanzooError: it is no configuration.
        """
        try:
            config = yaml.safe_load(self.config.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise GanzooError(f"{self.config} cannot be read: {str(error).splitlines()[0]}") from error
        if not isinstance(config, dict) or not isinstance(config.get("arch"), dict):
            raise GanzooError(f"{self.config} is no configuration of a run: it names no architecture")
        return config

    def check_writable(self) -> None:
        """Raise a GanzooError now rather than after an hour of training."""
        for folder in (self.path, self.checkpoints):
            probe = folder / f".probe-{os.getpid()}"
            try:
                folder.mkdir(exist_ok=True)
                probe.write_bytes(b"")
                probe.unlink()
            except OSError as error:
                raise GanzooError(
                    f"the run folder {folder} cannot be written ({error.strerror}); nothing was changed in it"
                ) from error

    def forget_after(self, step: int) -> None:
        """Drop rows of metrics.jsonl later than the checkpoint that a resume goes on from; they will be measured again."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # the last line of a run that was cut off
                continue
            if row.get("step", 0) <= step:
                kept.append(line)
        write_whole(self.metrics, "".join(line + "\n" for line in kept))


def next_free(parent: Path, name: str) -> Path:
    """parent/name-0001, or the first number that is free."""
    number = 1
    while (parent / f"{name}-{number:04d}").exists():
        number += 1
    return parent / f"{name}-{number:04d}"
