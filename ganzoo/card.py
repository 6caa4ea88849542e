"""What a run's folder says of it: config.yaml for ganzoo, card.md for people."""

from __future__ import annotations

import time
from typing import Any

import torch

import ganzoo
from ganzoo import plugin
from ganzoo.build import parameter_counts, spec_to_dict
from ganzoo.config import ArchConfig
from ganzoo.data import DataChoice, Source
from ganzoo.engine import checkpoint
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.settings import TrainSettings
from ganzoo.models import Game
from ganzoo.registry import Entry


def document_of(
    entry: Entry[plugin.Arch], config: ArchConfig, choice: DataChoice, settings: TrainSettings, source: Source
) -> dict[str, Any]:
    """What config.yaml says: all that is needed to repeat the run, or to go on with it."""
    return {
        "ganzoo": ganzoo.__version__,
        "torch": str(torch.__version__),
        "begun": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "arch": {
            "id": entry.id,
            "distribution": entry.distribution,
            "version": entry.version,
            "config": config.model_dump(mode="json"),
        },
        "data": {"choice": choice.model_dump(mode="json"), "spec": spec_to_dict(source.spec), "digest": source.digest},
        "settings": settings.model_dump(mode="json"),
    }


def write_card(
    folder: RunFolder,
    entry: Entry[plugin.Arch],
    config: ArchConfig,
    source: Source,
    game: Game,
    document: dict[str, Any],
) -> None:
    """card.md: what the run is, for a reader."""
    record, spec = entry.record, source.spec
    counts = ", ".join(f"{name} {count:,}" for name, count in parameter_counts(game).items()) or "none"
    lines = [
        f"# {entry.id}",
        "",
        f"{record.summary}",
        "",
        f"- architecture: {entry.id} of {entry.distribution} {entry.version}"
        + (f", {record.paper}" if record.paper else ""),
        f"- trained parameters: {counts}",
        f"- data: {spec.name}, shape {tuple(spec.shape)}, {spec.count or 'endless'} samples, digest {source.digest}",
        f"- begun: {document['begun']}, ganzoo {ganzoo.__version__}, torch {torch.__version__}",
        "",
        f"Continue it with `ganzoo train --resume {folder.path} --images N`; draw from it with `ganzoo sample {folder.path}`.",
        "",
        "Samples are artificial. Do not present them as records of real people, products or events.",
    ]
    checkpoint.write_whole(folder.card, "\n".join(lines) + "\n")
