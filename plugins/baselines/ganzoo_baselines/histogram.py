"""Histograms: how often each value occurs.

Independent bins for every coordinate of a point or every pixel of a picture, or, for points, one joint table of bins over all
coordinates together (`joint`). It is no paper's; the smoothing is Laplace's (1814): `smoothing` is added to every count, so
that nothing has the probability 0. A sample is a bin, by the inverse of the cumulated shares, and a place in it with equal
chance. The likelihood is exact: the density is the bin's share divided by its size.

Pictures: the bins divide the 256 levels, and go half a level beyond the value range, so that with 256 of them each level has
its own and the discretised likelihood is the table itself. Samples are cut off at the value range.
Points: the bins divide the range of the data with a tenth of it on both sides; beyond it the density is 0, and a held-out
point there has no likelihood.

With `conditional` each class has a table, and the likelihood is that of all classes together, by their shares.

N samples, D coordinates or pixels, K classes, T bins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ganzoo.config import ArchConfig, option
from ganzoo.models import Batch, DataSpec, Draws, Game, StepContext
from ganzoo_baselines.classes import LEVELS, Fitted, gathered

MARGIN = 0.1  # of the data's range, on each side
MOST_CELLS = 50_000_000  # of a table, 400 MB


class HistogramConfig(ArchConfig):
    """Options of baselines/histogram."""

    batch: int = option(256, "samples that are read at a time", "samples", ge=1)
    bins: int | None = option(None, "bins of a coordinate; None: 256 for pictures, 100 for points", ge=1)
    joint: bool = option(False, "one table over all coordinates of a point, instead of one for each")
    smoothing: float = option(1.0, "added to every count", "samples", ge=0)
    conditional: bool = option(False, "a table for each class")


class Histogram(Fitted):
    """`counts` (K, D, T) of independent coordinates, or (K, 1, T^D) of joint bins; `low_D` and `width_D`: where the first bin
    begins, and how wide each is."""

    counts: Tensor
    low_D: Tensor
    width_D: Tensor

    def __init__(self, config: HistogramConfig, data: DataSpec) -> None:
        super().__init__(data, conditional=config.conditional)
        self.bins = config.bins or (LEVELS if self.pictures else 100)
        self.joint, self.smoothing = config.joint, config.smoothing
        numbers = 1
        for size in data.shape:
            numbers *= size
        cells = (1, self.bins**numbers) if self.joint else (numbers, self.bins)
        self.register_buffer("counts", torch.zeros(self.classes, *cells))
        low, high = self.value_range
        self.register_buffer("low_D", torch.full((numbers,), low - self.level / 2))
        width = (high - low + self.level) / self.bins
        self.register_buffer("width_D", torch.full((numbers,), width))

    @torch.no_grad()
    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """One pass: pictures are counted as they come, points gathered first, for their range."""
        if not self.pictures:
            whole = gathered(batches, None)
            low_D, high_D = whole.x.double().aminmax(dim=0)
            range_D = (high_D - low_D).clamp_min(1e-6)  # a coordinate that is always the same
            self.low_D.copy_(low_D - MARGIN * range_D)
            self.width_D.copy_(range_D * (1 + 2 * MARGIN) / self.bins)
            batches = iter([whole])
        seen: list[Tensor] = []
        for batch in batches:
            class_N = self.of_class(batch)
            seen.append(class_N)
            cell_ND, _ = self._cells(batch.x)
            row_ND = class_N[:, None] * self.counts.shape[1] + torch.arange(cell_ND.shape[1], device=cell_ND.device)
            place_N = (row_ND * self.counts.shape[2] + cell_ND).flatten()
            self.counts.view(-1).index_add_(0, place_N, torch.ones_like(place_N, dtype=self.counts.dtype))
        self.count_classes(torch.cat(seen))

    def _cells(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The cells of samples, int64 (N, D), or (N, 1) of joint bins, and whether each sample lies within the bins, (N,)."""
        bin_ND = ((x.double().flatten(1) - self.low_D.double()) / self.width_D.double()).floor().long()
        inside_N = ((bin_ND >= 0) & (bin_ND < self.bins)).all(1)
        bin_ND = bin_ND.clamp(0, self.bins - 1)
        if not self.joint:
            return bin_ND, inside_N
        cell_N = torch.zeros_like(bin_ND[:, 0])
        for coordinate in range(bin_ND.shape[1]):
            cell_N = cell_N * self.bins + bin_ND[:, coordinate]
        return cell_N[:, None], inside_N

    def _shares(self) -> Tensor:
        """The smoothed shares of the cells, of the counts' shape. Without smoothing and counts they are NaN."""
        counts = self.counts.double() + self.smoothing
        return counts / counts.sum(2, keepdim=True)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Fitted`; minus infinity outside of the bins, and in empty ones where nothing is added to counts."""
        cell_ND, inside_N = self._cells(x)
        log_share_KDT = self._shares().log()
        rows_D = torch.arange(cell_ND.shape[1], device=cell_ND.device)
        log_NK = torch.stack([log_share_DT[rows_D, cell_ND].sum(1) for log_share_DT in log_share_KDT], 1)
        density_N = self.over_classes(log_NK) - self.width_D.double().log().sum()
        return density_N.masked_fill(~inside_N, -torch.inf)

    @torch.no_grad()
    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples."""
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; there are none")
        class_n = self.asked(n, condition)
        draws = Draws(device=self.counts.device, generator=generator)
        rows = self.counts.shape[1]
        chance_nD = draws.uniform(n, rows).double()
        cumulated_KDT = self._shares().cumsum(2)
        # Samples of one class at a time share their tables: rows of a table, and a column a sample.
        cell_nD = torch.zeros(n, rows, dtype=torch.int64, device=chance_nD.device)
        for number in range(self.classes):
            found_Dn = torch.searchsorted(cumulated_KDT[number], chance_nD.T.contiguous(), right=True)
            cell_nD = torch.where((class_n == number)[:, None], found_Dn.T, cell_nD)
        cell_nD = cell_nD.clamp_max(self.counts.shape[2] - 1)  # rounding may leave the last sum below 1
        bin_nD = self._bins(cell_nD)
        place_nD = bin_nD + draws.uniform(*bin_nD.shape, stream="jitter").double()
        return self.finished(self.low_D + place_nD * self.width_D)

    def _bins(self, cell_nD: Tensor) -> Tensor:
        """The bins of each coordinate, (n, D)."""
        if not self.joint:
            return cell_nD
        cell_n, coordinates = cell_nD[:, 0], []
        for _ in self.low_D:
            coordinates.append(cell_n % self.bins)
            cell_n = cell_n // self.bins
        return torch.stack(coordinates[::-1], 1)


def build(config: HistogramConfig, data: DataSpec) -> Game:
    """The game for points or pictures.

    Raises:
        ValueError: samples of another kind, joint bins of pictures, or a table that is too large.
    """
    if data.modality == "image":
        data.image()
        if config.joint:
            raise ValueError("joint bins of all pixels of a picture cannot be counted: leave joint out")
    else:
        numbers, bins = data.points(), config.bins or 100
        if config.joint and bins**numbers > MOST_CELLS:
            most = int(MOST_CELLS ** (1 / numbers))
            raise ValueError(
                f"{bins} bins for each of {numbers} coordinates are {bins**numbers:,} joint ones, wanted {MOST_CELLS:,} or "
                f"fewer: --set bins={most}, or leave joint out"
            )
    return Histogram(config, data)
