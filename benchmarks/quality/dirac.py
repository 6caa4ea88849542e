"""The Dirac-GAN through the engine and its losses: where training ends is known to the digit.

    python -m benchmarks.quality.dirac

Mescheder, Geiger, Nowozin: Which Training Methods for GANs do actually Converge?, 2018. https://arxiv.org/abs/1801.04406

The data are one point at 0, the generator's samples one point at θ, and D(x) = ψx. Gradient descent with a rate of 0.2 starts at
(1, 1) and takes 500 steps; the figure is the distance √(θ² + ψ²) from the equilibrium at its end. "simultaneous" takes both
gradients at the same weights; "1:1" and "1:5" update the generator, then the discriminator once or five times.

The paper's D rates generated samples high, ours real ones: its ψ is our -ψ, so we start at ψ = -1. Its WGAN-GP has half the square
of the norm's distance with a weight of 0.7: our penalty has no half, so its weight is 0.35.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganzoo.config import PenaltyChoice, Sgd
from ganzoo.engine.step import Stepper
from ganzoo.models import Batch, Gan, LatentSpec, Phase, StepContext

RATE, STEPS = 0.2, 500
WAYS = ("simultaneous", "1:1", "1:5")


@dataclass(frozen=True)
class Case:
    """A loss with its penalties, and the published distance for each of WAYS."""

    name: str
    loss: str
    penalties: tuple[PenaltyChoice, ...]
    published: tuple[float, float, float]


def _penalty(name: str, weight: float, **options: float) -> PenaltyChoice:
    return PenaltyChoice(name=name, weight=weight, options=dict(options))


CASES = (
    Case("GAN", "minimax", (), (3.097, 1.421, 1.845)),
    Case("GAN, non-saturating", "non-saturating", (), (0.640, 0.284, 0.139)),
    Case("WGAN, clipped at 1", "wasserstein", (_penalty("weight-clip", 1.0, limit=1.0),), (1.002, 1.024, 0.917)),
    Case("WGAN-GP, 0.7", "wasserstein", (_penalty("gradient-penalty", 0.35),), (1.802, 1.221, 0.716)),
    Case("GAN, R1 0.3", "minimax", (_penalty("r1", 0.3),), (2.6e-6, 2.3e-7, 9e-34)),
    Case("GAN, R1 1", "minimax", (_penalty("r1", 1.0),), (9.5e-22, 7.5e-17, 5e-12)),
    Case("GAN, non-saturating, R1 0.3", "non-saturating", (_penalty("r1", 0.3),), (2.2e-6, 1.5e-7, 4e-34)),
)


class _Point(nn.Module):
    """θ, whatever the latents are."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(1)
        self.theta = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta.expand(len(z), 1)


class _Slope(nn.Module):
    """D(x) = ψx."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(-torch.ones(1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.psi * x


class _GeneratorFirst(Gan):
    """The generator's update comes first in each step."""

    def phases(self) -> Sequence[Phase]:
        discriminator, generator = super().phases()
        return [
            Phase("generator", generator.player),
            Phase("discriminator", discriminator.player, repeats=self.d_steps),
        ]


def distance(case: Case, way: str) -> float:
    """√(θ² + ψ²) after 500 steps of the engine's stepper, in float64."""
    rate = Sgd(lr=RATE, momentum=0.0)
    kind = Gan if way == "simultaneous" else _GeneratorFirst
    game = kind(
        _Point(),
        _Slope(),
        loss=case.loss,
        penalty=list(case.penalties),
        generator_optimizer=rate,
        discriminator_optimizer=rate,
        d_steps=5 if way == "1:5" else 1,
        update="simultaneous" if way == "simultaneous" else "alternating",
    )
    real = Batch(x=torch.zeros(1, 1, dtype=torch.float64))
    stepper = Stepper(game, lambda batch: real, StepContext(), batch=1)
    for _ in range(STEPS):
        stepper.step()
    return math.hypot(*(float(parameter.detach()) for parameter in game.parameters()))


def main() -> None:
    """Print all distances beside the published ones."""
    print(f"{'':30}" + "".join(f"{way:>24}" for way in WAYS))
    for case in CASES:
        cells = [f"{distance(case, way):.4g} ({known:.4g})" for way, known in zip(WAYS, case.published, strict=True)]
        print(f"{case.name:30}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
