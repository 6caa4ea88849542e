"""Rows and a machine made up for tests."""

from __future__ import annotations

from typing import Any

MACHINE: dict[str, Any] = {
    "name": "a CPU & more",
    "cores": 2,
    "threads": 2,
    "torch": "2.14.1",
    "device": "cpu",
    "ceilings": {
        "conv float32": 5e11,
        "conv bfloat16": 1e12,
        "matmul float32": 2e11,
        "matmul bfloat16": 8e11,
        "copy": 4e10,
    },
    "allocator": "glibc, freed memory kept",
    "fast_bfloat16": True,
    "system": "Linux",
}


def spread(*rates: float) -> dict[str, Any]:
    """What a row says of a rate."""
    ordered = sorted(rates)
    return {
        "median": ordered[len(ordered) // 2],
        "min": ordered[0],
        "max": ordered[-1],
        "rates": list(rates),
        "chunk_seconds": 0.5,
        "discarded": 1,
        "calibrations": [100.0] * len(rates),
    }


def row(arch: str = "classic/dcgan", rate: float = 100.0, **changed: Any) -> dict[str, Any]:
    """A row as `Suite.row` gives it."""
    from ganzoo.bench.suite import FIELDS

    kinds = {"convolution forward": 4e8, "convolution backward to data": 6e8}
    values = {
        "arch": arch,
        "status": "ok",
        "distribution": "ganzoo-classic 0.1.0",
        "data": "fashion-12k",
        "batch": 64,
        "shape": [3, 64, 64],
        "device": "cpu",
        "precision": "bfloat16",
        "threads": 2,
        "train": spread(0.9 * rate, rate, 1.2 * rate),
        "train_images_per_second": rate,
        "sample": spread(8 * rate, 9 * rate, 10 * rate),
        "sample_images_per_second": 9 * rate,
        "phase_seconds": {"discriminator": 0.6, "generator": 0.3, "outside": 0.1},
        "kernel_seconds": {"convolution forward": 0.4, "convolution backward": 0.5, "random": 0.0, "rest": 0.1},
        "profiled_step_seconds": 1.0,
        "operations_per_image": 1e9,
        "operations_by_kind": kinds,
        "operations_by_dtype": {"bfloat16": 1e9},
        "bytes_per_image": 1e8,
        "torch_calls_per_step": 500.0,
        "images_per_step": 128.0,
        "operations_per_second": 1e9 * rate,
        "share_of_ceiling": rate / 1000,
        "peak_memory_bytes": 300_000_000,
        "peak_memory_of": "growth",
        "host_syncs_per_step": 0.0,
        "allocations_per_step": 900,
        "allocated_bytes_per_step": 80_000_000,
        "page_faults_per_step": 3.5,
        "cold_start_seconds": 4.5,
        "not_measured": {"warm start": "it broke"},
    }
    return dict.fromkeys(FIELDS) | values | changed


def failed(arch: str = "acme/broken") -> dict[str, Any]:
    """The row of an architecture that could not be measured."""
    from ganzoo.bench.suite import FIELDS

    return dict.fromkeys(FIELDS) | {"arch": arch, "status": "failed", "reason": "it has no weights", "not_measured": {}}
