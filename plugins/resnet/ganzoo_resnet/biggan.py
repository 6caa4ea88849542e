"""Large Scale GAN Training for High Fidelity Natural Image Synthesis.

Brock, Donahue, Simonyan, 2018. https://arxiv.org/abs/1809.11096

Follows ajbrock/BigGAN-PyTorch, the first author's code, for the networks from 64x64 on (tables 4 to 6 of the paper), and
POSTECH-CVLab/PyTorch-StudioGAN for those of 32x32 and for the defaults of training, which are its CIFAR-10 configuration:
Adam 2e-4 (0.5, 0.999), eps 1e-6, a batch of 64, 5 discriminator updates a generator update. The preset "paper" has the
paper's numbers: Adam 5e-5 and 2e-4 (0, 0.999), a batch of 2048, 2 updates; `run.micro_batches` parts it.

Each latent is cut in chunks: one makes the smallest maps, the others steer the batch norms of a block each, together with
one embedding of the classes that all blocks share. All weights of both networks are spectrally normalised but that
embedding, and orthogonal at first; biases are 0 (StudioGAN; ajbrock's has torch's). Attention stands at half the pictures'
size in both networks: 16x16 for 32x32, 64x64 for 128x128. The discriminator sums its features over the map, and adds
the inner product with an embedding of the class. Real and fake samples are scored in one batch, as in ajbrock's code.
Orthogonal regularisation (equation 3) is a term of the generator, 1e-4 as in the paper, on the weights before they are
normalised and without the shared embedding, as ajbrock's code has it; neither code switches it on.
The generator's weights are averaged from update 1,000 on with a decay of 0.9999 an update, counted here in images;
`run.ema_images` overrules it. The paper's batch norms add 1e-4 to variances, and so do all of these; ajbrock's add 1e-5.

Sampling: `truncation=τ` draws numbers of a latent again while they are outside ±τ. `standing=N` has batch norms use the
statistics of N batches of samples with that truncation, instead of the running averages of training.

Without labels the chunks alone steer the norms, and the discriminator has no projection.
With labels, fakes have those of the batch's real samples; the codes draw them evenly.

B batch, L latent, K classes.
"""

from __future__ import annotations

from math import log
from typing import Any

import torch
from pydantic import model_validator
from torch import Tensor

from ganzoo.config import Adam, GanConfig, LossChoice, Optimizer, PenaltyChoice, Schedule, option, with_own_optimizers
from ganzoo.models import DataSpec, Gan
from ganzoo.models.guard import checked_number
from ganzoo.models.layers.sizes import halvings
from ganzoo.models.layers.standing import standing_statistics
from ganzoo_resnet.biggan_networks import BigGanDiscriminator, BigGanGenerator
from ganzoo_resnet.plan import Network, discriminator_blocks, generator_channels, is_constant

ADAM = Adam(lr=2e-4, beta1=0.5, beta2=0.999, eps=1e-6)


class BigGanConfig(GanConfig):
    """Options of resnet/biggan."""

    loss: LossChoice | None = option(LossChoice(name="hinge"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option(
        (PenaltyChoice(name="orthogonal", weight=1e-4),), "penalties of either player"
    )
    generator: Optimizer | None = option(ADAM, "optimiser of the generator")
    discriminator: Optimizer | None = option(ADAM, "optimiser of the discriminator")
    d_steps: int = option(5, "discriminator updates a generator update", ge=1)
    conditional: bool | None = option(None, "train with class labels; None: if the data has them")
    network: Network = option("auto", "channels over the sizes; auto: constant up to 32x32, else tapering")
    width: int = option(
        96, "channels at the picture's size; of constant networks 4 times as many in the generator, else twice", ge=1
    )
    chunk: int = option(20, "numbers in a chunk of the latent, of which there is one more than blocks", ge=1)
    shared: int = option(128, "numbers in the embedding of a class", ge=1)
    attention: int | None = option(1, "halvings of the picture at which attention stands; None: no attention", ge=1)
    ema_decay: float = option(0.9999, "of the averaged weights that samples are drawn from, an update", ge=0, lt=1)
    ema_start: int = option(1000, "before it the average is the weights themselves", unit="generator updates", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        return with_own_optimizers(values, {"generator": ADAM, "discriminator": ADAM})


class BigGan(Gan):
    """The standard game with standing statistics for its samples."""

    generator: BigGanGenerator

    def __init__(self, generator: BigGanGenerator, discriminator: BigGanDiscriminator, config: BigGanConfig) -> None:
        super().__init__(generator, discriminator, config)
        self.standing_batch = config.batch
        update = config.batch * config.d_steps  # images
        half_life = update * log(2) / -log(config.ema_decay) if config.ema_decay else 0.0
        begins = ((0, 0.0),) if config.ema_start else ()
        self.ema_images = Schedule(points=(*begins, (config.ema_start * update, half_life)), shape="step")

    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples.

        Options: those of the standard game (`truncation`, `interpolate`, `path`), and `standing`: batches whose statistics
        batch norms use, always the same ones; 0: the running averages of training.

        Raises:
            ValueError: an option or the condition is out of its range.
            TypeError: an option is unknown.
        """
        standing = int(checked_number("standing", options.pop("standing", 0) or 0, least=0, whole=True))
        draw = super().sample
        if not standing:
            return draw(n, condition=condition, generator=generator, **options)
        device = next(self.generator.parameters()).device
        own = torch.Generator(device).manual_seed(0)  # the statistics are the same for all samples
        truncation = {name: options[name] for name in ("truncation",) if name in options}

        def once() -> None:
            B, K = self.standing_batch, self.data.classes if self.data else 0
            y = torch.randint(K, (B,), generator=own, device=device) if self.generator.conditional and K else None
            draw(B, condition=y, generator=own, **truncation)

        with standing_statistics(self.generator, once, standing):
            return draw(n, condition=condition, generator=generator, **options)


def build(config: BigGanConfig, data: DataSpec) -> BigGan:
    """The networks for the data's pictures, in their game.

    Raises:
        ValueError: the pictures' sides cannot be halved evenly, attention has no maps to stand at, or labels are wanted and
            the data has none.
    """
    channels, height, width = data.image()
    if config.conditional and not data.classes:
        raise ValueError(f"{data.name} has no class labels: leave conditional out, or take data with classes")
    classes = data.classes if config.conditional is not False else 0
    stages, base = halvings(data)
    constant = is_constant(config.network, (height, width))
    g_width, d_width = (4 * config.width, 2 * config.width) if constant else (config.width, config.width)
    blocks = discriminator_blocks(d_width, stages, (height, width), constant=constant)
    most = min(stages - 1, sum(halves for _, halves in blocks))
    level = config.attention
    if level is not None and level > most:
        raise ValueError(
            f"attention is {level}, and for pictures of {height}x{width} pixels both networks have maps at "
            f"{most} halvings or fewer: " + (f"choose 1 to {most}, or none" if most else "set it to none")
        )
    widths = generator_channels(g_width, stages, constant=constant)
    if level is not None and min(widths[stages - level], blocks[level - 1][0]) < 2:
        raise ValueError(f"width is {config.width}: attention wants maps of 2 channels or more: choose 2 or more")
    return BigGan(
        BigGanGenerator(
            config.chunk,
            widths,
            channels,
            base,
            attention=None if level is None else stages - level,
            classes=classes,
            shared=config.shared,
        ),
        BigGanDiscriminator(channels, blocks, attention=level, classes=classes),
        config,
    )
