"""How two sets lie in each other: the union of balls around samples stands for the manifold that they come from.

Kynkäänniemi, Karras, Laine, Lehtinen, Aila: "Improved Precision and Recall Metric for Assessing Generative Models" (2019),
https://arxiv.org/abs/1904.06991, equations 1 and 2: a point on a ball's edge is inside.
Naeem, Oh, Uh, Choi, Yoo: "Reliable Fidelity and Diversity Metrics for Generative Models" (2020),
https://arxiv.org/abs/2002.09797: density and coverage; a point on the edge is outside, as in their code.
Han, Choi, Choi, Kim, Ha, Choi: "Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized Images" (2022),
https://arxiv.org/abs/2206.08549.
Lopez-Paz and Oquab: "Revisiting Classifier Two-Sample Tests" (2017), https://arxiv.org/abs/1610.06545, with the classifier
that Xu et al. recommend in https://arxiv.org/abs/1806.07755: the nearest neighbour, leaving one out.

A ball's radius is the distance of its centre to its k-th nearest other sample. Distances that differ by round-off alone count
as equal, so that copies and ties fall on the side that the definition says, in pieces of any size.

Shape letters: N real and M fake samples, F features, n samples of a piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.metrics.neighbours import distance_blocks, kth_neighbour
from ganzoo.metrics.samples import block_bytes, checked, not_constant

EDGE = 1e-12  # of the largest squared length: squared distances nearer than this are equal; round-off is some 1e-15


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3, chunk: int | None = None) -> dict[str, float]:
    """The shares of fake samples on the real manifold, and of real ones on the fake.

    Args:
        real, fake: (N, F) and (M, F).
        k: the neighbour that a ball reaches to.
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Returns:
        precision and recall, in 0..1.

    Raises:
        ValueError: see `samples.checked`; not more than k samples in a set, real samples that are all the same, or a chunk
            below 1.
    """
    figures = prdc(real, fake, k=k, chunk=chunk)
    return {name: figures[name] for name in ("precision", "recall")}


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5, chunk: int | None = None) -> dict[str, float]:
    """How many real balls hold a fake sample, over k, and the share of real balls that hold one.

    Args:
        real, fake: (N, F) and (M, F); any number of fake ones.
        k, chunk: as for `precision_recall`.

    Returns:
        density, which is 1 on average for equal distributions and may be above; coverage, in 0..1.

    Raises:
        ValueError: as for `precision_recall`, but fake samples may be few.
    """
    real_NF, fake_MF = checked(real=real, fake=fake)
    not_constant("real", real_NF)
    radii_N = _radii("real", real_NF, k, chunk)
    inside_N = _moved(radii_N, -EDGE * _largest_square(real_NF, fake_MF))
    balls, held = 0, 0
    for first, d_nM in distance_blocks(real_NF, fake_MF, memory=block_bytes(chunk, len(fake_MF))):
        inside_nM = d_nM < inside_N[first : first + len(d_nM), None]
        balls += int(inside_nM.sum())
        held += int(inside_nM.any(1).sum())
    return {"density": balls / (k * len(fake_MF)), "coverage": held / len(real_NF)}


def prdc(real: Tensor, fake: Tensor, *, k: int = 5, chunk: int | None = None) -> dict[str, float]:
    """Precision, recall, density and coverage, with one k: each distance is computed once.

    Args:
        real, fake, k, chunk: as for `precision_recall`.

    Returns:
        precision, recall, density and coverage; all are 1 for a set and itself.

    Raises:
        ValueError: as for `precision_recall`.
    """
    real_NF, fake_MF = checked(real=real, fake=fake)
    not_constant("real", real_NF)
    radii_N, radii_M = _radii("real", real_NF, k, chunk), _radii("fake", fake_MF, k, chunk)
    edge = EDGE * _largest_square(real_NF, fake_MF)
    on_N, on_M, inside_N = _moved(radii_N, edge), _moved(radii_M, edge), _moved(radii_N, -edge)

    precise_M = torch.zeros(len(fake_MF), dtype=torch.bool, device=fake_MF.device)
    recalled = balls = held = 0
    for first, d_nM in distance_blocks(real_NF, fake_MF, memory=block_bytes(chunk, len(fake_MF))):
        rows = slice(first, first + len(d_nM))
        precise_M |= (d_nM < on_N[rows, None]).any(0)
        recalled += int((d_nM < on_M).any(1).sum())
        inside_nM = d_nM < inside_N[rows, None]
        balls += int(inside_nM.sum())
        held += int(inside_nM.any(1).sum())
    return {
        "precision": float(precise_M.double().mean()),
        "recall": recalled / len(real_NF),
        "density": balls / (k * len(fake_MF)),
        "coverage": held / len(real_NF),
    }


def rarity_scores(real: Tensor, fake: Tensor, *, k: int = 3, chunk: int | None = None) -> Tensor:
    """Of each fake sample the radius of the smallest real ball that holds it, (M,) in the features' unit.

    Outside the real manifold the score is not defined, and here NaN: what is like no real sample is no rare one.

    Args:
        real, fake, k, chunk: as for `precision_recall`; any number of fake samples.

    Raises:
        ValueError: as for `density_coverage`.
    """
    real_NF, fake_MF = checked(real=real, fake=fake)
    not_constant("real", real_NF)
    radii_N = _radii("real", real_NF, k, chunk)
    on_N = _moved(radii_N, EDGE * _largest_square(real_NF, fake_MF))
    score_M = torch.full((len(fake_MF),), float("inf"), dtype=torch.float64, device=fake_MF.device)
    for first, d_nM in distance_blocks(real_NF, fake_MF, memory=block_bytes(chunk, len(fake_MF))):
        rows = slice(first, first + len(d_nM))
        radius_nM = torch.where(d_nM < on_N[rows, None], radii_N[rows, None], float("inf"))
        score_M = torch.minimum(score_M, radius_nM.amin(0))
    return score_M.masked_fill(score_M.isinf(), float("nan"))


def rarity(real: Tensor, fake: Tensor, *, k: int = 3, chunk: int | None = None) -> dict[str, float]:
    """The mean rarity score of the fake samples for which it is defined, and the share of them.

    Args:
        real, fake, k, chunk: as for `rarity_scores`.

    Returns:
        rarity, the mean, in the features' unit: compare it for one set of real samples only; rarity-inside, the share in 0..1.

    Raises:
        ValueError: as for `rarity_scores`, and where no fake sample lies on the real manifold.
    """
    score_M = rarity_scores(real, fake, k=k, chunk=chunk)
    known = ~score_M.isnan()
    if not bool(known.any()):
        raise ValueError(
            f"none of {len(score_M)} fake samples lies on the real manifold (k={k}): no rarity score is defined"
        )
    return {"rarity": float(score_M[known].mean()), "rarity-inside": float(known.double().mean())}


def own_neighbours(real: Tensor, fake: Tensor, *, chunk: int | None = None) -> tuple[float, float]:
    """The shares of real and of fake samples whose nearest other sample is of their own set; equal distances count half.

    Args:
        real, fake: (N, F) and (M, F).
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; fewer than 2 samples in a set, or a chunk below 1.
    """
    real_NF, fake_MF = checked(real=real, fake=fake, least=2)
    edge = EDGE * _largest_square(real_NF, fake_MF)
    to_fake_N = torch.empty(len(real_NF), dtype=torch.float64, device=real_NF.device)
    to_real_M = torch.full((len(fake_MF),), float("inf"), dtype=torch.float64, device=fake_MF.device)
    for first, d_nM in distance_blocks(real_NF, fake_MF, memory=block_bytes(chunk, len(fake_MF))):
        to_fake_N[first : first + len(d_nM)] = d_nM.amin(1)
        to_real_M = torch.minimum(to_real_M, d_nM.amin(0))
    shares = []
    for x, to_other in ((real_NF, to_fake_N), (fake_MF, to_real_M)):
        nearer = to_other.square() - kth_neighbour(x, 1, memory=block_bytes(chunk, len(x))).square()
        own = (nearer > edge).double() + 0.5 * (nearer.abs() <= edge).double()
        shares.append(float(own.mean()))
    return shares[0], shares[1]


def two_sample_accuracy(real: Tensor, fake: Tensor, *, chunk: int | None = None) -> float:
    """How well the nearest neighbour tells which set a sample is of, leaving it out: 0.5 where nobody can, 1 where all can.

    The mean of the two sets' accuracies, so that unequal numbers of samples do not move what is ideal. Towards 0 samples are
    nearer to the other set than to their own: copies.

    Args:
        real, fake, chunk: as for `own_neighbours`.

    Raises:
        ValueError: as for `own_neighbours`.
    """
    return sum(own_neighbours(real, fake, chunk=chunk)) / 2


def _radii(name: str, x_NF: Tensor, k: int, chunk: int | None) -> Tensor:
    if not 1 <= k < len(x_NF):
        raise ValueError(
            f"k is {k} and there are {len(x_NF)} {name} samples: wanted k of 1 or more, and more samples than k"
        )
    return kth_neighbour(x_NF, k, memory=block_bytes(chunk, len(x_NF)))


def _largest_square(real_NF: Tensor, fake_MF: Tensor) -> float:
    """The largest squared length about the real samples' mean, to which a product's round-off is in proportion."""
    centre_F = real_NF.mean(0)
    return max(float((x - centre_F).square().sum(1).amax()) for x in (real_NF, fake_MF))


def _moved(radii_N: Tensor, by: float) -> Tensor:
    """Radii whose squares are larger by a number, or smaller: then "less than" has the edge inside, or outside."""
    return (radii_N.square() + by).clamp_min(0).sqrt()
