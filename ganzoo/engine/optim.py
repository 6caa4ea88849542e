"""torch optimisers made from configurations, and their rates over images."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ganzoo.config import Adam, OptimizerConfig, RMSprop, Schedule, Sgd, value_at
from ganzoo.errors import GanzooError

FUSED_DEVICES = frozenset({"cpu", "cuda", "mps"})


def make_optimizer(config: OptimizerConfig, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser at its rates for 0 images; fused where torch has it, so that a non-finite step can be skipped on the
    device."""
    if not parameters:
        raise GanzooError("a player without parameters has nothing to optimise")
    fused = parameters[0].device.type in FUSED_DEVICES or None
    rates = _rates(config, 0)
    if isinstance(config, Adam):
        return torch.optim.Adam(parameters, eps=config.eps, weight_decay=config.weight_decay, fused=fused, **rates)
    if isinstance(config, RMSprop):
        return torch.optim.RMSprop(
            parameters, alpha=config.alpha, eps=config.eps, weight_decay=config.weight_decay, **rates
        )
    if isinstance(config, Sgd):
        return torch.optim.SGD(
            parameters, nesterov=config.nesterov, weight_decay=config.weight_decay, fused=fused, **rates
        )
    raise TypeError(f"no optimiser for {type(config).__name__}")


def has_schedule(config: OptimizerConfig) -> bool:
    """Whether any rate changes with the images seen."""
    return any(isinstance(getattr(config, name), Schedule) for name in type(config).model_fields)


def set_rates(optimizer: torch.optim.Optimizer, config: OptimizerConfig, images: int, factor: float = 1.0) -> None:
    """Bring the optimiser's rates to what they are when `images` samples have been seen; the learning rate times
    `factor`."""
    rates = _rates(config, images)
    rates["lr"] *= factor
    for group in optimizer.param_groups:
        group.update(rates)


def _rates(config: OptimizerConfig, images: int) -> dict[str, Any]:
    rates: dict[str, Any] = {"lr": value_at(config.lr, images)}
    if isinstance(config, Adam):
        rates["betas"] = (config.beta1, value_at(config.beta2, images))
    if isinstance(config, Sgd):
        rates["momentum"] = value_at(config.momentum, images)
    return rates


def second_rate(config: OptimizerConfig, images: int) -> float:
    """Adam's beta2 or SGD's momentum when `images` samples have been seen; 0 for others."""
    rates = _rates(config, images)
    return float(rates["betas"][1] if "betas" in rates else rates.get("momentum", 0.0))


def skips_on_device(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimiser takes `found_inf`, a flag on the device that makes it leave everything as it was."""
    return bool(optimizer.defaults.get("fused"))
