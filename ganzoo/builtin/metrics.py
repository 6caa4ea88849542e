"""Records of the built-in metrics and feature extractors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganzoo.builtin.papers import (
    ACGAN,
    CAS,
    CLIP,
    CMMD,
    DATA_COPYING,
    DINOV2,
    EFFICIENTNET,
    ENERGY,
    FAITHFUL,
    HOW_GOOD,
    IMPROVED_GAN,
    INCEPTION,
    KID,
    LPIPS,
    MIFID,
    NOTE,
    OWN,
    PACGAN,
    PRDC,
    PROGAN,
    PROJECTION,
    RARITY,
    SPECTRUM,
    STYLEGAN,
    TTUR,
    TWO_SAMPLE,
    UNBIASED_FID,
    VEEGAN,
    VENDI,
)
from ganzoo.plugin import FeatureExtractor, Metric, hookimpl


@hookimpl
def ganzoo_metrics() -> Iterator[Metric]:
    yield Metric(
        name="fd",
        target="ganzoo.metrics.frechet:frechet_distance",
        summary="Fréchet distance of normal distributions fitted to the features",
        identity=0.0,
        symmetric=True,
        **TTUR,
    )
    distance: dict[str, Any] = {"identity": 0.0, "symmetric": True}
    higher: dict[str, Any] = {"higher_is_better": True}
    labelled = {**distance, "inputs": ("real", "fake", "real_labels", "fake_labels")}
    four = {**higher, "identity": 1.0, "figures": ("precision", "recall", "density", "coverage")}
    classes = {
        **higher,
        "inputs": ("fake_probabilities",),
        "figures": ("inception-score", "inception-score-std"),
    }
    three = {"inputs": ("real", "fake", "train")}
    pictures = {
        "inputs": ("fake_pictures", "train_pictures"),
        "figures": ("duplicates", "repeats"),
        "modality": "image",
    }
    table: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
        (
            "kid",
            "kernel:kid",
            "Cubic kernel MMD² over random subsets: mean and spread",
            KID,
            {"figures": ("kid", "kid-std")},
        ),
        ("cmmd", "kernel:cmmd", "Gaussian kernel MMD² of the features' directions, x 1,000", CMMD, distance),
        ("energy", "kernel:energy_distance", "Energy distance of features, or of points", ENERGY, distance),
        ("prdc", "manifold:prdc", "Precision, recall, density and coverage by nearest neighbours", PRDC, four),
        (
            "rarity",
            "manifold:rarity",
            "How sparse the real samples are around fake ones that lie among them",
            RARITY,
            {**higher, "figures": ("rarity", "rarity-inside")},
        ),
        (
            "two-sample",
            "manifold:two_sample_accuracy",
            "Nearest neighbour tells fake from real: 0.5 is ideal, less is copying",
            TWO_SAMPLE,
            distance,
        ),
        (
            "inception-score",
            "inception:inception_score",
            "Clear classes, and all of them; real samples are not looked at",
            IMPROVED_GAN,
            classes,
        ),
        ("vendi", "diversity:vendi", "How many different samples there are", VENDI, {**higher, "inputs": ("fake",)}),
        (
            "intra-fd",
            "classes:intra_frechet",
            "Fréchet distance of each class, mean over classes",
            PROJECTION,
            labelled,
        ),
        (
            "fd-infinity",
            "classes:frechet_infinity",
            "Fréchet distance at infinitely many fake samples",
            UNBIASED_FID,
            {},
        ),
        (
            "authenticity",
            "memorisation:authenticity",
            "Percentage of fake samples that are no near copies of training ones",
            FAITHFUL,
            {**higher, "inputs": ("fake", "train")},
        ),
        ("mifid", "memorisation:mifid", "Fréchet distance, raised where training samples are copied", MIFID, three),
        (
            "ct",
            "memorisation:copying",
            "Nearness to training samples against held-out ones: below 0 copies",
            DATA_COPYING,
            {**three, **higher, "identity": 0.0},
        ),
        (
            "duplicates",
            "memorisation:duplicates",
            "Shares of pictures that equal a training or a fake one",
            OWN,
            pictures,
        ),
    ]
    for name, target, summary, paper, facts in [*table, *_of_other_inputs()]:
        yield Metric(name=name, target=f"ganzoo.metrics.{target}", summary=summary, **paper, **facts)


def _of_other_inputs() -> Iterator[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    """Metrics of pictures, of the model itself, of points with known modes, and of labels."""
    distance: dict[str, Any] = {"identity": 0.0, "symmetric": True}
    higher: dict[str, Any] = {"higher_is_better": True}
    pictures: dict[str, Any] = {**distance, "inputs": ("real_pictures", "fake_pictures"), "modality": "image"}
    levels = {**pictures, "figures": ("swd", "swd-finest", "swd-coarsest")}
    alike = {"inputs": ("fake_pictures",), "modality": "image"}
    path = {"inputs": ("game", "extractor"), "modality": "image"}
    modes = {"inputs": ("fake", "mixture"), "modality": "points"}
    classes = {"inputs": ("fake_probabilities",)}
    taught = {
        "resampled": False,  # each half would teach a classifier of its own
        **higher,
        "inputs": ("real_pictures", "real_labels", "fake_pictures", "fake_labels"),
        "modality": "image",
    }
    yield "swd", "swd:swd", "Sliced Wasserstein distance of patches, x 1,000: mean and levels", PROGAN, levels
    yield "sliced-wasserstein", "swd:sliced_wasserstein", "Of points or features, over random lines", OWN, distance
    yield "ms-ssim", "msssim:ms_ssim_diversity", "Mean similarity of random pairs of fake pictures", ACGAN, alike
    yield (
        "spectrum",
        "spectrum:spectrum_distance",
        "Difference of mean power by frequency, decibels",
        SPECTRUM,
        pictures,
    )
    yield "path-length", "pathlength:path_length", "Change of features along paths in the latent space", STYLEGAN, path
    several = {**higher, "inputs": ("fake",)}
    yield "feature-diversity", "pathlength:feature_diversity", "Mean distance of two fakes' features", LPIPS, several
    yield "modes-captured", "modes:modes_captured", "Modes with a sample of high quality", VEEGAN, {**modes, **higher}
    yield (
        "high-quality",
        "modes:high_quality",
        "Share within 3 sigma of a mode; true is .98889",
        VEEGAN,
        {**modes, **higher},
    )
    yield "reverse-kl", "modes:reverse_kl", "KL of the modes' shares to uniform, in nats", PACGAN, modes
    density = {"inputs": ("real", "game"), "modality": "points"}
    yield "nll", "modes:nll", "Negative log-likelihood of real samples, in nats", OWN, density
    bits = {"inputs": ("real_pictures", "game"), "modality": "image"}
    yield "bits-per-dim", "likelihood:bits_per_dim", "Negative log-likelihood, bits a number", NOTE, bits
    yield "class-modes", "modes:class_modes", "Classes that the fakes have", VEEGAN, {**classes, **higher}
    yield "class-kl", "modes:class_kl", "KL of the classes' shares to uniform, in nats", VEEGAN, classes
    yield "cas", "classifier:gan_train", "Accuracy on real pictures of a classifier taught by fakes", CAS, taught
    yield "gan-test", "classifier:gan_test", "Accuracy on fakes of a classifier taught by real ones", HOW_GOOD, taught


@hookimpl
def ganzoo_feature_extractors() -> Iterator[FeatureExtractor]:
    yield FeatureExtractor(
        name="lite0",
        target="ganzoo.metrics.features:Lite0Features",
        summary="EfficientNet-lite0 on ImageNet, 112 features after block 11",
        width=112,
        **EFFICIENTNET,
    )
    yield FeatureExtractor(
        name="pixels", target="ganzoo.metrics.features:PixelFeatures", summary="The pixels, divided by 255", **OWN
    )
    yield FeatureExtractor(
        name="classifier",
        target="ganzoo.metrics.classifier_features:ClassifierFeatures",
        summary="A small classifier that is trained on labelled data when first used",
        **OWN,
    )
    others = [
        ("inception", "Inception", "Inception of FID, by torch-fidelity; weights apart", 2048, INCEPTION),
        ("clip", "Clip", "CLIP ViT-L/14 at 336 px, by transformers; weights apart", 768, CLIP),
        ("dinov2", "Dinov2", "DINOv2 ViT-L/14 at 224 px, by transformers; weights apart", 1024, DINOV2),
    ]
    for name, target, summary, width, paper in others:
        yield FeatureExtractor(
            name=name, target=f"ganzoo.metrics.papers:{target}", summary=summary, width=width, **paper
        )
