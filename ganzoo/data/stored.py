"""Sources whose samples lie in one array, in memory or mapped from a file."""

from __future__ import annotations

import hashlib
import itertools
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.data.choice import Resize
from ganzoo.data.digest import digest_of
from ganzoo.data.geometry import Size
from ganzoo.data.packed import Made, Progress, Report, Work, prepared
from ganzoo.data.resizing import resized
from ganzoo.data.source import Indices, Source, refuse_outside
from ganzoo.models.batch import Batch, DataSpec

DIGEST_BYTES = 2**30  # of an array up to this size every byte is part of the digest, of a larger one 4,096 rows
DIGEST_ROWS = 4096
_CHUNK_BYTES = 16 * 2**20


class StoredImages(Source):
    """Pictures in an array.

    Args:
        images: uint8 (N, H, W, C), values 0..255, C 1 or 3; any strides, also mapped and read-only.
        labels: class indices, int64 (n,); None: no classes.
        class_names: in the order of the indices.
        name: for messages.
        rows: int64 (n,), the rows of `images` that are used, in order; None: all.
        resize: how `at` treats other proportions.
        cache: cache folder for resized pictures of more than 1 GiB; None: the platform's.
        digest: of images and labels if it is known; None: computed from them when asked for.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64] | None = None,
        *,
        class_names: tuple[str, ...] = (),
        name: str = "images",
        rows: NDArray[np.int64] | None = None,
        resize: Resize = "crop",
        cache: Path | None = None,
        digest: str | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self.images, self.labels, self.rows = images, labels, rows
        self.resize, self.cache = resize, cache
        self._given_digest = digest
        self._report = report
        self._origin = self
        self._at: dict[tuple[Size, Resize], StoredImages] = {}
        count, height, width, channels = len(images) if rows is None else len(rows), *images.shape[1:]
        self._spec = DataSpec(
            (channels, height, width),
            classes=len(class_names),
            class_names=class_names,
            count=count,
            name=name,
        )

    @property
    def spec(self) -> DataSpec:
        """(C, H, W) and classes."""
        return self._spec

    @cached_property
    def digest(self) -> str:
        """Of pixels and labels. Of more than 1 GiB of pixels, 4,096 rows at equal distances stand for all."""
        if self._given_digest:
            return self._given_digest
        count = len(self)
        step = 1 if self.images.nbytes <= DIGEST_BYTES else -(-count // DIGEST_ROWS)
        numbers = range(0, count, step)
        chunk = max(1, _CHUNK_BYTES // max(1, int(np.prod(self.images.shape[1:]))))
        head = repr((count, self.spec.shape, self.spec.class_names)).encode()
        pixels = (self._pictures(np.array(numbers[i : i + chunk])) for i in range(0, len(numbers), chunk))
        return digest_of(itertools.chain([head], [] if self.labels is None else [self.labels], pixels))

    def gather(self, indices: Indices) -> Batch:
        """x is a channels-last view, uint8 (B, C, H, W)."""
        refuse_outside(indices, len(self), self.spec.name)
        batch = Batch(x=torch.from_numpy(self._pictures(indices)).permute(0, 3, 1, 2))
        if self.labels is not None:
            batch["y"] = torch.from_numpy(self.labels[indices])
        return batch

    def at(self, resolution: Size, resize: Resize | None = None, progress: Progress | None = None) -> StoredImages:
        """The same pictures at (height, width) pixels, made from these once; up to 1 GiB in memory, more in the cache.

        Args:
            resize: what to do with other proportions; None: as this source was made.

        Raises:
            GanzooError: the cache cannot be written, or has no room.
        """
        size = (int(resolution[0]), int(resolution[1]))
        policy = resize or self.resize
        if size == self.spec.shape[1:]:
            return self
        # Whatever size is asked for, it is made from the best pictures there are.
        origin = self._origin
        if size == origin.spec.shape[1:]:
            return origin
        if (size, policy) not in origin._at:
            origin._at[size, policy] = origin._resized(size, policy, progress)
        return origin._at[size, policy]

    def _resized(self, size: Size, resize: Resize, progress: Progress | None) -> StoredImages:
        def make(numbers: range) -> Made:
            return resized(self._pictures(np.array(numbers)), size, resize), {}

        digest = hashlib.blake2b(f"{self.digest} {size} {resize}".encode(), digest_size=16).hexdigest()
        images = prepared(
            f"at-{digest}",
            len(self),
            Work((*size, self.spec.shape[0]), make),
            cache=self.cache,
            report=self._report,
            progress=progress,
        )
        other = StoredImages(
            images,
            self.labels,
            class_names=self.spec.class_names,
            name=self.spec.name,
            resize=resize,
            cache=self.cache,
            digest=digest,
            report=self._report,
        )
        other._origin = self
        return other

    def _pictures(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """A new array (B, H, W, C) of these pictures."""
        rows = numbers if self.rows is None else self.rows[numbers]
        # take copies a row at once, but would first copy the whole of an array that is not contiguous
        picked = np.take(self.images, rows, axis=0) if self.images.flags.c_contiguous else self.images[rows]
        return np.ascontiguousarray(picked)


class StoredPoints(Source):
    """Vectors in an array.

    Args:
        points: float32 (N, F), finite.
        labels: class indices, int64 (N,); None: no classes.
        class_names: in the order of the indices.
        columns: names of the F numbers, if they have any.
        name: for messages.
    """

    def __init__(
        self,
        points: NDArray[np.float32],
        labels: NDArray[np.int64] | None = None,
        *,
        class_names: tuple[str, ...] = (),
        columns: tuple[str, ...] = (),
        name: str = "points",
    ) -> None:
        self.points, self.labels, self.columns = points, labels, columns
        self._spec = DataSpec(
            (points.shape[1],),
            modality="points",
            classes=len(class_names),
            class_names=class_names,
            count=len(points),
            name=name,
        )

    @property
    def spec(self) -> DataSpec:
        """(F,) and classes."""
        return self._spec

    @cached_property
    def digest(self) -> str:
        """Of every number and label."""
        return digest_of(
            [repr(self.points.shape).encode(), *([] if self.labels is None else [self.labels]), self.points]
        )

    def gather(self, indices: Indices) -> Batch:
        """x float32 (B, F)."""
        refuse_outside(indices, len(self), self.spec.name)
        batch = Batch(x=torch.from_numpy(self.points[indices]))
        if self.labels is not None:
            batch["y"] = torch.from_numpy(self.labels[indices])
        return batch
