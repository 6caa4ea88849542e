"""What measurements mean: named troubles with their evidence and what to try. Pure functions of rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Row = Mapping[str, float]

IN_A_ROW = 3  # looks at which something has to hold before it is called by its name
SETTLED = 10_000  # images before which a generator is only beginning
LONG = 200_000  # images after which it no longer is
MEMORY = 200  # looks that are kept


@dataclass(frozen=True)
class Diagnosis:
    """A trouble of a run.

    Args:
        name: collapse, discriminator-won, discriminator-over-fits, divergence or memorising.
        evidence: the numbers that it is read from.
        suggestion: what to try.
    """

    name: str
    evidence: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.name.replace('-', ' ')}: {self.evidence}. {self.suggestion}"


class Doctor:
    """Keeps the last looks at a run and says what is wrong with it, each trouble once until it has gone."""

    def __init__(self) -> None:
        self._looks: deque[Row] = deque(maxlen=MEMORY)
        self._present: set[str] = set()

    def look(self, row: Row) -> tuple[list[Diagnosis], list[Diagnosis]]:
        """All troubles that the run has now, and those of them that are new.

        Args:
            row: images, and the measurements of this look by name, with the health's under "health.".
        """
        self._looks.append(row)
        found = [diagnosis for rule in RULES for diagnosis in rule(list(self._looks))]
        new = [diagnosis for diagnosis in found if diagnosis.name not in self._present]
        self._present = {diagnosis.name for diagnosis in found}
        return found, new


def collapse(looks: list[Row]) -> Iterator[Diagnosis]:
    """Samples of other latents are more alike than they were before, or are alike after a long time. In the beginning all
    are alike: that is no collapse."""
    values = _last(looks, "health.diversity")
    peak = max((look.get("health.diversity", 0.0) for look in looks[:-IN_A_ROW]), default=0.0)
    fell = values and max(values) < peak / 2 and peak >= 0.4
    if fell or (values and max(values) < 0.2 and looks[-1]["images"] >= LONG):
        yield Diagnosis(
            "collapse",
            f"generated samples are {values[-1]:.0%} as far apart as real ones"
            + (f", and were {peak:.0%}" if fell else ""),
            "Try a gradient penalty (--penalty r1), a lower learning rate, or minibatch statistics in the discriminator",
        )


def discriminator_won(looks: list[Row]) -> Iterator[Diagnosis]:
    """It tells every sample apart, by a wide margin that grows."""
    accuracy, margin = _last(looks, "health.accuracy"), _last(looks, "health.margin")
    settled = looks[-1]["images"] >= SETTLED
    if accuracy and margin and settled and min(accuracy) >= 0.99 and min(margin) >= WON_MARGIN:
        yield Diagnosis(
            "discriminator-won",
            f"it tells {accuracy[-1]:.0%} of samples apart, by {margin[-1]:.1f} standard deviations",
            "Try a lower rate for it (--set discriminator.lr=...), fewer of its updates, or a penalty (--penalty r1)",
        )


def discriminator_over_fits(looks: list[Row]) -> Iterator[Diagnosis]:
    """Real samples that it was not trained on score like generated ones."""
    values = _last(looks, "health.over-fit")
    if values and min(values) > 0.5 and looks[-1]["images"] >= SETTLED:
        yield Diagnosis(
            "discriminator-over-fits",
            f"held-out samples score {values[-1]:.0%} of the way from training samples to generated ones",
            "Try more data, an augmentation (--augment), a penalty (--penalty r1), or a smaller discriminator",
        )


def memorising(looks: list[Row]) -> Iterator[Diagnosis]:
    """Samples are nearer to training samples than held-out samples are, and not because they are all alike."""
    values, diversity = _last(looks, "health.nearest"), _last(looks, "health.diversity")
    if values and max(values) < 0.5 and (not diversity or min(diversity) > 0.4):
        yield Diagnosis(
            "memorising",
            f"generated samples are {values[-1]:.0%} as far from the nearest training sample as held-out ones",
            "Try more data, an augmentation (--augment), or an earlier checkpoint; ganzoo report shows the pairs",
        )


def divergence(looks: list[Row]) -> Iterator[Diagnosis]:
    """Gradients far beyond what they were, or figures that keep getting worse."""
    last = looks[-1]
    for name in [name for name in last if name.endswith("gradient norm")]:
        before = [look[name] for look in looks[:-IN_A_ROW] if name in look]
        now = _last(looks, name)
        if before and now and min(now) > max(HUGE, GROWTH * min(before)):
            yield Diagnosis(
                "divergence",
                f"{name} is {now[-1]:.3g}, and was {min(before):.3g}",
                "Try lower learning rates (--set run.cooldown=0.5), float32 (--precision float32), or a penalty",
            )
            return
    figures = [look["evaluation.fd"] for look in looks if "evaluation.fd" in look]
    if len(figures) > IN_A_ROW and min(figures[-IN_A_ROW:]) > 1.5 * min(figures):
        yield Diagnosis(
            "divergence",
            f"the Fréchet distance is {figures[-1]:.4g}, and was {min(figures):.4g}",
            "The best checkpoint is kept: ganzoo sample RUN --checkpoint best. Try a lower learning rate",
        )


HUGE, GROWTH = 1e4, 20.0  # of a gradient's norm: healthy ones are below 1,000, and move by a factor of 10
WON_MARGIN = 8.0  # standard deviations
RULES: tuple[Callable[[list[Row]], Iterator[Diagnosis]], ...] = (
    collapse,
    discriminator_won,
    discriminator_over_fits,
    divergence,
    memorising,
)


def _last(looks: list[Row], name: str) -> list[float]:
    """The values of the last looks; empty if one of them does not have it."""
    values = [look[name] for look in looks[-IN_A_ROW:] if name in look]
    return values if len(values) == IN_A_ROW else []
