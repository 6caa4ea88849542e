"""Hands out batches: on the device, in the game's value range, in an order that can be stopped and continued exactly.

Data that fit lie on the device as bytes, and a batch is a gather there. Other data are gathered on the host by one thread,
which is one batch ahead, and copied while the device computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.data.joined import part_of, seed_of, with_parts, with_samples
from ganzoo.data.resident import Bytes, Resident, room_on
from ganzoo.data.sampler import Sampler
from ganzoo.data.source import Indices, Source
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models.batch import Batch
from ganzoo.models.draws import Draws

BLOCK = 65_536  # numbers of samples that are put in order, and brought to the device, at once
ENDLESS_PASS = 100_000  # samples that stand for one pass over data without end (an epoch of PacGAN's)


@dataclass(frozen=True)
class _Ahead:
    """A batch that is being gathered, and from where in the order."""

    place: tuple[int, int, int]
    batch: Future[Batch]


class Feed:
    """Batches of a source.

    Args:
        seed: of the order; the same on every rank.
        device: where batches are wanted; on the meta device they have shapes and no numbers.
        value_range: of images: bytes 0 and 255 become its ends. Other samples are handed out as they are.
        draws: streams of chance for an endless source, which draws from "data".
        rank, world: this process and how many there are; each gets its rows of the global batch.
        resident_bytes: data of up to this many bytes are kept on the device; None: 1 GiB, on CUDA a quarter of the memory
            that is free when the feed is made or resized.
        beside: another feed of the same source, whose resident data this one uses too.
    """

    def __init__(
        self,
        source: Source,
        *,
        seed: int,
        device: torch.device | str,
        value_range: tuple[float, float] = (-1.0, 1.0),
        draws: Draws,
        rank: int = 0,
        world: int = 1,
        resident_bytes: int | None = None,
        beside: Feed | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.draws, self.rank, self.world = draws, rank, world
        self._resident_bytes = resident_bytes
        self._pixels = Bytes(value_range, self.device)
        self._sampler = None if source.endless else Sampler(_length(source), seed)
        self._first = self._whole = source
        self._thread: ThreadPoolExecutor | None = None
        self._source = source.alone
        self._held: Resident | None = None
        self._block, self._used = torch.empty(0, dtype=torch.int64, device=self.device), 0
        self._ahead: _Ahead | None = None
        if beside is not None and beside._whole is source and beside._held is not None:
            self._held = beside._held
        else:
            self._open(source)
        self._others: dict[str, Feed] = {
            name: Feed(
                other,
                seed=seed_of(seed, name),
                device=device,
                value_range=value_range,
                draws=draws,
                rank=rank,
                world=world,
                resident_bytes=resident_bytes,
                beside=None if beside is None else beside._others.get(name),
            )
            for name, other in source.others.items()
        }

    @property
    def source(self) -> Source:
        """Where batches come from now, at the present resolution."""
        return self._source

    @property
    def resident(self) -> bool:
        """Whether the data lie on the device."""
        return self._held is not None

    def next(self, batch: int) -> Batch:
        """This rank's part of the next batch: images float32 in the value range and channels last, points float32, y int64;
        of the source's `others` the next ones in their own order.

        Args:
            batch: samples over all processes; a multiple of their number.

        Raises:
            UsageError: it is not.
        """
        return with_samples(self._next(batch), self._others, lambda other: other.next(batch))

    def _next(self, batch: int) -> Batch:
        part = batch // self.world
        if part * self.world != batch or part < 1:
            raise UsageError(
                f"a batch of {batch} samples cannot be shared by {self.world} processes: wanted a multiple"
            )
        if self._sampler is None:
            return self._delivered(self._source.draw(part, self.draws))
        if self._held is None:
            return self._from_host(batch, part)
        first = self.rank * part
        numbers = self._numbers(self._sampler, batch)[first : first + part]
        return self._held.picked(numbers, self._held.rows, self._pixels)

    @property
    def held(self) -> dict[str, Tensor]:
        """The resident data as they lie on the device, one row a sample; empty for others."""
        return with_parts(self._held.rows if self._held else {}, self._others, lambda other: other.held)

    def ahead(self, batch: int, times: int) -> Batch:
        """What the next `times` batches are made of, (times, ...) each, for steps that make them by `made`: the numbers of
        resident samples, nothing of an endless source, and of others the batches themselves. One process only."""
        if self._sampler is None:
            return Batch()
        if self._held is not None:
            own = Batch(numbers=self._numbers(self._sampler, batch * times).view(times, batch))
        else:
            batches = [self._next(batch) for _ in range(times)]
            own = Batch({name: torch.stack([each[name] for each in batches]) for name in batches[0]})
        return with_parts(own, self._others, lambda other: other.ahead(batch, times))

    def example(self, batch: int, times: int) -> Batch:
        """Tensors like those of `ahead`, without going on."""
        if self._sampler is None:
            return Batch()
        if self._held is not None:
            own = Batch(numbers=torch.zeros(times, batch, dtype=torch.int64, device=self.device))
        else:
            sample = self._delivered(self._source.gather(np.zeros(batch, np.int64)))
            own = sample.map(lambda value: torch.stack([value] * times))
        return with_parts(own, self._others, lambda other: other.example(batch, times))

    def made(self, part: Batch, batch: int, held: dict[str, Tensor], draws: Draws) -> Batch:
        """A batch from one item of `ahead`, by operations on the device alone. With `held` and `draws` for the feed's own, so
        that a compiled step can take them as its inputs."""
        if self._sampler is None:
            return self._delivered(self._source.draw(batch, draws))
        own = part_of(part)
        made = own
        if self._held is not None:
            made = self._held.picked(own["numbers"], part_of(held), self._pixels)
        for name, other in self._others.items():
            made[name] = other.made(part_of(part, name), batch, part_of(held, name), draws).x
        return made

    def resize(self, resolution: tuple[int, int]) -> None:
        """From now on batches have pictures of (height, width) pixels; the order goes on."""
        self._open(self._first.at(resolution))
        for other in self._others.values():
            other.resize(resolution)

    def epoch(self, batch: int = 256) -> Iterator[Batch]:
        """One pass over all samples in their own order, the same on every rank; the state is left as it is.

        An endless source gives 100,000 samples from streams of their own.

        Args:
            batch: samples in each; the last may have fewer.
        """
        if self._sampler is None:
            draws = Draws(self.draws.seed, self.device)
            for start in range(0, ENDLESS_PASS, batch):
                yield self._delivered(self._source.draw(min(batch, ENDLESS_PASS - start), draws))
            return
        for start in range(0, self._sampler.count, batch):
            yield self._of(np.arange(start, min(start + batch, self._sampler.count)))

    def _of(self, numbers: Indices) -> Batch:
        """The samples of these numbers, which begin again at the end, with the others of the same."""
        numbers = numbers % len(self._source)
        if self._held is None:
            own = self._delivered(self._source.gather(numbers))
        else:
            own = self._held.picked(torch.from_numpy(numbers).to(self.device), self._held.rows, self._pixels)
        return with_samples(own, self._others, lambda other: other._of(numbers))

    def some(self, count: int, source: Source | None = None) -> Batch:
        """The same `count` samples each time, at equal distances over the source, or fewer if it has not as many; the state is
        left as it is.

        Args:
            source: another one of the same shape, such as a part that was held out.
        """
        source = source or self._whole
        if source.endless:
            return self._delivered(source.draw(count, Draws(self.draws.seed, self.device)))
        numbers = np.linspace(0, len(source), min(count, len(source)), endpoint=False).astype(np.int64)
        return self._delivered(source.gather(numbers))

    def state_dict(self) -> dict[str, Any]:
        """What has been handed out: seed, epoch and position, and whose samples they are. Empty for an endless source, whose
        state is that of its streams."""
        if self._sampler is None:
            return {}
        own = {**self._sampler.state_dict(), "digest": self._first.digest}
        others = {name: other.state_dict() for name, other in self._others.items()}
        return {**own, "others": others} if others else own

    def load_state_dict(self, state: dict[str, Any], *, strict: bool = True) -> None:
        """Continue where `state` was taken, with any number of processes.

        Args:
            strict: refuse the state of other data. Otherwise the run goes on with these, from the beginning of the epoch
                if the position lies beyond them.

        Raises:
            GanzooError: the data are not those that the state is about.
        """
        if self._sampler is None or not state:
            if bool(state) != (self._sampler is not None):
                raise GanzooError("the checkpoint is of data of another kind: one of the two is endless")
            return
        if strict and state.get("digest", self._first.digest) != self._first.digest:
            raise GanzooError(
                f"{self._first.spec.name} does not hold the samples that the checkpoint was made with: files have been added, "
                "removed or changed, or the options are others. Continue with the data that the run began with"
            )
        if not strict and int(state["position"]) >= self._sampler.count:
            state = {**state, "position": 0}
        self._sampler.load_state_dict(state)
        self._forget_order()
        for name, other in self._others.items():
            other.load_state_dict(state["others"][name], strict=strict)

    def _open(self, source: Source) -> None:
        self._whole, self._source = source, source.alone
        self._held = None  # the old is freed before the new is made
        self._forget_order()
        if self._sampler is not None:
            self._held = Resident.of(self._source, self.device, room_on(self.device, self._resident_bytes))

    def _numbers(self, sampler: Sampler, count: int) -> Tensor:
        """The next `count` numbers of samples, on the device; they count as handed out."""
        start = self._used
        if start + count > len(self._block):
            self._block = self._next_block(sampler, count)
            start = 0
        self._used = start + count
        sampler.advance(count)
        return self._block[start : start + count]

    def _next_block(self, sampler: Sampler, batch: int) -> Tensor:
        """Numbers of the samples from here to the end of the epoch, not more than BLOCK, and enough for a batch."""
        self._used = 0
        length = max(batch, min(BLOCK, sampler.left))
        if self.device.type == "meta":
            return torch.empty(length, dtype=torch.int64, device="meta")
        block = torch.from_numpy(sampler.peek(length).copy())
        if self.device.type == "cuda":
            return block.pin_memory().to(self.device, non_blocking=True)
        return block.to(self.device)

    def _from_host(self, batch: int, part: int) -> Batch:
        assert self._sampler is not None
        if self._ahead is not None and self._ahead.place == self._place(batch):
            gathered = self._ahead.batch.result()
        else:
            gathered = self._gathered(self._rows(batch, part))
        self._sampler.advance(batch)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ganzoo-feed")
        self._ahead = _Ahead(self._place(batch), self._thread.submit(self._gathered, self._rows(batch, part)))
        return self._delivered(gathered)

    def _place(self, batch: int) -> tuple[int, int, int]:
        assert self._sampler is not None
        return self._sampler.epoch, self._sampler.position, batch

    def _rows(self, batch: int, part: int) -> Indices:
        assert self._sampler is not None
        return self._sampler.peek(batch)[self.rank * part : (self.rank + 1) * part].copy()

    def _gathered(self, rows: Indices) -> Batch:
        batch = self._source.gather(rows)
        if self.device.type != "cuda":
            return batch
        with torch.cuda.device(self.device):  # pinning in a thread would otherwise make a context on device 0
            return batch.map(Tensor.pin_memory)

    def _delivered(self, batch: Batch) -> Batch:
        """A batch of the source's, on the device and ready to use."""
        return self._pixels.ready(batch.map(lambda value: value.to(self.device, non_blocking=True)))

    def _forget_order(self) -> None:
        """Drops what was prepared from an order or a source that is no longer the present one."""
        self._block, self._used = self._block[:0], 0
        self._ahead = None


def _length(source: Source) -> int:
    if len(source) < 1:
        raise UsageError(f"{source.spec.name} holds no samples")
    return len(source)
