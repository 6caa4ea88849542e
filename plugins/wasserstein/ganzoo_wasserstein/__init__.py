"""GANs with a critic that is kept Lipschitz, everywhere or near the data: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """WGAN, WGAN-GP and DRAGAN."""
    yield Arch(
        name="wgan",
        target="ganzoo_wasserstein.wgan:build",
        summary="Wasserstein GAN: the critic's weights are clipped",
        paper="https://arxiv.org/abs/1701.07875",
        year=2017,
        licence="Apache-2.0",
        resolution=64,
        parameters={"generator": 3_576_704, "discriminator": 2_765_568},
        presets={"tiny": ("batch=8", "width=8", "warm_up=1", "d_steps=2"), "small": ("width=32",)},
        tags=("convolutional", "fully-connected"),
    )
    yield Arch(
        name="wgan-gp",
        target="ganzoo_wasserstein.wgan_gp:build",
        summary="Wasserstein GAN with a gradient penalty",
        paper="https://arxiv.org/abs/1704.00028",
        year=2017,
        licence="Apache-2.0",
        conditional=True,
        resolution=28,
        channels=1,
        parameters={"generator": 1_554_177, "discriminator": 1_030_145},
        presets={
            "tiny": ("batch=8", "width=8", "d_steps=2"),
            "small": (
                "batch=16",
                "network=dcgan",
                "width=32",
                "upsampling=nearest",
                "d_steps=3",
                "generator.lr=2e-3",
                "generator.beta1=0",
                "discriminator.lr=2e-3",
                "discriminator.beta1=0",
            ),
            "conditional": ("conditional=true",),
        },
        tags=("convolutional", "resnet"),
    )
    yield Arch(
        name="dragan",
        target="ganzoo_wasserstein.dragan:build",
        summary="Gradient penalty in the neighbourhood of the data",
        paper="https://arxiv.org/abs/1705.07215",
        year=2017,
        licence="Apache-2.0",
        resolution=28,
        channels=1,
        parameters={"generator": 114_064, "discriminator": 100_609},
        presets={"tiny": ("batch=8",), "small": ("network=dcgan", "width=32")},
        tags=("convolutional", "fully-connected"),
    )
