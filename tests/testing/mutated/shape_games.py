"""Build functions of the tiny games, by the names in `shapes`."""

from __future__ import annotations

from collections.abc import Callable

from ganzoo import ArchConfig, DataSpec, Game
from tests.engine.tiny_games import GAMES
from tests.testing.mutated.shapes import SHAPES, name_of


class Config(ArchConfig):
    """No options of its own."""


def builder(shape: str) -> Callable[[Config, DataSpec], Game]:
    """The build function of one of them."""

    def build(config: Config, data: DataSpec) -> Game:
        return GAMES[shape]()

    build.__qualname__ = name_of(shape)  # it is an attribute of this module
    return build


globals().update({name_of(shape).replace("-", "_"): builder(shape) for shape in SHAPES})
