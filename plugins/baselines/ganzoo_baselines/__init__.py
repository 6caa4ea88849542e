"""Baselines that are fitted, not trained: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """Histogram and Gaussian mixture, each of pictures and, as -2d, of points."""
    yield Arch(
        name="histogram",
        target="ganzoo_baselines.histogram:build",
        summary="Counts in bins: every coordinate or pixel by itself, or joint",
        licence="Apache-2.0",
        conditional=True,
        presets={
            "tiny": ("batch=8", "bins=16"),
            "small": (),
            "conditional": ("conditional=true",),
        },
        tags=("baseline", "likelihood", "points"),
    )
    yield Arch(
        name="histogram-2d",
        target="ganzoo_baselines.histogram:build",
        summary="The histogram of points, joint or of every coordinate by itself",
        licence="Apache-2.0",
        modality="points",
        conditional=True,
        presets={
            "tiny": ("batch=8", "bins=16"),
            "small": (),
            "joint": ("joint=true",),
            "conditional": ("conditional=true",),
        },
        tags=("baseline", "likelihood", "points"),
    )
    yield Arch(
        name="gaussian-mixture-2d",
        target="ganzoo_baselines.mixture:build",
        summary="The mixture of normal distributions of points, by EM",
        paper="https://doi.org/10.1111/j.2517-6161.1977.tb01600.x",
        year=1977,
        licence="Apache-2.0",
        modality="points",
        conditional=True,
        presets={
            "tiny": ("batch=8", "components=2", "iterations=3", "starts=1"),
            "small": (),
            "diagonal": ("covariance=diag",),
            "conditional": ("conditional=true", "components=4"),
        },
        tags=("baseline", "likelihood", "points", "em"),
    )
    yield Arch(
        name="gaussian-mixture",
        target="ganzoo_baselines.mixture:build",
        summary="Mixture of normal distributions, fitted by EM: a likelihood to beat",
        paper="https://doi.org/10.1111/j.2517-6161.1977.tb01600.x",
        year=1977,
        licence="Apache-2.0",
        conditional=True,
        presets={
            "tiny": ("batch=8", "components=2", "rank=4", "iterations=3", "starts=1"),
            "small": (),
            "diagonal": ("covariance=diag",),
            "conditional": ("conditional=true", "components=4"),
        },
        tags=("baseline", "likelihood", "points", "em"),
    )
