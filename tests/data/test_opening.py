"""What a text means as data, and what an error says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzoo.activation import Activated
from ganzoo.data import DataChoice, Source, StoredImages, StoredPoints, open_source
from ganzoo.data.points import Ring
from ganzoo.discovery import Offer
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import Dataset
from ganzoo.registry import Registry, registry
from tests.data.conftest import fill


def opened(path: str | Path | None = None, *, modality: str = "image", size: Any = None, **choice: Any) -> Source:
    fields = {**choice, **({} if path is None else {"path": str(path)})}
    return open_source(DataChoice(**fields), modality=modality, resolution=size)


def faces(count: int = 3, bad: bool = False) -> Any:
    """A plugin's data set."""
    return [] if bad else StoredImages(np.zeros((count, 10, 12, 3), np.uint8), name="faces")


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin `acme` with the data sets faces and ring."""
    records = [
        Dataset(name=name, target="tests.data.test_opening:faces", summary="Made for a test")
        for name in ("faces", "ring")
    ]
    own = next(entry for entry in registry().entries(Dataset) if entry.plugin == "ganzoo")
    found = Registry(
        [
            Activated(Offer("acme", "acme", "acme-data", "1.0"), records={Dataset: list(records)}),
            Activated(
                Offer("ganzoo", "ganzoo.builtin", own.distribution, own.version),
                records={Dataset: [entry.record for entry in registry().entries(Dataset) if entry.plugin == "ganzoo"]},
            ),
        ]
    )
    monkeypatch.setattr("ganzoo.data.opening.registry", lambda: found)
    monkeypatch.setattr("ganzoo.components.registry", lambda: found)


def test_defaults() -> None:
    assert opened().spec.name == "fashion-12k"
    assert opened(modality="points").spec.name == "ring"
    assert opened("ganzoo/moons", modality="points").spec.name == "moons"


def test_size_comes_before_the_resolution() -> None:
    assert opened(size=(28, 28)).spec.shape == (1, 28, 28)
    assert opened(size=(32, 32)).spec.shape == (1, 32, 32)
    assert opened(size=(32, 32), **{"options": {"split": "test"}}).spec.count == 2000
    choice = DataChoice(size="48x64", channels="rgb", resize="pad", labels=False)
    source = open_source(choice, modality="image", resolution=(32, 32))
    assert source.spec.shape == (3, 48, 64)
    assert source.spec.classes == 0
    assert set(source.gather(np.arange(2))) == {"x"}


def test_options_reach_the_data_set() -> None:
    source = opened("ring", modality="points", options={"modes": 5, "sigma": 0.1})
    assert isinstance(source, Ring)
    assert source.spec.classes == 5
    assert opened("ring", modality="points", labels=False).spec.classes == 0
    with pytest.raises(UsageError, match=r"no option 'mode'. Did you mean modes"):
        opened("ring", modality="points", options={"mode": 5})
    with pytest.raises(UsageError, match="modes is 0"):
        opened("ring", modality="points", options={"modes": 0})


def test_folders_and_files(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "pictures", 3)
    np.save(tmp_path / "a.npy", np.zeros((3, 6, 5), np.uint8))
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 6, 5), np.uint8))
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    assert opened(tmp_path / "pictures", size=(8, 8)).spec.shape == (3, 8, 8)
    assert opened(tmp_path / "pictures", size=(8, 8), channels="grey").spec.shape == (1, 8, 8)
    assert opened(tmp_path / "a.npy").spec.shape == (1, 6, 5)
    assert opened(tmp_path / "a.npz", size=(9, 9), channels="rgb").spec.shape == (3, 9, 9)
    assert isinstance(opened(tmp_path / "a.csv", modality="points"), StoredPoints)
    assert opened(tmp_path / "a.csv", modality="points", options={"columns": "2"}).spec.shape == (1,)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert opened("~/a.npy").spec.shape == (1, 6, 5)
    monkeypatch.chdir(tmp_path)
    assert opened("pictures", size=(8, 8)).spec.count == 3


def test_options_of_files_are_checked(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 6, 5), np.uint8))
    (tmp_path / "a.csv").write_text("1,2\n")
    with pytest.raises(UsageError, match=r"a.npz has no option 'sample_key'. Did you mean samples_key"):
        opened(tmp_path / "a.npz", options={"sample_key": "x"})
    with pytest.raises(UsageError, match=r"a.csv has no option 'colums'. Did you mean columns"):
        opened(tmp_path / "a.csv", modality="points", options={"colums": "x"})
    with pytest.raises(UsageError, match="has no option 'report'"):
        opened(tmp_path / "a.npz", options={"report": "x"})
    with pytest.raises(UsageError, match=r"the folder .* has no option 'x'. There is none"):
        opened(tmp_path, options={"x": 1})


@pytest.mark.usefixtures("plugin")
class TestPlugins:
    def test_a_plugins_data_set(self) -> None:
        assert opened("faces").spec.shape == (3, 10, 12)
        assert opened("acme/faces", size=(5, 6), options={"count": 9}).spec.shape == (3, 5, 6)
        assert opened("faces", channels="grey").spec.shape == (1, 10, 12)

    def test_installing_it_changes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        assert isinstance(opened("ring", modality="points"), Ring)
        monkeypatch.chdir(tmp_path)
        fill(tmp_path / "faces", 4)
        assert opened("faces", size=(8, 8)).spec.count == 4

    def test_own_names_are_reported_where_a_folder_has_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "ring").mkdir()
        source = open_source(DataChoice(path="ring"), modality="points", resolution=None, report=said.append)
        assert isinstance(source, Ring)
        assert said == ["ring is the data set of that name; for the folder or file write ./ring"]

    def test_what_is_no_source(self) -> None:
        with pytest.raises(UsageError, match=r"acme/faces \(acme-data 1.0\) made a list, wanted a ganzoo.data.Source"):
            opened("faces", options={"bad": True})

    def test_its_names_are_suggested(self) -> None:
        with pytest.raises(UsageError, match="Did you mean faces"):
            opened("face")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("fashon-12k", "fashon-12k is no data set, folder or file: .*Did you mean fashion-12k"),
        ("swissroll", "Did you mean swiss-roll"),
        ("Ring", "Did you mean ring"),
        ("qqqq", "Known: checkerboard, fashion-12k"),
        ("./absent/deep/folder", r"no folder or file ./absent/deep/folder \(absent does not exist\)"),
        ("/absent.npz", "there is no folder or file /absent.npz"),
        ("acme/none", "there is no folder or file acme/none"),
        ("x" * 300, "cannot be read: File name too long|is no data set"),
    ],
)
def test_unknown_paths(path: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        opened(path)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"cat.png is a file, wanted a folder of pictures, .npz, .npy, .csv"):
        opened(tmp_path / "cat.png")


def test_data_of_another_modality_say_what_fits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"fashion-12k holds image, .*makes points. .*checkerboard, grid, moons, ring"):
        opened("fashion-12k", modality="points")
    with pytest.raises(UsageError, match=r"ring holds points, .*makes image. Data that fit: fashion-12k, or your own"):
        opened("ring")
    with pytest.raises(UsageError, match="is a folder, read as pictures, and this architecture makes points"):
        opened(tmp_path, modality="points")
    np.save(tmp_path / "a.npy", np.zeros((4, 784), np.float32))
    with pytest.raises(UsageError, match=r"a.npy holds points"):
        opened(tmp_path / "a.npy")
    with pytest.raises(UsageError, match=r"text has no default. No installed data set holds text"):
        opened(modality="text")


def test_every_error_is_one_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(GanzooError, match="cannot be read: Permission denied"):
        opened("somewhere")
