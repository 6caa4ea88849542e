"""The first generative adversarial networks: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """GAN for pictures and for points, DCGAN, the TensorFlow tutorial's DCGAN and LSGAN."""
    yield Arch(
        name="gan",
        target="ganzoo_classic.gan:build",
        summary="The first GAN: fully connected, against a maxout discriminator",
        paper="https://arxiv.org/abs/1406.2661",
        year=2014,
        licence="Apache-2.0",
        resolution=28,
        channels=1,
        parameters={"generator": 2_503_984, "discriminator": 1_231_441},
        presets={"tiny": ("batch=8",)},
        tags=("fully-connected", "maxout"),
    )
    yield Arch(
        name="gan-2d",
        target="ganzoo_classic.gan_2d:build",
        summary="Small fully connected GAN for points in the plane",
        paper="https://arxiv.org/abs/1406.2661",
        year=2014,
        licence="Apache-2.0",
        modality="points",
        parameters={"generator": 17_154, "discriminator": 17_025},
        presets={"tiny": ("batch=8", "width=8")},
        tags=("fully-connected", "points", "small"),
    )
    yield Arch(
        name="dcgan",
        target="ganzoo_classic.dcgan:build",
        summary="Deep convolutional GAN, as in PyTorch's examples",
        paper="https://arxiv.org/abs/1511.06434",
        year=2015,
        licence="Apache-2.0",
        resolution=64,
        parameters={"generator": 3_576_704, "discriminator": 2_765_568},
        presets={"tiny": ("batch=8", "width=4")},
        tags=("convolutional",),
    )
    yield Arch(
        name="dcgan-tf",
        target="ganzoo_classic.dcgan_tf:build",
        summary="Deep convolutional GAN of the TensorFlow tutorial",
        paper="https://arxiv.org/abs/1511.06434",
        year=2015,
        licence="Apache-2.0",
        resolution=28,
        channels=1,
        parameters={"generator": 2_305_472, "discriminator": 212_865},
        presets={"tiny": ("batch=8", "width=8")},
        tags=("convolutional", "simultaneous", "tutorial"),
    )
    yield Arch(
        name="lsgan",
        target="ganzoo_classic.lsgan:build",
        summary="Least squares GAN with StudioGAN's deep convolutional networks",
        paper="https://arxiv.org/abs/1611.04076",
        year=2016,
        licence="Apache-2.0",
        resolution=32,
        parameters={"generator": 3_812_355, "discriminator": 2_931_009},
        presets={"tiny": ("batch=8", "width=4")},
        tags=("convolutional",),
    )
