"""torchgan's own Trainer and losses on the workload's networks, which are wrapped as its models.

Its Trainer calls the training operation of each loss in turn. Each makes fakes of its own, steps its optimiser and reads its
value; for WGAN-GP the critic's loss and the penalty are two operations with a step each, and the penalty's fakes are not
detached. After each step it computes the norms of all gradients for its display. All of that is the package as it is. Its
networks' blocks are not used, so that all contenders train the same networks.

torchgan counts each of the two operations of WGAN-GP as a step of the critic; with ncritic=5 the generator is updated at
every 10th, which is every 5th batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torchgan
from torch import Tensor, nn
from torchgan import losses
from torchgan.models import Discriminator, Generator
from torchgan.trainer import Trainer

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import Networks
from benchmarks.peers.workloads import Contender, Workload


class _Generator(Generator):  # type: ignore[misc]
    def __init__(self, network: nn.Module, latent: int) -> None:
        super().__init__(latent)
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.network(z)
        return made


class _Discriminator(Discriminator):  # type: ignore[misc]
    def __init__(self, network: nn.Module, inputs: int) -> None:
        super().__init__(inputs)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.network(x)
        return scores


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    networks = Networks(workload)
    prepare(workload, (networks.generator, networks.discriminator), facts, threads)
    facts["versions"]["torchgan"] = torchgan.__version__.removeprefix("v")
    optimizer = {"name": torch.optim.Adam, "args": {"lr": 2e-4, "betas": (0.5, 0.999)}}
    models = {
        "generator": {
            "name": _Generator,
            "args": {"network": networks.generator, "latent": workload.latent},
            "optimizer": optimizer,
        },
        "discriminator": {
            "name": _Discriminator,
            "args": {"network": networks.discriminator, "inputs": workload.shape[0]},
            "optimizer": optimizer,
        },
    }
    if workload.d_steps > 1:
        own = [
            losses.WassersteinGeneratorLoss(),
            losses.WassersteinDiscriminatorLoss(),
            losses.WassersteinGradientPenalty(),
        ]
    else:
        own = [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()]
    trainer = Trainer(models, own, device=torch.device("cpu"), ncritic=workload.d_steps, epochs=1)
    logged = trainer.logger.get_loss_viz().logs
    facts["losses"] = lambda: [logged[type(loss).__name__][-1] for loss in reversed(own)]
    trainer(Loader(workload, gate, workload.d_steps))
