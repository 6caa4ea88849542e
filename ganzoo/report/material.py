"""What the parts of a report share: the run, its data, samples of both, their features. Each is made once, when first asked for.

A part that lacks something raises `LeftOut` with the reason; the others do not notice.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ganzoo.build import find_arch
from ganzoo.config import validate
from ganzoo.data import DataChoice, Source, open_source
from ganzoo.engine.folder import RunFolder
from ganzoo.errors import GanzooError
from ganzoo.metrics import Extractor, Lite0Features, PixelFeatures
from ganzoo.models import Draws
from ganzoo.report.blocks import LeftOut
from ganzoo.report.lines import Lines, read_lines, read_metrics
from ganzoo.runs import Run, load
from ganzoo.tracking.pictures import to_uint8

T = TypeVar("T")
COUNTS = (1000, 300, 100)  # real and fake pictures whose features are compared
POINTS = 2000
PROBE, SAMPLING_SECONDS = 4, 60.0  # pictures that tell how long one takes, and how long all may take


@dataclass(frozen=True)
class Features:
    """Features of real and of fake samples, (N, F) float32 on the CPU, and the name of their extractor."""

    name: str
    real: Tensor
    fake: Tensor


class Material:
    """A run's folder and what follows from it.

    Args:
        folder: of the run; nothing in it is changed.
        data: what to compare with instead of the run's own data.
        seed: of the samples that are drawn, and of which real ones they are compared with.
    """

    def __init__(self, folder: Path, data: str | None = None, seed: int = 0) -> None:
        self.folder = RunFolder.open(folder)
        self.seed = seed
        self.document = self.folder.read_config()
        self.metrics: Lines = read_metrics(self.folder.metrics)
        self.evaluations: Lines = read_lines(self.folder.path / "evaluations.jsonl")
        self.notes: list[str] = []
        self._asked = data
        self._made: dict[str, Any] = {}

    @property
    def arch(self) -> str:
        """The architecture's id."""
        return str(self.document["arch"].get("id"))

    def section(self, name: str) -> dict[str, Any]:
        """A mapping of config.yaml, empty where it is missing or something else."""
        found = self.document.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def run(self) -> Run:
        """The run at its newest intact checkpoint, with averaged weights where it has them."""
        return self.once("run", self._load)

    @property
    def source(self) -> Source:
        """The data to compare with, at the run's resolution."""
        return self.once("source", self._open)

    @property
    def real(self) -> Tensor:
        """Real samples: pictures uint8 (N, C, H, W), points float32 (N, F)."""
        return self.once("real", lambda: real_samples(self.source, self.count, self.seed))

    @property
    def fake(self) -> Tensor:
        """As many samples of the run, as the real ones are."""
        return self.once("fake", lambda: comparable(self.run.sample(self.count, seed=self.seed)))

    @property
    def extractor(self) -> Extractor:
        """Lite0 features where their package is here, else the pixels; of pictures alone."""
        return self.once("extractor", best_extractor)

    @property
    def features(self) -> Features:
        """Of the real and the fake samples; points are features as they are."""
        return self.once("features", self._features)

    @property
    def is_pictures(self) -> bool:
        """Whether samples are pictures."""
        return self.run.spec.modality == "image" and len(self.run.spec.shape) == 3

    @property
    def count(self) -> int:
        """Samples that are compared with as many real ones: fewer of a generator that is slow here."""
        return self.once("count", self._affordable) if self.is_pictures else POINTS

    def _affordable(self) -> int:
        start = time.perf_counter()
        self.run.sample(PROBE, seed=self.seed)
        each = (time.perf_counter() - start) / PROBE
        # In large steps, so that the time of one probe hardly ever decides on another number.
        return next((count for count in COUNTS if count * each < SAMPLING_SECONDS), COUNTS[-1])

    def _load(self) -> Run:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = load(self.folder.path)
        self.notes += [str(warning.message) for warning in caught if warning.category is UserWarning]
        return run

    def _open(self) -> Source:
        own = validate(DataChoice, self.section("data").get("choice") or {}, f"{self.folder.config}: data")
        spec = self.run.spec
        record = find_arch(self.arch).record
        if self._asked is None:
            size = (record.resolution, record.resolution) if record.resolution else None
            source = open_source(own, modality=spec.modality, resolution=size, report=self.notes.append)
        else:
            values: dict[str, Any] = {"path": self._asked, "resize": own.resize}
            if spec.modality == "image":
                values |= {
                    "size": "x".join(map(str, spec.shape[1:])),
                    "channels": "grey" if spec.shape[0] == 1 else "rgb",
                }
            choice = validate(DataChoice, values, "--data")
            source = open_source(choice, modality=spec.modality, report=self.notes.append)
        if tuple(source.spec.shape) != tuple(spec.shape):
            raise LeftOut(f"the data have the shape {tuple(source.spec.shape)}, and the run makes {tuple(spec.shape)}")
        digest = self.section("data").get("digest")
        if source.digest != digest:
            if self._asked is None:
                raise LeftOut(
                    f"the data at {own.path} are not what the run was trained on (digest {source.digest}, then {digest}); "
                    "--data DATA compares with others all the same"
                )
            self.notes.append(
                f"It is compared with {self._asked}, which is not what it was trained on (digest {source.digest}, "
                f"then {digest})."
            )
        return source

    def _features(self) -> Features:
        if not self.is_pictures:
            return Features("coordinates", self.real.flatten(1).float(), self.fake.flatten(1).float())
        extract = self.extractor
        return Features(extract.name, extract(self.real), extract(self.fake))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, or what it failed with, also the second time."""
        if name not in self._made:
            try:
                self._made[name] = make()
            except GanzooError as error:
                self._made[name] = LeftOut(str(error))
            except Exception as error:
                self._made[name] = error
        found = self._made[name]
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]


def real_samples(source: Source, n: int, seed: int) -> Tensor:
    """n real samples at random, fewer where there are not so many: pictures uint8, points float32."""
    if source.endless:
        return source.draw(n, Draws(seed)).x.cpu()
    count = len(source)
    chosen = np.random.default_rng(seed).choice(count, min(n, count), replace=False)
    return source.gather(np.sort(chosen).astype(np.int64)).x.contiguous()


def comparable(samples: Tensor) -> Tensor:
    """Samples as real ones are: pictures in uint8.

    Raises:
        LeftOut: a sample is not finite.
    """
    if not bool(torch.isfinite(samples).all()):
        raise LeftOut("the run makes samples that are not finite")
    return to_uint8(samples, (-1.0, 1.0)) if samples.dim() == 4 else samples


def best_extractor() -> Extractor:
    """Lite0 features, or the pixels where the package of the weights is missing or damaged."""
    try:
        return Lite0Features()
    except (ImportError, ValueError):
        return PixelFeatures()
