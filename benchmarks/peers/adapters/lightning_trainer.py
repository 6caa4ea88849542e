"""Lightning's Trainer on the workload's networks, as its own GAN example has it: manual optimisation of two players.

Reproduced of that example: `toggle_optimizer`, so that the other player takes no gradients; the generator first; fakes made
anew, and detached, in the discriminator's part; halved loss of the discriminator; both losses logged to the progress bar.
The Trainer has its defaults: progress bar, logger, checkpoints at the end of an epoch, which is not reached. Binary
cross-entropy is taken from logits, Adam 2e-4 (0.5, 0.999) in torch's default implementation.
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.utils.data import DataLoader, IterableDataset

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import Networks
from benchmarks.peers.workloads import Contender, Workload


class _Batches(IterableDataset[Tensor]):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __iter__(self) -> Any:
        return iter(self._loader)


class _Gan(LightningModule):  # type: ignore[misc]
    def __init__(self, generator: nn.Module, discriminator: nn.Module, latent: int, facts: dict[str, Any]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator, self.latent = generator, discriminator, latent
        self.own_facts = facts

    def configure_optimizers(self) -> Any:
        return [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ], []

    def training_step(self, real: Tensor) -> None:
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(len(real), self.latent).type_as(real)
        valid = torch.ones(len(real)).type_as(real)

        self.toggle_optimizer(optimizer_g)
        loss_g = cross_entropy(self.discriminator(self.generator(z)), valid)
        self.log("g_loss", loss_g, prog_bar=True)
        self.manual_backward(loss_g)
        optimizer_g.step()
        optimizer_g.zero_grad()
        self.untoggle_optimizer(optimizer_g)

        self.toggle_optimizer(optimizer_d)
        loss_real = cross_entropy(self.discriminator(real), valid)
        loss_fake = cross_entropy(self.discriminator(self.generator(z).detach()), torch.zeros_like(valid))
        loss_d = (loss_real + loss_fake) / 2
        self.log("d_loss", loss_d, prog_bar=True)
        self.manual_backward(loss_d)
        optimizer_d.step()
        optimizer_d.zero_grad()
        self.untoggle_optimizer(optimizer_d)
        self.own_facts["losses"] = (loss_d.detach(), loss_g.detach())


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    networks = Networks(workload)
    prepare(workload, (networks.generator, networks.discriminator), facts, threads)
    facts["versions"]["lightning"] = lightning.__version__
    game = _Gan(networks.generator, networks.discriminator, workload.latent, facts)
    # batch_size=None: the batches are ready, the loader hands them on. No workers: they lie in memory.
    loader = DataLoader(_Batches(Loader(workload, gate)), batch_size=None)
    Trainer(accelerator="cpu", max_epochs=1).fit(game, loader)
