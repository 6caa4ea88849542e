"""The fields of a configuration as rows of help: path, default, what it means, its unit. The source is pydantic's schema."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ganzoo.config import Choice


def field_rows(config: BaseModel, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, default, help) of each field of a configuration at its values; nested models are taken apart."""
    for name, info in type(config).model_fields.items():
        value, path = getattr(config, name), prefix + name
        if name == "kind":
            continue
        unit = info.json_schema_extra.get("unit") if isinstance(info.json_schema_extra, dict) else None
        text = (info.description or "") + (f" [{unit}]" if unit else "") + _choices(info.annotation)
        if isinstance(value, BaseModel) and not isinstance(value, Choice):
            yield path, getattr(value, "kind", type(value).__name__), text
            yield from field_rows(value, path + ".")
        else:
            yield path, show_value(value), text


def _choices(annotation: Any) -> str:
    literals = [annotation] if typing.get_origin(annotation) is typing.Literal else []
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        literals = [part for part in typing.get_args(annotation) if typing.get_origin(part) is typing.Literal]
    words = [str(word) for part in literals for word in typing.get_args(part)]
    return f" ({' | '.join(words)})" if words else ""


def show_value(value: Any) -> str:
    """A value as a user would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Choice):
        own = {k: v for k, v in value.model_dump(exclude_none=True, exclude={"name", "options"}).items() if v != 1.0}
        details = ", ".join(f"{name}={item}" for name, item in (own | value.options).items())
        return f"{value.name} ({details})" if details else value.name
    if isinstance(value, tuple | list):
        return ", ".join(show_value(item) for item in value) or "none"
    if isinstance(value, BaseModel):
        return ", ".join(f"{name}={show_value(item)}" for name, item in value)
    return str(value)
