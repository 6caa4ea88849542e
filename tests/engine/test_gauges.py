"""Means on the device, fetched once."""

from __future__ import annotations

import math

import torch

from ganzoo.engine.gauges import Gauges


def test_means_and_faults() -> None:
    gauges = Gauges()
    for value in (1.0, 2.0, math.inf, math.nan):
        gauges.add("phase", {"a": torch.tensor(value), "b": torch.tensor(4.0)})
    gauges.add("phase", {"c": torch.tensor([5.0])})
    means, faults = gauges.fetch()
    assert means == {"phase.a": 1.5, "phase.b": 4.0, "phase.c": 5.0}
    assert faults == {"phase.a": 2}
    assert gauges.fetch() == ({}, {})


def test_a_term_that_was_never_finite_is_nan() -> None:
    gauges = Gauges()
    gauges.add("phase", {"a": torch.tensor(math.nan)})
    means, faults = gauges.fetch()
    assert math.isnan(means["phase.a"])
    assert faults == {"phase.a": 1}
