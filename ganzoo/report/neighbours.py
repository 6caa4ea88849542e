"""Samples beside their nearest training pictures, by pixels and by features: a look at memorising, and no proof of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Source
from ganzoo.metrics import Extractor, PixelFeatures, distance_blocks
from ganzoo.report.blocks import Block, Cell, LeftOut, Table, Text
from ganzoo.report.grids import encoded, zoom_of
from ganzoo.report.material import Material, comparable
from ganzoo.runs import Run
from ganzoo.tracking.pictures import as_pillow

SAMPLES, NEAREST = 6, 3
SEARCHED = 20_000  # training pictures at most, and no more than so many bytes of them
SEARCHED_BYTES = 2**28
CHUNK = 2000  # pictures at a time
YARDSTICK = 200  # training pictures whose own nearest others are looked for, to compare with
SHORTLIST = (
    24  # nearest by pixels of a sample, among which the nearest by features are looked for, besides those at random
)
CLOSE = 0.05  # share of training pictures that are nearer to another than what counts as close


@dataclass(frozen=True)
class Nearest:
    """The nearest training pictures of some samples.

    Args:
        samples: uint8 (N, C, H, W).
        pictures: uint8 (N, K, C, H, W), nearest first.
        distances: (N, K), in the unit.
        by: what is compared: pixels, or whose features.
        unit: of the distances; empty: the features' own.
        searched: training pictures that were searched.
        yardstick: distances of training pictures to their nearest other, sorted; empty: not measured.
    """

    samples: Tensor
    pictures: Tensor
    distances: Tensor
    by: str
    unit: str
    searched: int
    yardstick: Tensor

    @property
    def close(self) -> list[int]:
        """Numbers of the samples that are as close to a training picture as few of these are to each other."""
        if not len(self.yardstick):
            return []
        limit = self.yardstick[int(CLOSE * len(self.yardstick))]
        return [i for i, distance in enumerate(self.distances[:, 0].tolist()) if distance <= limit]


def by_pixels(run: Run, source: Source, n: int = SAMPLES, seed: int = 0) -> Nearest:
    """The nearest training pictures of n samples, by the root mean square difference of their pixels in levels of 0 to 255.

    Raises:
        LeftOut: samples are no pictures, or the data have no numbered ones.
    """
    samples, numbers, distances, searched, yardstick = _search(run, source, n, seed, NEAREST)
    return Nearest(samples, _gathered(source, numbers), distances, "pixels", "grey levels of 255", searched, yardstick)


def by_features(
    run: Run, source: Source, extractor: Extractor, at_random: Tensor, features: Tensor, n: int = SAMPLES, seed: int = 0
) -> Nearest:
    """The nearest by features among pictures drawn at random and, for each sample, the nearest ones by pixels.

    Features of all pictures would take minutes.

    Args:
        at_random: training pictures, uint8 (M, C, H, W), and their features, (M, F).
    """
    samples, numbers, *_ = _search(run, source, n, seed, SHORTLIST)
    shortlist = _gathered(source, torch.tensor(sorted(set(numbers.flatten().tolist())))[None])[0]
    candidates = torch.cat([shortlist, at_random])
    known = torch.cat([extractor(shortlist), features])
    distances = torch.cat([block for _, block in distance_blocks(extractor(samples), known)])
    # A picture at random may be among the nearest by pixels too, and is shown once.
    distances = torch.where(_first_of_equals(candidates), distances, torch.inf)
    found, order = distances.topk(min(NEAREST, len(candidates)), largest=False, sorted=True)
    return Nearest(samples, candidates[order], found, f"{extractor.name} features", "", len(candidates), torch.empty(0))


def of_report(material: Material) -> Nearest:
    """The nearest by pixels of a report's samples, looked for once."""
    return material.once("nearest", lambda: by_pixels(material.run, material.source, seed=material.seed))


def sheet(material: Material) -> list[Block]:
    """The table of samples and their nearest training pictures.

    Raises:
        LeftOut: see `by_pixels`.
    """
    run, source = material.run, material.source
    pixels = of_report(material)
    found = [pixels]
    without = ""
    if isinstance(material.extractor, PixelFeatures):
        without = "By features of a network they are not looked for: pip install 'ganzoo[metrics]' brings one. "
    else:
        features = material.features.real
        found.append(by_features(run, source, material.extractor, material.real, features, seed=material.seed))
    header = ["sample", *(f"{_ordinal(i)} by {one.by}" for one in found for i in range(one.distances.shape[1]))]
    height, width = pixels.samples.shape[2:]
    zoom = zoom_of(height, width)
    rows: list[tuple[Cell, ...]] = []
    for i, sample in enumerate(pixels.samples):
        cells: list[Cell] = [encoded(as_pillow(sample), f"Sample {i + 1}", str(i + 1), zoom=zoom)]
        for one in found:
            for k, distance in enumerate(one.distances[i].tolist()):
                alt = f"Training picture, {_ordinal(k)} of sample {i + 1} by {one.by}"
                cells.append(encoded(as_pillow(one.pictures[i, k]), alt, f"{distance:.3g}", zoom=zoom))
        rows.append(tuple(cells))
    among = " and ".join(f"{one.searched:,} by {one.by}" for one in found)
    return [
        Table("Samples and their nearest training pictures, with distances", tuple(header), tuple(rows)),
        Text(_yardstick_words(pixels)),
        Text(
            f"Searched: {among}. Distances by pixels are root mean squares in {pixels.unit}. {without}Nearness is no proof of "
            "copying: a blurred or plain picture is near to many, and a copy that is shifted, mirrored or recoloured is far by "
            "pixels. Nor are a few samples that are far a proof of the opposite.",
            "note",
        ),
    ]


def _yardstick_words(found: Nearest) -> str:
    if not len(found.yardstick):
        return "There are too few training pictures to say how near they are to each other."
    middle, limit = (float(found.yardstick[int(share * len(found.yardstick))]) for share in (0.5, CLOSE))
    words = f"Half of the training pictures have another within {middle:.3g} {found.unit}, and {CLOSE:.0%} within {limit:.3g}."
    if not found.close:
        return f"{words} None of the {len(found.samples)} samples is as near as that {CLOSE:.0%}."
    which = ", ".join(str(i + 1) for i in found.close)
    return f"{words} As near as that {CLOSE:.0%}: sample {which}. Look at {'it' if len(found.close) == 1 else 'them'}."


def _ordinal(i: int) -> str:
    return ("nearest", "second", "third")[i] if i < 3 else f"{i + 1}th"


def _search(run: Run, source: Source, n: int, seed: int, k: int) -> tuple[Tensor, Tensor, Tensor, int, Tensor]:
    """Samples, the numbers and distances of their k nearest, how many were searched, and the yardstick."""
    if run.spec.modality != "image":
        raise LeftOut(f"samples of {run.spec.modality} are no pictures")
    if source.endless or not len(source):
        raise LeftOut(f"{source.spec.name} has no numbered pictures to look among")
    samples = comparable(run.sample(n, seed=seed))
    rows = _searched(source, seed)
    own = np.arange(0, len(rows), -(-len(rows) // YARDSTICK))
    queries = torch.cat([samples, source.gather(rows[own]).x]).flatten(1).float()
    best = torch.full((len(queries), k), torch.inf, dtype=torch.float64)  # so that copies are at 0
    number = torch.zeros(len(queries), k, dtype=torch.int64)
    for first, chunk in _chunks(source, rows):
        (distances,) = (block for _, block in distance_blocks(queries, chunk))
        for query, place in enumerate(own - first, start=n):
            if 0 <= place < len(chunk):
                distances[query, place] = torch.inf  # a picture is no neighbour of its own
        both = torch.cat([best, distances], dim=1)
        numbers = torch.from_numpy(rows[first : first + len(chunk)]).expand(len(queries), -1)
        best, order = both.topk(k, largest=False, sorted=True)
        number = torch.cat([number, numbers], dim=1).gather(1, order)
    best = best / queries.shape[1] ** 0.5
    yardstick = best[n:, 0].sort().values
    found = min(k, len(rows))
    return samples, number[:n, :found], best[:n, :found], len(rows), yardstick[yardstick.isfinite()]


def _searched(source: Source, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    most = max(1, min(SEARCHED, SEARCHED_BYTES // int(np.prod(source.spec.shape))))
    count = len(source)
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False)).astype(np.int64)


def _chunks(source: Source, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[tuple[int, Tensor]]:
    for first in range(0, len(rows), CHUNK):
        yield first, source.gather(rows[first : first + CHUNK]).x.flatten(1).float()


def _gathered(source: Source, numbers: Tensor) -> Tensor:
    """The pictures of numbers (N, K), (N, K, C, H, W)."""
    pictures = source.gather(numbers.flatten().numpy()).x.contiguous()
    return pictures.reshape(*numbers.shape, *pictures.shape[1:])


def _first_of_equals(pictures: Tensor) -> Tensor:
    """Which pictures are no copy of an earlier one, (N,) bool."""
    seen: set[bytes] = set()
    first = []
    for picture in pictures:
        key = picture.numpy().tobytes()
        first.append(key not in seen)
        seen.add(key)
    return torch.tensor(first)
