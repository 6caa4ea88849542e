"""Records of the tiny games that show each shape of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganzoo import Arch, hookimpl

# Those whose samples are not the data's, or whose batches have fields that no file of samples has, are left out.
LEFT_OUT = {
    "unpaired data and a pool": "a second domain comes with the batch",
    "stage without gradient through samples": "its samples are tokens, and its data points",
}
CODE = "tests.testing.mutated.shape_games"


def name_of(shape: str) -> str:
    """The record's name for a tiny game."""
    return shape.replace("'", "").replace(" ", "-")


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """One for each tiny game that has data."""
    for shape in SHAPES:
        pictures: dict[str, Any] = {"resolution": 4, "channels": 1} if shape == "growth" else {"modality": "points"}
        target = f"{CODE}:{name_of(shape).replace('-', '_')}"
        yield Arch(
            name=name_of(shape), target=target, summary=f"Shape: {shape}", conditional=shape == "labels", **pictures
        )


SHAPES = (
    "simultaneous update",
    "five critic phases",
    "lazy penalty",
    "penalties of both players",
    "shared fakes",
    "player over parts of two networks",
    "one parameter set in two players",
    "critic that returns samples",
    "generator's loss needs reals",
    "growth",
    "adaptive weight",
    "inner unrolled loop",
    "fit and sample only",
    "labels",
)
