"""Means of the terms and notes of each phase, kept on the device and fetched in one copy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

ROWS = 256  # values of a name that are kept apart before they are summed


class _Sheet:
    """The values of one set of names: rows that are filled one after the other, and the sums of earlier rows."""

    def __init__(self, names: tuple[str, ...], device: torch.device) -> None:
        self.names = names
        self.rows = torch.zeros(ROWS, len(names), device=device)
        self.row = list(self.rows.unbind())
        self.used = 0
        self.count = 0
        self.sums = torch.zeros(2, len(names), device=device)

    def settle(self) -> None:
        """Add the rows to the sums: of the finite values, and how many there were."""
        rows = self.rows[: self.used]
        finite = torch.isfinite(rows)
        self.sums += torch.stack([torch.where(finite, rows, 0.0).sum(0), finite.sum(0)])
        self.count += self.used
        self.used = 0


class Gauges:
    """Means by name. Adding costs one small operation and never waits for the device; fetching does, once."""

    def __init__(self) -> None:
        self._sheets: dict[tuple[str, ...], _Sheet] = {}

    @torch.no_grad()
    def add(self, prefix: str, values: Mapping[str, Tensor]) -> None:
        """One number each, of the names "prefix.name", in float32 on one device."""
        if not values:
            return
        numbers = [v if v.ndim == 0 and v.dtype == torch.float32 else v.reshape(()).float() for v in values.values()]
        key = (prefix, *values)
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._sheets[key] = _Sheet(tuple(f"{prefix}.{name}" for name in values), numbers[0].device)
        torch.stack(numbers, out=sheet.row[sheet.used])
        sheet.used += 1
        if sheet.used == ROWS:
            sheet.settle()

    @torch.no_grad()
    def add_rows(self, names: tuple[str, ...], rows: Tensor) -> None:
        """Several values of each name at once, (R, names) float32, R at most 256; the names with their prefix."""
        sheet = self._sheets.get(names)
        if sheet is None:
            sheet = self._sheets[names] = _Sheet(names, rows.device)
        count = len(rows)
        if sheet.used + count > ROWS:
            sheet.settle()
        if count == 1:
            sheet.row[sheet.used].copy_(rows[0])
        else:
            sheet.rows[sheet.used : sheet.used + count].copy_(rows)
        sheet.used += count
        if sheet.used == ROWS:
            sheet.settle()

    @torch.no_grad()
    def fetch(self) -> tuple[dict[str, float], dict[str, int]]:
        """Means of the finite values since the last fetch, and how many values of a name were not. One host sync."""
        sheets = [sheet for sheet in self._sheets.values() if sheet.used or sheet.count]
        for sheet in sheets:
            sheet.settle()
        if not sheets:
            return {}, {}
        flat = torch.cat([sheet.sums.flatten() for sheet in sheets]).tolist()
        sums: dict[str, float] = {}
        finite: dict[str, int] = {}
        faults: dict[str, int] = {}
        at = 0
        for sheet in sheets:
            width = len(sheet.names)
            for i, name in enumerate(sheet.names):
                good = round(flat[at + width + i])
                sums[name] = sums.get(name, 0.0) + flat[at + i]
                finite[name] = finite.get(name, 0) + good
                if good < sheet.count:
                    faults[name] = faults.get(name, 0) + sheet.count - good
            at += 2 * width
            sheet.sums.zero_()
            sheet.count = 0
        return {name: sums[name] / finite[name] if finite[name] else math.nan for name in sums}, faults


def what_was_skipped(means: Mapping[str, float], faults: Mapping[str, int]) -> tuple[str, bool] | None:
    """Which terms were not finite where updates were skipped, and whether all updates were; None if none was.

    Args:
        means, faults: as `fetch` gives them.
    """
    skipped = [share for name, share in means.items() if name.endswith(".skipped")]
    if not any(skipped):
        return None
    culprits = ", ".join(f"{name} ({count} times)" for name, count in faults.items() if "norm" not in name)
    return culprits or "gradients", all(share == 1.0 for share in skipped)
