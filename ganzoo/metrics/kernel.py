"""Distances of two sets by the mean of a kernel, or of a distance, over pairs of samples.

Gretton, Borgwardt, Rasch, Schölkopf, Smola: "A Kernel Two-Sample Test", JMLR 13 (2012): equation 3, the unbiased estimate of
the squared maximum mean discrepancy (MMD), and equation 5, the biased one.
Bińkowski, Sutherland, Arbel, Gretton: "Demystifying MMD GANs" (2018), https://arxiv.org/abs/1801.01401: KID.
Jayasumana et al.: "Rethinking FID: Towards a Better Evaluation Metric for Image Generation" (2024),
https://arxiv.org/abs/2401.09603: CMMD, which the paper takes over CLIP features.
Székely and Rizzo: "Energy statistics: a class of statistics based on distances", J. Statistical Planning and Inference 143
(2013), equation 5.

Sums over pairs are taken in float64, some rows at a time, so that memory does not grow with the number of pairs.

Shape letters: N and M samples, F features, n samples of a piece, S samples of a subset.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganzoo.metrics.neighbours import distance_blocks
from ganzoo.metrics.samples import at_least_one, block_bytes, checked, directions

ROWS = 64  # of kernel values at a time: with 1,000 columns they stay in the cache of a core


def kid(real: Tensor, fake: Tensor, *, subsets: int = 100, size: int = 1000, seed: int = 2020) -> dict[str, float]:
    """Kernel distance (KID over Inception features): the mean over random subsets of the unbiased MMD², and its spread.

    Subsets are drawn without replacement, each pair's fake samples first, by NumPy's frozen generator: with equal settings these
    are the subsets of torch-fidelity, whose first input is the fake samples.

    Args:
        real, fake: (N, F) and (M, F).
        subsets: how many pairs of subsets.
        size: samples of a subset.
        seed: of the draws.

    Returns:
        kid, the mean, which is 0 on average for equal distributions and may be below; kid-std, over subsets (not of the mean).

    Raises:
        ValueError: see `samples.checked`; fewer than `size` samples; subsets below 1, or a size below 2.
    """
    at_least_one("subsets", subsets)
    if size < 2:
        raise ValueError(f"size is {size}, wanted 2 samples a subset or more")
    real_NF, fake_MF = checked(real=real, fake=fake)
    for name, x in (("real", real_NF), ("fake", fake_MF)):
        if len(x) < size:
            raise ValueError(
                f"there are {len(x)} {name} samples, and subsets of {size} are wanted; draw more, or choose a smaller size"
            )
    chance = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        fake_SF, real_SF = (
            x[torch.from_numpy(chance.choice(len(x), size, replace=False)).to(x.device)] for x in (fake_MF, real_NF)
        )
        values.append(_unbiased(real_SF, fake_SF, ROWS))
    return {"kid": float(np.mean(values)), "kid-std": float(np.std(values))}


def kid_whole(real: Tensor, fake: Tensor, *, chunk: int = ROWS) -> float:
    """The same distance of the whole sets: no chance in it, and less variance; 0 on average for equal distributions.

    Args:
        real, fake: (N, F) and (M, F).
        chunk: rows of kernel values at a time.

    Raises:
        ValueError: see `samples.checked`; fewer than 2 samples, or a chunk below 1.
    """
    at_least_one("chunk", chunk)
    real_NF, fake_MF = checked(real=real, fake=fake, least=2)
    return _unbiased(real_NF, fake_MF, chunk)


def cmmd(real: Tensor, fake: Tensor, *, sigma: float = 10.0, chunk: int | None = None) -> float:
    """1,000 times the biased MMD² of the features' directions, with a Gaussian kernel: 0 or more, and 0 for equal sets.

    Args:
        real, fake: (N, F) and (M, F); each row is divided by its length.
        sigma: width of the kernel, where directions are at most 2 apart.
        chunk: rows of kernel values at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; a sample whose features are all 0; sigma not above 0, or a chunk below 1.
    """
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}, wanted more than 0")
    real_NF, fake_MF = checked(real=real, fake=fake)
    x_NF, y_MF = directions("real", real_NF), directions("fake", fake_MF)
    within = _less_than_one(x_NF, x_NF, sigma, chunk) + _less_than_one(y_MF, y_MF, sigma, chunk)
    squared = within - 2 * _less_than_one(x_NF, y_MF, sigma, chunk)
    return 1000 * max(0.0, squared)  # round-off may fall below 0, a norm cannot


def energy_distance(real: Tensor, fake: Tensor, *, chunk: int | None = None) -> float:
    """2E‖X - Y‖ - E‖X - X'‖ - E‖Y - Y'‖ over all pairs, in the features' unit: 0 or more, and 0 for equal sets.

    Args:
        real, fake: (N, F) and (M, F): features, or points themselves.
        chunk: rows of distances at a time; None: 128, in at most 256 MiB.

    Raises:
        ValueError: see `samples.checked`; a chunk below 1.
    """
    real_NF, fake_MF = checked(real=real, fake=fake)
    within = _mean_distance(real_NF, real_NF, chunk) + _mean_distance(fake_MF, fake_MF, chunk)
    return max(0.0, 2 * _mean_distance(real_NF, fake_MF, chunk) - within)


def _unbiased(x_NF: Tensor, y_MF: Tensor, rows: int) -> float:
    """MMD² with the kernel (x·y / F + 1)³; a sample makes no pair with itself."""
    within = 0.0
    for x in (x_NF, y_MF):
        with_itself = float((x.square().sum(1) / x.shape[1] + 1).pow(3).sum())
        within += (_cubes(x, x, rows) - with_itself) / (len(x) * (len(x) - 1))
    return within - 2 * _cubes(x_NF, y_MF, rows) / (len(x_NF) * len(y_MF))


def _cubes(x_NF: Tensor, y_MF: Tensor, rows: int) -> float:
    """The sum of (x·y / F + 1)³ over all pairs."""
    total = torch.zeros((), dtype=torch.float64, device=x_NF.device)
    one = torch.ones((), dtype=torch.float64, device=x_NF.device)
    for x_nF in torch.split(x_NF, rows):
        k_nM = torch.addmm(one, x_nF, y_MF.T, alpha=1 / x_NF.shape[1])
        total += torch.dot(k_nM.flatten(), k_nM.square().flatten())
    return float(total)


def _less_than_one(x_NF: Tensor, y_MF: Tensor, sigma: float, chunk: int | None) -> float:
    """The mean over all pairs of exp(-‖x - y‖² / 2σ²) - 1: the ones cancel between the three means, and would take digits."""
    total = torch.zeros((), dtype=torch.float64, device=x_NF.device)
    for _, d_nM in distance_blocks(x_NF, y_MF, memory=block_bytes(chunk, len(y_MF))):
        total += d_nM.square_().mul_(-0.5 / sigma**2).expm1_().sum()
    return float(total) / (len(x_NF) * len(y_MF))


def _mean_distance(x_NF: Tensor, y_MF: Tensor, chunk: int | None) -> float:
    total = torch.zeros((), dtype=torch.float64, device=x_NF.device)
    for first, d_nM in distance_blocks(x_NF, y_MF, memory=block_bytes(chunk, len(y_MF))):
        if x_NF is y_MF:
            d_nM.diagonal(first).zero_()  # where a product leaves round-off
        total += d_nM.sum()
    return float(total) / (len(x_NF) * len(y_MF))
