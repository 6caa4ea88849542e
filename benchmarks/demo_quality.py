"""How near a run's samples are to held-out pictures: FD-lite0-112 of fashion-12k.

    python -m benchmarks.demo_quality RUN

Protocol: 2,000 samples (seed 1, averaged weights, batch norm in evaluation mode) against the 2,000 test pictures. Samples
are rounded to uint8. Features are the 112 of EfficientNet-Lite0 after its 11th block, averaged over space, of pictures
resized to 96 px by antialiased bicubic. Samples that are not 28 px are given twice: resized to 28 px first, as the test
pictures are, and as they are. It is not FID, and such figures compare only with figures of this protocol.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import ganzoo
from ganzoo.data.embedded import fashion
from ganzoo.metrics.features import Lite0Features
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.tracking.pictures import to_uint8

SAMPLES = 2000
SIDE = 28  # pixels of the test pictures


def pictures(split: str) -> Tensor:
    """uint8 (N, 1, 28, 28) of the embedded data: all test pictures, or as many of the training ones."""
    source = fashion(split)
    step = len(source) // SAMPLES
    return source.gather(torch.arange(0, len(source), step).numpy()).x


def resized(images: Tensor, side: int) -> Tensor:
    """uint8 pictures at another size, by antialiased bicubic."""
    larger = interpolate(images.float(), size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return larger.round().clamp(0, 255).to(torch.uint8)


def main(runs: list[str]) -> None:
    """Print the figure of each run, and of real pictures for comparison."""
    features = Lite0Features(block=11)
    test = features(pictures("test"))
    print(f"{frechet_distance(features(pictures('train')), test):8.1f}  2,000 training pictures, 28 px")
    for folder in runs:
        run = ganzoo.load(Path(folder))
        samples = to_uint8(run.sample(SAMPLES, seed=1), (-1.0, 1.0))
        side = samples.shape[-1]
        if side != SIDE:
            print(f"{frechet_distance(features(resized(samples, SIDE)), test):8.1f}  {folder}, {side} px to {SIDE} px")
        print(f"{frechet_distance(features(samples), test):8.1f}  {folder}, {side} px, at {run.images:,} images")


if __name__ == "__main__":
    main(sys.argv[1:])
