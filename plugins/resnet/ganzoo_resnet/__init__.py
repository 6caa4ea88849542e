"""Residual GANs with spectral norm: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """SNGAN, with projection where it takes labels, and BigGAN."""
    yield Arch(
        name="sngan",
        target="ganzoo_resnet.sngan:build",
        summary="Spectral norm in the discriminator; labels by projection",
        paper="https://arxiv.org/abs/1802.05957",
        year=2018,
        licence="Apache-2.0",
        conditional=True,
        resolution=32,
        parameters={"generator": 4_276_739, "discriminator": 1_053_825},
        presets={
            "tiny": ("batch=8", "generator_width=8", "discriminator_width=8", "d_steps=2"),
            "small": (
                "network=tapering",
                "generator_width=16",
                "discriminator_width=16",
                "d_steps=2",
                "generator.lr=4e-4",
                "discriminator.lr=4e-4",
            ),
            "paper": ("batch=64", "d_steps=5", "loss=hinge"),
            "conditional": ("conditional=true",),
        },
        tags=("convolutional", "resnet", "spectral-norm", "projection"),
    )
    yield Arch(
        name="biggan",
        target="ganzoo_resnet.biggan:build",
        summary="Class embeddings, chunks of the latent and attention in every block",
        paper="https://arxiv.org/abs/1809.11096",
        year=2018,
        licence="Apache-2.0",
        conditional=True,
        resolution=32,
        parameters={"generator": 9_416_196, "discriminator": 2_415_170},
        presets={
            "tiny": ("batch=8", "width=4", "shared=16", "chunk=4", "d_steps=2", "ema_start=2"),
            "small": (
                "network=tapering",
                "width=16",
                "shared=32",
                "d_steps=2",
                "generator.lr=4e-4",
                "discriminator.lr=4e-4",
                "ema_decay=0.99",
                "ema_start=100",
            ),
            "paper": (
                "batch=2048",
                "d_steps=2",
                "generator.lr=5e-5",
                "generator.beta1=0",
                "discriminator.lr=2e-4",
                "discriminator.beta1=0",
            ),
        },
        tags=("convolutional", "resnet", "spectral-norm", "projection", "attention"),
    )
