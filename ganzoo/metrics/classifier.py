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

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.metrics.features import check_shape, chunks

if TYPE_CHECKING:
    pass

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
    with own_chance(recipe.seed):
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


def _shifted(pictures_BCHW: Tensor, most: int, chance: torch.Generator) -> Tensor:
    """All pictures of a batch, as floats, shifted by one step of up to `most` pixels in each direction."""
    if most < 1:
        return pictures_BCHW
    down, across = torch.randint(2 * most + 1, (2,), generator=chance).tolist()
    height, width = pictures_BCHW.shape[2:]
    padded = functional.pad(pictures_BCHW.float(), (most,) * 4, mode="replicate")
    return padded[:, :, down : down + height, across : across + width]


@contextmanager
def own_chance(seed: int) -> Iterator[None]:
    """Inside it torch's generator on the CPU begins at the seed; it ends as it began."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
