"""Fréchet distances of parts of the samples: class by class, and extrapolated from smaller numbers of samples.

Miyato and Koyama: "cGANs with Projection Discriminator" (2018), https://arxiv.org/abs/1802.05637: intra FID, the mean over
classes.
Chong and Forsyth: "Effectively Unbiased FID and Inception Score and Where to Find Them" (2020),
https://arxiv.org/abs/1911.07023: FID at N samples is nearly linear in 1/N, and its value at 1/N = 0 has no bias of N.

Shape letters: N real and M fake samples, F features, P points of the line.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ganzoo.metrics.frechet import frechet_between, frechet_distance, moments
from ganzoo.metrics.samples import at_least_one, checked


def intra_frechet(real: Tensor, fake: Tensor, real_labels: Tensor, fake_labels: Tensor) -> float:
    """The mean over classes of the Fréchet distance of the class's real and fake samples.

    With few samples a class it is far larger than the distance of all samples, even for equal distributions.

    Args:
        real, fake: (N, F) and (M, F).
        real_labels, fake_labels: (N,) and (M,), int64.

    Raises:
        ValueError: as for `frechet_by_class`.
    """
    distances = frechet_by_class(real, fake, real_labels, fake_labels)
    return sum(distances.values()) / len(distances)


def frechet_by_class(real: Tensor, fake: Tensor, real_labels: Tensor, fake_labels: Tensor) -> dict[int, float]:
    """The distance of each class, in the order of their numbers.

    Args:
        real, fake, real_labels, fake_labels: as for `intra_frechet`.

    Raises:
        ValueError: see `samples.checked`; labels that are no vector of whole numbers, one a sample; a class that only one set
            has, or that has fewer than 2 samples in one.
    """
    real_NF, fake_MF = checked(real=real, fake=fake)
    counts = [
        _counts(name, labels, len(x))
        for name, labels, x in (("real", real_labels, real_NF), ("fake", fake_labels, fake_MF))
    ]
    classes = sorted(counts[0].keys() | counts[1].keys())
    few = [label for label in classes if min(count.get(label, 0) for count in counts) < 2]
    if few:
        told = ", ".join(f"class {c} has {counts[0].get(c, 0)} real and {counts[1].get(c, 0)} fake" for c in few[:3])
        raise ValueError(
            f"{len(few)} of {len(classes)} classes have fewer than the 2 samples that a covariance needs: {told}"
            f"{', ...' if len(few) > 3 else ''}; draw more samples of them, or leave these classes out of both sets"
        )
    return {label: frechet_distance(real_NF[real_labels == label], fake_MF[fake_labels == label]) for label in classes}


def frechet_infinity(real: Tensor, fake: Tensor, *, points: int = 15, least: int | None = None, seed: int = 0) -> float:
    """The Fréchet distance that infinitely many fake samples would have: the intercept of a line over 1/N.

    The line is fitted by least squares to the distances of random subsets of the fake samples, each drawn without replacement,
    whose sizes lie evenly between `least` and all. The bias of the real samples' number stays. It may fall below 0.

    Args:
        real, fake: (N, F) and (M, F).
        points: how many subsets.
        least: fake samples of the smallest; None: a tenth of all, as 5,000 of 50,000 in the paper.
        seed: of the draws.

    Raises:
        ValueError: see `samples.checked`; fewer than 2 points; sizes that do not differ, or below 2.
    """
    sizes, values = frechet_line(real, fake, points=points, least=least, seed=seed)
    inverse_P = 1 / np.array(sizes, dtype=np.float64)
    value_P = np.array(values, dtype=np.float64)
    off_P = inverse_P - inverse_P.mean()
    slope = float((off_P * (value_P - value_P.mean())).sum() / np.square(off_P).sum())
    return float(value_P.mean() - slope * inverse_P.mean())


def frechet_line(
    real: Tensor, fake: Tensor, *, points: int = 15, least: int | None = None, seed: int = 0
) -> tuple[list[int], list[float]]:
    """Numbers of fake samples, rising, and the distance at each: for a plot of what `frechet_infinity` extrapolates.

    Args, Raises: as for `frechet_infinity`.
    """
    real_NF, fake_MF = checked(real=real, fake=fake, least=2)
    at_least_one("points", points)
    least = max(2, len(fake_MF) // 10) if least is None else least
    sizes = np.linspace(least, len(fake_MF), points).round().astype(np.int64).tolist()
    if points < 2 or least < 2 or any(a >= b for a, b in pairwise(sizes)):
        raise ValueError(
            f"{points} numbers of samples from {least} to {len(fake_MF)} are wanted, from 2 up and no two the same; "
            "draw more fake samples, or choose fewer points"
        )
    chance = np.random.RandomState(seed)
    reference = moments(real_NF)
    values = []
    for size in sizes:
        chosen = torch.from_numpy(chance.choice(len(fake_MF), size, replace=False)).to(fake_MF.device)
        values.append(frechet_between(reference, moments(fake_MF[chosen])))
    return sizes, values


def _counts(name: str, labels: Tensor, samples: int) -> dict[int, int]:
    """Samples of each class."""
    if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"{name} labels must be a vector of whole numbers, got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    if len(labels) != samples:
        raise ValueError(f"there are {len(labels)} {name} labels for {samples} {name} samples")
    found, counts = torch.unique(labels, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
