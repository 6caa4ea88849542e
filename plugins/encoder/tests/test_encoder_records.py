"""The records tell the truth about the configurations, and reading them needs no torch."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import typing

import ganzoo_encoder
import pytest

from ganzoo.build import build, configure, default_spec, find_arch, parameter_counts
from ganzoo.config import ArchConfig
from ganzoo.models import DataSpec

RECORDS = {record.name: record for record in ganzoo_encoder.ganzoo_architectures()}
PRESETS = [(name, preset) for name, record in RECORDS.items() for preset in record.presets]


@pytest.mark.parametrize("name", RECORDS)
def test_the_record_counts_the_default_configuration(name: str) -> None:
    entry = find_arch(f"encoder/{name}")
    game = build(entry, configure(entry), default_spec(entry.record), device="meta")
    assert parameter_counts(game) == dict(entry.record.parameters)


@pytest.mark.parametrize("name", RECORDS)
def test_the_paper_preset_is_the_default(name: str) -> None:
    entry = find_arch(f"encoder/{name}")
    assert configure(entry, preset="paper") == configure(entry)


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_presets_build(name: str, preset: str) -> None:
    entry = find_arch(f"encoder/{name}")
    game = build(entry, configure(entry, preset=preset), DataSpec((1, 32, 32)), device="meta")
    assert game.sample(2).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("name", RECORDS)
def test_every_option_has_a_line_of_help(name: str) -> None:
    module, _, attribute = RECORDS[name].target.partition(":")
    config = typing.get_type_hints(getattr(importlib.import_module(module), attribute))["config"]
    assert issubclass(config, ArchConfig)
    assert all(field.description for field in config.model_fields.values())


def test_small_presets_are_small() -> None:
    for name in RECORDS:
        entry = find_arch(f"encoder/{name}")
        game = build(entry, configure(entry, preset="small"), DataSpec((1, 32, 32)), device="meta")
        assert 100_000 < sum(parameter_counts(game).values()) < 2_000_000


def test_reading_the_records_imports_no_torch() -> None:
    code = "import sys, ganzoo_encoder as e; list(e.ganzoo_architectures()); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
