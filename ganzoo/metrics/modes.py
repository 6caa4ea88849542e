"""Modes of data that are known to have some: how many a model found, how evenly, and how likely real samples are to it.

Srivastava, Valkov, Russell, Gutmann, Sutton: "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning"
(2017), https://arxiv.org/abs/1705.07761, section 5; Lin, Khetan, Fanti, Oh: "PacGAN: The power of two samples in generative
adversarial networks" (2018), https://arxiv.org/abs/1712.04086, section 4: a sample is of high quality if it lies within three
standard deviations of the nearest mode; a mode is captured by one such sample; the reverse divergence is KL(shares of the modes
among samples of high quality ‖ uniform).

True samples in the plane are of high quality with the probability 1 - exp(-9/2) = 98.889 %: more is too narrow. Of N true
samples spread over K modes the divergence has a mean of about (K - 1) / 2N, so compare only figures of equal numbers.

Shape letters: M samples, K modes or classes, F features.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ganzoo.metrics.likelihood import finite, likelihood_of
from ganzoo.metrics.mixture import Mixture
from ganzoo.metrics.neighbours import nearest
from ganzoo.metrics.samples import at_least_one, block_bytes, checked


def modes_captured(fake: Tensor, mixture: Mixture, *, sigmas: float = 3.0, chunk: int | None = None) -> float:
    """How many modes have at least one sample of high quality.

    Args:
        fake: (M, F), in the mixture's unit.
        mixture: what the modes are.
        sigmas: standard deviations from its mode up to which a sample is of high quality.
        chunk: samples a piece.

    Raises:
        ValueError: see `high_quality_modes`.
    """
    return float(len(torch.unique(high_quality_modes(fake, mixture, sigmas=sigmas, chunk=chunk))))


def high_quality(fake: Tensor, mixture: Mixture, *, sigmas: float = 3.0, chunk: int | None = None) -> float:
    """Share of the samples that are of high quality, 0 to 1; arguments and errors as for `modes_captured`."""
    return len(high_quality_modes(fake, mixture, sigmas=sigmas, chunk=chunk)) / len(fake)


def reverse_kl(fake: Tensor, mixture: Mixture, *, sigmas: float = 3.0, chunk: int | None = None) -> float:
    """KL(shares of the modes among samples of high quality ‖ uniform) in nats, 0 to log K.

    Args: as for `modes_captured`.

    Raises:
        ValueError: no sample is of high quality: then there are no shares; else as for `modes_captured`.
    """
    mode_M = high_quality_modes(fake, mixture, sigmas=sigmas, chunk=chunk)
    if not len(mode_M):
        raise ValueError(
            f"none of {len(fake)} samples lies within {sigmas:g} standard deviations of a mode, so modes have no shares; "
            "look at the samples, and whether they are in the data's unit"
        )
    return kl_to_uniform(torch.bincount(mode_M, minlength=len(mixture.centres_KF)))


def high_quality_modes(fake: Tensor, mixture: Mixture, *, sigmas: float = 3.0, chunk: int | None = None) -> Tensor:
    """Numbers of the nearest modes of the samples of high quality, int64, in the samples' order.

    Raises:
        ValueError: see `samples.checked`; samples of another dimension than the modes; a width that is not above 0.
    """
    if not (mixture.sigma > 0 and sigmas > 0):
        raise ValueError(f"modes of sigma {mixture.sigma:g} within {sigmas:g} of it hold nothing; both must be above 0")
    (fake_MF,), (centres_KF,) = checked(fake=fake), checked(mode=mixture.centres_KF.to(fake.device))
    if fake_MF.shape[1] != centres_KF.shape[1]:
        raise ValueError(f"samples have {fake_MF.shape[1]} coordinates, and the modes {centres_KF.shape[1]}")
    distance_M, mode_M = nearest(fake_MF, centres_KF, memory=block_bytes(chunk, len(centres_KF)))
    return mode_M[distance_M <= sigmas * mixture.sigma]


def mixture_of(source: Any) -> Mixture:
    """What is known of the modes of a data set.

    Raises:
        ValueError: it is no mixture of normal distributions of one known width.
    """
    centres, sigma = getattr(source, "centers", None), getattr(source, "sigma", None)
    if centres is None or sigma is None:
        name = getattr(getattr(source, "spec", None), "name", type(source).__name__)
        raise ValueError(f"the modes of {name} are not known; ring and grid are mixtures")
    return Mixture(torch.as_tensor(centres, dtype=torch.float64), float(sigma))


def mixture_log_density(x: Tensor, mixture: Mixture) -> Tensor:
    """Logarithm of the mixture's density at each sample, (M,) float64, in nats."""
    x_MF, centres_KF = checked(real=x, mode=mixture.centres_KF.to(x.device))
    squares_MK = (x_MF[:, None] - centres_KF).square().sum(2)
    width = x_MF.shape[1] / 2 * math.log(2 * math.pi * mixture.sigma**2)
    return torch.logsumexp(-squares_MK / (2 * mixture.sigma**2), dim=1) - width - math.log(len(centres_KF))


def nll(real: Tensor, game: Any, *, chunk: int = 10_000) -> float:
    """Mean negative log-likelihood of held-out samples in nats a sample; its least possible mean is the data's entropy.

    Args:
        real: samples in the model's own unit, (N, F).
        game: has `log_likelihood(x) -> (N,)`, the logarithm of its density, in nats.
        chunk: samples a piece.

    Raises:
        ValueError: the model has no likelihood, or gives some sample none; see `samples.checked` too.
    """
    at_least_one("chunk", chunk)
    find = likelihood_of(game)
    (real_NF,) = checked(real=real)
    first = next((p for p in game.parameters() if p.is_floating_point()), None) if hasattr(game, "parameters") else None
    device, dtype = (first.device, first.dtype) if first is not None else (real.device, torch.float32)
    total = 0.0
    with torch.no_grad():
        for x_nF in torch.split(real_NF, chunk):
            log_density_n = finite(find(x_nF.to(device, dtype)), len(x_nF))
            total -= float(log_density_n.double().sum())
    return total / len(real_NF)


def class_modes(fake_probabilities: Tensor) -> float:
    """How many classes (or combinations, for an extractor that gives the probabilities of those) the fakes have.

    Args:
        fake_probabilities: (M, K); a sample is of its likeliest class.

    Raises:
        ValueError: see `samples.checked`.
    """
    return float((class_counts(fake_probabilities) > 0).sum())


def class_kl(fake_probabilities: Tensor) -> float:
    """KL(shares of the classes among the fakes ‖ uniform) in nats, 0 to log K; argument and errors as for `class_modes`."""
    return kl_to_uniform(class_counts(fake_probabilities))


def class_counts(probabilities_MK: Tensor) -> Tensor:
    """Samples of each class, int64 (K,)."""
    (p_MK,) = checked(fake=probabilities_MK)
    return torch.bincount(p_MK.argmax(1), minlength=p_MK.shape[1])


def joint_probabilities(parts_MCK: Tensor) -> Tensor:
    """Probabilities of all combinations, (M, K^C), of C independent parts: three digits make 1,000 classes, of which
    number 100 a + 10 b + c has a, b and c in the first, second and third channel."""
    joint_MX = parts_MCK[:, 0]
    for part in range(1, parts_MCK.shape[1]):
        joint_MX = (joint_MX[:, :, None] * parts_MCK[:, part, None, :]).flatten(1)
    return joint_MX


def kl_to_uniform(counts_K: Tensor) -> float:
    """log K less the entropy of the shares, in nats."""
    shares_K = counts_K.double() / counts_K.sum()
    return max(0.0, math.log(len(counts_K)) - float(torch.special.entr(shares_K).sum()))
