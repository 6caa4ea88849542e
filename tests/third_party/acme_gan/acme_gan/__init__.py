"""What the plugin brings. Records only: no torch is imported to list it."""

from ganzoo import Arch, hookimpl

CODE = "acme_gan.model:build"  # imported when the architecture is first used


@hookimpl
def ganzoo_architectures():
    yield Arch(name="mlp-gan", target=CODE, summary="Two fully connected networks for points", modality="points")
    yield Arch(name="mlp-gan-image", target=CODE, summary="The same for pictures", resolution=28, channels=1)
