"""A metric as the subject of checks: its figures of inputs that are made up, and how they are compared and told."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ganzoo.registry import Entry
from ganzoo.testing.check import Failed, want
from ganzoo.testing.component import Component, apart
from ganzoo.testing.made_up import Inputs, Maker, about, side

SAMPLES = (240, 2400)  # of a set: the first number that the metric has figures of
PICTURES, PIXELS = (48, *SAMPLES), (32, 64, 192)  # likewise of pictures, which take longer, and of their height

Figures = dict[str, float]


class MetricSubject(Component):
    """A metric, which is the record's target itself."""

    def __init__(self, entry: Entry[Any], data: str | None = None) -> None:
        super().__init__(entry, data)
        self.given = len(self.record.inputs)

    def figures(self, inputs: Inputs, **options: Any) -> Figures:
        """Its figures by name; a single one has no name.

        Raises:
            Failed: they are not what the record says, or no floats.
        """
        value = self.target(*inputs.values(), **options)
        names = self.record.figures
        if not names:
            if not isinstance(value, float):
                raise Failed(f"it answers with {type(value).__name__}, wanted a float")
            return {"": value}
        if not isinstance(value, Mapping) or set(value) != set(names):
            told = f"figures {', '.join(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
            raise Failed(f"it answers with {told}, the record says {', '.join(names)}")
        for name, number in value.items():
            if not isinstance(number, float):
                raise Failed(f"its {name} is {type(number).__name__}, wanted a float")
        return {name: value[name] for name in names}

    @cached_property
    def maker(self) -> Maker:
        """Makes few samples, and small pictures, unless it has no figure of them."""
        names = self.record.inputs
        pictures = any(about(name) == "pictures" for name in names)
        for count, pixels in itertools.product(*((PICTURES, PIXELS) if pictures else (SAMPLES, PIXELS[:1]))):
            maker = Maker(names, count, pixels)
            try:
                self.target(*maker.inputs().values())
            except ValueError:
                continue
            return maker
        return Maker(names, SAMPLES[-1], PIXELS[0])

    @property
    def sets(self) -> list[str]:
        """real, fake and train, as far as it asks for something of them."""
        asked = [side(name) for name in self.record.inputs]
        return [name for name in ("real", "fake", "train") if name in asked]

    def refused(self, inputs: Inputs, what: str) -> None:
        """Raises Failed unless these inputs are a ValueError with words."""
        try:
            value = self.target(*inputs.values())
        except ValueError as error:
            want(" " in str(error).strip(), f"{what}: the ValueError says {str(error)!r}, wanted what is wrong")
            return
        except Exception as error:
            raise Failed(f"{what}: {type(error).__name__}, wanted a ValueError that says what is wrong") from error
        raise Failed(f"{what}: it answers {value}, wanted a ValueError")


def it(figure: str) -> str:
    """What a message calls a figure."""
    return f"its {figure}" if figure else "it"


def told(figures: Figures) -> str:
    """Figures in one line."""
    return ", ".join(f"{name} {value:.6g}".strip() for name, value in figures.items())


def directed(figures: Figures) -> Figures:
    """Those that have a direction: not the spread of another one, which is called `std`, or something-std."""
    return {name: value for name, value in figures.items() if name.rpartition("-")[2] != "std"}


def want_equal(one: Figures, other: Figures, tolerance: float, how: str) -> None:
    """Raises Failed where a figure is another one, which was found in some way."""
    for name, value in one.items():
        found = other[name]
        want(apart(value, found) < tolerance, f"{it(name)} is {value:.8g}, and {found:.8g} {how}")


def apart_at_most(one: Figures, other: Figures, tolerance: float) -> bool:
    """Whether all figures are the same."""
    return all(apart(value, other[name]) <= tolerance for name, value in one.items())
