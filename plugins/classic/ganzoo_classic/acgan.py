"""Conditional Image Synthesis with Auxiliary Classifier GANs.

Odena, Olah, Shlens, 2016. https://arxiv.org/abs/1610.09585

The discriminator has two heads: its score, and the class of the picture. Both players want fakes to be recognised as the
class that was asked for (equations 2 and 3): the discriminator maximises L_S + L_C, the generator L_C - L_S, here with the
non-saturating loss.

network="example" follows eriklindernoren/PyTorch-GAN, acgan.py, which is for 32x32: latents are multiplied, number by number,
by an embedding of the class, and pixels are doubled before convolutions of kernel 3. The code updates the generator first,
and then the discriminator with the same fakes and, of the generator, the same weights: that is one update of both at the same
point, and so it is here. What differs from the code: it gives batch norm an eps of 0.8, which was meant as a momentum, and
has 1e-5 here; its class head ends in a softmax before a loss that has one of its own; and it weighs the terms by a half and
a quarter, which Adam does not notice. Its discriminator is built for sides that are multiples of 16; here halves are rounded
up, so that 28x28 works.
network="paper" has the networks of the paper's table for CIFAR-10: the class as a vector beside the latents, transposed
convolutions of kernel 5 from 384 channels on, six convolutions of kernel 3 with strides 2 and 1 in turn and dropout, batches
of 100, alternating updates with fakes of their own. Of the standard deviations of the activation noise that the paper tried,
0, 0.1 and 0.2, it is the first. TensorFlow's SAME padding is assumed.

The classes of fakes are drawn with equal chance, whatever the batch's are.
Sizes: "example" doubles maps twice, so both sides are multiples of 4; "paper" goes by `sizes.halvings`.
Initialisation, after torch's own: "example": weights of convolutions N(0, 0.02²), scales of batch norm N(1, 0.02²); its
embedding stays N(0, 1) and its linear layers torch's. "paper": all weights N(0, 0.02²), all biases 0.

B batch, L latent, K classes, C channels, H, W.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganzoo.config import GanConfig, option
from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Discriminator, Game, Gan, Generator, LatentSpec, Scores, StepContext, Terms
from ganzoo.models.layers import one_hot
from ganzoo.models.layers.channel_dropout import ChannelDropout
from ganzoo.models.layers.init import normal_
from ganzoo.models.layers.maps import FromMaps, ToMaps
from ganzoo.models.layers.same import SameConv2d, SameConvTranspose2d
from ganzoo.models.layers.sizes import halvings

WIDTH = {"example": 64, "paper": 96}  # channels
DROPOUT = {"example": 0.25, "paper": 0.5}
STAGES = 4  # halvings of the example's discriminator
PAIRS = 3  # of convolutions of the paper's, with strides 2 and 1

REAL = "real classes"  # in a batch whose y are those of the fakes


class AcganConfig(GanConfig):
    """Options of classic/acgan."""

    batch: int = option(64, "real samples an update, over all processes (the paper's has 100)", "samples", ge=1)
    network: Literal["example", "paper"] = option("example", "PyTorch-GAN's, or the paper's own for CIFAR-10")
    width: int | None = option(None, "channels of the generator's largest maps; None: 64, paper: 96", "channels", ge=1)
    d_width: int = option(16, "channels of the discriminator's largest maps", "channels", ge=1)
    latent: int = option(100, "numbers in a latent, without the class", ge=1)
    dropout: float | None = option(
        None, "chance that the discriminator drops a channel (paper: a number); None: 0.25, paper: 0.5", ge=0, lt=1
    )
    classification: float = option(1.0, "factor of the class terms", ge=0)


class ExampleGenerator(Generator):
    """z_BL and y_B to x_BCHW in [-1, 1]: a linear layer of z times the class's embedding, two doublings of the pixels."""

    conditional = True

    def __init__(self, latent: int, classes: int, width: int, channels: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.embedding = nn.Embedding(classes, latent)
        self.layers = nn.Sequential(
            nn.Linear(latent, 2 * width * base[0] * base[1]),
            ToMaps(2 * width, base),
            nn.BatchNorm2d(2 * width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z_BL: Tensor, y_B: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(z_BL * self.embedding(y_B))
        return x_BCHW


class PaperGenerator(Generator):
    """z_BL and y_B to x_BCHW in [-1, 1]: a linear layer of z beside the class's vector, transposed convolutions of kernel 5."""

    conditional = True

    def __init__(
        self, latent: int, classes: int, width: int, channels: int, stages: int, base: tuple[int, int]
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.classes = classes
        widths = [width * 2**i for i in reversed(range(stages))]
        layers: list[nn.Module] = [
            nn.Linear(latent + classes, widths[0] * base[0] * base[1]),
            ToMaps(widths[0], base),
            nn.ReLU(),
        ]
        for wide, narrow in pairwise(widths):
            layers += [SameConvTranspose2d(wide, narrow, 5), nn.BatchNorm2d(narrow), nn.ReLU()]
        self.layers = nn.Sequential(*layers, SameConvTranspose2d(width, channels, 5), nn.Tanh())

    def forward(self, z_BL: Tensor, y_B: Tensor) -> Tensor:
        """Pictures."""
        x_BCHW: Tensor = self.layers(torch.cat([z_BL, one_hot(y_B, self.classes, z_BL.dtype)], 1))
        return x_BCHW


class AcganDiscriminator(Discriminator):
    """x_BCHW to scores with class logits: the features of some layers, and two linear heads.

    Args:
        features: pictures to (B, size).
    """

    def __init__(self, features: nn.Sequential, size: int, classes: int) -> None:
        super().__init__()
        self.features = features
        self.score = nn.Linear(size, 1)
        self.classes = nn.Linear(size, classes)

    def forward(self, x_BCHW: Tensor) -> Scores:
        """Logits (B,), and class logits (B, K)."""
        h_BF = self.features(x_BCHW)
        return Scores(self.score(h_BF).squeeze(1), classes=self.classes(h_BF))


class Acgan(Gan):
    """The standard game, in which both players are told how well the class is recognised.

    Args:
        classes: how many there are.
        classification: factor of the class terms.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: AcganDiscriminator,
        config: AcganConfig,
        *,
        classes: int,
        update: Literal["alternating", "simultaneous"],
    ) -> None:
        super().__init__(generator, discriminator, config, update=update)
        self.classes, self.classification = classes, config.classification

    def wished(self, batch: Batch, context: StepContext) -> Batch:
        """The batch with classes for its fakes in the place of its own, which are kept as "real classes"."""
        if batch.y is None:
            raise UsageError("this architecture wants class labels, and the batch has none")
        wished = context.integers(self.classes, batch.size, stream="labels")
        return Batch({**batch, "y": wished, REAL: batch.y})

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The standard game's terms, with classes for the fakes."""
        return super().forward(phase, self.wished(batch, context), context)

    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """The classes of fake samples, and for the discriminator those of real ones too."""
        fake = self._recognised(fake_scores, batch["y"])
        if player == "generator":
            return {"classes": fake}
        assert real_scores is not None
        return {"real classes": self._recognised(real_scores, batch[REAL]), "fake classes": fake}

    def _recognised(self, scores: Scores, y_B: Tensor) -> Tensor:
        """The weighted cross-entropy of the class logits, in float32 or more."""
        logits_BK = scores.classes
        assert logits_BK is not None
        logits_BK = logits_BK.to(torch.promote_types(logits_BK.dtype, torch.float32))
        return self.classification * cross_entropy(logits_BK, y_B)


def build(config: AcganConfig, data: DataSpec) -> Game:
    """The game of the chosen networks on the data's pictures and classes.

    Raises:
        ValueError: the data has no labels, or its pictures a size that the network cannot make.
    """
    channels, height, width = data.image()
    if data.classes < 2:
        raise ValueError(
            f"{data.name} has {data.classes or 'no'} classes. This architecture learns to make pictures of a class that "
            f"it is told, so it wants labels of 2 classes or more: choose labelled data, or an architecture without "
            f"classes, for example dcgan"
        )
    wide = config.width or WIDTH[config.network]
    dropout = DROPOUT[config.network] if config.dropout is None else config.dropout
    generator: Generator
    if config.network == "example":
        if height % 4 or width % 4:
            near = max(round(height / 4), 1) * 4
            raise ValueError(
                f"{data.name} holds pictures of {height}x{width} pixels. This network doubles a map twice, so both "
                f"sides have to be multiples of 4: choose another resolution, for example {near}x{near}"
            )
        generator = ExampleGenerator(config.latent, data.classes, wide, channels, (height // 4, width // 4))
        features, size = _example_features(config.d_width, channels, (height, width), dropout)
    else:
        stages, base = halvings(data)
        generator = PaperGenerator(config.latent, data.classes, wide, channels, stages, base)
        features, size = _paper_features(config.d_width, channels, (height, width), dropout)
    discriminator = AcganDiscriminator(features, size, data.classes)
    for network in (generator, discriminator):
        _initialise(network, all_layers=config.network == "paper")
    update: Literal["alternating", "simultaneous"] = "simultaneous" if config.network == "example" else "alternating"
    return Acgan(generator, discriminator, config, classes=data.classes, update=update)


def _example_features(width: int, channels: int, size: tuple[int, int], dropout: float) -> tuple[nn.Sequential, int]:
    """Convolutions of kernel 3 and stride 2, each with leaky units, dropout of channels and, but for the first, batch norm."""
    layers: list[nn.Module] = []
    widths = [channels, *(width * 2**i for i in range(STAGES))]
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(0.2), ChannelDropout(dropout)]
        layers += [nn.BatchNorm2d(after)] if len(layers) > 3 else []
    return nn.Sequential(*layers, FromMaps()), _numbers(widths[-1], size, STAGES)


def _paper_features(width: int, channels: int, size: tuple[int, int], dropout: float) -> tuple[nn.Sequential, int]:
    """Six convolutions of kernel 3, with strides 2 and 1 in turn: batch norm but after the first, leaky units, dropout."""
    layers: list[nn.Module] = []
    widths = [channels, *(width * 2**i for i in range(2 * PAIRS))]
    for i, (before, after) in enumerate(pairwise(widths)):
        layers.append(SameConv2d(before, after, 3, 1 if i % 2 else 2))
        layers += [nn.BatchNorm2d(after)] if i else []
        layers += [nn.LeakyReLU(0.2), nn.Dropout(dropout)]
    return nn.Sequential(*layers, FromMaps()), _numbers(widths[-1], size, PAIRS)


def _numbers(channels: int, size: tuple[int, int], times: int) -> int:
    """How many numbers are left when maps of this size have been halved so often, rounded up."""
    height, width = (-(-side // (1 << times)) for side in size)
    return channels * height * width


def _initialise(network: nn.Module, *, all_layers: bool) -> None:
    """normal_ of all layers, or of convolutions and batch norm alone, whose biases in convolutions then stay torch's."""
    if all_layers:
        normal_(network)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.ones_(part.weight)
        return
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
        elif isinstance(part, nn.BatchNorm2d):
            normal_(part)
