"""The kinds of component that a project can bring, and where each one's code stands. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Args:
        name: for `--kind`.
        record: its record's class in ganzoo.plugin.
        target: the name in its module that the record names.
        summary: of the component that the templates hold, one line.
        needs: distributions besides ganzoo that its code imports, of those in `REQUIREMENTS`.
    """

    name: str
    record: str
    target: str
    summary: str
    needs: tuple[str, ...] = ("torch",)

    @property
    def module(self) -> str:
        """Its module in the package, and its test without `test_`."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """In a sentence."""
        return self.name.replace("-", " ")


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("architecture", "Arch", "build", "A small convolutional GAN for pictures"),
        Kind("loss", "Loss", "SquaredHinge", "Squared hinge loss with a margin"),
        Kind("penalty", "Penalty", "BothEnds", "Gradient norm of 1 at real and at fake samples"),
        Kind("augmentation", "Augmentation", "Brightness", "Brightness, by chance, a shift for each sample"),
        Kind("data-set", "Dataset", "shapes", "Grey pictures of a disc or a square", ("numpy",)),
        Kind("metric", "Metric", "energy_distance", "Energy distance of the features"),
        Kind("feature-extractor", "FeatureExtractor", "Spectrum", "The spectrum of a picture in 16 rings"),
        Kind("tracker", "Tracker", "CsvTracker", "Every measurement of a run in measurements.csv", ()),
    )
}
DEFAULT = "architecture"
ANY_ARCHITECTURE = "dcgan"  # in command lines of a project that brings none

# Bounds of what a project's code imports itself: ganzoo's own.
REQUIREMENTS = {"numpy": "numpy>=1.26", "torch": "torch>=2.11"}


def in_order(names: Iterable[str]) -> list[Kind]:
    """The kinds of these names, each once, in the order of the table; the default one if there is no name."""
    wanted = set(names) or {DEFAULT}
    return [kind for name, kind in KINDS.items() if name in wanted]


def component_names(name: str, kinds: Sequence[Kind]) -> dict[str, str]:
    """What the components of a plugin are called, by kind: the first as the plugin, each further one with its kind added, so
    that no two have one id."""
    return {kind.name: f"{name}-{kind.name}" if position else name for position, kind in enumerate(kinds)}


def command(plugin: str, names: Mapping[str, str]) -> str | None:
    """A command line that uses a plugin's components, given by kind; None for kinds that no command uses yet."""
    options = {"loss": "loss", "penalty": "penalty", "augmentation": "augment"}
    if not names.keys() & {"architecture", "data-set", "tracker", *options}:
        return None
    parts = [f"ganzoo train --arch {names.get('architecture', ANY_ARCHITECTURE)}"]
    if "data-set" in names:  # by its id: a folder of the bare name, such as the package, would be taken for the data
        parts.append(f"--data {plugin}/{names['data-set']}")
    parts += [f"--{option} {names[kind]}" for kind, option in options.items() if kind in names]
    if "tracker" in names:
        parts.append(f"""--set 'run.trackers=["jsonl", "console", "{names["tracker"]}"]'""")
    return " ".join([*parts, "--images 200k"])
