"""Four tiny runs, made once and copied where a test changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzoo as api
from ganzoo.report import material, neighbours


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """points: classic/gan-2d. pictures: classic/dcgan. classes: wasserstein/wgan-gp that is told classes. codes:
    encoder/ali."""
    folder = tmp_path_factory.mktemp("runs with spaces")
    own = {"threads": 1, "log_images": 16, "pictures": 3}
    api.train("gan-2d", preset="tiny", images=160, out=folder / "points", settings=own)
    api.train("dcgan", preset="tiny", images=96, out=folder / "pictures", settings=own, data_options={"size": 32})
    api.train("wgan-gp", preset="tiny", set=("conditional=true",), images=96, out=folder / "classes", settings=own)
    api.train("ali", preset="tiny", images=96, out=folder / "codes", settings=own, data_options={"size": 20})
    return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples are compared, so that a page takes a second."""
    monkeypatch.setattr(material, "COUNTS", (24,))
    monkeypatch.setattr(material, "POINTS", 200)
    monkeypatch.setattr(neighbours, "SEARCHED", 400)
