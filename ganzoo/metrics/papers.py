"""Extractors of other people's networks, which published figures are measured with. Each needs a package and weights that are not
part of ganzoo; they are imported, and looked for, when the extractor is made.

Inception: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: "Rethinking the Inception Architecture for Computer Vision" (2016),
https://arxiv.org/abs/1512.00567, as Heusel et al. (2017), https://arxiv.org/abs/1706.08500, use it: the TensorFlow graph of
2015-12-05 and its way to resize, both in the package torch-fidelity.
CLIP: Radford et al.: "Learning Transferable Visual Models From Natural Language Supervision" (2021),
https://arxiv.org/abs/2103.00020, as Jayasumana et al. (2024), https://arxiv.org/abs/2401.09603 (CMMD), use it.
DINOv2: Oquab et al. (2023), https://arxiv.org/abs/2304.07193, as Stein et al. (2023), https://arxiv.org/abs/2306.04675, use it.

Shape letters: N pictures, B pictures of one chunk, C channels, H, W pixels, F features, K classes.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.metrics.features import chunks

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_SHA256 = "6726825d"  # its first digits, as the file is named


class WeightsMissing(ValueError):
    """The weights are not on this machine; the message says what to get, and where to put it."""


class Inception:
    """2048 features of Inception, and its 1008 class probabilities, as torch-fidelity computes them for FID and IS: pictures are
    resized to 299 by TensorFlow 1's bilinear interpolation without antialiasing; the logits are without their bias."""

    variable = "GANZOO_INCEPTION_WEIGHTS"
    name = "inception-2048"
    width = 2048

    def __init__(
        self, weights: str | None = None, *, download: bool = True, chunk: int = 32, device: str = "cpu"
    ) -> None:
        """
        Args:
            weights: the file weights-inception-2015-12-05-6726825d.pth; None: the environment's GANZOO_INCEPTION_WEIGHTS, else
                torch.hub's folder of checkpoints, into which torch-fidelity downloads it.
            download: whether that may happen.
            chunk: pictures a forward pass.
            device: where the network runs.

        Raises:
            ModuleNotFoundError: torch-fidelity is not installed.
            WeightsMissing: there is no such file, and it cannot be downloaded.
            ValueError: the file is another one.
        """
        module = _package(
            "torch_fidelity.feature_extractor_inceptionv3", "torch-fidelity", "pip install ganzoo[metrics]"
        )
        _check_chunk(chunk)
        path = _named(weights, self.variable)
        if path is None:
            path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
            if not path.is_file() and download:
                _download(module.URL_INCEPTION_V3, path)
        if not path.is_file():
            raise WeightsMissing(
                f"Inception's weights are not at {path}; download {module.URL_INCEPTION_V3} and name the file by the "
                f"extractor's option weights, or by {self.variable}"
            )
        content = path.read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        if not self.digest.startswith(INCEPTION_SHA256):
            raise ValueError(
                f"{path} has sha256 {self.digest}, and figures are defined with the file whose sha256 begins with "
                f"{INCEPTION_SHA256}; download {module.URL_INCEPTION_V3} again"
            )
        # torch-fidelity unpickles whatever the file holds; what it is given holds tensors alone.
        plain = io.BytesIO()
        torch.save(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), plain)
        plain.seek(0)
        with torch.random.fork_rng(devices=[]):  # its layers draw weights first, which are thrown away
            network = module.FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=plain
            )
        self.network: Any = network.to(device).eval()
        self.chunk, self.device = chunk, device

    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features (N, 2048), float32 on the CPU, of uint8 pictures of any size with 1 (grey, repeated) or 3 channels."""
        return torch.cat([features for features, _ in self._outputs(pictures_NCHW)])

    def probabilities(self, pictures_NCHW: Tensor) -> Tensor:
        """Class probabilities (N, 1008), float32 on the CPU."""
        return torch.cat([logits.softmax(1) for _, logits in self._outputs(pictures_NCHW)])

    @torch.inference_mode()
    def _outputs(self, pictures_NCHW: Tensor) -> list[tuple[Tensor, Tensor]]:
        found = []
        for x_BCHW in chunks(pictures_NCHW, self.chunk):
            with torch.autocast(torch.device(self.device).type, enabled=False):
                features, logits = self.network(x_BCHW.to(self.device).expand(-1, 3, -1, -1))
            found.append((features.cpu(), logits.cpu()))
        return found


class Transformer(ABC):
    """A vision transformer as the package transformers has it.

    Attributes:
        model: its name on the Hugging Face hub.
        variable: of the environment, for the folder of weights.
        side: pixels.
        mean, deviation: of red, green and blue, of values from 0 to 1.
    """

    model: ClassVar[str]
    variable: ClassVar[str]
    name: ClassVar[str]
    width: ClassVar[int]
    side: ClassVar[int]
    mean: ClassVar[tuple[float, float, float]]
    deviation: ClassVar[tuple[float, float, float]]

    def __init__(
        self, weights: str | None = None, *, download: bool = True, chunk: int = 16, device: str = "cpu"
    ) -> None:
        """
        Args:
            weights: a folder with config.json and model.safetensors, as `huggingface-cli download` or `save_pretrained` leave it;
                None: the environment's variable, else the hub's own cache, else the hub.
            download: whether the hub may be asked.
            chunk: pictures a forward pass.
            device: where the network runs.

        Raises:
            ModuleNotFoundError: transformers is not installed.
            WeightsMissing: there are no weights, and they cannot be downloaded.
        """
        module = _package("transformers", "transformers", "pip install transformers")
        _check_chunk(chunk)
        folder = _named(weights, self.variable)
        get = (
            f"download {self.model} (config.json and model.safetensors) and name the folder by the extractor's option "
            f"weights, or by {self.variable}"
        )
        if folder is not None and not (folder / "config.json").is_file():
            raise WeightsMissing(f"{folder} has no config.json: it is no folder of {self.model}; {get}")
        try:
            with torch.random.fork_rng(devices=[]):
                network = self._load(
                    module, str(folder or self.model), local_files_only=folder is not None or not download
                )
        except (OSError, ValueError) as error:
            raise WeightsMissing(f"{self.model} cannot be loaded: {_first_line(error)}; {get}") from error
        self.network: Any = network.float().eval().requires_grad_(False).to(device)
        self.digest = _digest(self.network)
        self.chunk, self.device = chunk, device

    @torch.inference_mode()
    def __call__(self, pictures_NCHW: Tensor) -> Tensor:
        """Features (N, F), float32 on the CPU, of uint8 pictures of any size with 1 (grey, repeated) or 3 channels."""
        rows = []
        for x_BCHW in chunks(pictures_NCHW, self.chunk):
            with torch.autocast(torch.device(self.device).type, enabled=False):
                rows.append(self._features(self.input(x_BCHW).to(self.device)).float().cpu())
        return torch.cat(rows)

    def input(self, pictures_BCHW: Tensor) -> Tensor:
        """What the network takes: resized by Pillow's bicubic filter to 8 bits, then normalised; (B, 3, side, side)."""
        sized_BCHW = pillow_bicubic(self.cut(pictures_BCHW), self.side)
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.deviation))
        return (sized_BCHW.expand(-1, 3, -1, -1).float() / 255 - mean) / deviation

    def cut(self, pictures_BCHW: Tensor) -> Tensor:
        """The part of the pictures that is looked at."""
        return pictures_BCHW

    @abstractmethod
    def _load(self, module: Any, place: str, *, local_files_only: bool) -> Any:
        """The network, from a folder or the hub's name."""

    @abstractmethod
    def _features(self, x_BCHW: Tensor) -> Tensor:
        """Of normalised pictures."""


class Clip(Transformer):
    """Image embeddings of CLIP ViT-L/14 at 336 pixels, scaled to length 1, as CMMD takes them: the centre square of a picture,
    resized."""

    model = "openai/clip-vit-large-patch14-336"
    variable = "GANZOO_CLIP_WEIGHTS"
    name = "clip-vit-l14-336"
    width = 768
    side = 336
    mean = (0.48145466, 0.4578275, 0.40821073)
    deviation = (0.26862954, 0.26130258, 0.27577711)

    def cut(self, pictures_BCHW: Tensor) -> Tensor:
        """The largest square in the middle."""
        height, width = pictures_BCHW.shape[2:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return pictures_BCHW[:, :, top : top + side, left : left + side]

    def _load(self, module: Any, place: str, *, local_files_only: bool) -> Any:
        return module.CLIPVisionModelWithProjection.from_pretrained(place, local_files_only=local_files_only)

    def _features(self, x_BCHW: Tensor) -> Tensor:
        embedding_BF: Tensor = self.network(pixel_values=x_BCHW).image_embeds
        length_B1: Tensor = torch.linalg.vector_norm(embedding_BF, dim=1, keepdim=True)
        return embedding_BF / length_B1


class Dinov2(Transformer):
    """The class token of DINOv2 ViT-L/14 after its last norm, of pictures stretched to 224 pixels, as FD-DINOv2 takes it."""

    model = "facebook/dinov2-large"
    variable = "GANZOO_DINOV2_WEIGHTS"
    name = "dinov2-vit-l14"
    width = 1024
    side = 224
    mean = (0.485, 0.456, 0.406)
    deviation = (0.229, 0.224, 0.225)

    def _load(self, module: Any, place: str, *, local_files_only: bool) -> Any:
        return module.Dinov2Model.from_pretrained(place, local_files_only=local_files_only)

    def _features(self, x_BCHW: Tensor) -> Tensor:
        token_BF: Tensor = self.network(pixel_values=x_BCHW).last_hidden_state[:, 0]
        return token_BF


def pillow_bicubic(pictures_BCHW: Tensor, side: int) -> Tensor:
    """uint8 pictures stretched to (side, side) by Pillow's bicubic filter, which is antialiased and rounds to 8 bits."""
    if tuple(pictures_BCHW.shape[2:]) == (side, side):
        return pictures_BCHW
    planes = pictures_BCHW.flatten(0, 1).cpu().numpy()
    sized = [np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC)) for plane in planes]
    return torch.from_numpy(np.stack(sized)).view(*pictures_BCHW.shape[:2], side, side)


def _package(module: str, package: str, remedy: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this extractor needs the package {package}, and {error.name} is not installed here: {remedy}",
            name=error.name,
        ) from error


def _named(weights: str | None, variable: str) -> Path | None:
    """The place that the user names, if one is named."""
    given = weights or os.environ.get(variable)
    return Path(given).expanduser() if given else None


def _download(address: str, path: Path) -> None:
    """By torch's own client, which compares the digest in the file's name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(path), hash_prefix=INCEPTION_SHA256, progress=False)
    except (OSError, RuntimeError) as error:
        raise WeightsMissing(
            f"Inception's weights cannot be downloaded ({_first_line(error)}); get {address} in another way and name the file "
            f"by the extractor's option weights, or by {Inception.variable}"
        ) from error


def _check_chunk(chunk: int) -> None:
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}, wanted 1 or more")


def _digest(network: Any) -> str:
    """sha256 of the names and values of all weights, whatever files they came in."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
