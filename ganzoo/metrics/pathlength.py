"""How far pictures move as the latent moves, and how far apart they lie, in the features of an extractor.

Karras, Laine, Aila: "A Style-Based Generator Architecture for Generative Adversarial Networks" (2019),
https://arxiv.org/abs/1812.04948, section 4.1: perceptual path length,

    E[ d(G(slerp(z1, z2; t)), G(slerp(z1, z2; t + epsilon))) / epsilon^2 ],   z1, z2 ~ P(z), t ~ U(0, 1),

here over whole paths in z. The mean leaves out what is below the 1st and above the 99th percentile, as their code does.

Zhang, Isola, Efros, Shechtman, Wang: "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (2018),
https://arxiv.org/abs/1801.03924: d is the squared distance of features scaled to unit length. Theirs (LPIPS) compares maps of
several layers of another network, with learned weights; here one layer's features are compared, averaged over space if the
extractor does so. The figure is named after the extractor, and is none of LPIPS.

Shape letters: P pairs, n pairs of a piece, M samples, F features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganzoo.metrics.features import Extractor
from ganzoo.metrics.samples import at_least_one, checked

if TYPE_CHECKING:
    from ganzoo.models import Latent, LatentSpec

_TINY = 1e-10  # length below which features have no direction


def path_length(
    game: Any,
    extractor: Extractor,
    *,
    pairs: int = 2000,
    epsilon: float = 1e-4,
    discard: float = 0.01,
    seed: int = 0,
    chunk: int = 64,
) -> float:
    """Perceptual path length of a standard game over the extractor's features; the smaller, the smoother.

    The paper takes 50,000 pairs. Parts of a latent that are classes, and labels, stay as they are on the way.

    Args:
        game: has `generator` and `latent`, as models.Gan, and is in evaluation mode.
        extractor: maps pictures in floating point, by a method `of_values`, since a step of epsilon is far below a step of 8 bits.
        pairs: paths, of two points each.
        epsilon: their distance, as a share of the whole path.
        discard: share of the lowest and of the highest distances that the mean leaves out.
        seed: of latents, places, labels, and what noise the generator draws: the same for both points.
        chunk: pairs a piece.

    Raises:
        ValueError: the game or the extractor is no such one, the samples are no pictures or not finite, or an option is wrong.
    """
    if not 0 <= discard < 0.5:
        raise ValueError(f"discard is {discard}, wanted a share from 0 to below .5")
    distances_P = path_distances(game, extractor, pairs=pairs, epsilon=epsilon, seed=seed, chunk=chunk)
    low = torch.quantile(distances_P, discard, interpolation="lower")
    high = torch.quantile(distances_P, 1 - discard, interpolation="higher")
    return float(distances_P[(distances_P >= low) & (distances_P <= high)].mean())


def path_distances(
    game: Any, extractor: Extractor, *, pairs: int = 2000, epsilon: float = 1e-4, seed: int = 0, chunk: int = 64
) -> Tensor:
    """The scaled distance of each pair, (P,) float64; arguments and errors as for `path_length`."""
    from ganzoo.models import Batch, Draws, Gan, LatentSpec

    at_least_one("pairs", pairs)
    at_least_one("chunk", chunk)
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon is {epsilon}, wanted a share of the path between 0 and 1")
    spec, generator = getattr(game, "latent", None), getattr(game, "generator", None)
    if not isinstance(spec, LatentSpec) or generator is None:
        raise ValueError(
            f"{type(game).__name__} has no latent that is interpolated: a path length needs a generator and its LatentSpec"
        )
    if not callable(getattr(extractor, "of_values", None)):
        raise ValueError(
            f"the extractor {extractor.name} takes 8-bit pictures alone, between which a step of {epsilon:g} is lost; "
            "choose one that has of_values, such as lite0"
        )
    device = next(generator.parameters()).device
    draws = Draws(seed, device)
    labels_P = _labels(game, generator, pairs, draws)
    starts, ends = spec.sample(pairs, draws, "start"), spec.sample(pairs, draws, "end")
    way_P = draws.uniform(pairs, stream="way").double()
    found = []
    for number, first in enumerate(range(0, pairs, chunk)):
        rows = slice(first, first + chunk)
        condition = () if labels_P is None else Gan.condition(generator, Batch(y=labels_P[rows]))
        sides = []
        for way_n in (way_P[rows], way_P[rows] + epsilon):
            z = _between(spec, _rows(starts, rows), _rows(ends, rows), way_n)
            with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(
                    seed * 1_000_003 + number
                )  # what noise the generator draws is the same at both points
                values_nCHW = _values(generator(z, *condition), game.value_range)
            sides.append(_unit(extractor.of_values(values_nCHW).double()))  # type: ignore[attr-defined]
        found.append((sides[0] - sides[1]).square().sum(1) / epsilon**2)
    return torch.cat(found)


def feature_diversity(fake: Tensor) -> float:
    """Mean squared distance of the unit-length features of two different fakes, over all pairs: 0 where all are alike, 2 where
    directions have nothing in common. The higher, the more the fakes differ; compare it with that of real samples.

    Over all pairs it is twice the total variance, so none have to be drawn.

    Args:
        fake: (M, F).

    Raises:
        ValueError: see `samples.checked`; fewer than 2 samples.
    """
    (fake_MF,) = checked(fake=fake, least=2)
    return 2 * float(_unit(fake_MF).var(dim=0, unbiased=True).sum())


def _unit(features_NF: Tensor) -> Tensor:
    """Rows of length 1; rows of zeros, as of a black picture's pixels, stay."""
    length_N1: Tensor = torch.linalg.vector_norm(features_NF, dim=1, keepdim=True)
    return features_NF / length_N1.clamp_min(_TINY)


def _labels(game: Any, generator: Any, pairs: int, draws: Any) -> Tensor | None:
    if not getattr(generator, "conditional", False):
        return None
    classes = game.data.classes if getattr(game, "data", None) is not None else 0
    if not classes:
        raise ValueError(f"{type(generator).__name__} wants class labels, and the game's data has no classes")
    labels_P: Tensor = draws.integers(classes, pairs, stream="labels")
    return labels_P


def _between(spec: LatentSpec, starts: dict[str, Tensor], ends: dict[str, Tensor], way_n: Tensor) -> Latent:
    """The latents at one place of each path. In float64, for epsilon is small; then as the generator takes them."""
    z = {}
    for part in spec.parts:
        name = part.name if part.name in starts else ""
        start, end = starts[name], ends[name]
        if part.distribution == "categorical":
            z[part.name] = start
            continue
        points = [part.between(a, b, at) for a, b, at in zip(start.double(), end.double(), way_n[:, None], strict=True)]
        z[part.name] = torch.cat(points).to(start.dtype)
    return z if len(z) > 1 else z[spec.parts[0].name]


def _rows(latent: Latent, rows: slice) -> dict[str, Tensor]:
    """Some latents, by the part's name; "" for the only part."""
    parts = latent if isinstance(latent, dict) else {"": latent}
    return {name: part[rows] for name, part in parts.items()}


def _values(samples_nCHW: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Pictures of 0 to 255, not rounded."""
    if samples_nCHW.dim() != 4:
        raise ValueError(f"a path length is of pictures, and the generator gives {tuple(samples_nCHW.shape[1:])}")
    if not bool(torch.isfinite(samples_nCHW).all()):
        raise ValueError("the generator gives values that are NaN or infinite; look for a diverged run")
    low, high = value_range
    return ((samples_nCHW.float() - low) / (high - low) * 255).clamp(0, 255)
