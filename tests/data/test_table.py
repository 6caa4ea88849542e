"""Points from CSV files: what is understood, and where a wrong cell is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganzoo.data.table import read_csv
from ganzoo.errors import UsageError


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a;b\r\n1;2\r\n3;4\r\n",
        "a\tb\n1\t2\n\n3\t4\n\n",
        "\n\n1, 2\n3, 4\n",
        "\ufeffa,b\n1,2\n3,4\n",
        '"a","b"\n"1","2"\n3,4\n',
        "1e0,2.0\n+3,4\n",
    ],
)
def test_spellings_of_the_same_points(tmp_path: Path, text: str) -> None:
    source = read_csv(written(tmp_path, text))
    assert source.points.tolist() == [[1, 2], [3, 4]]
    assert source.points.dtype == np.float32
    assert source.spec.count == len(source) == 2
    assert not source.endless


def test_header_columns_and_label(tmp_path: Path) -> None:
    path = written(tmp_path, "x,kind,y\n1,b,2\n3,a,4\n5,b,6\n")
    source = read_csv(path, label="kind")
    assert source.columns == ("x", "y")
    assert source.spec.class_names == ("a", "b")
    assert source.gather(np.array([2, 1]))["y"].tolist() == [1, 0]
    assert read_csv(path, label="kind", labels=False).spec.classes == 0
    chosen = read_csv(path, columns="y, x")
    assert chosen.points.tolist() == [[2, 1], [4, 3], [6, 5]]
    assert read_csv(path, columns=["y"]).spec.shape == (1,)
    assert read_csv(written(tmp_path, "1,2,0\n3,4,1\n"), label="3").spec.class_names == ("0", "1")


def test_standardised(tmp_path: Path, said: list[str]) -> None:
    source = read_csv(written(tmp_path, "a,b\n1,5\n3,5\n"), standardise=True, report=said.append)
    assert source.points.tolist() == [[-1, 0], [1, 0]]
    assert "a 2 and 1" in said[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,four\n", "line 3, column 2 \\(b\\): 'four', wanted a number"),
        ("1,2\n3,\n", "line 2, column 2: empty, wanted a number"),
        ("\n\n1,x\n", "line 3, column 2: 'x'"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 cells, wanted 2"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, wanted 2"),
        ("a,b\n1,nan\n", "sample 1, column b: nan, wanted a finite number"),
        ("a,b\n1,1e50\n", "sample 1, column b: inf"),
        ("a,b\n", "a header and no line of numbers"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_errors_say_where(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_csv(written(tmp_path, text))


def test_unknown_columns_and_files(tmp_path: Path) -> None:
    path = written(tmp_path, "width,height\n1,2\n")
    with pytest.raises(UsageError, match=r"no column 'widht'. Did you mean width"):
        read_csv(path, columns="widht")
    with pytest.raises(UsageError, match="no column left"):
        read_csv(written(tmp_path, "a\n1\n"), label="a")
    with pytest.raises(UsageError, match="one character"):
        read_csv(path, delimiter="::")
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path)
