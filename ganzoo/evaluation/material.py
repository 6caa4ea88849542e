"""What metrics take, by name, made when it is first asked for: features, probabilities, labels, pictures."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.data.cache import cache_folder
from ganzoo.errors import UsageError
from ganzoo.evaluation.samples import Samples

FEATURES_VERSION = 1  # of the cached features: another when an extractor's numbers change for equal weights
STEP = 500  # pictures from one report of progress to the next

Progress = Callable[[str, int, int], None]


class Unavailable(Exception):
    """A metric asks for what there is not; the message says why."""


class Material:
    """The inputs of metrics for one set of fake samples.

    Args:
        fake: the model's samples. real: what they are held against. train: what the model was trained on, if it is known.
        extractor: for pictures.
        game: the model itself, in evaluation mode, if there is one.
        progress: told (what, done, all).
        cache: whether features of real samples are kept in the cache folder, by the digest of samples and extractor.
    """

    def __init__(
        self,
        fake: Samples,
        real: Samples,
        train: Samples | None,
        extractor: Any,
        game: Any = None,
        progress: Progress = lambda what, done, total: None,
        cache: bool = True,
    ) -> None:
        self.fake, self.real, self.train = fake, real, train
        self.extractor, self.game = extractor, game
        self._progress, self._cache = progress, cache
        self._made: dict[str, Any] = {}
        self._picked: dict[str, Tensor] | None = None

    def __getitem__(self, name: str) -> Any:
        """The input of that name.

        Raises:
            Unavailable: there is none here.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        value = self._made[name]
        if self._picked is not None and isinstance(value, Tensor):
            side = name.partition("_")[0]
            if side in self._picked:
                return value[self._picked[side]]
        return value

    @contextmanager
    def half(self, seed: int) -> Iterator[None]:
        """Inside it inputs are those of a random half of the fake and of the real samples."""
        chance = torch.Generator().manual_seed(seed)
        self._picked = {
            side: torch.randperm(len(samples), generator=chance)[: len(samples) // 2].sort().values
            for side, samples in (("real", self.real), ("fake", self.fake))
        }
        try:
            yield
        finally:
            self._picked = None

    def _make(self, name: str) -> Any:
        if name == "mixture":
            if self.real.mixture is None:
                raise Unavailable(f"the modes of {self.real.name} are not known")
            return self.real.mixture
        if name == "game":
            if self.game is None:
                raise Unavailable("there is no model, only its samples")
            return self.game
        if name == "extractor":
            return self._extractor()
        side, _, what = name.partition("_")
        samples = {"real": self.real, "fake": self.fake, "train": self.train}[side]
        if samples is None:
            raise Unavailable("what the model was trained on is not known")
        if what == "labels":
            if samples.labels is None:
                raise Unavailable(f"{samples.name} has no class labels")
            return samples.labels
        if what == "pictures":
            if not samples.pictures:
                raise Unavailable(f"{samples.name} are no pictures")
            return samples.x
        if what == "probabilities":
            find = getattr(self._extractor(), "probabilities", None)
            if find is None:
                raise Unavailable(f"the extractor {self._extractor().name} gives no class probabilities")
            return self._looked(samples, find, f"{side} probabilities", "-probabilities")
        if not samples.pictures:
            return samples.x
        return self._looked(samples, self._extractor(), f"{side} features", "")

    def _extractor(self) -> Any:
        if self.extractor is None:
            raise Unavailable("there is no feature extractor for points: the points themselves are the features")
        return self.extractor

    def _looked(self, samples: Samples, look: Callable[[Tensor], Tensor], what: str, kind: str) -> Tensor:
        """What an extractor sees in samples, float64; of real ones from the cache, if it is there."""
        file = self._file(samples, kind) if self._cache and samples.split != "generated" else None
        if file is not None and (kept := _read(file)) is not None and len(kept) == len(samples):
            self._progress(what, len(samples), len(samples))
            return kept
        parts = []
        for start in range(0, len(samples), STEP):
            try:
                parts.append(look(samples.x[start : start + STEP]).double())
            except ValueError as error:
                raise UsageError(f"{self.extractor.name} cannot look at {samples.name}: {error}") from error
            self._progress(what, min(start + STEP, len(samples)), len(samples))
        found = torch.cat(parts)
        if file is not None:
            _write(file, found)
        return found

    def _file(self, samples: Samples, kind: str) -> Path:
        shape = tuple(samples.x.shape)
        key = f"{FEATURES_VERSION} {samples.digest} {shape} {self.extractor.name}{kind} {self.extractor.digest}"
        return cache_folder() / "features" / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.npy"


def _read(file: Path) -> Tensor | None:
    """Kept features; None where there are none, or they cannot be read: then they are made again."""
    try:
        return torch.from_numpy(np.load(file, allow_pickle=False).astype(np.float64, copy=False))
    except (OSError, ValueError, EOFError):
        return None


def _write(file: Path, features: Tensor) -> None:
    """Keeps features, whole or not at all; a cache that cannot be written is no reason to fail."""
    buffer = io.BytesIO()
    np.save(buffer, features.float().numpy() if _fits(features) else features.numpy())
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(buffer.getvalue())
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)


def _fits(features: Tensor) -> bool:
    return bool(torch.equal(features.float().double(), features))
