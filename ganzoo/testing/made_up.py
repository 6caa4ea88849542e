"""What a metric asks for, made up: features, labels, probabilities, pictures and a mixture, of one distribution or off it.

A set begins as features; labels, probabilities and pictures follow from them, so that samples that are off are off in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganzoo.metrics.mixture import Mixture
from ganzoo.testing.check import Skipped
from ganzoo.testing.component import normal

WIDTH = 6  # features
CLASSES = 4
SIGMA = 0.3  # of a class or a mode, whose centres are several apart
CHANNELS = 3
NOT_MADE_UP = {"game": "a model", "extractor": "a feature extractor"}
FAKE_SEED, TRAIN_SEED = 2, 3  # real samples have 1

Inputs = dict[str, Any]
"""What a metric takes, by the names of plugin.INPUTS."""


def side(name: str) -> str:
    """real, fake or train: the set that an input is about."""
    return name.partition("_")[0]


def about(name: str) -> str:
    """features, labels, probabilities, pictures or mixture."""
    return "mixture" if name == "mixture" else name.partition("_")[2] or "features"


@dataclass(frozen=True)
class Maker:
    """Makes the inputs of one metric.

    Args:
        names: of the inputs, in the record's order.
        count: samples of a set.
        picture: height and width of the pictures in pixels.
    """

    names: tuple[str, ...]
    count: int
    picture: int

    @property
    def in_classes(self) -> bool:
        """Whether samples are of classes, or of modes: then they lie about centres."""
        return any(about(name) in ("labels", "mixture") for name in self.names)

    def features(self, seed: int = 1, n: int | None = None) -> Tensor:
        """(n, WIDTH) of a distribution that is neither round nor centred; of classes in turn if there are any."""
        n = self.count if n is None else n
        if self.in_classes:
            return _centres()[torch.arange(n) % CLASSES] + SIGMA * normal(n, WIDTH, seed=seed)
        widths = torch.linspace(0.5, 1.5, WIDTH, dtype=torch.float64)
        return normal(n, WIDTH, seed=seed) * widths + 1

    def inputs(
        self,
        real: Tensor | None = None,
        fake: Tensor | None = None,
        train: Tensor | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> Inputs:
        """All inputs, from the features of each set; None: other samples of the one distribution.

        Raises:
            Skipped: it asks for what cannot be made up.
        """
        for name in self.names:
            if name in NOT_MADE_UP:
                raise Skipped(f"it asks for {NOT_MADE_UP[name]}, which is not made up here")
        sets = {
            "real": self.features() if real is None else real,
            "fake": self.features(FAKE_SEED) if fake is None else fake,
            "train": self.features(TRAIN_SEED) if train is None else train,
        }
        made: Inputs = {}
        for name in self.names:
            if name == "mixture":
                made[name] = Mixture(_centres(), SIGMA)
                continue
            x, what = sets[side(name)], about(name)
            if what == "labels":
                made[name] = torch.arange(len(x)) % CLASSES
            elif what == "pictures":
                made[name] = _pictures(x, self.picture)
            else:
                made[name] = (_probabilities(x) if what == "probabilities" else x).to(dtype)
        return made


def changed(inputs: Mapping[str, Any], of: str, numbers: Any) -> Inputs:
    """The inputs with some samples of one set alone, or in another order: what indexing by `numbers` gives."""
    return {
        name: value[numbers] if isinstance(value, Tensor) and side(name) == of else value
        for name, value in inputs.items()
    }


def copies(inputs: Mapping[str, Any]) -> Inputs:
    """New tensors of the same values."""
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in inputs.items()}


def floats(inputs: Mapping[str, Any]) -> list[str]:
    """Names of the inputs that may hold a NaN."""
    return [name for name, value in inputs.items() if isinstance(value, Tensor) and value.is_floating_point()]


def _centres() -> Tensor:
    return 4 * normal(CLASSES, WIDTH, seed=11)


def _probabilities(x_NF: Tensor) -> Tensor:
    """(N, CLASSES), clear for most samples."""
    return torch.softmax(3 * x_NF.double() @ normal(WIDTH, CLASSES, seed=12), 1)


def _pictures(x_NF: Tensor, height: int) -> Tensor:
    """uint8 (N, CHANNELS, height, height): waves, whose strengths are the features."""
    place_H = (torch.arange(height, dtype=torch.float64) + 0.5) / height
    waves = [
        torch.cos(torch.pi * (k // 2) * place_H)[:, None] * torch.cos(torch.pi * ((k + 1) // 2) * place_H)[None]
        for k in range(WIDTH)
    ]
    colours_FC = 0.5 + 0.5 * normal(WIDTH, CHANNELS, seed=13).abs()
    basis = colours_FC[:, :, None, None] * torch.stack(waves)[:, None]
    return (110 + 25 * torch.einsum("nf,fchw->nchw", x_NF.double() - 1, basis)).round().clamp(0, 255).to(torch.uint8)
