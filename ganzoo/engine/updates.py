"""The optimisers' updates as pure functions of tensors, for steps that are traced as a whole.

They compute what torch's own optimisers do, in their state's own tensors, up to rounding: the bias corrections of Adam are
float32 here, and float64 in torch's fused kernel. A test compares them over many steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganzoo.config import Adam, OptimizerConfig, RMSprop, Sgd

Counters = dict[int, tuple[Tensor, Tensor]]
"""Step counters that were met in one update of a player, by identity: the counter, and its next value. Parameters that share a
counter share what follows from it."""


def state_names(config: OptimizerConfig) -> tuple[str, ...]:
    """The tensors that torch's optimiser keeps for a parameter and the update changes."""
    if isinstance(config, Adam):
        return ("step", "exp_avg", "exp_avg_sq")
    if isinstance(config, RMSprop):
        return ("step", "square_avg")
    if isinstance(config, Sgd):
        return ("momentum_buffer",)
    raise TypeError(f"no update for {type(config).__name__}")


def updated(
    config: OptimizerConfig,
    parameter: Tensor,
    gradient: Tensor,
    state: Mapping[str, Tensor],
    rates: Mapping[str, Any],
    done: Tensor,
    counters: Counters,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The parameter and its state after one update.

    Args:
        state: by the names of `state_names`.
        rates: lr, and beta2 or momentum: numbers, or tensors of one number.
        done: bool, whether the update is made; otherwise all stays as it was.
        counters: filled here.
    """
    if config.weight_decay:
        gradient = gradient + config.weight_decay * parameter
    after: dict[str, Tensor] = {}
    if isinstance(config, Adam):
        step = _advanced(state["step"], counters)
        beta1, beta2 = config.beta1, rates["beta2"]
        after["exp_avg"] = mean = torch.lerp(state["exp_avg"], gradient, 1 - beta1)
        after["exp_avg_sq"] = square = beta2 * state["exp_avg_sq"] + (1 - beta2) * gradient * gradient
        size, scale = rates["lr"] / (1 - beta1**step), (1 - beta2**step).sqrt()
        moved = parameter - size * mean / (square.sqrt() / scale + config.eps)
    elif isinstance(config, RMSprop):
        _advanced(state["step"], counters)
        after["square_avg"] = square = config.alpha * state["square_avg"] + (1 - config.alpha) * gradient * gradient
        moved = parameter - rates["lr"] * gradient / (square.sqrt() + config.eps)
    else:
        assert isinstance(config, Sgd)
        if "momentum_buffer" in state:
            after["momentum_buffer"] = buffer = rates["momentum"] * state["momentum_buffer"] + gradient
            gradient = gradient + rates["momentum"] * buffer if config.nesterov else buffer
        moved = parameter - rates["lr"] * gradient
    kept = {name: torch.where(done, value, state[name]) for name, value in after.items()}
    return torch.where(done, moved, parameter), kept


def _advanced(counter: Tensor, counters: Counters) -> Tensor:
    if id(counter) not in counters:
        counters[id(counter)] = (counter, counter + 1)
    return counters[id(counter)][1]
