"""Configurations: frozen pydantic models that refuse unknown fields, and the overrides of `--set`. No torch.

They are the one source of options, defaults, units and help. Overrides are read as TOML values, because YAML reads 1e-4
as a string.
"""

from __future__ import annotations

import bisect
import math
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ganzoo.errors import UsageError, did_you_mean

C = TypeVar("C", bound=BaseModel)


def option(default: Any, help: str, unit: str | None = None, **constraints: Any) -> Any:
    """A field of a config: its default, one line of help, its unit (None: a pure number), and pydantic's constraints."""
    extra: Any = {"unit": unit} if unit else None
    return Field(default, description=help, json_schema_extra=extra, **constraints)


class Config(BaseModel):
    """A frozen model that refuses unknown fields and checks its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class Schedule(Config):
    """A value over images seen: `points` are (images, value), held before the first and after the last.

    shape: how to go from one point to the next. "step" holds a value until the next point.
    """

    points: tuple[tuple[Annotated[int, Field(ge=0)], float], ...] = option(
        (), "(images, value) in rising order", min_length=1
    )
    shape: Literal["linear", "cosine", "geometric", "step"] = option("linear", "path between two points")

    @model_validator(mode="after")
    def _check(self) -> Schedule:
        images = [at for at, _ in self.points]
        if images != sorted(set(images)):
            raise ValueError("the points' images must rise")
        if self.shape == "geometric" and any(value <= 0 for _, value in self.points):
            raise ValueError("a geometric schedule needs values above 0")
        return self

    def at(self, images: int) -> float:
        """The value when `images` samples have been seen."""
        after = bisect.bisect_right(self.points, images, key=lambda point: point[0])
        if after == 0:
            return self.points[0][1]
        start, low = self.points[after - 1]
        if after == len(self.points) or self.shape == "step":
            return low
        end, high = self.points[after]
        way = (images - start) / (end - start)
        if self.shape == "geometric":
            return float(low * (high / low) ** way)
        if self.shape == "cosine":
            way = (1 - math.cos(math.pi * way)) / 2
        return low + (high - low) * way


def _not_negative(value: float | Schedule) -> float | Schedule:
    lowest = min(v for _, v in value.points) if isinstance(value, Schedule) else value
    if lowest < 0:
        raise ValueError(f"wanted 0 or more everywhere, given {lowest:g}")
    return value


NotNegative = Annotated[float | Schedule, AfterValidator(_not_negative)]
"""A number, or a schedule over images, that nowhere is below 0."""


def value_at(value: float | Schedule, images: int) -> float:
    """A number as it is, or a schedule's value at `images`."""
    return value.at(images) if isinstance(value, Schedule) else value


class OptimizerConfig(Config):
    """What every optimiser has."""

    lr: float | Schedule = option(1e-3, "learning rate, or a schedule over images")
    weight_decay: float = option(0.0, "L2 penalty added to the gradient", ge=0)

    def scaled(self, factor: float) -> Self:
        """The same optimiser with `factor` times the learning rate."""
        return self.model_copy(update={"lr": _map(self.lr, lambda lr: lr * factor)})


class Adam(OptimizerConfig):
    """Adam (1412.6980)."""

    kind: Literal["adam"] = "adam"
    lr: float | Schedule = option(2e-4, "learning rate, or a schedule over images")
    beta1: float = option(0.5, "decay of the gradient's mean", ge=0, lt=1)
    beta2: float | Schedule = option(0.999, "decay of the squared gradient's mean")
    eps: float = option(1e-8, "added to the denominator", gt=0)

    def lazy(self, interval: int) -> Adam:
        """The rates for a player whose penalty comes every `interval` steps (StyleGAN2, appendix B): the regularised
        update counts as one more step, so rate and decays are scaled by k/(k+1)."""
        ratio = interval / (interval + 1)
        return self.model_copy(
            update={
                "lr": _map(self.lr, lambda lr: lr * ratio),
                "beta1": self.beta1**ratio,
                "beta2": _map(self.beta2, lambda beta: beta**ratio),
            }
        )


class RMSprop(OptimizerConfig):
    """RMSprop as in torch.optim."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: float | Schedule = option(5e-5, "learning rate, or a schedule over images")
    alpha: float = option(0.99, "decay of the squared gradient's mean", ge=0, lt=1)
    eps: float = option(1e-8, "added to the denominator", gt=0)


class Sgd(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    lr: float | Schedule = option(0.1, "learning rate, or a schedule over images")
    momentum: float | Schedule = option(0.0, "momentum, or a schedule over images")
    nesterov: bool = option(False, "Nesterov's momentum")


Optimizer = Annotated[Adam | RMSprop | Sgd, Field(discriminator="kind")]


def _map(value: float | Schedule, change: Any) -> float | Schedule:
    if isinstance(value, Schedule):
        return value.model_copy(update={"points": tuple((at, change(v)) for at, v in value.points)})
    return float(change(value))


class Choice(Config):
    """A component by name with its options; unknown keys are the component's own options."""

    name: str = option(..., "name or id of the component")
    options: dict[str, Any] = option({}, "options of the component itself")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, Mapping):
            own = {key: item for key, item in value.items() if key in cls.model_fields}
            rest = {key: item for key, item in value.items() if key not in cls.model_fields}
            if rest:
                own["options"] = {**own.get("options", {}), **rest}
            return own
        return value


class LossChoice(Choice):
    """An adversarial loss and its weight."""

    weight: float = option(1.0, "factor of the adversarial terms", ge=0)


class PenaltyChoice(Choice):
    """A penalty; weight and interval default to the penalty's own."""

    weight: NotNegative | None = option(None, "factor of the term, or a schedule over images; None: the penalty's own")
    interval: int | None = option(
        None, "steps from one evaluation to the next; None: the penalty's own", unit="steps", ge=1
    )


class AugmentChoice(Choice):
    """An augmentation of real and fake samples."""


class ArchConfig(Config):
    """What every architecture can be told. `loss`, `penalty` and `augment` are None where the architecture has its own."""

    batch: int = option(64, "real samples an update, over all processes", unit="samples", ge=1)
    loss: LossChoice | None = option(None, "adversarial loss; None: the architecture's own")
    penalty: tuple[PenaltyChoice, ...] | None = option(None, "penalties; None: the architecture's own")
    augment: AugmentChoice | None = option(None, "augmentation; None: the architecture's own")

    @field_validator("penalty", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Mapping | PenaltyChoice) else value


class GanConfig(ArchConfig):
    """What the standard game of one generator and one discriminator (models.Gan) can be told."""

    loss: LossChoice | None = option(LossChoice(name="non-saturating"), "adversarial loss")
    penalty: tuple[PenaltyChoice, ...] | None = option((), "penalties of the discriminator")
    generator: Optimizer | None = option(Adam(), "optimiser of the generator")
    discriminator: Optimizer | None = option(Adam(), "optimiser of the discriminator")
    d_steps: int = option(1, "discriminator updates a generator update", ge=1)


def with_own_optimizers(values: Any, own: Mapping[str, OptimizerConfig]) -> Any:
    """A config's values, in which an optimiser without a kind is a change of the architecture's own.

    For a model_validator(mode="before") of an architecture whose optimisers depend on another option.

    Args:
        values: what the user gave.
        own: the optimisers by the field's name.
    """
    if not isinstance(values, Mapping):
        return values
    changes = {name: values[name] for name in own if isinstance(values.get(name), Mapping)}
    whole = {name: {**own[name].model_dump(), **change} for name, change in changes.items() if "kind" not in change}
    return {**values, **whole}


def validate(config: type[C], values: Mapping[str, Any], source: str) -> C:
    """The config made of `values`.

    Raises:
        UsageError: names each field that is unknown or wrong, what was given and what was wanted; `source` says whose
            configuration it is.
    """
    try:
        return config.model_validate(dict(values))
    except ValidationError as error:
        lines = [_explain(config, item) for item in error.errors(include_url=False)]
        raise UsageError(f"{source}: " + "\n  ".join(lines)) from None


def _explain(config: type[BaseModel], item: Mapping[str, Any]) -> str:
    path = [str(part) for part in item["loc"] if str(part) not in _UNION_TAGS]
    where = ".".join(path)
    if item["type"] == "extra_forbidden":
        known = field_names(config, path[:-1])
        return f"unknown field {where}. {did_you_mean(path[-1], known)}"
    if item["type"] == "missing":
        if path[-1] == "name":
            return f"{where} is missing: this architecture's own is not in its configuration, so name one, as --loss hinge does"
        return f"{where} is missing"
    return f"{where} = {item['input']!r}: {item['msg'].removeprefix('Value error, ')}"


_UNION_TAGS = {"adam", "rmsprop", "sgd", "float", "Schedule", "int", "str", "bool"}


def field_names(config: type[BaseModel], path: Sequence[str]) -> set[str]:
    """The fields of the model (or of any of the models) that `path` leads to."""
    models = [config]
    for part in path:
        models = [
            sub
            for model in models
            if part in model.model_fields
            for sub in _models(model.model_fields[part].annotation)
        ] or models
    return {name for model in models for name in model.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def parse_value(text: str) -> Any:
    """The TOML value of `text`; a bare word is a string, `none` is None."""
    if text.strip().lower() in {"none", "null"}:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def override(config: C, assignments: Sequence[str], source: str) -> C:
    """`config` with each "path.to.field=value" applied.

    A path may name the one item of a list by nothing, or an item of a longer list by its number or its name:
    penalty.weight=5, penalty.1.weight=5, penalty.r1.weight=5.

    Raises:
        UsageError: an assignment without "=", a path that does not exist (with a suggestion), or a wrong value.
    """
    values = config.model_dump(mode="python")
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise UsageError(f"--set {assignment!r}: wanted FIELD=VALUE, for example --set loss.weight=5")
        _assign(values, path.strip().split("."), parse_value(text), f"--set {assignment}", ())
    return validate(type(config), values, source)


def _assign(node: dict[str, Any], path: list[str], value: Any, what: str, trail: tuple[str, ...]) -> None:
    """Set one value in the nested values; whether the fields exist is for the model to say."""
    key, rest = path[0], path[1:]
    if not rest:
        # Another kind of optimiser starts from its own defaults: fields of the old kind would be refused.
        if key == "kind" and node.get("kind") != value:
            node.clear()
        node[key] = value
        return
    child = node.get(key)
    if isinstance(child, tuple | list):
        node[key] = items = list(child)
        index, rest = _item(items, rest, what, ".".join((*trail, key)))
        if not rest:
            items[index] = value
            return
        child = items[index]
    elif child is None:
        child = node[key] = {}
    if not isinstance(child, dict):
        raise UsageError(f"{what}: {'.'.join((*trail, key))} is {child!r} and has no fields")
    _assign(child, rest, value, what, (*trail, key))


def _item(items: list[Any], path: list[str], what: str, where: str) -> tuple[int, list[str]]:
    """The index of the item that a path into a list means, and the rest of the path."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if path[0].isdigit():
        if int(path[0]) >= len(items):
            raise UsageError(f"{what}: {where} has {len(items)} items, numbered from 0")
        return int(path[0]), path[1:]
    if path[0] in names:
        return names.index(path[0]), path[1:]
    if len(items) == 1:
        return 0, path
    have = ", ".join(str(name) for name in names) or "nothing"
    raise UsageError(f"{what}: {where} has {len(items)} items ({have}); name one of them, like {where}.0.{path[0]}")
