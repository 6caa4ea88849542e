"""What a run is: architecture, configuration, data, time, versions, and whether it was ended early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.build import configure, find_arch, parameter_counts
from ganzoo.data import DataChoice
from ganzoo.engine.checkpoint import saved
from ganzoo.engine.settings import DEFAULT_IMAGES, TrainSettings
from ganzoo.errors import GanzooError
from ganzoo.report.blocks import Block, LeftOut, Link, Table, Text
from ganzoo.report.lines import number, seconds_of
from ganzoo.report.material import Material

_ENOUGH = 0.98  # of the planned time: the last step and the rows end a little before the clock


@dataclass(frozen=True)
class Progress:
    """How far a run came. planned: images, None if only the time was limited. early: whether it ended before its plan."""

    images: int
    seconds: float
    planned: int | None
    early: bool

    @property
    def words(self) -> str:
        """A sentence."""
        time = f" in about {duration(self.seconds)}" if self.seconds else ""
        if not self.early:
            return f"It was trained on {self.images:,} images{time}, as planned."
        wanted = f" of {self.planned:,} planned" if self.planned is not None else ", less than the planned time"
        return f"It was trained on {self.images:,} images{wanted}{time}: it was interrupted, or is still training."


def progress(material: Material) -> Progress:
    """From the newest checkpoint, or, where none can be read, from the rows."""
    rows = material.metrics.rows
    try:
        images = material.run.images
    except Exception:
        images = int(rows[-1]["images"]) if rows else 0
    settings = material.section("settings")
    total, minutes = number(settings.get("images")), number(settings.get("minutes"))
    planned = int(total) if total is not None else DEFAULT_IMAGES if minutes is None else None
    seconds = seconds_of(rows)
    by_images = planned is not None and images >= planned
    by_time = minutes is not None and seconds >= _ENOUGH * 60 * minutes
    return Progress(images, seconds, planned, early=not (by_images or by_time))


def facts(material: Material) -> list[Block]:
    """What config.yaml, the checkpoint and the rows say."""
    document, far = material.document, progress(material)
    arch, data, settings = (material.section(name) for name in ("arch", "data", "settings"))
    found = data.get("spec")
    spec = found if isinstance(found, dict) else {}
    rows = [("architecture", f"{material.arch} of {arch.get('distribution')} {arch.get('version')}")]
    blocks: list[Block] = []
    try:
        record = find_arch(material.arch).record
        rows.append(("summary", record.summary))
        if record.paper:
            blocks.append(Link("Paper:", record.paper))
    except GanzooError as error:
        blocks.append(Text(str(error), "warning"))
    try:
        counts = parameter_counts(material.run.game)
        rows.append(("trained parameters", ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"))
        rows.append(("samples are drawn from", "averaged weights" if material.run.averaged else "the trained weights"))
    except Exception as error:
        blocks.append(Text(f"The run cannot be loaded: {error}", "warning"))
    rows += [
        ("data", _data_words(spec, data)),
        ("images", f"{far.images:,}" + (f" of {far.planned:,} planned" if far.planned is not None else "")),
        ("time", f"about {duration(far.seconds)}, by the rows' rates" if far.seconds else "unknown: no rows tell it"),
        ("ended", "before its plan: interrupted, or still training" if far.early else "as planned"),
        ("begun", str(document.get("begun"))),
        ("seed", str(settings.get("seed"))),
        ("device, precision", f"{settings.get('device')}, {settings.get('precision')}"),
        ("versions", f"ganzoo {document.get('ganzoo')}, torch {document.get('torch')}"),
        ("checkpoints", ", ".join(path.name for path in saved(material.folder.checkpoints)) or "none"),
    ]
    blocks.insert(0, Table("The run", ("what", "value"), tuple(rows)))
    blocks += _differences(material)
    blocks += [Text(note, "note") for note in (material.metrics.note, material.evaluations.note) if note]
    return blocks


def _data_words(spec: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    shape = "x".join(str(size) for size in spec.get("shape") or ()) or "of unknown shape"
    count = number(spec.get("count"))
    classes = f", {spec.get('classes')} classes" if spec.get("classes") else ""
    samples = f"{count:,.0f} samples" if count is not None else "endless"
    return f"{spec.get('name')}, {spec.get('modality')} {shape}, {samples}{classes}, digest {data.get('digest')}"


def _differences(material: Material) -> list[Block]:
    """The configuration where it differs from the default."""
    given = material.section("arch").get("config")
    given = given if isinstance(given, dict) else {}
    try:
        defaults: Mapping[str, Any] | None = configure(find_arch(material.arch)).model_dump(mode="json")
    except GanzooError:
        defaults = None  # its plugin is not here
    data = material.section("data").get("choice")
    own = {"data": data if isinstance(data, dict) else {}, "run": material.section("settings")}
    plain = {"data": DataChoice().model_dump(mode="json"), "run": TrainSettings().model_dump(mode="json")}
    rows = _changed(own, plain)
    if defaults is None:
        rows = [(name, _shown(value), "unknown") for name, value in _flat(given).items()] + rows
    else:
        rows = _changed(given, defaults) + rows
    if not rows:
        return [Text("The configuration is the default throughout.")]
    return [Table("Configuration that differs from the default", ("field", "value", "default"), tuple(rows))]


def _changed(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Fields that are given and differ; a field that is not there is younger than the run."""
    plain = _flat(defaults)
    return [
        (name, _shown(value), _shown(plain[name]) if name in plain else "not set")
        for name, value in _flat(given).items()
        if name not in plain or value != plain[name]
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _shown(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_shown(item)}" for name, item in value.items() if item not in (None, {}, []))
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def duration(seconds: float) -> str:
    """A time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


_KNOWN = (
    "metric", "value", "interval", "extractor", "extractor_digest", "digest", "real", "fake", "made_of", "split", "size", "resize",
    "seed", "images", "ema", "seconds",
)  # fmt: skip
MOST_ROWS, MOST_COLUMNS = 200, 40
DIGITS = 12  # of a digest


def evaluations(material: Material) -> list[Block]:
    """The table of evaluations.jsonl.

    Raises:
        LeftOut: it is not there, or holds nothing.
    """
    rows = material.evaluations.rows
    if not rows:
        raise LeftOut(material.evaluations.why or "evaluations.jsonl holds no row that can be read")
    there = dict.fromkeys(key for row in rows for key in row)
    columns = [*(name for name in _KNOWN if name in there), *(key for key in there if key not in _KNOWN)][:MOST_COLUMNS]
    table = tuple(tuple(_figure(name, row.get(name)) for name in columns) for row in rows[-MOST_ROWS:])
    blocks: list[Block] = [Table("Figures, each with its protocol", tuple(columns), table)]
    if len(rows) > MOST_ROWS:
        blocks.append(Text(f"{len(rows) - MOST_ROWS:,} earlier rows are left out; evaluations.jsonl has them.", "note"))
    return blocks


def _figure(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "interval" and isinstance(value, list) and len(value) == 2:
        return " to ".join(_figure("", end) for end in value)
    if name.endswith("digest") and isinstance(value, str):
        return value[:DIGITS]
    if isinstance(value, int) and not isinstance(value, bool) and name != "seed":
        return f"{value:,}"
    return f"{value:.5g}" if isinstance(value, float) else _shown(value)
