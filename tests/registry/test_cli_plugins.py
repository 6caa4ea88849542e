"""`ganzoo plugins` with names of any length: the table fits 80 columns, and no name is cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner
from handmade import Site, arch_module

import ganzoo.cli.main as cli
import ganzoo.registry
from ganzoo.registry import Offer, discover

Module = Callable[[str, str], str]
NAMES = [f"family-{n}" for n in range(30)]
LONG = [
    "a-plugin-with-quite-a-long-name",
    "another-one-whose-name-goes-on-and-on-and-on-beyond-what-a-line-of-a-terminal-can-ever-hold",
]
VERSION = "2026.11.24.dev17+g0123456789"


def table(offers: list[Offer], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found = discover(offers, disabled=())
    monkeypatch.setattr(ganzoo.registry, "_installed", lambda: found)
    answer = CliRunner().invoke(cli.main, ["plugins"], prog_name="ganzoo", env={"COLUMNS": "80"})
    assert answer.exit_code == 0
    return answer.stdout.splitlines()


@pytest.mark.parametrize("longest", [0, 1, 2], ids=["usual names", "a long name", "a name longer than a line"])
@pytest.mark.parametrize(
    "suffix", ["", "-of-a-group-with-a-long-name-of-its-own-and-then-some-more"], ids=["", "-long"]
)
def test_the_table_fits(module: Module, monkeypatch: pytest.MonkeyPatch, longest: int, suffix: str) -> None:
    value = module("fits_acme", arch_module("one-gan", "two-gan"))
    names = [*NAMES, *LONG[:longest]]
    version = VERSION if suffix else "1.0"
    lines = table([Offer(name, value, f"{name}{suffix}", version) for name in names], monkeypatch)
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    said, joined = " ".join(" ".join(lines).split()), "".join("".join(lines).split())
    for name in names:
        assert f"{name}{suffix}" in joined
        assert any(name in line for line in lines) or len(name) > 80
    assert said.count("2 architectures") == len(names)


def test_usual_names_have_a_column_each(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    value = module("fits_beta", arch_module("one-gan"))
    header, *rows = table([Offer(name, value, f"{name}-gan", "1.0") for name in NAMES], monkeypatch)
    assert header.split() == ["name", "distribution", "version", "import", "brings"]
    assert len(rows) >= len(NAMES) + 1


OLD = """
from ganzoo.deprecation import deprecated
deprecated("the function f", since="0.1", removed_in="99.0", instead="use g").warn()
"""


def test_an_author_sees_what_is_deprecated(site: Site) -> None:
    site.add("acme-gan", {"acme": "old_acme"}, {"old_acme": OLD + arch_module("mlp-gan")})
    said = site.run("plugins", "--json")
    assert said.returncode == 0, said.stderr
    words = (
        "GanzooDeprecation: old_acme: the function f is deprecated since ganzoo 0.1 and will be removed in 99.0: use g"
    )
    assert f"old_acme.py:3: {words}" in said.stderr
    assert "GanzooDeprecation" not in said.stdout
    assert "GanzooDeprecation" not in site.run("list").stderr, "a user of the plugin can do nothing about it"
