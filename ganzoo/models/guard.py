"""Wrong shapes and labels are told at once, with what was given and what was wanted, before an operation fails on them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.models.latent import LatentSpec


def guard_latents(generator: nn.Module, latent: LatentSpec) -> None:
    """Calls of the generator with latents of other shapes raise ValueError."""
    generator.register_forward_pre_hook(partial(_check_latents, {part.name: part.shape for part in latent.parts}))


def guard_samples(discriminator: nn.Module, shape: tuple[int, ...]) -> None:
    """Calls of the discriminator with samples of another shape raise ValueError."""
    discriminator.register_forward_pre_hook(partial(_check_samples, shape))


def checked_labels(n: int, labels: Tensor | None, classes: int) -> Tensor:
    """The labels of n samples. It reads their values: for sampling, not for a step.

    Raises:
        ValueError: they are missing, or are not n class indices from 0 to classes - 1.
    """
    if labels is None:
        raise ValueError(f"this architecture is conditional: give {n} class indices")
    if not classes:
        raise ValueError(f"labels of shape {tuple(labels.shape)} were given, and the data has no classes")
    if tuple(labels.shape) != (n,) or labels.dtype.is_floating_point or labels.dtype == torch.bool:
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} and {labels.dtype} were given, wanted ({n},) class indices"
        )
    if labels.device.type != "meta" and n and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        raise ValueError(f"labels {labels.tolist()[:10]} were given, wanted class indices from 0 to {classes - 1}")
    return labels


def checked_number(
    name: str, value: object, *, above: float | None = None, least: float | None = None, whole: bool = False
) -> float:
    """The value of an option of sampling, which a user may have typed.

    Raises:
        ValueError: it is no finite number, no whole one, not above `above`, or less than `least`.
    """
    number = value if isinstance(value, int if whole else int | float) and not isinstance(value, bool) else math.nan
    low = (above is not None and number <= above) or (least is not None and number < least)
    if low or not math.isfinite(number):
        kind = "a whole number" if whole else "a number"
        bound = f" above {above:g}" if above is not None else f", {least:g} or more" if least is not None else ""
        raise ValueError(f"{name} is {value!r}, wanted {kind}{bound}")
    return number


def _check_latents(shapes: dict[str, tuple[int, ...]], module: nn.Module, given: tuple[Any, ...]) -> None:
    z = given[0] if given else None
    parts = z if isinstance(z, dict) else {next(iter(shapes)): z}
    if parts.keys() != shapes.keys():
        raise ValueError(
            f"{type(module).__name__} was given latents {', '.join(parts)}, wanted {', '.join(shapes)} as a dict"
        )
    for name, part in parts.items():
        if isinstance(part, Tensor) and tuple(part.shape[1:]) != shapes[name]:
            raise ValueError(
                f"{type(module).__name__} was given latents of shape {_shown(part.shape)}, "
                f"wanted {_shown(('B', *shapes[name]))}"
            )


def _check_samples(shape: tuple[int, ...], module: nn.Module, given: tuple[Any, ...]) -> None:
    x = given[0] if given else None
    if isinstance(x, Tensor) and tuple(x.shape[1:]) != shape:
        raise ValueError(
            f"{type(module).__name__} was given samples of shape {_shown(x.shape)}, wanted {_shown(('B', *shape))}"
        )


def _shown(shape: tuple[Any, ...] | torch.Size) -> str:
    return f"({', '.join(map(str, shape))})"
