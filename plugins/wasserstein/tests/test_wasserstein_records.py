"""The records tell the truth about the default configurations, and reading them needs no torch."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
import typing
from collections.abc import Callable

import ganzoo_wasserstein
import pytest
import torch
from ganzoo_wasserstein import dragan, wgan, wgan_gp

from ganzoo.config import GanConfig
from ganzoo.models import DataSpec, Game, Gan
from ganzoo.plugin import Arch

RECORDS = {record.name: record for record in ganzoo_wasserstein.ganzoo_architectures()}
CHANNELS = {"wgan": 3, "wgan-gp": 1, "dragan": 1}  # of the pictures that the counts are published for


def builder(record: Arch) -> tuple[Callable[..., Game], type[GanConfig]]:
    module, _, name = record.target.partition(":")
    build = getattr(importlib.import_module(module), name)
    return build, typing.get_type_hints(build)["config"]


def counts(build: Callable[..., Game], config: GanConfig, *shape: int, classes: int = 0) -> tuple[int, int]:
    with torch.device("meta"):
        game = build(config, DataSpec(shape, classes=classes))
    assert isinstance(game, Gan)
    networks = (game.generator, game.discriminator)
    generator, critic = (sum(p.numel() for p in network.parameters()) for network in networks)
    return generator, critic


@pytest.mark.parametrize("name", RECORDS)
def test_the_record_counts_the_default_configuration(name: str) -> None:
    record = RECORDS[name]
    assert record.resolution is not None
    build, config = builder(record)
    generator, critic = counts(build, config(), CHANNELS[name], record.resolution, record.resolution)
    assert {"generator": generator, "discriminator": critic} == record.parameters


@pytest.mark.parametrize("name", RECORDS)
def test_the_target_is_a_build_function_of_a_config_and_data(name: str) -> None:
    build, config = builder(RECORDS[name])
    assert list(inspect.signature(build).parameters) == ["config", "data"]
    assert issubclass(config, GanConfig)
    assert all(field.description for field in config.model_fields.values())


def test_wgans_fully_connected_networks() -> None:
    assert counts(wgan.build, wgan.WganConfig(network="mlp"), 3, 64, 64) == (6_880_768, 6_817_793)


def test_wgan_gps_networks() -> None:
    def of(network: str, *shape: int) -> tuple[int, int]:
        return counts(wgan_gp.build, wgan_gp.WganGpConfig.model_validate({"network": network}), *shape)

    assert of("mnist", 1, 28, 28) == of("auto", 1, 28, 28) == (1_554_177, 1_030_145)
    assert of("cifar", 3, 32, 32) == of("auto", 3, 32, 32) == (5_179_907, 4_114_689)
    assert of("resnet", 3, 32, 32) == (1_204_483, 1_053_825)
    assert of("dcgan", 3, 64, 64) == of("auto", 3, 64, 64)


def test_labels_add_scales_offsets_and_a_head() -> None:
    config = wgan_gp.WganGpConfig(network="resnet", conditional=True)
    generator, critic = counts(wgan_gp.build, config, 3, 32, 32, classes=10)
    norms, width = 6, 128
    assert generator - 1_204_483 == norms * 2 * width * (10 - 1)
    assert critic - 1_053_825 == 10 * width + 10


def test_dragans_networks() -> None:
    assert counts(dragan.build, dragan.DraganConfig(network="mlp"), 1, 28, 28) == (114_064, 100_609)
    dcgan = dragan.DraganConfig(network="dcgan")
    assert counts(dragan.build, dcgan, 3, 32, 32) == counts(dragan.build, dragan.DraganConfig(), 3, 32, 32)


def test_reading_the_records_imports_no_torch() -> None:
    code = "import sys, ganzoo_wasserstein as w; list(w.ganzoo_architectures()); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
