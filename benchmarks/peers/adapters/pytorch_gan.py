"""The loops of eriklindernoren/PyTorch-GAN on the workload's networks: dcgan.py and wgan_gp.py.

Reproduced of dcgan.py (gan.py steps alike): the generator first, on fakes that the discriminator's update uses again,
detached; its backward pass goes through the discriminator's weights too; targets of 1 and 0 made in each step; latents
drawn by NumPy; the discriminator's loss halved; binary cross-entropy on probabilities; both losses read and printed in
every step.

Reproduced of wgan_gp.py: fakes are not detached in the critic's update, so its loss goes back into the generator, whose
gradients are then thrown away; the interpolates' weights drawn by NumPy; the penalty's derivative by autograd.grad with
create_graph; the generator's update at every 5th critic step, from the same latents; both losses read and printed then.

Both: Adam 2e-4 (0.5, 0.999) in torch's default implementation. Left out: the picture every 400 steps, and the data loader.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import Networks
from benchmarks.peers.workloads import Contender, Workload

PENALTY = 10.0


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    np.random.seed(0)
    networks = Networks(workload)
    prepare(workload, (networks.generator, networks.discriminator), facts, threads)
    loop = _wgan_gp if contender.kind == "wgan_gp" else _gan
    loop(workload, networks.generator, networks.discriminator, Loader(workload, gate, workload.d_steps), facts)


def _latents(workload: Workload, count: int) -> Tensor:
    return torch.tensor(np.random.normal(0, 1, (count, workload.latent)), dtype=torch.float32)


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))


def _gan(
    workload: Workload, generator: nn.Module, discriminator: nn.Module, batches: Loader, facts: dict[str, Any]
) -> None:
    discriminator = nn.Sequential(discriminator, nn.Sigmoid())
    cross_entropy = nn.BCELoss()
    optimizer_g, optimizer_d = _adam(generator), _adam(discriminator)
    for step, real in enumerate(batches):
        valid = torch.empty(len(real)).fill_(1.0)
        fake = torch.empty(len(real)).fill_(0.0)

        optimizer_g.zero_grad()
        made = generator(_latents(workload, len(real)))
        loss_g = cross_entropy(discriminator(made), valid)
        loss_g.backward()
        optimizer_g.step()

        optimizer_d.zero_grad()
        loss_real = cross_entropy(discriminator(real), valid)
        loss_fake = cross_entropy(discriminator(made.detach()), fake)
        loss_d = (loss_real + loss_fake) / 2
        loss_d.backward()
        optimizer_d.step()
        facts["losses"] = (loss_d.item(), loss_g.item())
        print(f"[batch {step}] [D loss: {facts['losses'][0]:f}] [G loss: {facts['losses'][1]:f}]")


def _wgan_gp(
    workload: Workload, generator: nn.Module, critic: nn.Module, batches: Loader, facts: dict[str, Any]
) -> None:
    optimizer_g, optimizer_d = _adam(generator), _adam(critic)
    for step, real in enumerate(batches):
        optimizer_d.zero_grad()
        z = _latents(workload, len(real))
        made = generator(z)
        score_real, score_fake = critic(real), critic(made)
        penalty = _penalty(critic, real.detach(), made.detach())
        loss_d = -score_real.mean() + score_fake.mean() + PENALTY * penalty
        loss_d.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        if step % workload.d_steps == 0:
            loss_g = -critic(generator(z)).mean()
            loss_g.backward()
            optimizer_g.step()
            facts["losses"] = (loss_d.item(), loss_g.item())
            print(f"[batch {step}] [D loss: {facts['losses'][0]:f}] [G loss: {facts['losses'][1]:f}]")


def _penalty(critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    weight = torch.tensor(np.random.random((len(real), 1, 1, 1)), dtype=torch.float32)
    between = (weight * real + (1 - weight) * made).requires_grad_(True)
    scores = critic(between)
    ones = torch.empty(len(real)).fill_(1.0)
    (gradient,) = torch.autograd.grad(scores, between, ones, create_graph=True, retain_graph=True)
    penalty: Tensor = ((gradient.view(len(real), -1).norm(2, dim=1) - 1) ** 2).mean()
    return penalty
