"""What is measured and against what: a run, or a folder of samples; the reference that goes with it; and the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

import ganzoo
from ganzoo.config import Choice, validate
from ganzoo.data import DataChoice, Source, StoredImages, open_source
from ganzoo.data.arrays import read_arrays
from ganzoo.data.choice import height_width
from ganzoo.data.opening import held_out
from ganzoo.errors import UsageError
from ganzoo.evaluation.samples import Samples, from_source, generated
from ganzoo.models import Game
from ganzoo.runs import Run, load

MOST = 10_000  # samples of each side, where no number is given
DRAWN = 2_500  # of each side, from a distribution without end: as in the papers on mixtures


@dataclass
class Subject:
    """What is measured.

    Args:
        fake, real, train: as for `Material`.
        protocol: what every row says.
        run: the run, if it is one.
    """

    fake: Samples
    real: Samples
    train: Samples | None
    protocol: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None

    @property
    def game(self) -> Game | None:
        """The model, in evaluation mode."""
        return self.run.game if self.run is not None else None


@dataclass(frozen=True)
class Wanted:
    """What the user said about the samples.

    Args:
        reference: data that samples are held against; None: the held-out part of the run's data, or all of it.
        fake, real: numbers of samples; None: as many as there are, at most 10,000.
        size: pixels that pictures of both sides are brought to.
        seed: of the samples. weights: ema or raw. checkpoint: newest or best.
        sampling: options of the architecture's `sample`, such as truncation.
        of: samples, or reconstructions of the held-out data through a model that has a code of it.
    """

    reference: str | None = None
    fake: int | None = None
    real: int | None = None
    size: str | None = None
    seed: int = 0
    weights: str = "ema"
    checkpoint: str = "newest"
    sampling: Mapping[str, Any] = field(default_factory=dict)
    of: Literal["samples", "reconstructions"] = "samples"


def open_subject(
    place: str | Path, wanted: Wanted, say: Callable[[str], None], progress: Callable[[str, int, int], None]
) -> Subject:
    """A run's samples, or those of a folder or file, with what they are held against.

    Raises:
        UsageError: the place, the reference or a number does not fit; the message says what was given and what would.
        GanzooError: the run cannot be loaded.
    """
    if wanted.fake is not None and wanted.fake < 2:
        raise UsageError(f"{wanted.fake} samples are too few to measure: wanted 2 or more")
    if (Path(place) / "config.yaml").is_file():
        return _run(Path(place), wanted, say, progress)
    return _files(str(place), wanted, say, progress)


def _run(
    folder: Path, wanted: Wanted, say: Callable[[str], None], progress: Callable[[str, int, int], None]
) -> Subject:
    run = load(folder, weights=wanted.weights, checkpoint_of=wanted.checkpoint)
    stored = (run.config.get("data") or {}).get("choice") or {}
    choice = validate(DataChoice, stored, f"{folder}/config.yaml: data")
    size = wanted.size or (f"{run.spec.shape[1]}x{run.spec.shape[2]}" if run.spec.modality == "image" else None)
    reading = _Reading(run.spec.modality, size, say, progress)
    train, real = reading.pair(choice, wanted)
    count = wanted.fake if wanted.fake is not None else len(real)
    progress("samples", 0, count)
    fake, made_of = _made(run, real, train, count, wanted)
    progress("samples", count, count)
    if fake.pictures and fake.x.shape[1:] != real.x.shape[1:]:
        fake = reading.resized(fake)
    protocol = {
        **_common(real, reading, wanted),
        "run": str(folder),
        "made_of": made_of,
        "arch": run.arch,
        "images": run.images,
        "ema": run.averaged,
        "sampling": sampling_text(wanted.sampling),
        "batch_norm": "running averages",
    }
    return Subject(fake, real, train, protocol, run)


def _made(run: Run, real: Samples, train: Samples | None, count: int, wanted: Wanted) -> tuple[Samples, str | None]:
    """A run's samples, and of what they are made where it is not noise."""
    name, source, given, how = str(run.folder), real, None, ""
    labels = run.labels(count, wanted.seed)
    if wanted.of == "reconstructions":
        given, how, labels = real.x, "reconstructed", real.labels
    elif run.directions:
        source = real if real.second is not None or train is None else train
        given, how = source.second, run.directions[0]
    if given is None:
        x = run.sample(count, seed=wanted.seed, **wanted.sampling)
        return generated(x, labels, (-1.0, 1.0), name), None
    if wanted.sampling:
        raise UsageError(f"what is measured of {name} is made of {source.name}, and options of sampling have no effect")
    if wanted.fake is None:
        count = min(count, len(given))
    elif count > len(given):
        raise UsageError(f"{count:,} samples are wanted, and they are made of {source.name}, which has {len(given):,}")
    x = (run.reconstruct if how == "reconstructed" else run.translate)(given[:count], seed=wanted.seed)
    return generated(x, None if labels is None else labels[:count], (-1.0, 1.0), name), f"{source.name}, {how}"


def sampling_text(options: Mapping[str, Any]) -> str | None:
    """Options of sampling for a protocol: truncation=0.5."""
    return ", ".join(f"{name}={value}" for name, value in sorted(options.items())) or None


def _files(
    place: str, wanted: Wanted, say: Callable[[str], None], progress: Callable[[str, int, int], None]
) -> Subject:
    if wanted.reference is None:
        raise UsageError(f"{place} is no run: say with --reference what its samples are held against")
    if wanted.of != "samples":
        raise UsageError(f"{place} is no run: only a run has {wanted.of}")
    if not Path(place).exists():
        raise UsageError(
            f"{place} does not exist; wanted the folder of a run, a folder of pictures, .npz, .npy or .csv"
        )
    modality = _modality(Path(place))
    reading = _Reading(modality, wanted.size, say, progress)
    source = reading.open(DataChoice(path=place))
    count = min(len(source), MOST) if wanted.fake is None else wanted.fake
    fake = from_source(source, count, "generated", lambda done, all_: progress("samples", done, all_))
    if wanted.size is None and fake.pictures:
        reading.size = f"{fake.x.shape[2]}x{fake.x.shape[3]}"
    real = reading.samples(DataChoice(path=wanted.reference), wanted.real, "")
    if fake.x.shape[1:] != real.x.shape[1:]:
        raise UsageError(
            f"{place} holds samples of shape {tuple(fake.x.shape[1:])} and {wanted.reference} of {tuple(real.x.shape[1:])}: "
            "grey and colour, or points of other dimensions, cannot be compared"
        )
    protocol = {
        **_common(real, reading, wanted),
        "run": place,
        "made_of": None,
        "arch": None,
        "images": None,
        "ema": None,
        "sampling": sampling_text(wanted.sampling),
        "batch_norm": None,
        "seed": None,
    }
    return Subject(fake, real, None, protocol)


def _modality(place: Path) -> str:
    """Points in tables and in arrays of (N, F), else pictures."""
    ending = place.suffix.lower()
    if ending in (".csv", ".tsv"):
        return "points"
    return read_arrays(place).spec.modality if place.is_file() and ending in (".npz", ".npy") else "image"


class _Reading:
    """Opens data at one size, and tells of it."""

    def __init__(
        self, modality: str, size: str | None, say: Callable[[str], None], progress: Callable[[str, int, int], None]
    ) -> None:
        self.modality, self.size = modality, size
        self._say, self._progress = say, progress

    def open(self, choice: DataChoice) -> Source:
        """The source at that size."""
        values = choice.model_dump() | ({"size": self.size} if self.size else {})
        return open_source(
            validate(DataChoice, values, "data"),
            modality=self.modality,
            report=self._say,
            progress=lambda done, total: self._progress("reading pictures", done, total),
        )

    def samples(self, choice: DataChoice, count: int | None, split: str) -> Samples:
        """Samples of it, at most MOST where no number is given."""
        source = self.open(choice)
        number = count if count is not None else (DRAWN if source.endless else min(len(source), MOST))
        return from_source(source, number, split, lambda done, total: self._progress("reading", done, total))

    def pair(self, choice: DataChoice, wanted: Wanted) -> tuple[Samples | None, Samples]:
        """What the model was trained on, and what its samples are held against."""
        train = None
        if self.modality == "image" or not self.open(choice).endless:
            train = self.samples(choice, None, "train")
        if wanted.reference is not None:
            return train, self.samples(DataChoice(path=wanted.reference), wanted.real, "")
        apart = held_out(choice)
        if apart is not None:
            return train, self.samples(apart, wanted.real, "test")
        if train is not None:
            self._say("no part of the data was held out: samples are held against what the model was trained on")
        return train, self.samples(choice, wanted.real, "train")

    def resized(self, fake: Samples) -> Samples:
        """Fake pictures brought to the size of the real ones, as the data's own were."""
        size = height_width(self.size)
        assert size is not None
        stored = StoredImages(fake.x.permute(0, 2, 3, 1).numpy(), name=fake.name).at(size)
        whole = from_source(stored, None, "generated", lambda done, total: None)
        return replace(fake, x=whole.x)


def _common(real: Samples, reading: _Reading, wanted: Wanted) -> dict[str, Any]:
    return {
        "reference": real.name,
        "reference_digest": real.digest,
        "split": real.split or None,
        "size": reading.size,
        "resize": "antialiased, rounded to bytes" if real.pictures else None,
        "precision": "float64 from float32 features",
        "seed": wanted.seed,
        "ganzoo": ganzoo.__version__,
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
    }


def choices_of(metrics: str | None, assignments: Mapping[str, Mapping[str, Any]]) -> list[Choice] | None:
    """Metrics from their names with commas between, and options by metric."""
    if metrics is None:
        return None
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise UsageError("--metrics is empty: wanted names with commas between, such as fd,kid,prdc")
    unused = set(assignments) - set(names)
    if unused:
        raise UsageError(f"--set {sorted(unused)[0]}....: that metric is not among --metrics {metrics}")
    return [Choice(name=name, options=dict(assignments.get(name, {}))) for name in dict.fromkeys(names)]
