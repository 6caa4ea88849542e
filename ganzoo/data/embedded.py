"""fashion-12k, the pictures that are part of the project: what is used where no data are named.

Xiao, Rasul, Vollgraf: "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms" (2017),
https://arxiv.org/abs/1708.07747. The first 1,000 training and 200 test pictures of each class, unchanged; the licence lies
beside them.
"""

from __future__ import annotations

import importlib.resources
from typing import Literal

import numpy as np

from ganzoo.data.stored import StoredImages

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
