"""GANs with an encoder: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """ALI, VQ-GAN."""
    yield Arch(
        name="ali",
        target="ganzoo_encoder.ali:build",
        summary="Adversarially learned inference: one joint critic of (x, z)",
        paper="https://arxiv.org/abs/1606.00704",
        year=2016,
        licence="Apache-2.0",
        resolution=32,
        parameters={"encoder": 3_118_496, "generator": 981_152, "discriminator": 10_366_593},
        presets={
            "tiny": ("batch=8", "width=4", "latent=8"),
            "small": (
                "data.size=32",
                "batch=50",
                "width=16",
                "critic=code",
                "generator.lr=1e-3",
                "discriminator.lr=1e-4",
            ),
            "paper": ("batch=100", "width=32", "latent=64", "critic=table", "encoder=gaussian", "prior=normal"),
            "bigan": ("encoder=deterministic", "prior=uniform"),
        },
        tags=("convolutional", "encoder", "bigan"),
    )
    yield Arch(
        name="vqgan",
        target="ganzoo_encoder.vqgan:build",
        summary="Autoencoder with a codebook and a late critic; no generator by itself",
        paper="https://arxiv.org/abs/2012.09841",
        year=2020,
        licence="Apache-2.0",
        resolution=256,
        parameters={
            "encoder": 29_298_176,
            "codebook": 262_144,
            "to_code": 65_792,
            "from_code": 65_792,
            "decoder": 42_449_795,
            "discriminator": 2_765_633,
        },
        presets={
            "tiny": (
                "data.size=16",
                "batch=4",
                "width=4",
                "multipliers=[1,1,2]",
                "blocks=1",
                "features=8",
                "codes=16",
                "code_width=4",
                "critic_width=4",
                "critic_layers=2",
                "critic_start=16",
            ),
            "small": (
                "data.size=32",
                "batch=16",
                "autoencoder.kind=adam",
                "autoencoder.lr=1e-3",
                "autoencoder.beta2=0.9",
                "discriminator.kind=adam",
                "discriminator.lr=2e-4",
                "discriminator.beta2=0.9",
                "width=8",
                "multipliers=[1,2,4]",
                "blocks=1",
                "attention=0",
                "features=64",
                "codes=64",
                "code_width=8",
                "codes_from=data",
                "critic_width=16",
                "critic_layers=2",
                "critic_start=10_000",
            ),
            "paper": ("batch=12", "critic_start=3_000_012"),
        },
        tags=("convolutional", "encoder", "codebook", "attention", "patch"),
    )
