"""Optimisers that depend on which of an architecture's networks is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.config import OptimizerConfig


def completed(values: Any, own: Mapping[str, OptimizerConfig]) -> Any:
    """A config's values, in which an optimiser without a kind is a change of the network's own.

    Args:
        values: what the user gave.
        own: the network's optimisers by the field's name.
    """
    if not isinstance(values, Mapping):
        return values
    changes = {name: values[name] for name in own if isinstance(values.get(name), Mapping)}
    whole = {name: {**own[name].model_dump(), **change} for name, change in changes.items() if "kind" not in change}
    return {**values, **whole}
