"""Has a model learnt its training samples by heart? Figures of how near to them its samples are.

Alaa, van Breugel, Saveliev, van der Schaar: "How Faithful is your Synthetic Data?" (2021), https://arxiv.org/abs/2102.08921:
authenticity.
Bai, Lin, Raffel, Kan: "On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a Large-scale
Competition" (2021), https://arxiv.org/abs/2106.03062: the memorisation-informed Fréchet distance (MiFID).
Meehan, Chaudhuri, Dasgupta: "A Non-Parametric Test to Detect Data-Copying in Generative Models" (2020),
https://arxiv.org/abs/2004.05675: C_T, here with one cell, the whole space.
Mann and Whitney: "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other", Annals of
Mathematical Statistics 18 (1947): the statistic U and its moments.

Each is about one extractor's features: a copy that is flipped or cropped may be far off in them.

Shape letters: N held-out real, M fake and T training samples, F features, n samples of a piece, k neighbours.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter

import torch
from torch import Tensor

from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.neighbours import distance_blocks
from ganzoo.metrics.samples import block_bytes, checked, directions, not_constant

SMALL = 1e-14  # keeps MiFID finite where every sample is a copy


def nearest_training(fake: Tensor, train: Tensor, *, k: int = 1, chunk: int | None = None) -> tuple[Tensor, Tensor]:
    """The nearest training samples of each fake one: their distances, float64 (M, k), rising, and numbers, int64 (M, k).

    Distances are those of the differences, not of a product: a copy is at 0.

    Args:
        fake, train: (M, F) and (T, F).
        k: how many.
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; fewer than k training samples, or a chunk below 1.
    """
    fake_MF, train_TF = checked(fake=fake, training=train)
    if not 1 <= k <= len(train_TF):
        raise ValueError(f"k is {k} and there are {len(train_TF)} training samples, wanted k of 1 to that number")
    return _nearest(fake_MF, train_TF, k, chunk)


def authenticity(fake: Tensor, train: Tensor, *, chunk: int | None = None) -> float:
    """The percentage of fake samples that are farther from their nearest training sample than that one is from the others.

    About 50 where fake and training samples are independent draws of one distribution, 0 where all are copies. Samples of
    no quality at all have 100.

    Args:
        fake, train: (M, F) and (T, F).
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; fewer than 2 training samples, or all of them the same; a chunk below 1.
    """
    fake_MF, train_TF = checked(fake=fake, training=train)
    if len(train_TF) < 2:
        raise ValueError(f"there are {len(train_TF)} training samples, wanted 2 or more: one has no neighbours")
    not_constant("training", train_TF)
    to_train_M1, which_M1 = _nearest(fake_MF, train_TF, 1, chunk)
    among_T1, _ = _nearest(train_TF, train_TF, 1, chunk)
    return 100 * float((to_train_M1 > among_T1[which_M1[:, 0]]).double().mean())


def mifid(real: Tensor, fake: Tensor, train: Tensor, *, threshold: float = 0.1, chunk: int | None = None) -> float:
    """The Fréchet distance of real and fake samples over the mean cosine distance of fake samples to the training ones.

    The cosine distance of a sample is the least 1 - |cos| to a training sample. Where their mean reaches the threshold
    nothing is divided: the model is not taken to copy. With `train` the same as `real` it is the competition's figure.

    Args:
        real, fake, train: (N, F), (M, F) and (T, F).
        threshold: it depends on the extractor; 0.1 is the competition's for Inception's 2,048 features.
        chunk: rows of cosines at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; fewer than 2 real or fake samples; a sample whose features are all 0; a chunk below 1.
    """
    _, fake_MF, train_TF = checked(real=real, fake=fake, training=train)
    fake_MF, train_TF = directions("fake", fake_MF), directions("training", train_TF)
    rows = max(1, block_bytes(chunk, len(train_TF)) // (8 * len(train_TF)))
    nearest_M = torch.empty(len(fake_MF), dtype=torch.float64, device=fake_MF.device)
    for first in range(0, len(fake_MF), rows):
        cosine_nT = fake_MF[first : first + rows] @ train_TF.T
        nearest_M[first : first + rows] = cosine_nT.abs_().amax(1)
    distance = float((1 - nearest_M).clamp_min(0).mean())
    figure = frechet_distance(real, fake)
    return figure / (distance + SMALL) if distance < threshold else figure


def copying(real: Tensor, fake: Tensor, train: Tensor, *, chunk: int | None = None) -> float:
    """Mann and Whitney's Z of the distances to the nearest training sample, of fake against held-out samples.

    Around 0, with a spread of 1, where fake samples are as near to the training samples as held-out ones are; far below 0
    where they are nearer, which is copying; far above where they are farther, which is poor fit.

    Args:
        real: held-out samples, (N, F), which the model was not trained on.
        fake, train: (M, F) and (T, F).
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; distances that are all the same, of which there is no order; a chunk below 1.
    """
    real_NF, fake_MF, train_TF = checked(real=real, fake=fake, training=train)
    held_N, fake_M = (_nearest(x, train_TF, 1, chunk)[0][:, 0] for x in (real_NF, fake_MF))
    return _mann_whitney(fake_M, held_N)


def duplicates(fake_pictures: Tensor, train_pictures: Tensor) -> dict[str, float]:
    """The share of fake pictures that equal a training picture, and of those that equal another fake one, bit for bit.

    Found by SHA-256: the time is linear in the number of pictures, and no pixels are copied.

    Args:
        fake_pictures, train_pictures: uint8, (M, C, H, W) and (T, C, H, W), of one shape a picture.

    Returns:
        duplicates, of the training pictures, and repeats, of fake ones, in 0..1.

    Raises:
        ValueError: no uint8, other dimensions, no pictures, or of different shapes.
    """
    for name, pictures in (("fake", fake_pictures), ("training", train_pictures)):
        if pictures.dtype != torch.uint8 or pictures.ndim != 4:
            raise ValueError(
                f"{name} pictures must be uint8 [pictures, channels, height, width], got {pictures.dtype} of shape "
                f"{tuple(pictures.shape)}; equality is that of the bytes that are saved"
            )
        if 0 in pictures.shape:
            raise ValueError(f"there are no {name} pictures: shape {tuple(pictures.shape)}")
    if fake_pictures.shape[1:] != train_pictures.shape[1:]:
        raise ValueError(
            f"fake pictures are {tuple(fake_pictures.shape[1:])} and training ones {tuple(train_pictures.shape[1:])}; "
            "compare them as the model sees them, in one size"
        )
    fakes, seen = _digests(fake_pictures), set(_digests(train_pictures))
    counts = Counter(fakes)
    return {
        "duplicates": sum(digest in seen for digest in fakes) / len(fakes),
        "repeats": sum(counts[digest] > 1 for digest in fakes) / len(fakes),
    }


def _nearest(x_NF: Tensor, train_TF: Tensor, k: int, chunk: int | None) -> tuple[Tensor, Tensor]:
    """Distances and numbers of the k nearest, (N, k); of the training samples themselves without each one itself."""
    memory = block_bytes(chunk, len(train_TF))
    distance_Nk = torch.empty(len(x_NF), k, dtype=torch.float64, device=x_NF.device)
    number_Nk = torch.empty(len(x_NF), k, dtype=torch.int64, device=x_NF.device)
    for first, d_nT in distance_blocks(x_NF, train_TF, memory=memory):
        if x_NF is train_TF:
            d_nT.diagonal(first).fill_(float("inf"))
        number_nk = d_nT.topk(k, dim=1, largest=False).indices
        exact_nk = torch.stack(  # one neighbour at a time: (n, F) of memory
            [
                torch.linalg.vector_norm(x_NF[first : first + len(d_nT)] - train_TF[number_nk[:, j]], dim=1)
                for j in range(k)
            ],
            dim=1,
        )
        rows = slice(first, first + len(d_nT))
        distance_Nk[rows], order_nk = exact_nk.sort(dim=1, stable=True)
        number_Nk[rows] = number_nk.gather(1, order_nk)
    return distance_Nk, number_Nk


def _mann_whitney(x_M: Tensor, y_N: Tensor) -> float:
    """Z of how often x is larger than y: 0 where it is in half of all pairs. Ties count half, and lower the variance."""
    m, n = len(x_M), len(y_N)
    sorted_N = y_N.sort().values
    below_M = torch.searchsorted(sorted_N, x_M, right=False)
    not_above_M = torch.searchsorted(sorted_N, x_M, right=True)
    u = float((below_M + not_above_M).sum()) / 2
    ties = torch.unique(torch.cat((x_M, y_N)), return_counts=True)[1].double()
    size = m + n
    variance = m * n / 12 * (size + 1 - float((ties**3 - ties).sum()) / (size * (size - 1)))
    if variance <= 1e-9 * m * n:
        raise ValueError(
            f"all {size} distances to the training samples are the same, so that there is no order of them; look for copies "
            "in all sets, or features that are constant"
        )
    return (u - m * n / 2) / math.sqrt(variance)


def _digests(pictures_NCHW: Tensor) -> list[bytes]:
    rows = pictures_NCHW.detach().cpu().contiguous().flatten(1).numpy()
    return [hashlib.sha256(memoryview(row)).digest() for row in rows]
