"""How a run is trained, apart from the architecture and the data. No torch."""

from __future__ import annotations

from typing import Literal

from ganzoo.config import Config, NotNegative, option


class TrainSettings(Config):
    """The run's own options; `--set run.NAME=VALUE` reaches each."""

    images: int | None = option(None, "total of real samples to train on, also on a resume", unit="images", ge=1)
    minutes: float | None = option(None, "time to train, counted from the start or the resume", unit="minutes", gt=0)
    seed: int = option(0, "of weights, order of the data and all chance", ge=0)
    device: str = option("auto", "auto, cpu, cuda, cuda:1 or mps")
    precision: Literal["auto", "float32", "bfloat16"] = option("auto", "of the networks")
    penalty_precision: Literal["auto", "float32", "network"] = option(
        "auto",
        "of penalties: float32, or that of the networks, which is faster; auto: the networks', but float32 where "
        "a penalty takes second derivatives",
    )
    threads: int | None = option(None, "CPU threads; None: tried out", ge=1)
    memory_format: Literal["auto", "channels_last", "contiguous"] = option(
        "auto", "order of convolutions' weights and maps in memory; auto: channels_last"
    )
    allocator: Literal["auto", "keep", "system"] = option(
        "auto", "memory that a step frees: keep it for the next, or leave it to the system; auto: keep, on a CPU"
    )
    steps: Literal["auto", "eager", "compiled", "graph"] = option(
        "auto", "how steps are taken: one by one, compiled as a whole, or in a CUDA graph; auto: what pays"
    )
    steps_per_call: int | None = option(None, "steps that a compiled call takes; None: chosen", ge=1, le=64)
    micro_batches: int = option(1, "parts that each batch is computed in, to save memory", ge=1)
    ema_images: NotNegative | None = option(
        None,
        "half-life of the averaged weights that samples are drawn from, or a schedule over images; 0: none; "
        "None: the architecture's own, mostly 20,000",
        unit="images",
    )
    ema_ramp: float = option(0.05, "half-life at the start, as a share of the images seen; not of a schedule", ge=0)
    cooldown: float = option(0.0, "last share of the run in which learning rates fall linearly to 0", ge=0, le=1)
    log_seconds: float = option(2.0, "time from one row of measurements to the next", unit="seconds", ge=0)
    log_images: int | None = option(None, "images from one row to the next, instead of seconds", unit="images", ge=1)
    pictures: int = option(8, "sample pictures over the run, besides the first", ge=0)
    checkpoint_minutes: float = option(5.0, "time from one checkpoint to the next", unit="minutes", gt=0)
    checkpoint_images: int | None = option(
        None, "images from one checkpoint to the next, besides the minutes", unit="images", ge=1
    )
    keep: int = option(2, "checkpoints that are kept", ge=1)
    health_seconds: float = option(
        10.0, "time from one look at the run's health to the next; 0: never", unit="seconds", ge=0
    )
    evaluate_every: int | None = option(None, "images from one evaluation to the next; None: none", unit="images", ge=1)
    evaluate_samples: int = option(1000, "samples of an evaluation, always of the same latents", unit="samples", ge=2)
    evaluate_metric: str = option("fd", "metric by which the best checkpoint is kept")
    trackers: tuple[str, ...] = option(("jsonl", "console"), "where measurements go")


DEFAULT_IMAGES = 500_000
"""Trained on when neither images nor minutes are given."""
