"""From pictures to pictures: records only, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Arch, hookimpl

SMALL = ("data.size=32", "epochs=1000", "decay_epochs=0", "jitter=0")


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """pix2pix and CycleGAN."""
    yield Arch(
        name="pix2pix",
        target="ganzoo_translate.pix2pix:build",
        summary="Pictures made of pictures that belong to them, from pairs",
        paper="https://arxiv.org/abs/1611.07004",
        year=2016,
        licence="Apache-2.0",
        layout="pairs",
        resolution=256,
        parameters={"generator": 54_413_955, "discriminator": 2_768_705},
        presets={
            "tiny": ("data.size=16", "batch=8", "width=2", "d_width=2"),
            "small": ("batch=16", "width=16", "d_width=16", *SMALL),
            "paper": ("batch=1", "epochs=100", "decay_epochs=100", "l1=100", "width=64", "dropout=0.5"),
        },
        tags=("convolutional", "u-net", "translation"),
    )
    yield Arch(
        name="cyclegan",
        target="ganzoo_translate.cyclegan:build",
        summary="Two kinds of pictures, each made of the other, without pairs",
        paper="https://arxiv.org/abs/1703.10593",
        year=2017,
        licence="Apache-2.0",
        layout="domains",
        resolution=256,
        parameters={
            "a_to_b": 11_378_179,
            "b_to_a": 11_378_179,
            "critic_a": 2_764_737,
            "critic_b": 2_764_737,
        },
        presets={
            "tiny": ("data.size=16", "batch=8", "width=2", "d_width=2", "blocks=1", "pool=6"),
            "small": ("batch=8", "width=8", "d_width=16", "blocks=3", *SMALL),
            "paper": ("batch=1", "epochs=100", "decay_epochs=100", "cycle=10", "pool=50", "blocks=9", "width=64"),
        },
        tags=("convolutional", "resnet", "translation"),
    )
