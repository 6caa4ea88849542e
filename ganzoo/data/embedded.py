"""fashion-12k, the pictures that are part of the project: what is used where no data are named.

Xiao, Rasul, Vollgraf: "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms" (2017),
https://arxiv.org/abs/1708.07747. The first 1,000 training and 200 test pictures of each class, unchanged; the licence lies
beside them.
"""

from __future__ import annotations

import importlib.resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.stored import StoredImages
from ganzoo.data.twofold import Domains, Pairs

EDGE = 250  # of Sobel's gradient, which is 1,020 at a step from 0 to 255

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def fashion(split: Literal["train", "test"] = "train", count: int | None = None) -> StoredImages:
    """Grey 28x28 pictures of clothes in 10 classes: 10,000 to train with, or 2,000 to test with.

    Args:
        count: the first so many pictures to train with, to see what few data do; the test pictures are always all.

    Raises:
        ValueError: there is no such split, or there are not so many pictures.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}, wanted train or test")
    file = importlib.resources.files("ganzoo.data") / "fashion-12k.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    name = "fashion-12k" if split == "train" else "fashion-12k (test)"
    if count is not None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"count is {count!r}, wanted a number of pictures, 1 or more")
        if split == "train":
            if count > len(images):
                raise ValueError(f"count is {count:,}, and there are {len(images):,} pictures to train with")
            images, labels, name = images[:count], labels[:count], f"fashion-12k ({count:,})"
    return StoredImages(images[..., None], labels.astype(np.int64), class_names=FASHION_CLASSES, name=name)


def fashion_edges(split: Literal["train", "test"] = "train", count: int | None = None) -> Pairs:
    """The pictures of fashion-12k, each with its edges: white lines on black, 28x28.

    Args:
        count: as for `fashion`.

    Raises:
        ValueError: as for `fashion`.
    """
    clothes = fashion(split, count)
    x = StoredImages(clothes.images, name=clothes.spec.name)
    name = clothes.spec.name.replace("fashion-12k", "fashion-edges")
    return Pairs(x, StoredImages(edges(clothes.images[..., 0])[..., None], name=name), name)


def fashion_trousers_dresses(split: Literal["train", "test"] = "train") -> Domains:
    """Two classes of fashion-12k that have nothing to do with each other: dresses x, and as `other` trousers.

    Raises:
        ValueError: there is no such split.
    """
    clothes = fashion(split)
    assert clothes.labels is not None
    dresses, trousers = (
        StoredImages(clothes.images[clothes.labels == FASHION_CLASSES.index(name)], name=f"{name} ({split})")
        for name in ("Dress", "Trouser")
    )
    return Domains(dresses, trousers, "fashion-trousers-dresses" + (" (test)" if split == "test" else ""))


def edges(images_NHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where a picture's gradient by Sobel's operator is EDGE or more, else 0; uint8 (N, H, W).

    Whole numbers throughout, so that every machine finds the same edges. Beyond the border lie the border's own pixels.
    """
    x = np.pad(images_NHW.astype(np.int32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth_down, smooth_right = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:], x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    right, down = smooth_down[:, :, 2:] - smooth_down[:, :, :-2], smooth_right[:, 2:] - smooth_right[:, :-2]
    return np.where(right**2 + down**2 >= EDGE**2, np.uint8(255), np.uint8(0))
