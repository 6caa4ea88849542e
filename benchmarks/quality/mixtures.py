"""PacGAN's mixtures in the plane: modes captured, high-quality samples and reverse KL beside the published rows.

    python -m benchmarks.quality.mixtures --data ring --pack 1 --pack 2 --epochs 40 --seeds 3

Lin, Khetan, Fanti, Oh: PacGAN: The power of two samples in generative adversarial networks, 2018. https://arxiv.org/abs/1712.04086

Networks and settings are the paper's: a generator of four layers of 400 units without bias, with batch norm and ReLU (484,802
parameters), a discriminator of three maxout layers of 200 units with 5 pieces (405,201, and 407,201 for pairs), weights from
N(0, 0.02²), Adam 1e-4 with β1 0.8, batches of 100, 400 epochs of 100,000 samples, 2,500 samples to judge by. What is smaller here
is said in the printed protocol. The loss is the non-saturating one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from ganzoo.config import Adam
from ganzoo.data.points import Grid, Mixture, Ring
from ganzoo.engine import device
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.runner import Runner
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.training import Training
from ganzoo.evaluation.samples import generated
from ganzoo.metrics import Mixture as Modes
from ganzoo.metrics.modes import high_quality, modes_captured, reverse_kl
from ganzoo.models import Batch, DataSpec, Gan, LatentSpec, Scores, StepContext
from ganzoo.models.layers.maxout import Maxout

EPOCH, BATCH, JUDGED = 100_000, 100, 2500  # samples
DEVIATION = 0.02  # of initial weights
DATA = {"ring": Ring, "grid": Grid}
# modes, share of high quality in per cent, reverse KL; means over 10 runs and their deviation
PUBLISHED = {
    ("ring", 1): ((6.3, 0.5), (98.2, 0.2), (0.45, 0.09)),
    ("ring", 2): ((7.9, 0.1), (95.6, 2.0), (0.07, 0.03)),
    ("ring", 3): ((7.8, 0.1), (97.7, 0.3), (0.10, 0.02)),
    ("ring", 4): ((7.8, 0.1), (95.9, 1.4), (0.07, 0.02)),
    ("grid", 1): ((17.3, 0.8), (94.8, 0.7), (0.70, 0.07)),
    ("grid", 2): ((23.8, 0.7), (91.3, 0.8), (0.13, 0.04)),
    ("grid", 3): ((24.6, 0.4), (94.2, 0.4), (0.06, 0.02)),
    ("grid", 4): ((24.8, 0.2), (93.6, 0.6), (0.04, 0.01)),
}


class PackedGan(Gan):
    """The discriminator sees `pack` samples at once, side by side."""

    pack = 1

    def built_for(self, data: DataSpec) -> None:
        """Its discriminator's samples are wider than the data's."""
        self.data = data

    def score(self, x: Tensor, batch: Batch, context: StepContext) -> Scores:
        """The scores of packs, (B / pack, 1)."""
        return Scores.of(self.discriminator(x.reshape(len(x) // self.pack, -1)))


def game(pack: int, seed: int) -> PackedGan:
    """The paper's networks."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for width in (2, 400, 400, 400):
        layers += [nn.Linear(width, 400, bias=False), nn.BatchNorm1d(400), nn.ReLU()]
    generator = nn.Sequential(*layers, nn.Linear(400, 2))
    pieces: list[nn.Module] = [Maxout(width, 200, 5) for width in (2 * pack, 200, 200)]
    discriminator = nn.Sequential(*pieces, nn.Linear(200, 1))
    for module in (*generator.modules(), *discriminator.modules()):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, DEVIATION)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    adam = Adam(lr=1e-4, beta1=0.8)
    made = PackedGan(
        generator,
        discriminator,
        latent=LatentSpec.normal(2),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )
    made.pack = pack
    return made


def figures(data: str, pack: int, epochs: float, seed: int) -> tuple[float, float, float]:
    """Modes, share of high quality and reverse KL of one run, with the weights as they are at its end, as in the paper."""
    source: Mixture = DATA[data]()
    settings = TrainSettings(
        images=int(epochs * EPOCH), seed=seed, threads=1, pictures=0, health_seconds=0, ema_images=0
    )
    chosen = device.choose("cpu", "float32", 1, "points", 0, 1)
    device.apply(chosen, settings.allocator)
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder.create(Path(name) / "run", {"arch": {"id": "pacgan"}})
        trained = game(pack, seed)
        Runner(Training("pacgan", "0", trained, source, BATCH, settings, chosen, folder)).run()
        trained.eval()
        with torch.no_grad():
            x = trained.sample(JUDGED, generator=torch.Generator().manual_seed(seed))
    fake = generated(x, None, (-1.0, 1.0), "pacgan").x
    modes = Modes(torch.as_tensor(source.centers), source.sigma)
    good = high_quality(fake, modes)
    return modes_captured(fake, modes), 100 * good, reverse_kl(fake, modes) if good else float("nan")


def rows(data: str, packs: list[int], epochs: float, seeds: int) -> Iterator[str]:
    """A line for each pack, the published figures in brackets."""
    for pack in packs:
        found = list(zip(*(figures(data, pack, epochs, seed) for seed in range(seeds)), strict=True))
        cells = []
        for values, (mean, spread) in zip(found, PUBLISHED[data, pack], strict=True):
            own = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{statistics.fmean(values):.3g} ± {own:.2g} ({mean:g} ± {spread:g})")
        yield f"| {data} | {pack} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="PacGAN's mixtures")
    parser.add_argument("--data", choices=DATA, action="append")
    parser.add_argument("--pack", type=int, choices=(1, 2, 3, 4), action="append")
    parser.add_argument("--epochs", type=float, default=400.0, help="of 100,000 samples; the paper's 400")
    parser.add_argument("--seeds", type=int, default=10, help="runs; the paper's 10")
    asked = parser.parse_args()
    print(
        f"{asked.epochs:g} epochs of 100,000 samples ({400} in the paper), {asked.seeds} runs (10), float32, one thread\n"
    )
    print("| data | pack | modes | high quality, % | reverse KL |\n|---|---|---|---|---|")
    for data in asked.data or list(DATA):
        for row in rows(data, asked.pack or [1, 2], asked.epochs, asked.seeds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
