"""The inception score: are samples of clear classes, and of all of them?

Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen: "Improved Techniques for Training GANs" (2016),
https://arxiv.org/abs/1606.03498, section 4.

Over another classifier than Inception it is another figure, and no comparison with published ones. It looks at no real sample:
one perfect sample of each class has the best score.

Shape letters: M samples, K classes, m samples of a split.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ganzoo.metrics.samples import at_least_one, checked

ROUNDED = 1e-2  # by which the probabilities of a sample may miss a sum of 1: bfloat16 has two digits


def inception_score(fake_probabilities: Tensor, *, splits: int = 10, seed: int = 2020) -> dict[str, float]:
    """exp E KL(p(y|x) ‖ p(y)) of each of several parts of the samples: the mean, and the spread.

    Samples are put in an order of chance by NumPy's frozen generator, then split; parts differ by one sample at most. With equal
    settings these are the parts of torch-fidelity.

    Args:
        fake_probabilities: (M, K), each row with a sum of 1.
        splits: how many parts; the score grows with the samples of a part, so compare only figures with equal numbers of both.
        seed: of the order.

    Returns:
        inception-score, the mean, in 1..K; inception-score-std, over parts.

    Raises:
        ValueError: see `samples.checked`; fewer samples than parts, fewer than 2 classes, or rows that are no probabilities.
    """
    at_least_one("splits", splits)
    (p_MK,) = checked(fake=fake_probabilities)
    if len(p_MK) < splits:
        raise ValueError(f"there are {len(p_MK)} samples for {splits} splits; draw more, or choose fewer splits")
    if p_MK.shape[1] < 2:
        raise ValueError("there is 1 class, wanted the probabilities of 2 or more")
    wrong_M = (p_MK < 0).any(1) | ((p_MK.sum(1) - 1).abs() > ROUNDED)
    if bool(wrong_M.any()):
        first = int(wrong_M.nonzero()[0])
        raise ValueError(
            f"{int(wrong_M.sum())} of {len(p_MK)} rows are no probabilities, the first is number {first} with a sum of "
            f"{float(p_MK[first].sum()):.6g} and a least value of {float(p_MK[first].min()):.6g}; take a softmax of logits first"
        )
    order_M = np.random.RandomState(seed).permutation(len(p_MK))
    p_MK = p_MK[torch.from_numpy(order_M).to(p_MK.device)]
    bounds = [part * len(p_MK) // splits for part in range(splits + 1)]
    scores = [_score(p_MK[start:end]) for start, end in pairwise(bounds)]
    return {"inception-score": float(np.mean(scores)), "inception-score-std": float(np.std(scores))}


def _score(p_mK: Tensor) -> float:
    """The divergence as a difference of entropies: H(p(y)) - E H(p(y|x)), in which 0 log 0 is 0."""
    overall = torch.special.entr(p_mK.mean(0)).sum()
    each = torch.special.entr(p_mK).sum(1).mean()
    return float((overall - each).clamp_min(0).exp())
