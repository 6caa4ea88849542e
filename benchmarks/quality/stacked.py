"""A thousand modes: three pictures of clothes as the channels of one, after Stacked MNIST.

    python -m benchmarks.quality.stacked --images 300k

Metz, Poole, Pfau, Sohl-Dickstein: Unrolled Generative Adversarial Networks, 2017. https://arxiv.org/abs/1611.02163 (section 3.3.1);
Lin, Khetan, Fanti, Oh: PacGAN, 2018. https://arxiv.org/abs/1712.04086 (section 4.2). Their digits do not come with ganzoo; fashion-12k
has ten classes too. So the figures compare with each other, and with the floor of a perfect generator, but not with the papers'.

Protocol: 12,000 pictures of three random training pictures each (seed 0) at 28 pixels; DCGAN;
averaged weights; 26,000 samples (seeds 0 to 25); a classifier trained on the grey training pictures
counts the classes of each channel. Given are the modes that have a sample, and KL(shares of the modes ‖ uniform) in nats. A perfect
generator has 1,000 and about 999 / (2 · 26,000) = 0.019.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import ganzoo
from ganzoo.cli.train import count
from ganzoo.data.embedded import fashion
from ganzoo.metrics.classifier_features import ClassifierFeatures
from ganzoo.metrics.modes import class_kl, class_modes
from ganzoo.tracking.pictures import to_uint8

STACKS, SAMPLES, PIECE = 12_000, 26_000, 1000


def stacked(split: str, number: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(N, 28, 28, 3): three pictures each, drawn with replacement."""
    source = fashion("train" if split == "train" else "test")
    chosen = np.random.default_rng(seed).integers(0, len(source), (number, 3))
    grey = source.gather(np.arange(len(source))).x[:, 0].numpy()
    return np.ascontiguousarray(grey[chosen].transpose(0, 2, 3, 1))


def figures(pictures: Tensor, classifier: ClassifierFeatures) -> tuple[float, float]:
    """Modes that have a picture, and the divergence of their shares from uniform."""
    rows = torch.cat([classifier.probabilities(part) for part in pictures.split(PIECE)])
    return class_modes(rows), class_kl(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="a thousand modes of stacked clothes")
    parser.add_argument("--images", type=count, default=500_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--width", type=int, default=32, help="of DCGAN's networks")
    asked = parser.parse_args()
    classifier = ClassifierFeatures(fashion("train"), by_channel=True)
    print("| samples | seed | modes | KL to uniform, nats |\n|---|---|---|---|")
    for split, said in (("train", "real, of training pictures"), ("test", "real, of test pictures")):
        real = torch.from_numpy(stacked(split, SAMPLES, seed=1)).permute(0, 3, 1, 2)
        modes, divergence = figures(real, classifier)
        print(f"| {said} | | {modes:.0f} | {divergence:.4f} |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "stacked.npz"
        np.savez(data, images=stacked("train", STACKS))
        for seed in range(asked.seeds):
            run = ganzoo.train(
                "dcgan",
                data=str(data),
                data_options={"size": 28},
                images=asked.images,
                seed=seed,
                out=Path(name) / f"run-{seed}",
                set=[f"width={asked.width}", "batch=64"],
                settings={"pictures": 0, "health_seconds": 0.0},
            )
            samples = torch.cat([to_uint8(run.sample(PIECE, seed=i), (-1.0, 1.0)) for i in range(SAMPLES // PIECE)])
            modes, divergence = figures(samples, classifier)
            print(f"| DCGAN, {asked.images:,} images | {seed} | {modes:.0f} | {divergence:.3f} |", flush=True)


if __name__ == "__main__":
    main()
