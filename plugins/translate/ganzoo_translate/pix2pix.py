"""Image-to-Image Translation with Conditional Adversarial Networks (pix2pix).

Isola, Zhu, Zhou, Efros, 2016. https://arxiv.org/abs/1611.07004

Follows the authors' second code, junyanz/pytorch-CycleGAN-and-pix2pix: networks, N(0, 0.02²), the logistic loss with the
discriminator's halved, 100 times the mean absolute difference, Adam 2e-4 (0.5, 0.999), rates that are held for 100 epochs and
fall to 0 in 100 more, one picture an update. The discriminator is updated first; both updates see one fake.

- The rate falls with each image, there with each epoch; here it is 0 at the end of epoch 200, there a hundredth of it is left.
- norm="auto": with one picture an update, normalisation by the picture's own statistics, which is what batch norm is there, in
  training and in translating. With more of them it is batch norm, with running averages in samples. The code translates with the
  statistics of the test batch, by default of one picture.
- Dropout is on in samples, as the paper has it. Where it is: see unet.py, which differs from the paper's figure as the code does.
- jitter: the paper enlarges 256 pixels to 286, cuts 256 out and mirrors; here the same share of other sizes. The code enlarges a
  file's pixels before they become bytes, here bytes are enlarged.
- Depth follows from the size: 8 halvings at 256 pixels, as in the paper, 5 at 32. Discriminator: 70x70 patches where 4 scores a side
  are left, smaller ones for smaller pictures.

Sizes: 16 pixels a side or more, of any proportions; the two pictures may have other numbers of channels.

B batch, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganzoo.config import Adam, ArchConfig, LossChoice, Optimizer, option
from ganzoo.models import Batch, DataSpec, Draws, Game, Phase, Player, Scores, StepContext, Terms
from ganzoo_translate.jitter import jittered
from ganzoo_translate.norms import Norm
from ganzoo_translate.patch import PatchGan, halvings_of
from ganzoo_translate.translator import Translator, decayed, second_shape
from ganzoo_translate.unet import UNet


class Pix2pixConfig(ArchConfig):
    """Options of translate/pix2pix."""

    batch: int = option(1, "real samples an update, over all processes", "samples", ge=1)
    loss: LossChoice | None = option(LossChoice(name="non-saturating"), "adversarial loss")
    generator: Optimizer = option(Adam(), "optimiser of the generator")
    discriminator: Optimizer = option(Adam(), "optimiser of the discriminator")
    epochs: float = option(100, "passes over the data before the rates fall", "epochs", ge=0)
    decay_epochs: float = option(100, "passes in which they fall to 0; 0: they are held", "epochs", ge=0)
    l1: float = option(100.0, "factor of the mean absolute difference to x", ge=0)
    d_weight: float = option(0.5, "factor of the discriminator's loss", gt=0)
    width: int = option(64, "channels after the generator's first convolution", ge=1)
    d_width: int = option(64, "channels after the discriminator's first convolution", ge=1)
    patch_halvings: int | None = option(
        None, "halvings in the discriminator; None: 3, fewer where less than 4 scores a side are left", ge=1
    )
    norm: Literal["auto", "batch", "own"] = option(
        "auto", "batch norm, or by a picture's own statistics; auto: own if batch is 1"
    )
    dropout: float = option(0.5, "share that is dropped in the generator, in samples too", ge=0, lt=1)
    jitter: float = option(30 / 256, "share by which pictures are enlarged to cut out a random part", ge=0)
    flip: bool = option(True, "half of the pairs are mirrored")


class Pix2pix(Translator):
    """The game: a U-Net that makes x of its source, and a discriminator that sees both."""

    def __init__(self, config: Pix2pixConfig, data: DataSpec) -> None:
        source, x = second_shape(data, "pairs"), data.image()
        super().__init__("source", source)
        kind: Norm = "own" if config.norm == "own" or (config.norm == "auto" and config.batch == 1) else "batch"
        halvings = halvings_of(data, config.patch_halvings)
        self.generator = UNet(source[0], x[0], (x[1], x[2]), config.width, kind, config.dropout)
        self.discriminator = PatchGan(source[0] + x[0], config.d_width, halvings, kind)
        self.config = config
        self._optimizers = [
            decayed(optimizer, data, config.epochs, config.decay_epochs)
            for optimizer in (config.generator, config.discriminator)
        ]
        self.use(loss=config.loss)

    def players(self) -> Sequence[Player]:
        """Generator and discriminator."""
        return [
            Player("generator", [self.generator], self._optimizers[0]),
            Player("discriminator", [self.discriminator], self._optimizers[1]),
        ]

    def phases(self) -> Sequence[Phase]:
        """The discriminator's update, and the generator's with the same fakes."""
        return [
            Phase("discriminator", "discriminator", keeps=("generator",)),
            Phase("generator", "generator", batch="same"),
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The adversarial terms, and the generator's L1."""
        source, x, fake = self._made(batch, context)
        if phase == "discriminator":
            context.shared["made"] = source, x, fake
            real_scores, fake_scores = self.score(source, x), self.score(source, fake.detach())
            context.note("real", real_scores.level())
            context.note("fake", fake_scores.level())
            adversarial = self.loss.discriminator(real_scores, fake_scores)
            return {"adversarial": self.config.d_weight * adversarial}
        real = self.score(source, x) if self.loss.needs_real else None
        adversarial = self.loss.generator(self.score(source, fake), real)
        return {
            "adversarial": adversarial,
            "l1": self.config.l1 * l1_loss(fake.float() if fake.dtype == torch.bfloat16 else fake, x),
        }

    def _made(self, batch: Batch, context: StepContext) -> tuple[Tensor, Tensor, Tensor]:
        """Source, x and fake, those of this step's earlier phase if there are any."""
        made: tuple[Tensor, Tensor, Tensor] | None = context.shared.pop("made", None)
        if made is not None:
            return made
        source, x = jittered([batch["source"], batch.x], context, self.config.jitter, self.config.flip)
        return source, x, self.generator(source, context)

    def score(self, source: Tensor, x: Tensor) -> Scores:
        """A map of scores of pairs."""
        return Scores.of(self.discriminator(torch.cat([source, x.to(source.dtype)], 1)))

    def translated(self, pictures: Tensor, direction: str, draws: Draws) -> Tensor:
        """Pictures x of sources."""
        x: Tensor = self.generator(pictures, draws)
        return x

    def sampled_parts(self) -> Iterable[nn.Module]:
        """The generator."""
        return [self.generator]

    def notes_on_processes(self) -> list[str]:
        """Losses that look at the whole batch."""
        return self.loss.notes()


def build(config: Pix2pixConfig, data: DataSpec) -> Game:
    """The game for the data's pairs."""
    return Pix2pix(config, data)
