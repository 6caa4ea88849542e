"""Records of the built-in losses, penalties, data sets and trackers."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Any

from ganzoo.builtin.papers import (
    BIGGAN,
    CONSISTENCY,
    CONVERGENCE,
    DRAGAN,
    FASHION_MNIST,
    GAN,
    GEOMETRIC_GAN,
    IMPROVED_CONSISTENCY,
    IMPROVED_GAN,
    LECAM,
    LSGAN,
    MODE_SEEKING,
    OWN,
    PROGAN,
    RELATIVISTIC,
    VEEGAN,
    WGAN,
    WGAN_GP,
    WGAN_LP,
)
from ganzoo.plugin import Dataset, Loss, Penalty, Tracker, hookimpl

_SEEN = {"modality": "image"}

# The discriminator's loss where every sample has the same score, and the best one.
EQUILIBRIA = {
    "minimax": 2 * log(2),
    "non-saturating": 2 * log(2),
    "least-squares": 0.25,
    "hinge": 2.0,
    "wasserstein": 0.0,
    "relativistic": log(2),
    "relativistic-average": log(2),
    "relativistic-average-least-squares": 1.0,
    "relativistic-average-hinge": 1.0,
}


@hookimpl
def ganzoo_losses() -> Iterator[Loss]:
    pairs = {"needs_real": True}
    means = {"needs_real": True, "separates": False}  # a mean over the whole batch, of which processes see a part each
    table: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
        ("minimax", "Minimax", "The original two-player game; the generator saturates early", GAN, {}),
        ("non-saturating", "NonSaturating", "Logistic loss; the generator maximises log D(G(z))", GAN, {}),
        ("least-squares", "LeastSquares", "Squared distance of the scores to their targets", LSGAN, {}),
        ("hinge", "Hinge", "Margin loss of the discriminator, linear for the generator", GEOMETRIC_GAN, {}),
        ("wasserstein", "Wasserstein", "Difference of mean scores; needs a critic kept Lipschitz", WGAN, {}),
        ("relativistic", "Relativistic", "Logistic, of the difference of a real and a fake score", RELATIVISTIC, pairs),
        ("relativistic-average", "RelativisticAverage", "Logistic, against the other side's mean", RELATIVISTIC, means),
        (
            "relativistic-average-least-squares",
            "RelativisticAverageLeastSquares",
            "Least squares, against the other side's mean",
            RELATIVISTIC,
            means,
        ),
        (
            "relativistic-average-hinge",
            "RelativisticAverageHinge",
            "Hinge, against the other side's mean",
            RELATIVISTIC,
            means,
        ),
    ]
    for name, target, summary, paper, facts in table:
        where = f"ganzoo.objectives.losses:{target}"
        yield Loss(name=name, target=where, summary=summary, equilibrium=EQUILIBRIA[name], **paper, **facts)


@hookimpl
def ganzoo_penalties() -> Iterator[Penalty]:
    table: list[tuple[str, str, str, dict[str, Any], float, float | None]] = [
        ("gradient-penalty", "GradientPenalty", "Gradient norm of 1 between real and fake samples", WGAN_GP, 10, 1.0),
        (
            "one-sided-gradient-penalty",
            "OneSidedGradientPenalty",
            "Gradient norm of at most 1 between real and fake samples",
            WGAN_LP,
            10,
            1.0,
        ),
        (
            "zero-centred-gradient-penalty",
            "ZeroCentredGradientPenalty",
            "Gradient norm of 0 between real and fake samples",
            CONVERGENCE,
            10,
            0.0,
        ),
        ("r1", "R1", "Half the squared gradient norm at real samples", CONVERGENCE, 10, 0.0),
        ("r2", "R2", "Half the squared gradient norm at fake samples", CONVERGENCE, 10, 0.0),
        ("dragan", "Dragan", "Gradient norm of 1 in the neighbourhood of real samples", DRAGAN, 10, 1.0),
        ("drift", "Drift", "Mean squared score of real samples, to keep scores near 0", PROGAN, 0.001, None),
        ("weight-clip", "WeightClip", "Clips the critic's weights after each of its updates", WGAN, 1, None),
    ]
    for name, target, summary, paper, weight, norm in table:
        where = f"ganzoo.objectives.penalties:{target}"
        yield Penalty(name=name, target=where, summary=summary, weight=float(weight), norm=norm, **paper)
    further: list[tuple[str, str, str, dict[str, Any], float, dict[str, Any]]] = [
        (
            "cr",
            "consistency:Consistency",
            "Equal scores of a real picture and its changed copy",
            CONSISTENCY,
            10,
            _SEEN,
        ),
        (
            "bcr",
            "consistency:BalancedConsistency",
            "The same for real and for fake pictures",
            IMPROVED_CONSISTENCY,
            10,
            _SEEN,
        ),
        (
            "zcr",
            "consistency:LatentConsistency",
            "Near latents: equal scores, but different samples",
            IMPROVED_CONSISTENCY,
            20,
            {"players": ("discriminator", "generator"), "needs": frozenset({"latent"})},
        ),
        ("lecam", "regularisers:LeCam", "Scores near the other side's moving mean; for few data", LECAM, 0.3, {}),
        (
            "feature-matching",
            "regularisers:FeatureMatching",
            "Equal mean features of real and fake samples",
            IMPROVED_GAN,
            1,
            {"players": ("generator",), "needs": frozenset({"features"}), "separates": False},
        ),
        (
            "mode-seeking",
            "regularisers:ModeSeeking",
            "Far samples of far latents, against collapse",
            MODE_SEEKING,
            1,
            {"players": ("generator",), "needs": frozenset({"latent"}), "separates": False},
        ),
        (
            "orthogonal",
            "regularisers:Orthogonal",
            "Orthogonal rows of the generator's weights",
            BIGGAN,
            1e-4,
            {"players": ("generator",)},
        ),
    ]
    for name, target, summary, paper, weight, facts in further:
        where = f"ganzoo.objectives.{target}"
        yield Penalty(name=name, target=where, summary=summary, weight=float(weight), **paper, **facts)


@hookimpl
def ganzoo_datasets() -> Iterator[Dataset]:
    yield Dataset(
        name="fashion-12k",
        target="ganzoo.data.embedded:fashion",
        summary="10,000 grey 28x28 pictures of clothes in 10 classes, 2,000 for test",
        options={"split": "train (10,000 pictures) or test (2,000)", "count": "the first so many to train with"},
        **FASHION_MNIST,
    )
    yield Dataset(
        name="fashion-edges",
        target="ganzoo.data.embedded:fashion_edges",
        summary="The pictures of fashion-12k, each with a picture of its edges",
        layout="pairs",
        options={"split": "train (10,000 pairs) or test (2,000)", "count": "the first so many to train with"},
        **FASHION_MNIST,
    )
    yield Dataset(
        name="fashion-trousers-dresses",
        target="ganzoo.data.embedded:fashion_trousers_dresses",
        summary="1,000 dresses of fashion-12k and 1,000 trousers, unpaired",
        layout="domains",
        options={"split": "train (1,000 pictures of each kind) or test (200)"},
        **FASHION_MNIST,
    )
    sigma = "standard deviation of each mode"
    noise = "standard deviation of the noise"
    table: list[tuple[str, str, str, dict[str, Any], dict[str, str]]] = [
        (
            "ring",
            "Ring",
            "8 normal distributions on a circle",
            VEEGAN,
            {"modes": "how many", "radius": "of the circle", "sigma": sigma},
        ),
        (
            "grid",
            "Grid",
            "25 normal distributions on a square grid",
            VEEGAN,
            {"side": "modes a side", "spacing": "between neighbours", "sigma": sigma},
        ),
        ("swiss-roll", "SwissRoll", "A noisy spiral in the plane", WGAN_GP, {"noise": noise}),
        ("moons", "Moons", "Two interleaved half circles", OWN, {"noise": noise}),
        (
            "checkerboard",
            "Checkerboard",
            "Uniform on every second field of a board",
            OWN,
            {"fields": "a side, an even number"},
        ),
    ]
    for name, target, summary, paper, options in table:
        yield Dataset(
            name=name,
            target=f"ganzoo.data.points:{target}",
            summary=summary,
            modality="points",
            options={**options, "scale": "a factor on the coordinates"},
            **paper,
        )


@hookimpl
def ganzoo_trackers() -> Iterator[Tracker]:
    yield Tracker(
        name="jsonl",
        target="ganzoo.tracking.jsonl:JsonLines",
        summary="One line of metrics.jsonl in the run's folder for each report",
        **OWN,
    )
    yield Tracker(
        name="console", target="ganzoo.tracking.console:Console", summary="Progress on the terminal (stderr)", **OWN
    )
