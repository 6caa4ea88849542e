"""Metrics: feature extractors, and formulas over what they give. Importing it loads no torch; names are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzoo.metrics.classes import frechet_by_class, frechet_infinity, frechet_line, intra_frechet
    from ganzoo.metrics.classifier import Recipe, accuracy, gan_test, gan_train, train_classifier
    from ganzoo.metrics.classifier_features import ClassifierFeatures
    from ganzoo.metrics.diversity import vendi, vendi_of
    from ganzoo.metrics.features import Extractor, Lite0Features, PixelFeatures
    from ganzoo.metrics.frechet import Moments, frechet_between, frechet_distance, moments
    from ganzoo.metrics.inception import inception_score
    from ganzoo.metrics.kernel import cmmd, energy_distance, kid, kid_whole
    from ganzoo.metrics.likelihood import bits_per_dim
    from ganzoo.metrics.manifold import (
        density_coverage,
        own_neighbours,
        prdc,
        precision_recall,
        rarity,
        rarity_scores,
        two_sample_accuracy,
    )
    from ganzoo.metrics.memorisation import authenticity, copying, duplicates, mifid, nearest_training
    from ganzoo.metrics.mixture import Mixture
    from ganzoo.metrics.modes import (
        class_counts,
        class_kl,
        class_modes,
        high_quality,
        joint_probabilities,
        kl_to_uniform,
        mixture_log_density,
        mixture_of,
        modes_captured,
        nll,
        reverse_kl,
    )
    from ganzoo.metrics.msssim import ms_ssim, ms_ssim_diversity, random_pairs
    from ganzoo.metrics.neighbours import Within, distance_blocks, kth_neighbour, nearest, within
    from ganzoo.metrics.papers import Clip, Dinov2, Inception
    from ganzoo.metrics.pathlength import feature_diversity, path_distances, path_length
    from ganzoo.metrics.spectrum import radial_spectrum, spectrum_distance
    from ganzoo.metrics.swd import laplacian_pyramid, sliced_wasserstein, swd_levels

_HOME = {
    "classes": ("frechet_by_class", "frechet_infinity", "frechet_line", "intra_frechet"),
    "classifier": ("Recipe", "accuracy", "gan_test", "gan_train", "train_classifier"),
    "classifier_features": ("ClassifierFeatures",),
    "diversity": ("vendi", "vendi_of"),
    "features": ("Extractor", "Lite0Features", "PixelFeatures"),
    "frechet": ("Moments", "frechet_between", "frechet_distance", "moments"),
    "inception": ("inception_score",),
    "kernel": ("cmmd", "energy_distance", "kid", "kid_whole"),
    "likelihood": ("bits_per_dim",),
    "manifold": (
        "density_coverage",
        "own_neighbours",
        "prdc",
        "precision_recall",
        "rarity",
        "rarity_scores",
        "two_sample_accuracy",
    ),
    "memorisation": ("authenticity", "copying", "duplicates", "mifid", "nearest_training"),
    "mixture": ("Mixture",),
    "modes": (
        "class_counts",
        "class_kl",
        "class_modes",
        "high_quality",
        "joint_probabilities",
        "kl_to_uniform",
        "mixture_log_density",
        "mixture_of",
        "modes_captured",
        "nll",
        "reverse_kl",
    ),
    "msssim": ("ms_ssim", "ms_ssim_diversity", "random_pairs"),
    "neighbours": ("Within", "distance_blocks", "kth_neighbour", "nearest", "within"),
    "papers": ("Clip", "Dinov2", "Inception"),
    "pathlength": ("feature_diversity", "path_distances", "path_length"),
    "spectrum": ("radial_spectrum", "spectrum_distance"),
    "swd": ("laplacian_pyramid", "sliced_wasserstein", "swd_levels"),
}
_MODULE_OF = {name: f"ganzoo.metrics.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "ClassifierFeatures",
    "Clip",
    "Dinov2",
    "Extractor",
    "Inception",
    "Lite0Features",
    "Mixture",
    "Moments",
    "PixelFeatures",
    "Recipe",
    "Within",
    "accuracy",
    "authenticity",
    "bits_per_dim",
    "class_counts",
    "class_kl",
    "class_modes",
    "cmmd",
    "copying",
    "density_coverage",
    "distance_blocks",
    "duplicates",
    "energy_distance",
    "feature_diversity",
    "frechet_between",
    "frechet_by_class",
    "frechet_distance",
    "frechet_infinity",
    "frechet_line",
    "gan_test",
    "gan_train",
    "high_quality",
    "inception_score",
    "intra_frechet",
    "joint_probabilities",
    "kid",
    "kid_whole",
    "kl_to_uniform",
    "kth_neighbour",
    "laplacian_pyramid",
    "mifid",
    "mixture_log_density",
    "mixture_of",
    "modes_captured",
    "moments",
    "ms_ssim",
    "ms_ssim_diversity",
    "nearest",
    "nearest_training",
    "nll",
    "own_neighbours",
    "path_distances",
    "path_length",
    "prdc",
    "precision_recall",
    "radial_spectrum",
    "random_pairs",
    "rarity",
    "rarity_scores",
    "reverse_kl",
    "sliced_wasserstein",
    "spectrum_distance",
    "swd_levels",
    "train_classifier",
    "two_sample_accuracy",
    "vendi",
    "vendi_of",
    "within",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ganzoo.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
