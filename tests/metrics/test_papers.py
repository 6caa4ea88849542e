"""Extractors of other people's networks: their input, the digests and the messages, with weights made up."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganzoo.metrics import papers
from ganzoo.metrics.papers import Clip, Dinov2, Inception, WeightsMissing, pillow_bicubic


def pictures(n: int = 2, channels: int = 3, size: tuple[int, int] = (40, 50), seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=chance)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The right names and shapes, with random values."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")

    class Unloaded(module.FeatureExtractorInceptionV3):  # type: ignore[misc, name-defined]
        def load_state_dict(self, *args: Any, **options: Any) -> None:
            """Keeps what the layers drew."""

    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    empty = path.with_name("empty.pth")
    torch.save({}, empty)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(empty))
    torch.save(network.state_dict(), path)
    return path


def test_inception_is_torch_fidelitys(inception_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    digest = hashlib.sha256(inception_file.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="whose sha256 begins with 6726825d"):
        Inception(str(inception_file))
    monkeypatch.setattr(papers, "INCEPTION_SHA256", digest[:8])
    state = torch.get_rng_state()
    extractor = Inception(str(inception_file), chunk=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert (extractor.name, extractor.digest) == ("inception-2048", digest)

    module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
    oracle = module.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(inception_file)
    )
    x = pictures(3)
    with torch.no_grad():
        features, logits = oracle(x)
    torch.testing.assert_close(extractor(x), features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(extractor.probabilities(x), logits.softmax(1), rtol=1e-4, atol=1e-7)
    grey = pictures(1, channels=1)
    torch.testing.assert_close(extractor(grey), extractor(grey.repeat(1, 3, 1, 1)))
    with pytest.raises(ValueError, match="uint8"):
        extractor(x.float())

    monkeypatch.setenv("GANZOO_INCEPTION_WEIGHTS", str(inception_file))
    assert Inception().digest == digest


def test_without_inceptions_weights_it_says_where_they_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("torch_fidelity")
    monkeypatch.delenv("GANZOO_INCEPTION_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"download https://.*6726825d\.pth .*GANZOO_INCEPTION_WEIGHTS"):
        Inception(download=False)
    with pytest.raises(WeightsMissing, match="are not at"):
        Inception(str(tmp_path / "nothing.pth"))

    def offline(*args: Any, **options: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(WeightsMissing, match=r"cannot be downloaded \(no route to host\)"):
        Inception()


@pytest.mark.parametrize(
    ("kind", "module", "message"),
    [
        (Inception, "torch_fidelity.feature_extractor_inceptionv3", r"torch-fidelity.*pip install ganzoo\[metrics\]"),
        (Clip, "transformers", "transformers.*pip install transformers"),
        (Dinov2, "transformers", "transformers.*pip install transformers"),
    ],
)
def test_a_missing_package_is_named(kind: type, module: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=message):
        kind()


class Plain(Clip):
    """Without its network."""

    def __init__(self) -> None:
        self.chunk, self.device = 2, "cpu"


class PlainDino(Dinov2):
    """Without its network."""

    def __init__(self) -> None:
        self.chunk, self.device = 2, "cpu"


def test_clip_sees_the_centre_square_resized_by_pillow() -> None:
    x = pictures(1, size=(40, 50))
    picture = Image.fromarray(x[0].permute(1, 2, 0).numpy()).crop((5, 0, 45, 40))
    sized = np.asarray(picture.resize((336, 336), Image.Resampling.BICUBIC)).astype(np.float64) / 255
    expected = (sized - [0.48145466, 0.4578275, 0.40821073]) / [0.26862954, 0.26130258, 0.27577711]
    found = Plain().input(x)[0].permute(1, 2, 0).double().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_dinov2_sees_the_whole_picture_stretched_by_pillow() -> None:
    x = pictures(1, size=(300, 50))
    picture = Image.fromarray(x[0].permute(1, 2, 0).numpy())
    sized = np.asarray(picture.resize((224, 224), Image.Resampling.BICUBIC)).astype(np.float64) / 255
    expected = (sized - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = PlainDino().input(x)[0].permute(1, 2, 0).double().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert PlainDino().input(pictures(1, 1)).shape == (1, 3, 224, 224)


def test_pictures_of_the_networks_size_stay() -> None:
    x = pictures(1, size=(224, 224))
    assert torch.equal(pillow_bicubic(x, 224), x)


@pytest.mark.parametrize("kind", [Clip, Dinov2])
def test_transformers_from_a_folder(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("transformers")
    tiny = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 14}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind is Clip:
            config = module.CLIPVisionConfig(**tiny, image_size=336, intermediate_size=32, projection_dim=8)
            network = module.CLIPVisionModelWithProjection(config)
        else:
            network = module.Dinov2Model(module.Dinov2Config(**tiny, image_size=224, mlp_ratio=2))
    network.eval().save_pretrained(tmp_path)
    extractor = kind(str(tmp_path), download=False)
    x = pictures(3)
    with torch.no_grad():
        output = network(pixel_values=extractor.input(x))
    if kind is Clip:
        expected = torch.nn.functional.normalize(output.image_embeds, dim=1)
        torch.testing.assert_close(extractor(x).norm(dim=1), torch.ones(3))
    else:
        expected = output.last_hidden_state[:, 0]
    torch.testing.assert_close(extractor(x), expected, rtol=1e-4, atol=1e-5)
    monkeypatch.setenv(kind.variable, str(tmp_path))
    again = kind()
    assert again.digest == extractor.digest
    assert len(again.digest) == 64


@pytest.mark.parametrize("kind", [Clip, Dinov2])
def test_without_a_folder_it_says_what_to_download(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", __import__("types").SimpleNamespace())
    with pytest.raises(WeightsMissing, match=rf"has no config.json.*{kind.model}.*{kind.variable}"):
        kind(str(tmp_path))
