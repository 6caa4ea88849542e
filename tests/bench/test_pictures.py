"""The pictures are well-formed, tell what the rows say, and stay inside their frame. The text of a row fits 80 columns."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from ganzoo.bench import pictures, report
from tests.bench.rows import MACHINE, failed, row

ROWS = [
    row("classic/dcgan", 400.0),
    row("classic/lsgan", 390.0),
    row("acme/<odd> & long name", 3.0, precision="float32", share_of_ceiling=None),
    failed(),
]
SVG = "{http://www.w3.org/2000/svg}"
Picture = Callable[[list[dict[str, Any]], dict[str, Any]], str]


@pytest.mark.parametrize("draw", [pictures.roofline, pictures.phases])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [failed()], []])
def test_a_picture_is_whole_and_inside_its_frame(draw: Picture, rows: list[dict[str, Any]]) -> None:
    root = ET.fromstring(draw(rows, MACHINE))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter():
        for name, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            if name in element.attrib:
                assert 0 <= float(element.attrib[name]) <= limit, ET.tostring(element)
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", element.attrib.get("points", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")


def words(svg: str) -> str:
    return " | ".join(element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text"))


def test_the_roofline_names_its_axes_units_roofs_and_points() -> None:
    said = words(pictures.roofline(ROWS, MACHINE))
    for wanted in (
        "operations per byte", "achieved operations/s", "conv bfloat16 1.00 Top/s", "matmul float32 200 Gop/s",
        "copy 40.0 GB/s", "classic/dcgan 40%", "acme/<odd> & long name", "a CPU & more", "2.14.1",
    ):  # fmt: skip
        assert wanted in said
    assert "conv float32" not in words(pictures.roofline(ROWS[:1], MACHINE)), "a roof of no row"


def test_a_faster_row_lies_higher_and_below_its_roof() -> None:
    root = ET.fromstring(pictures.roofline(ROWS, MACHINE))
    heights = {circle.findtext(f"{SVG}title"): float(circle.attrib["cy"]) for circle in root.iter(f"{SVG}circle")}
    assert len(heights) == 3
    dcgan, lsgan, odd = (next(y for tip, y in heights.items() if name in str(tip)) for name in ("dcgan", "lsg", "odd"))
    assert dcgan < lsgan < odd
    roofs = [line for line in root.iter(f"{SVG}polyline") if line.attrib["class"] == "roof"]
    tops = [float(re.findall(r",([\d.]+)", line.attrib["points"])[0]) for line in roofs]
    assert min(tops) < dcgan


def test_bars_are_as_long_as_their_shares() -> None:
    root = ET.fromstring(pictures.phases(ROWS[:1], MACHINE))
    lengths = {
        str(box.findtext(f"{SVG}title")): float(box.attrib["width"])
        for box in root.iter(f"{SVG}rect")
        if box.find(f"{SVG}title") is not None
    }
    by_name = {tip.split(":")[0]: length for tip, length in lengths.items()}
    assert by_name["discriminator"] == pytest.approx(2 * by_name["generator"], abs=0.2)
    assert by_name["convolution forward"] == pytest.approx(4 * by_name["rest"], abs=0.3)
    assert "random" not in by_name
    assert "discriminator 60%" in words(pictures.phases(ROWS[:1], MACHINE))


@pytest.mark.parametrize("one", [*ROWS, row(**dict.fromkeys(("sample", "phase_seconds", "operations_per_image")))])
def test_a_row_as_text_fits_80_columns(one: dict[str, Any]) -> None:
    text = report.of_row(one)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert one["arch"] in " ".join(text.split())


def test_a_row_as_text_says_what_was_measured_and_what_was_not() -> None:
    flat = " ".join(report.of_row(row(sample=None, peak_memory_bytes=None)).split())
    for wanted in (
        "training 100 images/s (90.0 to 120; 3 chunks of 500 ms, 1 thrown away)", "sampling not measured",
        "peak memory not measured", "1.00 Gop an image: convolution backward to data 60%, convolution forward 40%",
        "of ceiling 10%, at 100 Gop/s in bfloat16", "0 host syncs", "900 allocations (80.0 MB)", "4 page faults",
        "cold 4.50 s, warm not measured", "discriminator 60%, generator 30%, outside 10% of 1.00 s a step",
        "missing warm start: it broke",
    ):  # fmt: skip
        assert wanted in flat, flat


def test_ceilings_as_text() -> None:
    text = report.of_machine(MACHINE)
    assert "conv bfloat16     1.00 Top/s" in text
    assert "copy              40.0 GB/s read and written" in text
    assert max(len(line) for line in text.splitlines()) <= 80
