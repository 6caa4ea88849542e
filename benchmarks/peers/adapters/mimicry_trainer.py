"""torch-mimicry's own Trainer and ResNets for WGAN-GP at 32x32.

The generator has 128 channels where the package has 256 by default: then both networks have the numbers of parameters of
the WGAN-GP paper's code, and of ganzoo's. Its loop: five critic updates with detached fakes and the penalty by
autograd.grad, two `.item()` a critic update, one generator update on as many fakes as the critic had, linear decay of the
rates, a printed line every step and TensorBoard's scalars every 50. Pictures (every 500 steps) are left as they are.

What makes it import with a present torch: `torch._six`, a module that torch no longer has, is put back with the one name that
the package asks it for; and torchvision is imported before the package imports TensorFlow, since it crashes after that.

ganzoo follows the paper's code where mimicry does not: the generator's update has twice as many fakes, and real samples get
noise. So ganzoo does more work a cycle.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import torch
import torchvision

from benchmarks.peers.adapters.torch_setup import Loader, prepare
from benchmarks.peers.gate import Gate
from benchmarks.peers.workloads import Contender, Workload

sys.modules.setdefault("torch._six", types.ModuleType("torch._six"))
sys.modules["torch._six"].PY3 = True  # type: ignore[attr-defined]

import torch_mimicry  # noqa: E402  # isort: skip
from torch_mimicry.nets.wgan_gp.wgan_gp_32 import WGANGPDiscriminator32, WGANGPGenerator32  # noqa: E402  # isort: skip
from torch_mimicry.training import Trainer  # noqa: E402  # isort: skip


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    torch.manual_seed(0)
    generator = WGANGPGenerator32(nz=workload.latent, ngf=workload.width)
    critic = WGANGPDiscriminator32(ndf=workload.width)
    prepare(workload, (generator, critic), facts, threads)
    facts["versions"]["torchvision"] = torchvision.__version__
    facts["versions"]["torch-mimicry"] = torch_mimicry.__version__
    optimizer_d = torch.optim.Adam(critic.parameters(), 2e-4, betas=(0.0, 0.9))
    optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.0, 0.9))
    trainer = Trainer(
        netD=critic,
        netG=generator,
        optD=optimizer_d,
        optG=optimizer_g,
        n_dis=workload.d_steps,
        num_steps=100_000,
        lr_decay="linear",
        dataloader=Loader(workload, gate, workload.d_steps, labels=True),
        log_dir="log",
        device=torch.device("cpu"),
    )
    show = trainer.logger.print_log

    def print_log(**values: Any) -> Any:
        facts["losses"] = [values["log_data"][name] for name in ("errD", "errG")]
        return show(**values)

    trainer.logger.print_log = print_log
    trainer.train()
