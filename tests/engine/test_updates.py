"""Pure updates beside torch's own optimisers, over many steps, with schedules, weight decay and updates that are skipped."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.config import Adam, OptimizerConfig, RMSprop, Schedule, Sgd, value_at
from ganzoo.engine.optim import has_schedule, make_optimizer, second_rate, set_rates
from ganzoo.engine.updates import Counters, state_names, updated

CONFIGS: dict[str, OptimizerConfig] = {
    "adam": Adam(lr=1e-2, beta1=0.5, beta2=0.9),
    "adam without mean": Adam(lr=1e-2, beta1=0.0, beta2=0.99, weight_decay=0.1),
    "adam with schedules": Adam(lr=Schedule(points=((0, 1e-2), (100, 1e-3))), beta2=Schedule(points=((0, 0.9), (50, 0.99)))),
    "rmsprop": RMSprop(lr=1e-3, weight_decay=0.01),
    "sgd": Sgd(lr=0.1),
    "sgd with momentum": Sgd(lr=0.1, momentum=0.7),
    "sgd with nesterov": Sgd(lr=0.1, momentum=0.7, nesterov=True, weight_decay=0.01),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_the_update_is_torchs_own(name: str) -> None:
    config = CONFIGS[name]
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]
    optimizer = make_optimizer(config, parameters)
    values: list[Tensor] = []
    states: list[dict[str, Tensor]] = []
    for step in range(60):
        images = 2 * step
        if has_schedule(config):
            set_rates(optimizer, config, images)
        gradients = [torch.randn_like(p) for p in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        if step:
            counters: Counters = {}
            rates: dict[str, Any] = {
                "lr": torch.tensor(value_at(config.lr, images)),
                "beta2": second_rate(config, images),
            }
            rates["momentum"] = rates["beta2"]
            for i, gradient in enumerate(gradients):
                values[i], after = updated(config, values[i], gradient, states[i], rates, torch.tensor(True), counters)
                states[i].update(after)
            for counter, following in counters.values():
                for state in states:
                    if state["step"] is counter:
                        state["step"] = following
        optimizer.step()
        if not step:  # torch makes the state in its first step
            values = [p.detach().clone() for p in parameters]
            names = state_names(config)
            states = [
                {k: optimizer.state[p][k].clone() for k in names if isinstance(optimizer.state[p].get(k), Tensor)}
                for p in parameters
            ]
    for value, parameter in zip(values, parameters, strict=True):
        torch.testing.assert_close(value, parameter.detach(), rtol=2e-5, atol=2e-6)
    for state, parameter in zip(states, parameters, strict=True):
        for key, value in state.items():
            torch.testing.assert_close(value, optimizer.state[parameter][key], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd with momentum"])
def test_an_update_that_is_not_done_leaves_all_as_it_was(name: str) -> None:
    config = CONFIGS[name]
    value = torch.randn(3)
    state = {key: torch.rand(()) if key == "step" else torch.rand(3) for key in state_names(config)}
    rates = {"lr": 0.1, "beta2": 0.9, "momentum": 0.5}
    moved, after = updated(config, value, torch.full((3,), torch.nan), state, rates, torch.tensor(False), {})
    assert torch.equal(moved, value)
    assert all(torch.equal(after[key], state[key]) for key in after)
