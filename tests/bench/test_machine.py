"""The ceilings of a machine: what is there, and that a share is a share of the right one."""

from __future__ import annotations

import pytest
import torch

from ganzoo.bench import machine
from ganzoo.bench.machine import Machine, identity, measure
from ganzoo.bench.suite import share_of_ceiling
from ganzoo.errors import UsageError


def made(**ceilings: float) -> Machine:
    named = {name.replace("_", " "): value for name, value in ceilings.items()}
    return Machine("a CPU", 2, 1, "2", "cpu", named, "glibc", True, "Linux")


def test_all_ceilings_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CONVOLUTIONS", ((1, 8, 8, 8, 3), (1, 8, 8, 8, 4)))
    monkeypatch.setattr(machine, "PRODUCTS", ((16, 16, 16),))
    monkeypatch.setattr(machine, "COPY_BYTES", 2**16)
    threads, told = torch.get_num_threads(), []
    found = measure("cpu", threads=2, seconds=0.02, progress=told.append)
    assert set(found.ceilings) == {"conv float32", "conv bfloat16", "matmul float32", "matmul bfloat16", "copy"}
    assert all(value > 0 for value in found.ceilings.values())
    assert found.threads == 2
    assert torch.get_num_threads() == threads
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert {"name", "cores", "threads", "torch", "ceilings", "allocator"} <= set(found.to_dict())
    assert identity("cpu").items() <= found.to_dict().items()


def test_a_device_that_is_not_here() -> None:
    with pytest.raises(UsageError, match="toaster"):
        measure("toaster")


def test_a_device_without_numbers() -> None:
    for ask in (measure, identity):
        with pytest.raises(UsageError, match="nothing to time"):
            ask("meta")


def test_shares_are_of_the_ceiling_of_the_precision() -> None:
    found = made(conv_float32=100.0, conv_bfloat16=400.0, matmul_float32=50.0)
    assert found.share(50.0, "float32") == 0.5
    assert found.share(50.0, "bfloat16") == 0.125
    assert found.share(50.0, "float32", "matmul") == 1.0
    assert found.share(50.0, "bfloat16", "matmul") is None


def test_the_share_of_a_mixture_is_its_time_at_the_ceilings_over_its_time() -> None:
    found = made(conv_float32=100.0, matmul_float32=50.0)
    kinds = {"convolution forward": 10.0, "convolution backward to data": 20.0, "matrix product": 5.0}
    # 0.3 s of convolutions and 0.1 s of products an image; two images a second would take 0.8 of each second.
    assert share_of_ceiling(kinds, 2.0, found, "float32") == pytest.approx(0.8)
    assert share_of_ceiling(kinds, 2.0, found, "bfloat16") is None
    assert share_of_ceiling({}, 2.0, found, "float32") is None
