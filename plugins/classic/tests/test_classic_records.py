"""The records tell the truth about the default configurations, and reading them needs no torch."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
import typing
from collections.abc import Callable

import ganzoo_classic
import pytest
import torch
from ganzoo_classic import dcgan, dcgan_tf, gan
from torch import nn

from ganzoo.config import GanConfig
from ganzoo.models import DataSpec, Game, Gan
from ganzoo.plugin import Arch

RECORDS = {record.name: record for record in ganzoo_classic.ganzoo_architectures()}


def builder(record: Arch) -> tuple[Callable[..., Game], type[GanConfig]]:
    module, _, name = record.target.partition(":")
    build = getattr(importlib.import_module(module), name)
    return build, typing.get_type_hints(build)["config"]


def on_meta(build: Callable[..., Game], config: GanConfig, *shape: int, classes: int = 0) -> Gan:
    with torch.device("meta"):
        game = build(config, DataSpec(shape, modality="image" if len(shape) == 3 else "points", classes=classes))
    assert isinstance(game, Gan)
    return game


def counts(game: Gan) -> dict[str, int]:
    networks = {name: sum(p.numel() for p in network.parameters()) for name, network in game.named_children()}
    return {name: count for name, count in networks.items() if count}


@pytest.mark.parametrize("name", RECORDS)
def test_the_record_counts_the_default_configuration(name: str) -> None:
    record = RECORDS[name]
    build, config = builder(record)
    if record.modality == "points":
        shape: tuple[int, ...] = (2,)
    else:
        assert record.resolution is not None
        shape = (record.channels, record.resolution, record.resolution)
    classes = 10 if record.conditional else 0
    assert counts(on_meta(build, config(), *shape, classes=classes)) == record.parameters


@pytest.mark.parametrize("name", RECORDS)
def test_the_target_is_a_build_function_of_a_config_and_data(name: str) -> None:
    build, config = builder(RECORDS[name])
    assert list(inspect.signature(build).parameters) == ["config", "data"]
    assert issubclass(config, GanConfig)
    assert all(field.description for field in config.model_fields.values())


def test_the_networks_of_an_option_have_the_published_counts() -> None:
    mlp = on_meta(gan.build, gan.MlpConfig(network="mlp-bn"), 1, 28, 28)
    assert counts(mlp) == {"generator": 1_510_032, "discriminator": 533_505}
    paper = on_meta(dcgan.build, dcgan.DcganConfig(network="paper"), 3, 64, 64)
    assert counts(paper) == {"generator": 18_885_760, "discriminator": 17_232_768}


def test_keras_counts_the_moving_statistics_too() -> None:
    generator = on_meta(dcgan_tf.build, dcgan_tf.DcganTfConfig(), 1, 28, 28).generator
    norms = [part for part in generator.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    moving = sum(2 * norm.num_features for norm in norms)
    assert sum(p.numel() for p in generator.parameters()) + moving == 2_330_944


def test_reading_the_records_imports_no_torch() -> None:
    code = "import sys, ganzoo_classic; list(ganzoo_classic.ganzoo_architectures()); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
