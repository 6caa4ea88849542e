"""The first generative adversarial networks: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """GAN for pictures and for points, DCGAN, the TensorFlow tutorial's DCGAN, LSGAN, AC-GAN, InfoGAN and BEGAN."""
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
        presets={"tiny": ("batch=8",), "small": ()},
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
        presets={"tiny": ("batch=8", "width=4"), "small": ("width=32",)},
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
        presets={"tiny": ("batch=8", "width=8"), "small": ("batch=64", "width=32")},
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
        presets={"tiny": ("batch=8", "width=4"), "small": ("width=16",)},
        tags=("convolutional",),
    )
    yield Arch(
        name="acgan",
        target="ganzoo_classic.acgan:build",
        summary="Auxiliary classifier GAN: the discriminator names the class too",
        paper="https://arxiv.org/abs/1610.09585",
        year=2016,
        licence="Apache-2.0",
        conditional=True,
        resolution=32,
        channels=1,
        parameters={"generator": 1_050_985, "discriminator": 103_243},
        presets={
            "tiny": ("batch=8", "width=4", "d_width=4", "latent=8"),
            "small": ("batch=32", "width=32"),
            "paper": ("network=paper", "batch=100"),
        },
        tags=("classes", "convolutional"),
    )
    yield Arch(
        name="infogan",
        target="ganzoo_classic.infogan:build",
        summary="Codes in the latent that a third network reads from the samples",
        paper="https://arxiv.org/abs/1606.03657",
        year=2016,
        licence="Apache-2.0",
        resolution=28,
        channels=1,
        parameters={"generator": 6_652_481, "discriminator": 6_559_169, "recognition": 133_004},
        presets={
            "tiny": ("batch=8", "width=4", "hidden=16", "noise=6"),
            "small": ("batch=32", "width=16", "hidden=256"),
            "paper": ("batch=128", "code_player=discriminator"),
        },
        tags=("codes", "convolutional"),
    )
    yield Arch(
        name="began",
        target="ganzoo_classic.began:build",
        summary="An autoencoder as critic, and a controller that keeps the balance",
        paper="https://arxiv.org/abs/1703.10717",
        year=2017,
        licence="Apache-2.0",
        resolution=64,
        parameters={"generator": 1_716_611, "discriminator": 13_405_379},
        presets={
            "tiny": ("batch=8", "width=2", "latent=4"),
            "small": (
                "width=16",
                "latent=32",
                "gamma=1",  # an autoencoder of few steps reconstructs grey blobs well enough for the paper's 0.5
                "lambda_k=0.1",
                "generator.lr=1e-3",
                "generator.beta1=0.9",
                "discriminator.lr=1e-3",
                "discriminator.beta1=0.9",
            ),
            "paper": ("batch=16", "width=128", "latent=64"),
        },
        tags=("autoencoder", "convolutional"),
    )
