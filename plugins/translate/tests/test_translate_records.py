"""The records, and the whole list of checks on the smallest configurations."""

from __future__ import annotations

import pytest

from ganzoo.build import build, configure, data_assignments, default_spec, find_arch, parameter_counts
from ganzoo.data import DataChoice, open_source
from ganzoo.plugin import SECOND


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_every_preset_builds_for_its_own_size(name: str) -> None:
    entry = find_arch(name)
    for preset in entry.record.presets:
        spec = default_spec(entry.record, preset=preset)
        game = build(entry, configure(entry, preset=preset), spec, device="meta")
        assert sum(parameter_counts(game).values()) > 0
    sizes = {preset: dict(data_assignments(entry.record, preset)).get("size") for preset in entry.record.presets}
    assert sizes == {"tiny": "16", "small": "32", "paper": None}


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_the_default_data_fit(name: str) -> None:
    entry = find_arch(name)
    choice = DataChoice(size=32).resolved(entry.record.modality, entry.record.layout)
    source = open_source(choice, modality="image")
    assert set(source.spec.fields) == {SECOND[entry.record.layout]}
    build(entry, configure(entry, preset="small"), source.spec, device="meta")
