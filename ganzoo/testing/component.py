"""A loss, a penalty, a data set, ... as the subject of checks, and what the checks of every such kind ask."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ganzoo.components import make
from ganzoo.config import Choice
from ganzoo.engine import chance
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import Record
from ganzoo.registry import Entry, registry
from ganzoo.testing.check import Failed, Skipped, want

T = TypeVar("T")

UNKNOWN = "no_such_option"
CPU = torch.device("cpu")


class Component:
    """A component that is not an architecture.

    Args:
        entry: of the registry. data: not used; every kind of subject is made from both.
    """

    given = 0  # leading parameters of the target that the caller gives, and that are no options

    def __init__(self, entry: Entry[Any], data: str | None = None) -> None:
        self.entry = entry
        self.record: Any = entry.record

    @cached_property
    def target(self) -> Callable[..., Any]:
        """What the record names: a class or a function.

        Raises:
            Skipped: it needs another package, which is not installed.
            GanzooError: it cannot be imported for another reason.
        """
        try:
            with seeded(0):  # an import may draw numbers, as rich's does
                target: Callable[..., Any] = registry().load(self.entry)
        except GanzooError as error:
            missing = error.__cause__.name if isinstance(error.__cause__, ModuleNotFoundError) else None
            own = self.record.target.partition(":")[0].partition(".")[0]
            if missing and missing.partition(".")[0] != own:
                raise Skipped(f"it needs the package {missing}, which is not installed here") from error
            raise
        return target

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The target's options, by name."""
        return dict(list(inspect.signature(self.target).parameters.items())[self.given :])

    def made(self, **options: Any) -> Any:
        """A new object, as `--loss`, `--penalty` or `--data` make it.

        Raises:
            Skipped: it needs another package, which is not installed.
        """
        self.target  # noqa: B018  (skipped here where its module cannot be imported)
        kind: type[Record] = type(self.record)
        try:
            return make(kind, Choice(name=self.entry.id, options=options))[0]
        except ModuleNotFoundError as error:
            raise Skipped(str(error)) from error

    @cached_property
    def own(self) -> Any:
        """One with its defaults, for the checks that change nothing.

        Raises:
            Skipped: it cannot be made, as the check "made" says.
        """
        try:
            return self.made()
        except GanzooError as error:
            raise Skipped(f"it cannot be made: {error}") from error


def check_options(subject: Component) -> str:
    """Every option has a name and a default, and another one is refused."""
    for parameter in subject.parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise Failed(f"{subject.record.target} takes {parameter}, which names no option")
        want(parameter.default is not parameter.empty, f"option {parameter.name} has no default")
        want(
            parameter.kind is not inspect.Parameter.POSITIONAL_ONLY,
            f"option {parameter.name} can only be given by its place, wanted by its name",
        )
    return ", ".join(subject.parameters) or "no options"


def check_unknown_refused(subject: Component) -> None:
    """An option that does not exist is refused when it is made."""
    try:
        subject.made(**{UNKNOWN: 1})
    except UsageError:
        return
    raise Failed(f"the option {UNKNOWN!r} is taken without a word")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside it torch's, NumPy's and Python's global generators follow from the seed; afterwards they are as before."""
    before = chance.read_all(CPU)
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        chance.set_all(before, CPU)


def without_global_chance(call: Callable[[], T], seed: int = 0) -> T:
    """What the call answers, with the global generators at some seed.

    Raises:
        Failed: it moved one of the global generators.
    """
    with seeded(seed):
        before = chance.read_all(CPU)
        answer = call()
        after = chance.read_all(CPU)
    for name, state in before.items():
        same = torch.equal(state, after[name]) if isinstance(state, Tensor) else state == after[name]
        want(same, f"it draws from {name}'s global generator")
    return answer


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal numbers of a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def shuffled(n: int, seed: int = 0) -> Tensor:
    """The numbers 0 .. n-1 in another order."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def apart(one: Tensor | float, other: Tensor | float) -> float:
    """The largest difference, in units of 1 or of the largest number, whichever is more."""
    a, b = (torch.as_tensor(x).detach().to(torch.float64) for x in (one, other))
    if not a.numel():
        return 0.0
    scale = max(1.0, float(a.abs().max()), float(b.abs().max()))
    return float((a - b).abs().max()) / scale


def check_one_number(value: Any, what: str) -> Tensor:
    """The value, if it is a tensor of one finite real number."""
    if not isinstance(value, Tensor):
        raise Failed(f"{what} is {type(value).__name__}, wanted a tensor of one number")
    want(value.dim() == 0, f"{what} has shape {tuple(value.shape)}, wanted one number, ()")
    want(value.is_floating_point(), f"{what} is {value.dtype}, wanted a floating point number")
    want(bool(torch.isfinite(value)), f"{what} is {value.item()}")
    return value


def check_gradient(function: Callable[[], Tensor], inputs: Mapping[str, Tensor], what: str) -> float:
    """Compares the gradient with central differences along random directions; the length of the gradient.

    Args:
        function: of the inputs' present values, float64. inputs: leaves that require gradients, by name.

    Raises:
        Failed: there is none, or they differ.
    """
    value = function()
    if not value.requires_grad:
        raise Failed(f"{what} has no gradient with respect to {', '.join(inputs)}: its graph was cut off")
    found = torch.autograd.grad(value, list(inputs.values()), allow_unused=True)
    length = 0.0
    for number, ((name, x), gradient) in enumerate(zip(inputs.items(), found, strict=True)):
        gradient = torch.zeros_like(x) if gradient is None else gradient
        want(bool(torch.isfinite(gradient).all()), f"the gradient of {what} by {name} is not finite")
        length += float(gradient.square().sum())
        for turn in range(2):
            direction = normal(*x.shape, seed=1000 + 10 * number + turn)
            numeric = _central(function, x, direction)
            analytic = float((gradient * direction).sum())
            if abs(numeric - analytic) > 1e-5 * (1 + abs(numeric)):
                raise Failed(
                    f"the gradient of {what} by {name} is {analytic:.6g} along a direction, "
                    f"and differences of it give {numeric:.6g}"
                )
    return math.sqrt(length)


def _central(function: Callable[[], Tensor], x: Tensor, direction: Tensor, h: float = 1e-6) -> float:
    origin = x.detach().clone()
    values = []
    for step in (h, -h):
        with torch.no_grad():
            x.copy_(origin + step * direction)
        values.append(function().item())
    with torch.no_grad():
        x.copy_(origin)
    return (values[0] - values[1]) / (2 * h)
