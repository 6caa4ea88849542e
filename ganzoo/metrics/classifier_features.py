"""Features of a classifier that is trained on labelled pictures when it is first made, and kept in ganzoo's cache folder.

Shape letters: N pictures, B pictures of one batch, C channels, H, W pixels, F features, K classes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.metrics.classifier import Classifier, Recipe, own_chance, train_classifier
from ganzoo.metrics.features import chunks
from ganzoo.metrics.modes import joint_probabilities

if TYPE_CHECKING:
    from ganzoo.data.source import Source

VERSION = 1  # of the recipe: another when its numbers change for the same options
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue in the luminance (ITU-R BT.601)
_FOLDER = "classifiers"


class ClassifierFeatures:
    """Features of the last hidden layer of a classifier that is trained on labelled pictures when it is first made, and kept in
    ganzoo's cache folder."""

    def __init__(
        self,
        data: str | Source,
        *,
        width: int = 128,
        epochs: int = 12,
        seed: int = 0,
        by_channel: bool = False,
        cache: Path | None = None,
        chunk: int = 100,
        device: str = "cpu",
    ) -> None:
        """
        Args:
            data: what it is trained on: a source of pictures with classes, or what `--data` takes.
            width, epochs, seed: of the recipe.
            by_channel: each channel is a picture of its own, as in stacked digits: features lie one after the other, and
                probabilities are those of all combinations. For a classifier of grey pictures.
            cache: folder for weights; None: GANZOO_CACHE, else the platform's.
            chunk: pictures a forward pass.
            device: where the network runs.

        Raises:
            ValueError: the data are no pictures with classes, or an option is wrong.
            GanzooError: the data cannot be opened, or the cache cannot be written.
        """
        source = _opened(data)
        recipe = Recipe(width=width, epochs=epochs, seed=seed)
        channels, height, width_pixels = source.spec.shape
        if by_channel and channels != 1:
            raise ValueError(f"by_channel wants a classifier of grey pictures, and {source.spec.name} has {channels}")
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, wanted 1 or more")
        self.size = (height, width_pixels)
        self.by_channel, self.chunk, self.device = by_channel, chunk, device
        self.network, self.digest = _kept(source, recipe, cache, device)
        self.width = recipe.width

    @property
    def name(self) -> str:
        """classifier-128@1a2b3c4d: features, and the first digits of the weights' digest."""
        return f"classifier-{self.width}{'-by-channel' if self.by_channel else ''}@{self.digest[:8]}"

    @torch.inference_mode()
    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features (N, F) in float32 on the CPU; by channel (N, C F).

        Args:
            pictures_NCHW: uint8, any size, 1 or 3 channels.

        Raises:
            ValueError: see `features.chunks`.
        """
        parts = chunks(pictures_NCHW, self.chunk)
        return torch.cat([self.network.features(self._input(x)).view(len(x), -1).cpu() for x in parts])

    @torch.inference_mode()
    def probabilities(self, pictures_NCHW: Tensor) -> Tensor:
        """Class probabilities (N, K), float32 on the CPU; by channel those of all combinations, (N, K^C)."""
        rows = []
        for x_BCHW in chunks(pictures_NCHW, self.chunk):
            parts = self.network(self._input(x_BCHW)).softmax(1)
            rows.append(joint_probabilities(parts.view(len(x_BCHW), -1, parts.shape[1])).cpu())
        return torch.cat(rows)

    def _input(self, pictures_BCHW: Tensor) -> Tensor:
        """Pictures of the network's size and channels; by channel B C of them."""
        x_BCHW = pictures_BCHW.to(self.device, torch.float32)
        if self.by_channel:
            x_BCHW = x_BCHW.flatten(0, 1)[:, None]
        elif self.network.channels == 3:
            x_BCHW = x_BCHW.expand(-1, 3, -1, -1)
        elif x_BCHW.shape[1] == 3:
            x_BCHW = (x_BCHW * torch.tensor(GREY, device=self.device).view(3, 1, 1)).sum(1, keepdim=True)
        if tuple(x_BCHW.shape[2:]) != self.size:
            x_BCHW = functional.interpolate(x_BCHW, self.size, mode="bilinear", antialias=True)
        return x_BCHW


def _opened(data: str | Source) -> Source:
    if isinstance(data, str):
        from ganzoo.data import DataChoice, open_source

        data = open_source(DataChoice(path=data), modality="image")
    spec = data.spec
    if spec.modality != "image" or data.endless or spec.classes < 2:
        raise ValueError(f"{spec.name} has no pictures of two classes or more, which a classifier is trained on")
    return data


def _kept(source: Source, recipe: Recipe, cache: Path | None, device: str) -> tuple[Classifier, str]:
    """The trained network, from the cache if it is there and intact, and the digest of its weights."""
    from ganzoo.data.cache import cache_folder, cannot_write, locked

    spec = source.spec
    facts = repr((VERSION, source.digest, spec.shape, spec.classes, astuple(recipe)))
    key = hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()
    folder = cache_folder(cache) / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error, 0) from error
    with locked(folder / f"{key}.lock", lambda: None):
        for path in sorted(folder.glob(f"{key}-*.pt")):
            with own_chance(recipe.seed):  # a network draws weights when it is made
                network = _read(path, Classifier(spec.shape[0], spec.classes, recipe.width), device)
            if network is not None:
                return network, _digest(network)
        batch = source.gather(np.arange(len(source), dtype=np.int64))
        if batch.y is None:
            raise ValueError(f"{spec.name} has no class labels, which a classifier is trained on")
        network = train_classifier(batch.x, batch.y, spec.classes, recipe, device)
        digest = _digest(network)
        part = folder / f"{key}.{os.getpid()}.part"
        try:
            torch.save({name: value.cpu() for name, value in network.state_dict().items()}, part)
            os.replace(part, folder / f"{key}-{digest[:16]}.pt")
        except OSError as error:
            part.unlink(missing_ok=True)
            raise cannot_write(folder, error, 0) from error
    return network, digest


def _read(path: Path, network: Classifier, device: str) -> Classifier | None:
    """The network with the file's weights; None where they are not those that its name says: then it is trained again."""
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception:  # a damaged file fails in many ways
        return None
    if _digest(network)[:16] != path.stem.rpartition("-")[2]:
        return None
    return network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _digest(network: nn.Module) -> str:
    """sha256 of names and values, hexadecimal."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
