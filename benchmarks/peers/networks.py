"""The networks of the workloads in plain torch, written as a script would have them; the peers' loops train these.

Which layers: docs of each architecture in ganzoo, whose numbers of parameters they share (`workloads.parameters`). Latents
are vectors; a network that wants maps reshapes them.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad

from benchmarks.peers.workloads import Workload


class Networks:
    """A workload's generator and discriminator, both giving logits or scores of shape (B,)."""

    def __init__(self, workload: Workload) -> None:
        if len(workload.shape) == 1:
            make_g, make_d = _points_generator, _points_discriminator
        elif workload.id == "W1":
            make_g, make_d = _tutorial_generator, _tutorial_discriminator
        else:
            make_g, make_d = _dcgan_generator, _dcgan_discriminator
        self.generator, self.discriminator = make_g(workload), make_d(workload)


def numbers_of_parameters(*networks: nn.Module) -> tuple[int, ...]:
    """Trainable parameters of each."""
    return tuple(sum(p.numel() for p in network.parameters() if p.requires_grad) for network in networks)


def _points_generator(workload: Workload) -> nn.Module:
    return _mlp(workload.latent, workload.width, workload.shape[0])


def _points_discriminator(workload: Workload) -> nn.Module:
    return nn.Sequential(_mlp(workload.shape[0], workload.width, 1), nn.Flatten(0))


def _mlp(features: int, width: int, out: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out)
    )


def _dcgan_generator(workload: Workload) -> nn.Module:
    """pytorch/examples, dcgan/main.py; ReLU in place, as there."""
    width = workload.width
    widths = [8 * width, 4 * width, 2 * width, width]
    layers: list[nn.Module] = [
        nn.Unflatten(1, (workload.latent, 1, 1)),
        nn.ConvTranspose2d(workload.latent, widths[0], 4, 1, 0, bias=False),
    ]
    for wide, narrow in pairwise([*widths, workload.shape[0]]):
        layers += [
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
        ]
    network = nn.Sequential(*layers, nn.Tanh())
    return network.apply(_dcgan_init)


def _dcgan_discriminator(workload: Workload) -> nn.Module:
    """The same example's; for a critic without batch norm, and so with biases."""
    critic, width = workload.d_steps > 1, workload.width
    layers: list[nn.Module] = [
        nn.Conv2d(workload.shape[0], width, 4, 2, 1, bias=critic),
        nn.LeakyReLU(0.2, inplace=True),
    ]
    for narrow, wide in pairwise([width, 2 * width, 4 * width, 8 * width]):
        layers.append(nn.Conv2d(narrow, wide, 4, 2, 1, bias=critic))
        layers += [] if critic else [nn.BatchNorm2d(wide)]
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    network = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=critic), nn.Flatten(0))
    return network.apply(_dcgan_init)


def _dcgan_init(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


class _SameConv2d(nn.Conv2d):
    """TensorFlow's SAME padding at stride 2 on an even side: one row and column before, two after for a kernel of 5."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return super().forward(pad(x_BCHW, (1, 2, 1, 2)))


class _SameConvTranspose2d(nn.ConvTranspose2d):
    """The transpose of that: the whole map, of which one row and column go before and two behind."""

    def forward(self, x_BCHW: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(x_BCHW, output_size)[:, :, 1:-2, 1:-2]


def _tutorial_generator(workload: Workload) -> nn.Module:
    """TensorFlow's tutorial, with Keras's defaults for slopes and batch norm."""
    network = nn.Sequential(
        nn.Linear(workload.latent, 7 * 7 * 256, bias=False),
        nn.BatchNorm1d(7 * 7 * 256, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
        nn.BatchNorm2d(128, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        _SameConvTranspose2d(128, 64, 5, 2, bias=False),
        nn.BatchNorm2d(64, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        _SameConvTranspose2d(64, 1, 5, 2, bias=False),
        nn.Tanh(),
    )
    return network.apply(_glorot)


def _tutorial_discriminator(workload: Workload) -> nn.Module:
    network = nn.Sequential(
        _SameConv2d(1, 64, 5, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        _SameConv2d(64, 128, 5, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(7 * 7 * 128, 1),
        nn.Flatten(0),
    )
    return network.apply(_glorot)


def _glorot(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
