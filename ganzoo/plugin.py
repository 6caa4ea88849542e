"""The plugin contract: frozen records and the hooks that answer with them.

A plugin is a distribution with an entry point in the group `ganzoo`. The entry point names a light module, which imports
no torch and whose hook implementations yield records. A record says what a reader needs to choose; the code behind it is
its `target`, a "module:attribute" string that is imported when the component is first used.
This module needs the standard library and pluggy only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

import pluggy

ENTRY_POINT_GROUP = "ganzoo"

hookspec = pluggy.HookspecMarker("ganzoo")
hookimpl = pluggy.HookimplMarker("ganzoo")

NAME_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET_PATTERN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
SUMMARY_LENGTH = 72  # characters: a summary and a name share one line of 80 columns in most tables


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every component tells about itself.

    Args:
        name: lower-case letters and digits in groups joined by hyphens; unique within its plugin.
        target: "module:attribute" of the factory.
        summary: one line of at most 72 characters.
        paper: address of the paper or the definition, empty if there is none.
        year: of the paper.
        licence: SPDX identifier of the code behind `target`.

    Raises:
        ValueError: a field breaks these rules; the message names the record and the field.
    """

    kind: ClassVar[str] = "component"

    name: str
    target: str
    summary: str
    paper: str = ""
    year: int | None = None
    licence: str = ""

    def __post_init__(self) -> None:
        where = f"{self.kind} {self.name!r}"
        for item in fields(self):
            if item.type == "str" and not isinstance(getattr(self, item.name), str):
                raise ValueError(f"{where}: {item.name} is {getattr(self, item.name)!r}, wanted a string")
        if not NAME_PATTERN.fullmatch(self.name):
            raise ValueError(f"{where}: a name is lower-case letters and digits joined by single hyphens, like wgan-gp")
        if not _TARGET_PATTERN.fullmatch(self.target):
            raise ValueError(f'{where}: target is {self.target!r}, wanted "module:attribute"')
        if not self.summary or "\n" in self.summary or len(self.summary) > SUMMARY_LENGTH:
            raise ValueError(
                f"{where}: summary has {len(self.summary)} characters, wanted one line of 1 to {SUMMARY_LENGTH}"
            )
        if self.year is not None and not (isinstance(self.year, int) and 1900 <= self.year <= 2100):
            raise ValueError(f"{where}: year is {self.year!r}, wanted a year such as 2014")


SECOND: Mapping[str, str] = {"pairs": "source", "domains": "other"}
"""What the second picture of a batch is called, by layout: `source`, of which x is to be made, or `other`, a picture of another
domain, which has nothing to do with x."""


@dataclass(frozen=True, kw_only=True)
class Arch(Record):
    """An architecture: `target` is `build(config, data) -> Game`, whose first parameter is annotated with its config class.

    Args:
        modality: of the samples: image, points, text, audio, video, table or series.
        layout: of a batch: samples, x alone; pairs or domains, with a second picture (SECOND).
        conditional: whether it can be trained with class labels (perhaps by an option).
        resolution: default height of the samples in pixels; None where samples have none.
        channels: of the samples that the reference is trained on; `parameters` are counted for these.
        parameters: trainable parameters by network in the default configuration, counted as the reference counts them.
        presets: named sets of assignments "field=value", for `--preset`; "data.size=32" is about the data. "tiny" is the smallest configuration that still has
            the architecture's whole structure: what `ganzoo check` builds. Without it checks take the default with a batch of 8.
        tags: further words to find it by.
    """

    kind: ClassVar[str] = "architecture"

    modality: str = "image"
    layout: str = "samples"
    conditional: bool = False
    resolution: int | None = None
    channels: int = 3
    parameters: Mapping[str, int] = field(default_factory=dict, hash=False)
    presets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Loss(Record):
    """An adversarial loss: `target` is a class whose keyword arguments are its options (objectives.Loss).

    Args:
        needs_real: the generator's side needs the scores of real samples.
        separates: the loss of a batch is the mean over its samples, so that processes can each take a part of it.
        equilibrium: the discriminator's loss, at the default options, where real and fake samples have one and the same
            score and that score is the best one; None: unknown.
    """

    kind: ClassVar[str] = "loss"

    needs_real: bool = False
    separates: bool = True
    equilibrium: float | None = None


PLAYERS = ("discriminator", "generator")
NEEDS = ("features", "latent")


@dataclass(frozen=True, kw_only=True)
class Penalty(Record):
    """A further term of a player's objective, or a projection after the discriminator's update: `target` is a class whose
    keyword arguments are its options (objectives.Penalty).

    Args:
        weight: default weight of the term.
        interval: default number of steps from one evaluation to the next.
        separates: as for a loss.
        norm: norm of the critic's gradient by its input, everywhere the same, at which the term is 0 with the default options;
            None: the term is about something else.
        players: whose objective it is part of: "discriminator", "generator", or both.
        modality: of the samples that it makes sense for; empty: any.
        needs: what the networks must give: "features" of the discriminator's inner layers, or a "latent" of real numbers
            that the generator starts from.
    """

    kind: ClassVar[str] = "penalty"

    weight: float = 1.0
    interval: int = 1
    separates: bool = True
    norm: float | None = None
    players: tuple[str, ...] = ("discriminator",)
    modality: str = ""
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, given, known in (("players", self.players, PLAYERS), ("needs", self.needs, NEEDS)):
            unknown = [item for item in given if item not in known]
            if unknown or (name == "players" and not given):
                raise ValueError(f"penalty {self.name!r}: {name} has {unknown[:1]}, wanted some of {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class Augmentation(Record):
    """A change of samples, twice differentiable, the same for real and fake ones: `target` is a class whose keyword arguments
    are its options and whose objects are called with (x, draws). Shape, type, device and order in memory stay, and each sample
    is changed by itself. One that changes samples by chance has an option `p`, the probability, and changes nothing at 0."""

    kind: ClassVar[str] = "augmentation"

    modality: str = "image"


@dataclass(frozen=True, kw_only=True)
class Dataset(Record):
    """A data set: `target` is a function of its options that returns a data.Source.

    Args:
        modality, layout: as for an architecture.
        options: names of the keyword arguments that a user may give, with a line of help each. All have defaults.
    """

    kind: ClassVar[str] = "data set"

    modality: str = "image"
    layout: str = "samples"
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


INPUTS: Mapping[str, str] = {
    "real": "features of real samples, (N, F); of points the samples themselves",
    "fake": "features of the model's samples, (M, F)",
    "train": "features of samples that the model was trained on, (T, F)",
    "real_labels": "class indices, int64 (N,)",
    "fake_labels": "class indices that were asked for, int64 (M,)",
    "real_pictures": "uint8 (N, C, H, W)",
    "fake_pictures": "uint8 (M, C, H, W)",
    "train_pictures": "uint8 (T, C, H, W)",
    "real_probabilities": "class probabilities of the extractor, (N, K)",
    "fake_probabilities": "class probabilities of the extractor, (M, K)",
    "mixture": "what the data's modes are: metrics.Mixture",
    "extractor": "the feature extractor itself: metrics.Extractor",
    "game": "the model, in evaluation mode: models.Game",
}
"""What a metric may ask for."""


@dataclass(frozen=True, kw_only=True)
class Metric(Record):
    """A formula: `target` is a function whose first parameters are named as in `inputs`, and that returns a float, or a mapping
    with a float for each of `figures`, which stand alone in a report; one that ends in "-std" is a spread, without a direction. One that works in pieces has an option `chunk`, rows a piece, on which the figure does
    not depend; one that draws has an option `seed`. Else the order of samples makes no difference. No global chance is used, and
    samples that are not finite, too few, or do not fit together are a ValueError.

    Args:
        higher_is_better: direction of improvement.
        identity: the figure of a set against itself; None: it depends on the set.
        symmetric: the figure is the same with real and fake exchanged.
        inputs: what it takes, of INPUTS.
        figures: names of its figures, where it has several; all have the same direction.
        modality: of the samples; empty: any that has features.
        resampled: the figure of a random half of the samples says how sure that of all is; False where computing it again would
            take too long, or means something else.
    """

    kind: ClassVar[str] = "metric"

    higher_is_better: bool = False
    identity: float | None = None
    symmetric: bool = False
    inputs: tuple[str, ...] = ("real", "fake")
    figures: tuple[str, ...] = ()
    modality: str = ""
    resampled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.inputs if name not in INPUTS]
        if unknown:
            raise ValueError(f"metric {self.name!r}: inputs has {unknown[0]!r}, wanted names of {', '.join(INPUTS)}")


@dataclass(frozen=True, kw_only=True)
class FeatureExtractor(Record):
    """A map from samples to feature vectors: `target` is a class whose objects map pictures, uint8 (N, C, H, W), to features,
    float32 (N, F) on the CPU, each by itself, and have a `name` and a `digest` of their weights (metrics.Extractor).

    Args:
        modality: of the samples that it takes.
        width: number of features; None: it depends on the samples.
    """

    kind: ClassVar[str] = "feature extractor"

    modality: str = "image"
    width: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tracker(Record):
    """A place that a run's measurements are sent to: `target` is a class of tracking.Tracker."""

    kind: ClassVar[str] = "tracker"


class RunView(Protocol):
    """What a callback plugin is given of a run, before its first step."""

    @property
    def arch(self) -> str: ...
    @property
    def folder(self) -> Any: ...
    @property
    def game(self) -> Any: ...
    @property
    def reasons(self) -> Sequence[str]: ...


class Hooks:
    """The hook specifications. Each of the first eight answers with records; an answer may be a generator."""

    @hookspec
    def ganzoo_architectures(self) -> Iterable[Arch]:
        """Architectures that the plugin brings."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_losses(self) -> Iterable[Loss]:
        """Adversarial losses."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_penalties(self) -> Iterable[Penalty]:
        """Penalties and projections."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_augmentations(self) -> Iterable[Augmentation]:
        """Augmentations."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_datasets(self) -> Iterable[Dataset]:
        """Data sets."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_metrics(self) -> Iterable[Metric]:
        """Metrics."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_feature_extractors(self) -> Iterable[FeatureExtractor]:
        """Feature extractors."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_trackers(self) -> Iterable[Tracker]:
        """Trackers."""
        raise AssertionError("a specification, never called")

    @hookspec
    def ganzoo_callbacks(self, run: RunView) -> Iterable[Any]:
        """Callbacks for one run, tracking.Tracker objects; called once before its first step, on every process."""
        raise AssertionError("a specification, never called")


RECORD_HOOKS: Mapping[str, type[Record]] = {
    "ganzoo_architectures": Arch,
    "ganzoo_losses": Loss,
    "ganzoo_penalties": Penalty,
    "ganzoo_augmentations": Augmentation,
    "ganzoo_datasets": Dataset,
    "ganzoo_metrics": Metric,
    "ganzoo_feature_extractors": FeatureExtractor,
    "ganzoo_trackers": Tracker,
}
