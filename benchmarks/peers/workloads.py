"""What is measured: the workloads, and who takes part in each. No torch, since every interpreter here imports this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Settings = Literal["shipped", "equal"]
SETTINGS: tuple[Settings, ...] = ("shipped", "equal")


@dataclass(frozen=True)
class Contender:
    """Who trains.

    name: unique within a workload. adapter: module of `benchmarks.peers.adapters`, whose `steps(workload)` trains.
    kind: what the adapter does with the workload, if it can do several things. own: ganzoo, which runs in the project's
    interpreter and once, whatever the settings of the peers. precision: of ganzoo. note: for the page.
    """

    name: str
    adapter: str
    kind: str = ""
    own: bool = False
    precision: str = "float32"
    note: str = ""


@dataclass(frozen=True)
class Workload:
    """What all contenders train.

    shape: of a sample, (C, H, W) or (F,). d_steps: updates of the discriminator or critic for one of the generator.
    parameters: of generator and discriminator; each contender is held to them.
    """

    id: str
    title: str
    shape: tuple[int, ...]
    batch: int
    latent: int
    parameters: tuple[int, int]
    contenders: tuple[Contender, ...]
    d_steps: int = 1
    width: int = 64

    def contender(self, name: str) -> Contender:
        """The contender of that name."""
        return next(contender for contender in self.contenders if contender.name == name)


FP32 = Contender("ganzoo fp32", "ganzoo_run", own=True)
BF16 = Contender("ganzoo bf16", "ganzoo_run", own=True, precision="bfloat16")
POINTS = (
    Contender("ganzoo", "ganzoo_run", own=True, note="float32, as it always is for points, several steps a call"),
    Contender("ganzoo 1 step", "ganzoo_run", "one step", own=True, note="run.steps_per_call=1"),
    Contender("ganzoo 16 seeds", "ganzoo_run", "seeds", own=True, note="--seeds 16, the images of all of them"),
)

EXAMPLES = Contender("pytorch/examples", "pytorch_examples", note="its loop; reads five numbers and prints every step")
PYTORCH_GAN = Contender("PyTorch-GAN", "pytorch_gan", note="its loop; reads two losses and prints every step")
TORCHGAN = Contender("torchgan", "torchgan_trainer", note="the package's Trainer")
LIGHTNING = Contender("Lightning", "lightning_trainer", note="the package's Trainer, manual optimisation")

WORKLOADS: tuple[Workload, ...] = (
    Workload(
        "W1",
        "TensorFlow tutorial's DCGAN, 28x28x1, batch 256, dropout 0.3, both players at once",
        (1, 28, 28),
        256,
        100,
        (2_305_472, 212_865),
        (
            FP32,
            BF16,
            Contender("Keras tf.function", "keras_tutorial", note="the tutorial's train_step"),
            Contender("eager torch", "torch_tutorial", note="the same step in plain torch"),
        ),
    ),
    Workload(
        "W2",
        "DCGAN, 64x64x3, batch 64",
        (3, 64, 64),
        64,
        100,
        (3_576_704, 2_765_568),
        (FP32, BF16, EXAMPLES, PYTORCH_GAN, TORCHGAN, LIGHTNING),
    ),
    Workload(
        "W3",
        "WGAN-GP with DCGAN networks, 64x64x3, batch 64, 5 critic steps",
        (3, 64, 64),
        64,
        128,
        (3_806_080, 2_764_737),
        (
            FP32,
            BF16,
            Contender(
                "PyTorch-GAN",
                "pytorch_gan",
                "wgan_gp",
                note="its loop; the critic's loss goes back into the generator",
            ),
            TORCHGAN,
        ),
        d_steps=5,
    ),
    Workload(
        "W3b",
        "WGAN-GP with ResNets of width 128, 32x32x3, batch 64, 5 critic steps",
        (3, 32, 32),
        64,
        128,
        (1_204_483, 1_053_825),
        (
            FP32,
            BF16,
            Contender("torch-mimicry", "mimicry_trainer", note="the package's Trainer and networks, ngf=ndf=128"),
        ),
        d_steps=5,
        width=128,
    ),
    Workload(
        "W4",
        "GAN of two hidden layers of 32, points in the plane, batch 64",
        (2,),
        64,
        2,
        (1_218, 1_185),
        (*POINTS, EXAMPLES, PYTORCH_GAN, TORCHGAN, LIGHTNING),
        width=32,
    ),
    Workload(
        "W4b",
        "GAN of two hidden layers of 128, points in the plane, batch 256",
        (2,),
        256,
        2,
        (17_154, 17_025),
        (*POINTS, EXAMPLES, PYTORCH_GAN, TORCHGAN, LIGHTNING),
        width=128,
    ),
)


def find(workload_id: str) -> Workload:
    """The workload of that id, in any case.

    Raises:
        ValueError: there is none.
    """
    for workload in WORKLOADS:
        if workload.id.lower() == workload_id.lower():
            return workload
    raise ValueError(f"{workload_id}: wanted one of {', '.join(workload.id for workload in WORKLOADS)}")
