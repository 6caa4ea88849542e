"""The residual networks of WGAN-GP and their game: igul222/improved_wgan_training, gan_cifar_resnet.py.

The game differs from the standard one in three points of that code:
- The generator's batch is twice the critic's.
- Real samples are made continuous: 8-bit values v become v/128 - 1 + U(0, 1/128).
- With class labels the critic has a second head that tells classes apart (ACGAN, 1610.09585). Its cross-entropy
  counts once in the critic's objective, on real samples alone, and 0.1 times in the generator's, on fakes of classes
  drawn evenly. The generator takes labels by conditional batch norm, but not before its last convolution.
Batch norm in samples uses running averages here and the batch's own statistics in the code. The critic has none,
because the penalty is on the gradient of each sample alone.

Sizes: the generator as in `sizes.halvings`, 4x4 to 32x32 in three blocks; the critic halves pictures until their
smaller side is 8 pixels or less, once at least, and has two blocks more at that size.

B batch, L latent, C channels, H, W, F features, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, relu

from ganzoo.config import GanConfig, OptimizerConfig
from ganzoo.models import Batch, Discriminator, Gan, Generator, LatentSpec, Scores, StepContext, Terms
from ganzoo.models.layers.conditional import ClassBatchNorm2d
from ganzoo.models.layers.maps import ToMaps
from ganzoo.models.layers.piecewise import SpatialMean, Sum
from ganzoo_wasserstein.started import conv, linear


class UpBlock(nn.Module):
    """x_BCHW to (B, C, 2H, 2W): norm, ReLU, doubling, convolution, norm, ReLU, convolution; a convolved shortcut."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.shortcut = conv(channels, channels, 1, gain=2)
        self.norm1 = ClassBatchNorm2d(channels, classes) if classes else nn.BatchNorm2d(channels)
        self.conv1 = conv(channels, channels, 3)
        self.norm2 = ClassBatchNorm2d(channels, classes) if classes else nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)

    def forward(self, x_BCHW: Tensor, *condition: Tensor) -> Tensor:
        """Maps of twice the size. A ReLU in place would reach the shortcut."""
        h_BCHW: Tensor = self.conv1(_doubled(relu(self.norm1(x_BCHW, *condition))))
        h_BCHW = self.conv2(relu(self.norm2(h_BCHW, *condition)))
        shortcut_BCHW: Tensor = self.shortcut(_doubled(x_BCHW))
        return shortcut_BCHW + h_BCHW


class ResNetGenerator(Generator):
    """z_BL (and y_B) to x_BCHW in [-1, 1]: a linear layer, up blocks, norm, ReLU, a convolution, tanh.

    Args:
        width: channels throughout.
        classes: K, or 0: without labels.
    """

    def __init__(
        self, latent: int, width: int, channels: int, stages: int, base: tuple[int, int], classes: int = 0
    ) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.conditional = classes > 0
        self.to_maps = ToMaps(width, base)
        self.first = linear(latent, width * base[0] * base[1])
        self.blocks = nn.ModuleList(UpBlock(width, classes) for _ in range(stages))
        self.norm = nn.BatchNorm2d(width)
        self.last = conv(width, channels, 3, gain=2)

    def forward(self, z_BL: Tensor, *condition: Tensor) -> Tensor:
        """Pictures."""
        h_BCHW: Tensor = self.to_maps(self.first(z_BL))
        for block in self.blocks:
            h_BCHW = block(h_BCHW, *condition)
        return torch.tanh(self.last(relu(self.norm(h_BCHW))))


def first_block(channels: int, width: int) -> Sum:
    """x_BCHW to half the size: no ReLU before the first convolution, the shortcut's convolution after its pooling."""
    shortcut = conv(channels, width, 1, gain=2)
    conv1, conv2 = conv(channels, width, 3), conv(width, width, 3)
    return Sum(
        nn.Sequential(nn.AvgPool2d(2), shortcut),
        nn.Sequential(conv1, nn.ReLU(), conv2, nn.AvgPool2d(2)),
    )


def critic_block(width: int, *, down: bool) -> Sum:
    """ReLU, convolution, ReLU, convolution; `down`: and pooling to half the size, with a convolved shortcut."""
    shortcut = conv(width, width, 1, gain=2) if down else None
    branch = [nn.ReLU(), conv(width, width, 3), nn.ReLU(), conv(width, width, 3)]
    if shortcut is None:
        return Sum(nn.Identity(), nn.Sequential(*branch))
    return Sum(nn.Sequential(shortcut, nn.AvgPool2d(2)), nn.Sequential(*branch, nn.AvgPool2d(2)))


class ResNetCritic(Discriminator):
    """x_BCHW to scores (B,), with `classes` to class logits (B, K) too: blocks without normalisation, a spatial mean.

    Args:
        width: channels throughout.
        size: (H, W) of the pictures.
        classes: K, or 0: no second head.
    """

    per_sample = True

    def __init__(self, width: int, channels: int, size: tuple[int, int], classes: int = 0) -> None:
        super().__init__()
        blocks = [first_block(channels, width)]
        side = min(size) // 2
        while side > 8:
            blocks.append(critic_block(width, down=True))
            side //= 2
        self.blocks = nn.Sequential(*blocks, critic_block(width, down=False), critic_block(width, down=False))
        self.mean = SpatialMean()
        self.linear = linear(width, 1)
        self.classes = linear(width, classes) if classes else None

    def piecewise_linear(self) -> nn.Sequential:
        """All but the classes' head."""
        return nn.Sequential(self.blocks, nn.ReLU(), self.mean, self.linear)

    def forward(self, x_BCHW: Tensor) -> Scores:
        """Scores."""
        h_BF = self.mean(relu(self.blocks(x_BCHW)))
        return Scores(self.linear(h_BF).squeeze(1), classes=self.classes(h_BF) if self.classes is not None else None)


class ResNetGan(Gan):
    """The game of gan_cifar_resnet.py.

    Args:
        classes: K, or 0: without labels.
        class_weight, class_weight_generator: factors of the cross-entropy in each player's objective.
        fakes_per_real: the generator's batch over the critic's.
    """

    def __init__(
        self,
        generator: ResNetGenerator,
        critic: ResNetCritic,
        config: GanConfig,
        *,
        generator_optimizer: OptimizerConfig,
        discriminator_optimizer: OptimizerConfig,
        classes: int = 0,
        class_weight: float = 1.0,
        class_weight_generator: float = 0.1,
        fakes_per_real: int = 2,
    ) -> None:
        super().__init__(
            generator,
            critic,
            config,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
        )
        self.classes = classes
        self.class_weight, self.class_weight_generator = class_weight, class_weight_generator
        self.fakes_per_real = fakes_per_real

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """As the standard game's, on continuous real samples."""
        if phase != "generator" or self.loss.needs_real:
            batch = Batch({**batch, "x": continuous(batch.x, context)})
        return super().forward(phase, batch, context)

    def further_terms(
        self, player: str, batch: Batch, real_scores: Scores | None, fake_scores: Scores, context: StepContext
    ) -> Terms:
        """The classes of real samples for the critic, of fake ones for the generator."""
        if not self.classes:
            return {}
        if player == "generator":
            return {"classes": self.class_weight_generator * _class_loss(fake_scores, batch)}
        assert real_scores is not None
        return {"classes": self.class_weight * _class_loss(real_scores, batch)}

    def generator_terms(self, batch: Batch, context: StepContext) -> Terms:
        """As the standard game's, on a larger batch with labels of its own."""
        batch = batch.map(lambda value: torch.cat([value] * self.fakes_per_real))
        if self.classes:
            batch["y"] = context.integers(self.classes, batch.size, stream="labels")
        return super().generator_terms(batch, context)


def continuous(x: Tensor, context: StepContext) -> Tensor:
    """8-bit samples v, given as v/127.5 - 1, as v/128 - 1 + U(0, 1/128): in [-1, 1), without gaps."""
    noise = context.uniform(*x.shape, high=1 / 128, stream="data-noise")
    return (x + 1) * (255 / 256) - 1 + noise


def _class_loss(scores: Scores, batch: Batch) -> Tensor:
    assert scores.classes is not None
    assert batch.y is not None
    return cross_entropy(scores.classes.float(), batch.y)


def _doubled(x_BCHW: Tensor) -> Tensor:
    return interpolate(x_BCHW, scale_factor=2, mode="nearest")
