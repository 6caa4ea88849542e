"""The operations that networks spend their time in, one by one, held against what this machine can do.

Each row times one call and adds to it (`extra_info`): operations and bytes, counted from shapes; both per second; and
`share_of_ceiling`, the least time that the measured ceilings allow over the median time. The least time is that of the
operations at the ceiling of convolutions or matrix products, or that of the bytes at the ceiling of a copy, whichever is
longer. Bytes are those of every operation's inputs and outputs, so that kernels whose data stay in the cache can have a
share above 1, and a kernel that does the same with fewer passes has fewer bytes: compare times within a group, and shares
with 1.

`pytest benchmarks/test_kernels.py --benchmark-only -k dropout` runs some of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as torchs_spectral_norm

from ganzoo.bench.machine import Machine, measure
from ganzoo.bench.operations import count
from ganzoo.data.feed import Feed
from ganzoo.data.stored import StoredImages
from ganzoo.metrics.frechet import frechet_between, moments
from ganzoo.metrics.neighbours import kth_neighbour, within
from ganzoo.models import Draws
from ganzoo.models.layers.biased import bias_act
from ganzoo.models.layers.dcgan import DcganDiscriminator, DcganGenerator
from ganzoo.models.layers.deviation import minibatch_deviation
from ganzoo.models.layers.dropout import HashDropout
from ganzoo.models.layers.modulated import modulated_conv2d
from ganzoo.models.layers.spectral import spectral_norm
from ganzoo.models.layers.upfirdn import downsample2d, filter2d, setup_filter, upsample2d
from ganzoo.objectives.penalties import dragan_samples, input_gradient, interpolate

Run = Callable[[], object]
FLOAT, HALF = torch.float32, torch.bfloat16
THREADS = torch.get_num_threads()  # as the process began; other benchmarks change it
SECONDS = 0.5  # of timing, about, for each row; five rounds in any case
BATCH = 64


@dataclass(frozen=True)
class Kernel:
    """What is timed: `make(dtype)` prepares it. group: rows that belong together. moved: bytes, where inputs are read in part."""

    group: str
    name: str
    make: Callable[[torch.dtype], Run]
    dtypes: tuple[torch.dtype, ...] = (FLOAT, HALF)
    family: str = "conv"  # whose ceiling bounds its operations
    moved: int | None = None


def noise(*shape: int, dtype: torch.dtype = FLOAT) -> Tensor:
    """Numbers of N(0, 1), pictures with channels last."""
    x = torch.randn(shape).to(dtype)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def forward_and_backward(function: Callable[..., Tensor], *inputs: Tensor) -> Run:
    """The function, and its gradients for all inputs."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    given = torch.randn_like(function(*leaves))
    return lambda: torch.autograd.grad(function(*leaves), leaves, given)


# Convolutions: the layers of DCGAN at 64x64 and width 64. A transposed one is the same three operations in another order.

WIDTHS = (3, 64, 128, 256, 512)


def convolution(inputs: int, outputs: int, size: int, transposed: bool, part: str) -> Callable[[torch.dtype], Run]:
    """Kernel 4, stride 2: `size` is the input's side."""

    def make(dtype: torch.dtype) -> Run:
        x = noise(BATCH, inputs, size, size, dtype=dtype)
        weight = noise(*((inputs, outputs) if transposed else (outputs, inputs)), 4, 4, dtype=dtype) * 0.02
        arguments = ([2, 2], [1, 1], [1, 1], transposed, [0, 0], 1)
        y = torch.ops.aten.convolution(x, weight, None, *arguments)
        if part == "forward":
            return lambda: torch.ops.aten.convolution(x, weight, None, *arguments)
        given = torch.randn_like(y)
        mask = [part == "to data", part == "to weights", False]
        return lambda: torch.ops.aten.convolution_backward(given, x, weight, None, *arguments, mask)

    return make


def convolutions() -> Iterator[Kernel]:
    """Each layer, forward, backward to data and backward to weights."""
    for n, (narrow, wide) in enumerate(pairwise(WIDTHS)):
        size = 64 >> n
        for part in ("forward", "to data", "to weights"):
            strided = convolution(narrow, wide, size, False, part)
            yield Kernel(f"strided {part}", f"{narrow}-{wide} at {size}", strided)
            transposed = convolution(wide, narrow, size // 2, True, part)
            yield Kernel(f"transposed {part}", f"{wide}-{narrow} at {size // 2}", transposed)


# Penalties: the term and its gradient for the critic's weights, three ways to the gradient at the samples.


class Critic:
    """Scores of samples, (B,). With `chain` its input gradient is taken in closed form."""

    def __init__(self, layers: nn.Sequential, chain: nn.Sequential | None = None) -> None:
        self.layers, self.chain = layers, chain

    def __call__(self, x: Tensor) -> Tensor:
        scores_B111: Tensor = self.layers(x)
        return scores_B111.flatten()


def by_autograd(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The usual way: autograd's gradient, differentiated once more."""
    leaf = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(layers(leaf).sum(), leaf, create_graph=True)
    return gradient.float().flatten(1)


WAYS: dict[str, Callable[[nn.Sequential, Tensor], Tensor]] = {
    "autograd": by_autograd,
    "func": lambda layers, x: input_gradient(Critic(layers), x),
    "closed form": lambda layers, x: input_gradient(Critic(layers, layers), x),
}
SAMPLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradient penalty": lambda real, fake: interpolate(real, fake, torch.rand(len(real))),
    "R1": lambda real, fake: real,
    "DRAGAN": lambda real, fake: dragan_samples(real, torch.rand_like(real), torch.rand(len(real)), real.std()),
}


def penalty(name: str, way: str) -> Callable[[torch.dtype], Run]:
    """bfloat16 is the networks' autocast, as with run.penalty_precision=network."""

    def make(dtype: torch.dtype) -> Run:
        layers = DcganDiscriminator(64, 3, 4, (4, 4), batch_norm=False).layers
        layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = list(layers.parameters())
        real, fake = noise(BATCH // 2, 3, 64, 64), noise(BATCH // 2, 3, 64, 64)

        def run() -> object:
            with torch.autocast("cpu", HALF, enabled=dtype == HALF):
                lengths_B = WAYS[way](layers, SAMPLES[name](real, fake)).square().sum(1)
                term = lengths_B.mean() / 2 if name == "R1" else (lengths_B.add(1e-12).sqrt() - 1).square().mean()
            return torch.autograd.grad(term, weights, allow_unused=True)  # it reaches no last bias

        return run

    return make


# Layers.


def dropout(layer: Callable[[float], nn.Module], *shape: int) -> Callable[[torch.dtype], Run]:
    """Forward and backward."""
    return lambda dtype: forward_and_backward(layer(0.3), noise(*shape, dtype=dtype))


def normalized(register: Callable[[nn.Module], nn.Module]) -> Callable[[torch.dtype], Run]:
    """The weight of a convolution of 256 to 512 channels, and the raw weight's gradient; one iteration."""

    def make(dtype: torch.dtype) -> Run:
        layer = register(nn.Conv2d(256, 512, 4))
        given = torch.randn(512, 256, 4, 4)
        raw = layer.parametrizations.weight.original  # type: ignore[union-attr]
        return lambda: torch.autograd.grad(layer.weight, raw, given)  # type: ignore[arg-type, call-overload]

    return make


def modulated(fused: bool, up: int, batch: int, channels: int, size: int) -> Callable[[torch.dtype], Run]:
    """Forward and backward to maps, weights and styles."""

    def make(dtype: torch.dtype) -> Run:
        taps = setup_filter([1, 3, 3, 1])
        return forward_and_backward(
            lambda x, weight, styles: modulated_conv2d(x, weight, styles, up=up, taps=taps, fused=fused),
            noise(batch, channels, size, size, dtype=dtype),
            torch.randn(channels, channels, 3, 3),
            torch.randn(batch, channels) * 0.1 + 1,
        )

    return make


def resampled(function: Callable[..., Tensor]) -> Callable[[torch.dtype], Run]:
    """16 maps of 64 channels at 32x32, forward and backward, taps [1, 3, 3, 1]."""
    taps = setup_filter([1, 3, 3, 1])
    return lambda dtype: forward_and_backward(lambda x: function(x, taps), noise(16, 64, 32, 32, dtype=dtype))


def biased(dtype: torch.dtype) -> Run:
    """64 channels at 64x64."""
    return forward_and_backward(bias_act, noise(16, 64, 64, 64, dtype=dtype), torch.randn(64))


def biased_by_hand(dtype: torch.dtype) -> Run:
    """The same in three operations."""
    return forward_and_backward(
        lambda x, b: nn.functional.leaky_relu(x + b.to(x.dtype)[:, None, None], 0.2) * 2**0.5,
        noise(16, 64, 64, 64, dtype=dtype),
        torch.randn(64),
    )


def layers() -> Iterator[Kernel]:
    """The layers of ganzoo.models.layers, and what they compete with."""
    for shape in ((256, 64, 14, 14), (256, 128, 7, 7), (256, 1024)):
        group = f"dropout {'x'.join(map(str, shape))}"
        yield Kernel(group, "nn.Dropout", dropout(nn.Dropout, *shape))
        yield Kernel(group, "HashDropout", dropout(HashDropout, *shape))
    yield Kernel("spectral norm", "torch's", normalized(torchs_spectral_norm), (FLOAT,), "matmul")
    yield Kernel("spectral norm", "ganzoo's", normalized(spectral_norm), (FLOAT,), "matmul")
    for batch, channels, size in ((16, 64, 32), (16, 256, 8), (1, 256, 16)):
        for up in (1, 2):
            group = f"modulated {batch}x{channels}x{size}x{size} up {up}"
            yield Kernel(group, "scaled maps", modulated(False, up, batch, channels, size))
            yield Kernel(group, "grouped", modulated(True, up, batch, channels, size))
    for name, function in (("up", upsample2d), ("down", downsample2d), ("filter", filter2d)):
        yield Kernel("upfirdn", name, resampled(function))
    yield Kernel("bias and activation", "bias_act", biased)
    yield Kernel("bias and activation", "three operations", biased_by_hand)
    yield Kernel(
        "minibatch deviation",
        "64x512x4x4",
        lambda dtype: forward_and_backward(minibatch_deviation, noise(BATCH, 512, 4, 4, dtype=dtype)),
    )


# Weights, data, metrics.


def ema_update(dtype: torch.dtype) -> Run:
    """What Ema.update does, for DCGAN's generator: 3.6 million numbers."""
    live = [p.detach() for p in DcganGenerator(100, 64, 3, 4, (4, 4)).parameters()]
    average = [p.clone() for p in live]
    return lambda: torch._foreach_lerp_(average, live, 0.01)


def adam(fused: bool) -> Callable[[torch.dtype], Run]:
    """An update of DCGAN's generator."""

    def make(dtype: torch.dtype) -> Run:
        weights = list(DcganGenerator(100, 64, 3, 4, (4, 4)).parameters())
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        return torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999), fused=fused).step

    return make


def gather(dtype: torch.dtype) -> Run:
    """A batch of 64x64 pictures out of 4,096 resident ones: bytes to channels-last float32."""
    images = np.random.default_rng(0).integers(0, 256, (4096, 64, 64, 3), np.uint8)
    feed = Feed(StoredImages(images), seed=0, device="cpu", draws=Draws(0))
    return lambda: feed.next(BATCH)


def frechet(dtype: torch.dtype) -> Run:
    """2,000 samples of 512 features against summarised ones: QR, then singular values of a product; float64."""
    known, x_NF = moments(torch.randn(2000, 512)), torch.randn(2000, 512)
    return lambda: frechet_between(known, moments(x_NF))


def neighbours(dtype: torch.dtype) -> Run:
    """Third neighbours of 2,000 samples of 512 features."""
    x_NF = torch.randn(2000, 512)
    return lambda: kth_neighbour(x_NF, 3, dtype=dtype)


def balls(dtype: torch.dtype) -> Run:
    """2,000 points in 2,000 balls."""
    x_NF, y_NF = torch.randn(2000, 512), torch.randn(2000, 512)
    radii_N = kth_neighbour(x_NF, 3)
    return lambda: within(x_NF, radii_N, y_NF, dtype=dtype)


KERNELS = [
    *convolutions(),
    *(Kernel(name, way, penalty(name, way)) for name in SAMPLES for way in WAYS),
    *layers(),
    Kernel("EMA", "foreach lerp", ema_update, (FLOAT,)),
    Kernel("Adam", "fused", adam(True), (FLOAT,)),
    Kernel("Adam", "foreach", adam(False), (FLOAT,)),
    Kernel("gather", "64 pictures of 64x64x3", gather, (FLOAT,), moved=BATCH * 64 * 64 * 3 * (1 + 4)),
    Kernel("Fréchet distance", "2000x512", frechet, (torch.float64,), "matmul"),
    Kernel("neighbours", "kth_neighbour", neighbours, (FLOAT, torch.float64), "matmul"),
    Kernel("neighbours", "within", balls, (FLOAT, torch.float64), "matmul"),
]


@pytest.fixture(scope="module")
def machine() -> Machine:
    """The ceilings with the threads that the rows have."""
    return measure("cpu", THREADS)


def least_seconds(machine: Machine, family: str, dtype: str, operations: int, moved: int) -> float | None:
    """The time that the ceilings allow; None where a ceiling was not measured. float64 is taken as half of float32."""
    ceilings = machine.ceilings | {f"{family} float64": machine.ceilings.get(f"{family} float32", 0.0) / 2}
    roof, copy = ceilings.get(f"{family} {dtype}"), ceilings.get("copy")
    if not roof or not copy:
        return None
    return max(operations / roof, moved / copy)


@pytest.mark.parametrize(
    ("kernel", "dtype"),
    [
        pytest.param(kernel, dtype, id=f"{kernel.group}-{kernel.name}-{str(dtype).removeprefix('torch.')}")
        for kernel in KERNELS
        for dtype in kernel.dtypes
    ],
)
def test_kernel(benchmark: Any, machine: Machine, kernel: Kernel, dtype: torch.dtype) -> None:
    """Seconds a call, with what it amounts to."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    name = str(dtype).removeprefix("torch.")
    benchmark.group = f"{kernel.group} {name}"
    run = kernel.make(dtype)
    counted = count(run)
    run()
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    iterations = max(1, int(0.005 / once))
    benchmark.pedantic(run, rounds=max(5, int(SECONDS / once / iterations)), iterations=iterations, warmup_rounds=1)
    moved = kernel.moved or counted.bytes
    benchmark.extra_info |= {"operations": counted.operations, "bytes": moved, "threads": THREADS}
    if benchmark.stats is None:  # --benchmark-disable
        return
    median = benchmark.stats["median"]
    least = least_seconds(machine, kernel.family, name, counted.operations, moved)
    benchmark.extra_info |= {
        "operations_per_second": counted.operations / median,
        "bytes_per_second": moved / median,
        "share_of_ceiling": None if least is None else least / median,
        "ceilings": machine.ceilings,
    }
