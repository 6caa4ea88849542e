"""The classifier that ganzoo trains: determinism, its place in the cache, and what it says of fakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzoo.data.embedded import fashion
from ganzoo.data.points import Ring
from ganzoo.data.stored import StoredImages
from ganzoo.metrics import classifier_features as kept
from ganzoo.metrics.classifier import Recipe, accuracy, gan_test, gan_train, train_classifier
from ganzoo.metrics.classifier_features import ClassifierFeatures
from ganzoo.metrics.features import Extractor
from ganzoo.plugin import FeatureExtractor
from ganzoo.registry import Entry, registry
from ganzoo.testing.check import outcome
from ganzoo.testing.extractors import FEATURES, ExtractorSubject

CLASSES = 4
SHORT = Recipe(width=16, epochs=4, batch=16)


def bars(n: int, channels: int = 1, side: int = 12, seed: int = 0, spread: float = 40) -> tuple[Tensor, Tensor]:
    """Noise with a bright bar, whose place is the class."""
    chance = torch.Generator().manual_seed(seed)
    labels_N = torch.arange(n) % CLASSES
    pictures_NCHW = 60 + spread * torch.randn(n, channels, side, side, generator=chance)
    for number, label in enumerate(labels_N.tolist()):
        pictures_NCHW[number, :, :, 3 * label : 3 * label + 2] += 120
    return pictures_NCHW.clamp(0, 255).to(torch.uint8), labels_N


def source(n: int = 160, channels: int = 1, seed: int = 0) -> StoredImages:
    pictures_NCHW, labels_N = bars(n, channels, seed=seed)
    names = tuple(f"bar {k}" for k in range(CLASSES))
    return StoredImages(pictures_NCHW.permute(0, 2, 3, 1).numpy(), labels_N.numpy(), class_names=names, name="bars")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def made(cache: Path, **options: object) -> ClassifierFeatures:
    chosen: dict[str, object] = {"width": 16, "epochs": 2, "cache": cache, **options}
    return ClassifierFeatures(chosen.pop("data", None) or source(), **chosen)  # type: ignore[arg-type]


def test_it_learns_and_gives_the_same_weights_each_time() -> None:
    state = torch.get_rng_state()
    one, other = (train_classifier(*bars(160), CLASSES, SHORT) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert accuracy(one, *bars(80, seed=1)) > 0.9
    third = train_classifier(*bars(160), CLASSES, Recipe(width=16, epochs=4, batch=16, seed=1))
    assert not torch.equal(third.head.weight, one.head.weight)


def test_it_is_kept_and_read_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first: Extractor = made(cache)
    files = list((cache / "classifiers").glob("*.pt"))
    assert len(files) == 1
    assert files[0].stem.endswith(first.digest[:16])
    assert first.name == f"classifier-16@{first.digest[:8]}"
    monkeypatch.setattr(kept, "train_classifier", lambda *a: pytest.fail("it is trained again"))
    second = made(cache)
    assert second.digest == first.digest
    x, _ = bars(9, seed=2)
    assert torch.equal(first(x), second(x))


def test_other_data_and_recipes_are_other_classifiers(cache: Path) -> None:
    digests = {made(cache).digest, made(cache, data=source(seed=1)).digest, made(cache, seed=1).digest}
    assert len(digests) == 3


def test_a_damaged_file_is_trained_again(tmp_path: Path) -> None:
    first = made(tmp_path)
    (file,) = (tmp_path / "classifiers").glob("*.pt")
    file.write_bytes(file.read_bytes()[:-100])
    assert made(tmp_path).digest == first.digest
    torch.save({name: value + 1 for name, value in first.network.state_dict().items()}, file)
    assert made(tmp_path).digest == first.digest


def test_features_and_probabilities_of_other_sizes_and_colours(cache: Path) -> None:
    extractor = made(cache)
    x, _ = bars(6)
    assert extractor(x).shape == (6, 16)
    p = extractor.probabilities(x)
    torch.testing.assert_close(p, extractor.network(x).softmax(1), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(extractor(x.expand(-1, 3, -1, -1)), extractor(x), rtol=1e-3, atol=1e-3)
    assert extractor(bars(3, side=20)[0]).shape == (3, 16)
    colour = made(cache, data=source(channels=3))
    assert colour(x).shape == (6, 16)


def test_by_channel_a_picture_is_three(cache: Path) -> None:
    apart, whole = made(cache, by_channel=True), made(cache)
    assert apart.digest == whole.digest
    assert "by-channel" in apart.name
    x = torch.cat([bars(8, seed=k)[0] for k in range(3)], 1)
    assert apart(x).shape == (8, 48)
    torch.testing.assert_close(apart(x)[:, 16:32], whole(x[:, 1:2]), rtol=1e-4, atol=1e-4)
    joint = apart.probabilities(x)
    assert joint.shape == (8, CLASSES**3)
    digits = torch.stack([whole.probabilities(x[:, k : k + 1]).argmax(1) for k in range(3)])
    weights = torch.tensor([[CLASSES**2], [CLASSES], [1]])
    assert torch.equal(joint.argmax(1), (digits * weights).sum(0))
    with pytest.raises(ValueError, match="wants a classifier of grey pictures"):
        made(cache, data=source(channels=3), by_channel=True)


def test_it_is_an_extractor_as_the_checks_want_it(cache: Path) -> None:
    class Made(ExtractorSubject):
        def made(self, **options: object) -> ClassifierFeatures:
            return ClassifierFeatures(source(), width=16, epochs=2, cache=cache)

    entry: Entry[FeatureExtractor] = registry().find(FeatureExtractor, "classifier")
    subject = Made(entry)
    left_out = {"features.made"}  # its options have no defaults
    found = [outcome(check, "classifier", subject) for check in FEATURES if check.name not in left_out]
    assert [(o.check, o.reason) for o in found if o.status == "FAIL"] == []
    through_the_kit = [outcome(check, "classifier", ExtractorSubject(entry)) for check in FEATURES]
    assert {o.status for o in through_the_kit} == {"skipped"}
    assert "what a user gives: data" in through_the_kit[0].reason


def test_good_fakes_teach_and_mixed_up_labels_do_not() -> None:
    real, fake = bars(120), bars(120, seed=1)
    good = gan_train(*real, *fake)
    assert good > 0.9
    assert gan_test(*real, *fake) > 0.9
    mixed = fake[0], fake[1].roll(1)
    assert gan_train(*real, *mixed) < 0.5
    assert gan_test(*real, *mixed) < 0.5
    one_each = fake[0][:CLASSES].repeat(30, 1, 1, 1)
    assert gan_test(*real, one_each, fake[1]) > 0.9


def test_what_is_refused(cache: Path) -> None:
    pictures_NCHW, labels_N = bars(12)
    with pytest.raises(ValueError, match="uint8"):
        gan_train(pictures_NCHW.float(), labels_N, pictures_NCHW, labels_N)
    with pytest.raises(ValueError, match="labels must be int64, one for each of 12 pictures"):
        gan_train(pictures_NCHW, labels_N[:-1], pictures_NCHW, labels_N)
    with pytest.raises(ValueError, match="all 12 training pictures are of one class"):
        gan_train(pictures_NCHW, labels_N, pictures_NCHW, torch.zeros_like(labels_N))
    with pytest.raises(ValueError, match="wanted one size"):
        gan_test(pictures_NCHW, labels_N, pictures_NCHW[..., 1:], labels_N)
    with pytest.raises(ValueError, match="no pictures of two classes"):
        ClassifierFeatures(Ring(), cache=cache)
    unlabelled = StoredImages(np.zeros((4, 8, 8, 1), np.uint8), name="plain")
    with pytest.raises(ValueError, match="plain has no pictures of two classes"):
        ClassifierFeatures(unlabelled, cache=cache)
    with pytest.raises(ValueError, match="wanted 1 or more"):
        ClassifierFeatures(source(), epochs=0, cache=cache)


@pytest.mark.slow
def test_of_the_projects_own_pictures_it_tells_nearly_nine_in_ten(cache: Path) -> None:
    extractor = ClassifierFeatures("fashion-12k", cache=cache)
    test = fashion("test")
    batch = test.gather(np.arange(len(test)))
    assert batch.y is not None
    assert accuracy(extractor.network, batch.x, batch.y) > 0.88
