"""How likely held-out pictures are to a model that has a density, in bits for each of their numbers.

Theis, van den Oord, Bethge: "A note on the evaluation of generative models" (2016), https://arxiv.org/abs/1511.01844, section
3.1: pictures are whole levels, and a density of a continuous space could be as high as one likes on them. So each level k
stands for the interval (k - 1/2, k + 1/2): a uniform number is added, and

    -E log2 p(k + u) / D    per number, with p in levels, u uniform in (-1/2, 1/2)^D,

is no less than the bits of the probability that the model gives to the picture itself (Jensen), and equal to them where the
density is the same all over a level. A fair coin for each of 8 bits is 8.

For points see `modes.nll`. Shape letters: N pictures, n of a piece, C channels, H, W, D = C·H·W.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ganzoo.metrics.samples import at_least_one

STEPS = 255  # from black to white


def bits_per_dim(real_pictures: Tensor, game: Any, *, seed: int = 0, chunk: int = 1000) -> float:
    """Mean bits a number of held-out pictures.

    Args:
        real_pictures: uint8 (N, C, H, W).
        game: has `value_range`, and `log_likelihood(x) -> (n,)`, the logarithm of its density at pictures in that range.
        seed: of the uniform numbers.
        chunk: pictures a piece.

    Raises:
        ValueError: the model has no likelihood, or gives some picture none; or these are no pictures.
    """
    at_least_one("chunk", chunk)
    if real_pictures.dtype != torch.uint8 or real_pictures.ndim != 4 or not real_pictures.numel():
        raise ValueError(
            f"pictures must be uint8 [pictures, channels, height, width], got {real_pictures.dtype} of shape "
            f"{tuple(real_pictures.shape)}"
        )
    find = likelihood_of(game)
    first = next((p for p in (*game.parameters(), *game.buffers()) if p.is_floating_point()), None)
    device = first.device if first is not None else real_pictures.device
    low, high = game.value_range
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    with torch.no_grad():
        for levels_nCHW in torch.split(real_pictures, chunk):
            uniform = torch.rand(levels_nCHW.shape, generator=generator)
            x_nCHW = (levels_nCHW.cpu() + uniform - 0.5).mul(high - low).div(STEPS).add(low)
            log_density_n = finite(find(x_nCHW.to(device)), len(levels_nCHW))
            total -= float(log_density_n.double().sum())
    numbers = real_pictures[0].numel()
    # The density was per unit of the value range; a level is (high - low) / 255 of that.
    nats = total / len(real_pictures) - numbers * math.log((high - low) / STEPS)
    return nats / (numbers * math.log(2))


def likelihood_of(game: Any) -> Any:
    """The model's `log_likelihood`.

    Raises:
        ValueError: it has none.
    """
    find = getattr(game, "log_likelihood", None)
    if not callable(find):
        raise ValueError(
            f"{type(game).__name__} has no log_likelihood: a generator that only samples has no density to ask for; "
            "of the zoo, mixtures, histograms and kernel densities have one"
        )
    return find


def finite(log_density_n: Tensor, count: int) -> Tensor:
    """The answer of a `log_likelihood`, if it is one number a sample.

    Raises:
        ValueError: it has another shape, or some sample has no finite likelihood.
    """
    if tuple(log_density_n.shape) != (count,):
        raise ValueError(f"log_likelihood of {count} samples has shape {tuple(log_density_n.shape)}")
    lost = int((~torch.isfinite(log_density_n)).sum())
    if lost:
        raise ValueError(
            f"{lost} of {count} samples have no finite log-likelihood: the model gives them density 0, or diverged"
        )
    return log_density_n
