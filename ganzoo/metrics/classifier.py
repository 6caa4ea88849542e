"""A small classifier that is trained on labelled pictures: an extractor for data that ImageNet's classes say little about, and
the accuracy that models are scored by.

Shmelkov, Schmid, Alahari: "How good is my GAN?" (2018), https://arxiv.org/abs/1807.09499: GAN-train is the accuracy on real
pictures of a classifier trained on fakes, GAN-test the accuracy on fakes of one trained on real pictures. Ravuri and Vinyals:
"Classification Accuracy Score for Conditional Generative Models" (2019), https://arxiv.org/abs/1905.10887, is GAN-train. The
classifiers of both papers are larger networks: figures compare with the same recipe alone.

The recipe draws from generators of its own. On one machine with one number of threads it gives the same weights each time;
elsewhere they may differ in the last digits, so that the weights are kept, and their digest is part of the extractor's name.

Shape letters: N pictures, B pictures of one batch, C channels, H, W pixels, F features, K classes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.metrics.features import check_shape, chunks
from ganzoo.metrics.modes import joint_probabilities

if TYPE_CHECKING:
    from ganzoo.data.source import Source

VERSION = 1  # of the recipe: another when its numbers change for the same options
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue in the luminance (ITU-R BT.601)
_FOLDER = "classifiers"
_MAP = 7  # pixels a side that the last convolution's output is averaged to


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained: AdamW with one cycle of the rate, on pictures shifted by chance.

    Args:
        width: features of the last hidden layer.
        epochs: passes over the pictures.
        seed: of weights, order and shifts.
        batch: pictures a step.
        rate: the highest learning rate, at three tenths of the steps.
        decay: of weights, a step and unit of the rate.
        shift: largest shift in pixels, in each direction; edges are repeated.
    """

    width: int = 128
    epochs: int = 12
    seed: int = 0
    batch: int = 128
    rate: float = 3e-3
    decay: float = 0.05
    shift: int = 1

    def __post_init__(self) -> None:
        if min(self.width, self.epochs, self.batch) < 1:
            raise ValueError(f"width, epochs and batch are {self.width}, {self.epochs}, {self.batch}, wanted 1 or more")


class Classifier(nn.Module):
    """Two convolutions and a hidden layer; pictures uint8 (B, C, H, W) of one size to features and logits."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.channels = channels
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(_MAP),
        )
        self.hidden = nn.Linear(64 * _MAP**2, width)
        self.head = nn.Linear(width, classes)

    def features(self, pictures_BCHW: Tensor) -> Tensor:
        """Of the last hidden layer, (B, F)."""
        x_BCHW = (pictures_BCHW.to(self.head.weight.dtype) / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        return torch.relu(self.hidden(self.convolutions(x_BCHW).flatten(1)))

    def forward(self, pictures_BCHW: Tensor) -> Tensor:
        """Logits (B, K)."""
        logits_BK: Tensor = self.head(self.features(pictures_BCHW))
        return logits_BK


def train_classifier(
    pictures_NCHW: Tensor, labels_N: Tensor, classes: int, recipe: Recipe | None = None, device: str = "cpu"
) -> Classifier:
    """A classifier trained by the recipe, in evaluation mode. Torch's global generator ends as it began.

    Raises:
        ValueError: no labelled pictures of two classes or more; see `checked_pairs`.
    """
    recipe = recipe or Recipe()
    checked_pairs("training", pictures_NCHW, labels_N)
    if classes < 2 or int(labels_N.max()) >= classes:
        raise ValueError(f"{classes} classes with labels up to {int(labels_N.max())} cannot be told apart")
    with _own_chance(recipe.seed):
        network = Classifier(pictures_NCHW.shape[1], classes, recipe.width)
    network.to(device).to(memory_format=torch.channels_last)
    chance = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = recipe.epochs * -(-len(labels_N) // recipe.batch)
    # A cycle wants more steps than one: of very few pictures and epochs its first rate is all there is.
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=max(steps, 4))
    with torch.enable_grad(), torch.autocast(torch.device(device).type, enabled=False):
        for _ in range(recipe.epochs):
            for index_B in torch.split(torch.randperm(len(labels_N), generator=chance), recipe.batch):
                picture_BCHW = _shifted(pictures_NCHW[index_B], recipe.shift, chance).to(device)
                loss = functional.cross_entropy(network(picture_BCHW), labels_N[index_B].to(device))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                cycle.step()
    return network.eval().requires_grad_(False)


def accuracy(network: Classifier, pictures_NCHW: Tensor, labels_N: Tensor, *, chunk: int = 500) -> float:
    """Share of the pictures whose likeliest class is their label."""
    device = network.head.weight.device
    right = 0
    with torch.inference_mode():
        for x_BCHW, y_B in zip(chunks(pictures_NCHW, chunk), torch.split(labels_N, chunk), strict=True):
            right += int((network(x_BCHW.to(device)).argmax(1).cpu() == y_B.cpu()).sum())
    return right / len(labels_N)


def gan_train(
    real_pictures: Tensor,
    real_labels: Tensor,
    fake_pictures: Tensor,
    fake_labels: Tensor,
    *,
    epochs: int = 12,
    seed: int = 0,
) -> float:
    """Accuracy on real pictures of a classifier that has seen fakes alone (the classification accuracy score), 0 to 1: are
    the fakes of their classes, and as varied? Compare it with that of a classifier trained on as many real pictures.

    Args:
        real_pictures, fake_pictures: uint8 of one size.
        real_labels, fake_labels: class indices, int64, one a picture; of fakes those that were asked for.
        epochs, seed: of the training; see `Recipe`.

    Raises:
        ValueError: no such pictures and labels, or training pictures of one class.
    """
    return _transfer((fake_pictures, fake_labels), (real_pictures, real_labels), epochs, seed)


def gan_test(
    real_pictures: Tensor,
    real_labels: Tensor,
    fake_pictures: Tensor,
    fake_labels: Tensor,
    *,
    epochs: int = 12,
    seed: int = 0,
) -> float:
    """Accuracy on fakes of a classifier trained on real pictures, 0 to 1: are the fakes of their classes? One good picture a
    class over and over has the best. Arguments and errors as for `gan_train`."""
    return _transfer((real_pictures, real_labels), (fake_pictures, fake_labels), epochs, seed)


def _transfer(taught: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor], epochs: int, seed: int) -> float:
    for pictures_NCHW, labels_N in (taught, asked):
        checked_pairs("given", pictures_NCHW, labels_N)
    if taught[0].shape[1:] != asked[0].shape[1:]:
        raise ValueError(f"pictures are {tuple(taught[0].shape[1:])} and {tuple(asked[0].shape[1:])}, wanted one size")
    seen = torch.unique(taught[1])
    if len(seen) < 2:
        raise ValueError(f"all {len(taught[1])} training pictures are of one class; a classifier needs two")
    classes = 1 + max(int(labels_N.max()) for _, labels_N in (taught, asked))
    network = train_classifier(*taught, classes, Recipe(epochs=epochs, seed=seed))
    return accuracy(network, *asked)


def checked_pairs(what: str, pictures_NCHW: Tensor, labels_N: Tensor) -> None:
    """Raises ValueError for what is no set of uint8 pictures with a class index each."""
    if pictures_NCHW.dtype != torch.uint8:
        raise ValueError(f"{what} pictures must be uint8 of 0 to 255, got {pictures_NCHW.dtype}")
    check_shape(pictures_NCHW)
    if labels_N.dtype != torch.int64 or tuple(labels_N.shape) != (len(pictures_NCHW),):
        raise ValueError(
            f"{what} labels must be int64, one for each of {len(pictures_NCHW)} pictures, got {labels_N.dtype} of shape "
            f"{tuple(labels_N.shape)}"
        )
    if int(labels_N.min()) < 0:
        raise ValueError(f"{what} labels must be 0 or more, got {int(labels_N.min())}")


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
            with _own_chance(recipe.seed):  # a network draws weights when it is made
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


def _shifted(pictures_BCHW: Tensor, most: int, chance: torch.Generator) -> Tensor:
    """All pictures of a batch, as floats, shifted by one step of up to `most` pixels in each direction."""
    if most < 1:
        return pictures_BCHW
    down, across = torch.randint(2 * most + 1, (2,), generator=chance).tolist()
    height, width = pictures_BCHW.shape[2:]
    padded = functional.pad(pictures_BCHW.float(), (most,) * 4, mode="replicate")
    return padded[:, :, down : down + height, across : across + width]


@contextmanager
def _own_chance(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
