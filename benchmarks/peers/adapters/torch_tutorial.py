"""The step of TensorFlow's DCGAN tutorial in plain eager torch: what the algorithm costs without any framework.

One forward pass of fakes; both losses at the same weights; each player's gradient of its own loss; then both updates.
Binary cross-entropy from logits, Adam 1e-4, nothing read and nothing printed, as in the tutorial's step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.networks import Networks
from benchmarks.peers.workloads import Contender, Workload


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    networks = Networks(workload)
    generator, discriminator = networks.generator, networks.discriminator
    prepare(workload, (generator, discriminator), facts, threads)
    weights_g, weights_d = list(generator.parameters()), list(discriminator.parameters())
    optimizer_g = torch.optim.Adam(weights_g, lr=1e-4, eps=1e-7)
    optimizer_d = torch.optim.Adam(weights_d, lr=1e-4, eps=1e-7)
    for real in Loader(workload, gate):
        fake = generator(torch.randn(len(real), workload.latent))
        logits_real, logits_fake = discriminator(real), discriminator(fake)
        ones, zeros = torch.ones_like(logits_real), torch.zeros_like(logits_fake)
        loss_g = cross_entropy(logits_fake, ones)
        loss_d = cross_entropy(logits_real, ones) + cross_entropy(logits_fake, zeros)
        gradients_g = torch.autograd.grad(loss_g, weights_g, retain_graph=True)
        gradients_d = torch.autograd.grad(loss_d, weights_d)
        for weights, gradients in ((weights_g, gradients_g), (weights_d, gradients_d)):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
        optimizer_g.step()
        optimizer_d.step()
        facts["losses"] = (loss_d.detach(), loss_g.detach())
