"""The loop of pytorch/examples, dcgan/main.py, on the workload's networks.

Reproduced: probabilities and binary cross-entropy on them; the discriminator's two backward passes, for real and for fake
samples, and one step; the generator's update on the same fakes, with the discriminator's gradients taken too and thrown
away at its next zero_grad; one tensor of labels, filled anew; Adam 2e-4 (0.5, 0.999) in torch's default implementation;
in every step five `.item()` (both losses, three mean probabilities) and a printed line. Left out: the two pictures that it
saves every 100 steps, and the data loader.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import Networks
from benchmarks.peers.workloads import Contender, Workload


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    networks = Networks(workload)
    generator, critic = networks.generator, nn.Sequential(networks.discriminator, nn.Sigmoid())
    prepare(workload, (generator, critic), facts, threads)
    criterion = nn.BCELoss()
    optimizer_d = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    batches = Loader(workload, gate)
    for step, real in enumerate(batches):
        critic.zero_grad()
        label = torch.full((len(real),), 1.0)
        output = critic(real)
        loss_real = criterion(output, label)
        loss_real.backward()
        mean_real = output.mean().item()
        fake = generator(torch.randn(len(real), workload.latent))
        label.fill_(0.0)
        output = critic(fake.detach())
        loss_fake = criterion(output, label)
        loss_fake.backward()
        mean_fake_before = output.mean().item()
        loss_d = loss_real + loss_fake
        optimizer_d.step()

        generator.zero_grad()
        label.fill_(1.0)
        output = critic(fake)
        loss_g = criterion(output, label)
        loss_g.backward()
        mean_fake_after = output.mean().item()
        optimizer_g.step()
        facts["losses"] = (loss_d.item(), loss_g.item())
        print(
            f"{step}: D {facts['losses'][0]:.4f} G {facts['losses'][1]:.4f} "
            f"real {mean_real:.4f} fake {mean_fake_before:.4f} / {mean_fake_after:.4f}"
        )
