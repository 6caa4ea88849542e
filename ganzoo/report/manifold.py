"""Real and fake samples as clouds: precision and recall over features, drawn in two principal components, and points as they are.

Kynkäänniemi, Karras, Laine, Lehtinen, Aila: Improved Precision and Recall Metric for Assessing Generative Models, 2019,
1904.06991. Samples are counted in all features; the plane is for the eye alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.metrics import kth_neighbour, within
from ganzoo.report.blocks import Block, Chart, LeftOut, Text
from ganzoo.report.charts import frame
from ganzoo.report.material import Features, Material
from ganzoo.report.svg import Axis, Drawing

K = 3  # the paper's neighbours
SIDE, MARGIN, TOP = 520, 52, 40  # pixels
WHOLE = 0.005  # share of outermost samples at each end that may lie outside the picture


@dataclass(frozen=True)
class Overlap:
    """How two sets lie to each other.

    Args:
        fake_inside: which fakes lie among the real ones.
        real_inside: which real samples lie among the fakes.
        halves: share of one half of the real samples that lies among the other half: what a perfect model could reach
            with half as many samples.
    """

    fake_inside: Tensor
    real_inside: Tensor
    halves: float

    @property
    def precision(self) -> float:
        """Share of the fakes that lie among the real samples."""
        return float(self.fake_inside.double().mean())

    @property
    def recall(self) -> float:
        """Share of the real samples that lie among the fakes."""
        return float(self.real_inside.double().mean())


def overlap(features: Features, k: int = K) -> Overlap:
    """Which samples lie in a ball of the other set: around a sample, as far as its k-th nearest of its own set.

    Raises:
        LeftOut: there are too few samples.
    """
    real, fake = features.real, features.fake
    if min(len(real) // 2, len(fake)) <= k:
        raise LeftOut(f"{len(real)} real and {len(fake)} fake samples are too few to have {k} neighbours")
    one, other = real[::2], real[1::2]
    return Overlap(
        within(real, kth_neighbour(real, k), fake).balls_M > 0,
        within(fake, kth_neighbour(fake, k), real).balls_M > 0,
        float((within(one, kth_neighbour(one, k), other).balls_M > 0).double().mean()),
    )


def principal_plane(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """Both sets in the two directions in which the real samples vary most, (N, 2) each, and these directions' shares of all.

    A direction's sign is chosen, since it has none: its largest coordinate is positive.
    """
    centre = real.double().mean(0)
    centred = real.double() - centre
    if centred.shape[1] <= len(centred):
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        directions = vectors[:, -2:].flip(1)
    else:  # fewer samples than features: the same directions from the smaller matrix
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        directions = torch.nn.functional.normalize(centred.T @ vectors[:, -2:].flip(1), dim=0)
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    whole = float(values.clamp_min(0).sum()) or 1.0
    shares = (float(values[-1]) / whole, float(values[-2]) / whole)
    return centred @ directions, (fake.double() - centre) @ directions, shares


def found_overlap(material: Material) -> Overlap:
    """The overlap of a report's samples, counted once."""
    return material.once("overlap", lambda: overlap(material.features))


def plane(material: Material) -> list[Block]:
    """Precision and recall, and the map of features.

    Raises:
        LeftOut: points in the plane are their own map; there are too few samples.
    """
    features = material.features
    if features.real.shape[1] <= 2:
        raise LeftOut(
            "the samples are points in the plane, which the picture of real and fake points shows as they are"
        )
    found = found_overlap(material)
    real, fake, shares = principal_plane(features.real, features.fake)
    title = f"Real and fake samples, {features.name} features" if material.is_pictures else "Real and fake samples"
    axes = (f"first principal component, {shares[0]:.0%} of the variance", f"second, {shares[1]:.0%}")
    return [
        Text(_words(found, features)),
        cloud(title, axes, real, fake, found.fake_inside),
        Text(
            "Counted in all features; of them the map shows two directions, in which a sample may seem to lie among others "
            "and does not. A generator that makes one good sample over and over has high precision and low recall.",
            "note",
        ),
    ]


def points(material: Material) -> list[Block]:
    """Real and fake points in their first two coordinates.

    Raises:
        LeftOut: samples are pictures.
    """
    if material.run.spec.modality != "points":
        raise LeftOut(f"samples are of modality {material.run.spec.modality}, no points")
    features = material.features
    found = found_overlap(material)
    real, fake = (_two_columns(x) for x in (features.real, features.fake))
    return [
        Text(_words(found, features)),
        cloud("Real and fake points", ("first coordinate", "second coordinate"), real, fake, found.fake_inside),
    ]


def cloud(title: str, axes: tuple[str, str], real: Tensor, fake: Tensor, fake_inside: Tensor) -> Chart:
    """Both sets (N, 2) in a square; fakes that are not inside are crosses."""
    inside, outside = fake[fake_inside], fake[~fake_inside]
    about = f"{len(real)} real samples, {len(inside)} fake ones among them, {len(outside)} fake ones outside"
    drawing = Drawing(SIDE + MARGIN + 16, SIDE + TOP + 90, title, about)
    both = torch.cat([real, fake])
    both = both[both.isfinite().all(1)]
    if not len(both):
        raise LeftOut("no sample has finite features")
    low, high = (torch.quantile(both, share, dim=0) for share in (WHOLE, 1 - WHOLE))
    across = Axis([float(low[0]), float(high[0])], MARGIN, MARGIN + SIDE)
    up = Axis([float(low[1]), float(high[1])], TOP + SIDE, TOP)
    room = (high - low).clamp_min(1e-9) * 0.06
    across.fixed(float(low[0] - room[0]), float(high[0] + room[0]))
    up.fixed(float(low[1] - room[1]), float(high[1] + room[1]))
    drawing.text(MARGIN, 18, title, kind="title")
    drawing.text(MARGIN, 34, f"up: {axes[1]}")
    frame(drawing, across, up, axes[0])

    def places(samples: Tensor) -> list[tuple[float, float]]:
        at = [(across(x), up(y)) for x, y in samples.tolist() if x == x and y == y]
        return [(x, y) for x, y in at if MARGIN <= x <= MARGIN + SIDE and TOP <= y <= TOP + SIDE]

    drawing.dots(places(real), 5, 0.55)
    drawing.dots(places(inside), 0, 0.75)
    drawing.crosses(places(outside), 3)
    entries = [("real", 5, "dots"), ("fake, among the real ones", 0, "dots"), ("fake, outside", 3, "crosses")]
    return Chart(drawing.finish(drawing.legend(MARGIN, TOP + SIDE + 56, entries, SIDE)), about + ".")


def _words(found: Overlap, features: Features) -> str:
    return (
        f"In {features.name} {'' if features.name == 'coordinates' else 'features '}"
        f"{found.precision:.0%} of {len(features.fake):,} samples lie among the real ones (precision), and "
        f"{found.recall:.0%} of {len(features.real):,} real samples lie among the run's (recall). For comparison: of one half "
        f"of the real samples {found.halves:.0%} lie among the other half."
    )


def _two_columns(x: Tensor) -> Tensor:
    return x[:, :2].double() if x.shape[1] > 1 else torch.cat([x, torch.zeros_like(x)], dim=1).double()
