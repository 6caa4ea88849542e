"""Writes docs/plugin-reference.md from the code: every hook, every record, and the names that plugins import. `make docs` runs it.

What the page says is in docstrings: a field's meaning in the Args of its record, a hook's in the hook. A field, or a public
name, that says nothing stops the writing.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from reference import table

from ganzoo.plugin import (
    RECORD_HOOKS,
    Arch,
    Augmentation,
    Dataset,
    FeatureExtractor,
    Hooks,
    Loss,
    Metric,
    Penalty,
    Record,
    RunView,
    Tracker,
)

PAGE = Path(__file__).with_name("plugin-reference.md")
HEAD = """# Plugin reference

Written by `make docs` from the code; changes made here are lost. [The tutorial](tutorial.md) shows a plugin being made,
[architecture.md](architecture.md#where-an-author-plugs-in) where it plugs in, [versions.md](versions.md) what a release may
change in what is here. `ganzoo new NAME` writes a whole project.
"""

# record: (what its target is, the class or protocol whose members are shown, as "module:attribute")
TARGETS: dict[type[Record], tuple[str, str | None]] = {
    Arch: (
        "a function `build(config, data)`: `config` is annotated with a subclass of `ArchConfig`, which is the source of the "
        "options, and `data` is a `DataSpec`. It returns a game, mostly a `Gan`, and raises `ValueError` for data that it cannot "
        "make. What a game has:",
        "ganzoo.models:Game",
    ),
    Loss: (
        "a class, whose keyword arguments are its options, with what `ganzoo.objectives.Loss` has:",
        "ganzoo.objectives:Loss",
    ),
    Penalty: (
        "a class, whose keyword arguments are its options, with what `ganzoo.objectives.Penalty` has:",
        "ganzoo.objectives:Penalty",
    ),
    Augmentation: (
        "a class, whose keyword arguments are its options, and whose objects are called with samples `x_B...` and a "
        "`models.Draws`, and return samples of the same shape, differentiably.",
        None,
    ),
    Dataset: (
        "a function, whose keyword arguments are its options, that returns a `ganzoo.data.Source`:",
        "ganzoo.data:Source",
    ),
    Metric: ("a function of features of real and of fake samples, (N, F) and (M, F), that returns a float.", None),
    FeatureExtractor: (
        "a class whose objects have what `metrics.features.Extractor` has:",
        "ganzoo.metrics.features:Extractor",
    ),
    Tracker: ("a subclass of `ganzoo.tracking.Tracker`, made without arguments on rank 0:", "ganzoo.tracking:Tracker"),
}
# module: the names that plugins import, if it has no __all__
MODULES: dict[str, tuple[str, ...]] = {
    "ganzoo": (),
    "ganzoo.config": ("Config", "OptimizerConfig", "AugmentChoice", "value_at", "with_own_optimizers"),
    "ganzoo.models": (),
    "ganzoo.objectives": (),
    "ganzoo.data": (),
    "ganzoo.metrics": (
        "features.Extractor",
        "features.chunks",
        "features.Lite0Features",
        "features.PixelFeatures",
        "frechet.frechet_distance",
        "neighbours.kth_neighbour",
        "neighbours.nearest",
        "neighbours.within",
    ),
    "ganzoo.tracking": (),
}
EXPLAINED = {  # names of objects that are neither classes nor functions, and so have no docstring
    "hookimpl": "Marks a function as the implementation of the hook of its name.",
    "Optimizer": "The configuration of an optimiser: `Adam`, `RMSprop` or `Sgd`, told apart by `kind`.",
    "Terms": "What a phase returns: its named terms, one number each.",
    "Latent": "Latents of a batch: one tensor, or one for each part.",
}


class Silence(Exception):
    """Something public says nothing of itself."""


def page() -> str:
    """The whole text.

    Raises:
        Silence: a hook, a field or a name has no docstring; the message names it.
    """
    lines = [HEAD, "## Hooks\n"]
    lines += [
        "A plugin is a distribution with an entry point in the group `ganzoo`; the module that it names has functions of these "
        "names under `@ganzoo.hookimpl`, as many of them as it needs. It imports no torch. A hook may be a generator.\n"
    ]
    lines += _hooks()
    lines += ["## Records\n", "### Every record\n", f"{_words(_introduction(Record))}\n"]
    lines += [*_fields(Record, dataclasses.fields(Record)), ""]
    for hook, kind in RECORD_HOOKS.items():
        lines += _record(hook, kind)
    lines += ["### RunView\n", f"{_words(_introduction(RunView))}\n"]
    lines += [*table(("property", "type"), _properties(RunView)), ""]
    lines += ["## Names to import\n"]
    for name in MODULES:
        lines += _module(name)
    return "\n".join(lines).rstrip() + "\n"


def _hooks() -> Iterator[str]:
    for name, function in vars(Hooks).items():
        if not name.startswith("ganzoo_"):
            continue
        yield f"### {name}\n"
        yield f"```python\ndef {name}{signature(function)}\n```\n"
        kind = RECORD_HOOKS.get(name)
        answers = f" Answers with [`{kind.__name__}`](#{kind.__name__.lower()}) records." if kind else ""
        yield f"{_words(_introduction(function))}{answers}\n"


def _record(hook: str, kind: type[Record]) -> Iterator[str]:
    inherited = {item.name for item in dataclasses.fields(Record)}
    own = [item for item in dataclasses.fields(kind) if item.name not in inherited]
    yield f"### {kind.__name__}\n"
    yield f"For [`{hook}`](#{hook}). {_words(_introduction(kind))}\n"
    if own:
        yield "Fields, besides those of every record:\n"
        yield from _fields(kind, own)
        yield ""
    words, base = TARGETS[kind]
    yield f"Its target is {words}\n"
    if base is not None:
        yield from _members(kind, base)
        yield ""


def _fields(kind: type[Record], items: Iterable[dataclasses.Field[Any]]) -> Iterator[str]:
    rows = []
    for item in items:
        # what records share is explained once, with the architecture
        meaning = arguments(kind).get(item.name) or arguments(Arch).get(item.name)
        if not meaning:
            raise Silence(f"the Args of {kind.__name__} do not explain the field {item.name}")
        rows.append((f"`{item.name}`", f"`{_type(item.type)}`", _default(item), meaning))
    yield from table(("field", "type", "default", "meaning"), rows)


def _type(annotation: Any) -> str:
    """As the code has it, but for the bar of a union, which would end a cell of the table."""
    return re.sub(
        r"\s*\|\s*", " or ", annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    )


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is not dataclasses.MISSING:
        return f"`{item.default!r}`"
    return "required" if item.default_factory is dataclasses.MISSING else f"`{item.default_factory()!r}`"


def _members(record: type[Record], base: str) -> Iterator[str]:
    """The public methods, properties and class variables that a subclass may write, in the order of the code."""
    kind = _object(base)
    rows = []
    for name, member in vars(kind).items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, property):
            rows.append((f"`{name}: {_annotation(member.fget)}`", _sentence(member)))
        elif inspect.isfunction(member) or isinstance(member, classmethod):
            function = member.__func__ if isinstance(member, classmethod) else member
            rows.append((f"`{name}{signature(function)}`", _sentence(function)))
    noted = {name for name, _ in rows}
    for name, annotation in inspect.get_annotations(kind).items():
        if not name.startswith("_") and name not in noted:
            default = vars(kind).get(name)
            said = f" = {default!r}" if isinstance(default, str | bool | int | float | tuple) else ""
            rows.append(
                (f"`{name}: {_type(annotation)}{said}`", arguments(kind).get(name) or arguments(record).get(name, ""))
            )
    yield from table(("member", "what it is"), rows)


def _properties(kind: type) -> Iterator[tuple[str, str]]:
    for name, member in vars(kind).items():
        if isinstance(member, property):
            yield f"`{name}`", f"`{_annotation(member.fget)}`"


def _annotation(function: Any) -> str:
    return _type(inspect.signature(function).return_annotation)


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f"### {name}\n"
    rows = [(f"`{spelling}`", _explained(spelling, value)) for spelling, value in sorted(_public(module), key=_order)]
    yield from table(("name", "what it is"), rows)
    yield ""


def _order(item: tuple[str, Any]) -> str:
    return item[0].lower()


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The names of a module's `__all__`, else those that are listed here."""
    if hasattr(module, "__all__"):
        yield from ((name, getattr(module, name)) for name in module.__all__)
        return
    for name in MODULES[module.__name__]:
        part, _, last = name.rpartition(".")
        yield name, getattr(importlib.import_module(f"{module.__name__}.{part}" if part else module.__name__), last)


def _explained(spelling: str, value: Any) -> str:
    if spelling in EXPLAINED:
        return EXPLAINED[spelling]
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        raise Silence(f"{spelling} is neither a class nor a function: explain it in docs/plugin_reference.py")
    return _sentence(value)


def signature(function: Any) -> str:
    """Parameters and answer as the code has them, without self and without the quotes of annotations."""
    whole = inspect.signature(function)
    kept = [parameter for name, parameter in whole.parameters.items() if name not in ("self", "cls")]
    return _type(re.sub(r"(?<=[:>] )'([^']*)'", r"\1", str(whole.replace(parameters=kept))))


def arguments(kind: Any) -> dict[str, str]:
    """Meanings by name from a docstring: from its Args, and from a paragraph of lines "name: meaning" after the first one.

    "a, b: both" explains two names.
    """
    _, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    found: dict[str, str] = {}
    last: list[str] = []
    indent = ""
    for line in rest.splitlines():
        if re.fullmatch(r"\w+:|", line):
            last, indent = [], "    " if line == "Args:" else ""
            continue
        match = re.match(rf"{indent}([a-z]\w*(?:, [a-z]\w*)*): (.*)", line)
        if match:
            last = match[1].split(", ")
            found |= dict.fromkeys(last, match[2].strip())
        elif last:
            found |= {name: f"{found[name]} {line.strip()}" for name in last}
    return found


def _introduction(value: Any) -> str:
    """The docstring up to its first section, as one paragraph."""
    doc = inspect.cleandoc(value.__doc__ or "")
    text = re.split(r"^(?:Args|Raises|Returns):$", doc, maxsplit=1, flags=re.MULTILINE)[0]
    if not text.strip():
        raise Silence(f"{value.__name__} has no docstring")
    return " ".join(text.split())


def _sentence(value: Any) -> str:
    """The first sentence of a docstring."""
    paragraph = inspect.cleandoc(value.__doc__ or "").partition("\n\n")[0]
    if not paragraph:
        raise Silence(f"{getattr(value, '__qualname__', value)} has no docstring")
    first = re.split(r"(?<=[^.][.?!])\s+(?=[A-Z`(])", " ".join(paragraph.split()), maxsplit=1)[0]
    return first if first.endswith((".", "?", "!")) else f"{first.rstrip(':')}."


def _words(text: str) -> str:
    return text if text.endswith((".", ":")) else f"{text}."


def _object(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    except Silence as error:
        raise SystemExit(f"docs/plugin_reference.py: {error}") from None
