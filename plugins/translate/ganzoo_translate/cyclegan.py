"""Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (CycleGAN).

Zhu, Park, Isola, Efros, 2017. https://arxiv.org/abs/1703.10593

Follows the authors' second code, junyanz/pytorch-CycleGAN-and-pix2pix: two residual generators under one optimiser and two
discriminators of 70x70 patches under another, instance norm, N(0, 0.02²), Adam 2e-4 (0.5, 0.999), rates that are held for 100
epochs and fall to 0 in 100 more, one picture of each domain an update. The generators are updated first; each discriminator sees
fakes of a pool of 50. Domain b is the data's x, domain a `other`.

- Losses of the code: least squares E(D-1)² for the generators and half of E(D(x)-1)² + E(D(fake))² for each discriminator. ganzoo's
  least-squares has a half in front of all of them, so that g_weight is 2 and d_weight 1. Another loss wants g_weight=1.
- 10 times the mean absolute difference after a cycle, both ways; half of that of b made of b and of a made of a (the paper has
  this term for paintings alone, the code always).
- An epoch is one pass over x, there over the longer of the two sets. The rate falls with each image, there with each epoch.
- blocks: 9 residual blocks above 128 pixels and 6 up to there, as in the paper. The code has 9 whatever the size.
- Discriminator: 70x70 patches where 4 scores a side are left, smaller ones for smaller pictures.
- jitter: as in pix2pix, each domain by itself.

Sizes: 16 pixels a side or more, of any proportions.

B batch, C channels, H, W.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganzoo.config import Adam, ArchConfig, LossChoice, Optimizer, option
from ganzoo.models import Batch, DataSpec, Draws, Game, Phase, Player, Scores, StepContext, Terms
from ganzoo_translate.jitter import jittered
from ganzoo_translate.patch import PatchGan, halvings_of
from ganzoo_translate.pool import ImagePool
from ganzoo_translate.resnet import ResNet
from ganzoo_translate.translator import Translator, decayed, second_shape

LARGE = 128  # pixels a side, above which there are more blocks


class CycleganConfig(ArchConfig):
    """Options of translate/cyclegan."""

    batch: int = option(1, "real samples of each domain an update, over all processes", "samples", ge=1)
    loss: LossChoice | None = option(LossChoice(name="least-squares"), "adversarial loss")
    generators: Optimizer = option(Adam(), "optimiser of both generators")
    discriminators: Optimizer = option(Adam(), "optimiser of both discriminators")
    epochs: float = option(100, "passes over the data before the rates fall", "epochs", ge=0)
    decay_epochs: float = option(100, "passes in which they fall to 0; 0: they are held", "epochs", ge=0)
    cycle: float = option(10.0, "factor of the mean absolute difference after a cycle", ge=0)
    identity: float = option(0.5, "that of pictures made of their own domain, as a share of `cycle`", ge=0)
    g_weight: float = option(2.0, "factor of the generators' adversarial loss", gt=0)
    d_weight: float = option(1.0, "factor of the discriminators' loss", gt=0)
    pool: int = option(50, "earlier fakes that each discriminator may be shown; 0: none", "samples", ge=0)
    width: int = option(64, "channels after a generator's first convolution", ge=1)
    d_width: int = option(64, "channels after a discriminator's first convolution", ge=1)
    blocks: int | None = option(None, "residual blocks; None: 9, 6 up to 128 pixels", ge=1)
    patch_halvings: int | None = option(
        None, "halvings in the discriminators; None: 3, fewer where less than 4 scores a side are left", ge=1
    )
    jitter: float = option(30 / 256, "share by which pictures are enlarged to cut out a random part", ge=0)
    flip: bool = option(True, "half of the pictures are mirrored")


class CycleGan(Translator):
    """The game: generators from a to b and back, a discriminator for each domain, and pools of earlier fakes."""

    directions = ("a-to-b", "b-to-a")

    def __init__(self, config: CycleganConfig, data: DataSpec) -> None:
        a, b = second_shape(data, "domains"), data.image()
        super().__init__("other", a)
        if a[0] != b[0] and config.identity:
            raise ValueError(
                f"{data.name} holds pictures of {b[0]} and of {a[0]} channels, and a generator that is shown its own domain wants "
                "as many on both sides: set identity=0, or --set data.channels=rgb"
            )
        size, halvings = (b[1], b[2]), halvings_of(data, config.patch_halvings)
        blocks = config.blocks or (9 if min(size) > LARGE else 6)
        self.a_to_b = ResNet(a[0], b[0], size, config.width, blocks)
        self.b_to_a = ResNet(b[0], a[0], size, config.width, blocks)
        self.critic_a = PatchGan(a[0], config.d_width, halvings, "instance")
        self.critic_b = PatchGan(b[0], config.d_width, halvings, "instance")
        self.pool_a, self.pool_b = ImagePool(config.pool, a), ImagePool(config.pool, b)
        self.config = config
        self._shape_b = b
        self._optimizers = [
            decayed(optimizer, data, config.epochs, config.decay_epochs)
            for optimizer in (config.generators, config.discriminators)
        ]
        self.use(loss=config.loss)

    def players(self) -> Sequence[Player]:
        """Both generators, and both discriminators."""
        return [
            Player("generators", [self.a_to_b, self.b_to_a], self._optimizers[0]),
            Player("discriminators", [self.critic_a, self.critic_b], self._optimizers[1]),
        ]

    def phases(self) -> Sequence[Phase]:
        """The generators' update, and the discriminators' with the same fakes or earlier ones."""
        return [Phase("generators", "generators"), Phase("discriminators", "discriminators", batch="same")]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        """The terms of "generators" or of "discriminators"."""
        if phase == "generators":
            return self._generators(*self._pictures(batch, context), context)
        shown: tuple[Tensor, Tensor, Tensor, Tensor] | None = context.shared.pop("shown", None)
        if shown is None:
            a, b = self._pictures(batch, context)
            with torch.no_grad():
                shown = a, b, self.b_to_a(b), self.a_to_b(a)
        a, b, fake_a, fake_b = shown
        return {
            "a": self._against(self.critic_a, a, self.pool_a.exchange(fake_a, context), "a", context),
            "b": self._against(self.critic_b, b, self.pool_b.exchange(fake_b, context), "b", context),
        }

    def _pictures(self, batch: Batch, context: StepContext) -> tuple[Tensor, Tensor]:
        """A batch of a and one of b, each changed by itself."""
        jitter, flip = self.config.jitter, self.config.flip
        return jittered([batch["other"]], context, jitter, flip)[0], jittered([batch.x], context, jitter, flip)[0]

    def _generators(self, a: Tensor, b: Tensor, context: StepContext) -> Terms:
        config = self.config
        fake_b, same_b = self._both(self.a_to_b, a, b)
        fake_a, same_a = self._both(self.b_to_a, b, a)
        context.shared["shown"] = a, b, fake_a.detach(), fake_b.detach()
        fooled = self._fooled(self.critic_b, fake_b, b) + self._fooled(self.critic_a, fake_a, a)
        cycle = _apart(self.b_to_a(fake_b), a) + _apart(self.a_to_b(fake_a), b)
        terms = {"adversarial": config.g_weight * fooled, "cycle": config.cycle * cycle}
        if same_a is not None and same_b is not None:
            terms["identity"] = config.cycle * config.identity * (_apart(same_a, a) + _apart(same_b, b))
        return terms

    def _both(self, generator: nn.Module, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        """The pictures made of x, and of pictures of the target domain if that is asked for: each is normalised by itself, so one
        forward gives both."""
        if not self.config.identity:
            return generator(x), None
        fake, same = generator(torch.cat([x, own])).split(len(x))
        return fake, same

    def _fooled(self, critic: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        scores = Scores.of(critic(real)) if self.loss.needs_real else None
        return self.loss.generator(Scores.of(critic(fake)), scores)

    def _against(self, critic: nn.Module, real: Tensor, fake: Tensor, name: str, context: StepContext) -> Tensor:
        real_scores, fake_scores = Scores.of(critic(real)), Scores.of(critic(fake))
        context.note(f"real {name}", real_scores.level())
        context.note(f"fake {name}", fake_scores.level())
        return self.config.d_weight * self.loss.discriminator(real_scores, fake_scores)

    def shape_of(self, direction: str) -> tuple[int, ...]:
        """As Translator.shape_of."""
        return self._shape_b if direction == "b-to-a" else super().shape_of(direction)

    def translated(self, pictures: Tensor, direction: str, draws: Draws) -> Tensor:
        """Pictures of the other domain."""
        y: Tensor = self.b_to_a(pictures) if direction == "b-to-a" else self.a_to_b(pictures)
        return y

    def sampled_parts(self) -> Iterable[nn.Module]:
        """Both generators."""
        return [self.a_to_b, self.b_to_a]

    def notes_on_processes(self) -> list[str]:
        """Losses that look at the whole batch, and the pools."""
        notes = self.loss.notes()
        return [*notes, "each process has a pool of its own fakes"] if self.config.pool else notes


def _apart(one: Tensor, other: Tensor) -> Tensor:
    """The mean absolute difference, in float32 at least."""
    return l1_loss(one.float() if one.dtype == torch.bfloat16 else one, other)


def build(config: CycleganConfig, data: DataSpec) -> Game:
    """The game for the data's two domains."""
    return CycleGan(config, data)
