"""The Dirac-GAN ends where it is known to end: engine, losses and penalties together, to the digits that are published."""

from __future__ import annotations

import pytest

from benchmarks.quality.dirac import CASES, WAYS, Case, distance


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_distance_is_the_published_one(case: Case) -> None:
    for way, known in zip(WAYS, case.published, strict=True):
        found = distance(case, way)
        # Half a unit of the last published digit: three decimals, or one or two digits of a small number.
        tolerance = 0.0005 if known > 0.1 else (0.06 if known * 10 ** -int(f"{known:e}"[-3:]) % 1 else 0.15) * known
        assert found == pytest.approx(known, abs=tolerance), way
