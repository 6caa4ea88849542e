"""`ganzoo new`: the project of a new plugin."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from ganzoo.scaffold.kinds import DEFAULT, KINDS


@click.command("new")
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    metavar="KIND",
    help=f"What the plugin brings, repeatable: {', '.join(KINDS)} [default: {DEFAULT}].",
)
@click.option("--folder", metavar="DIR", help="Where to write it; new or empty [default: NAME].")
@click.option("--author", metavar="TEXT", help="For pyproject.toml.")
@click.option("--summary", metavar="TEXT", help="One line on what it is.")
@click.option("--json", "as_json", is_flag=True, help="What was written as one object on stdout.")
def command(
    name: str, kinds: tuple[str, ...], folder: str | None, author: str | None, summary: str | None, as_json: bool
) -> None:
    """Write the project of a new plugin: code, tests, checks and packaging, ready to install.

    NAME is the name of the plugin, its distribution and its component (of several the first; the others add their kind):
    lower-case letters and digits joined by single hyphens. Nothing is ever overwritten.

    \b
    Examples:
      ganzoo new my-gan
      ganzoo new my-gan --kind architecture --kind loss --author "Ada Lovelace"
      ganzoo new soft-hinge --kind loss --summary "A hinge with a soft corner"
      ganzoo new soft-hinge --kind loss --kind penalty --folder plugins/soft-hinge
    """
    from ganzoo.scaffold.project import Project, write

    project = Project.checked(name, kinds, author, summary)
    place = Path(name if folder is None else folder)
    files = project.files()
    write(place, files)
    steps = [
        f"cd {_quoted(place)}",
        "python -m venv .venv && . .venv/bin/activate",
        "pip install -e '.[dev]'",
        "pytest",
        f"ganzoo check {name}/",
        *([project.command] if project.command else []),
    ]
    if as_json:
        facts = {
            "name": name,
            "package": project.package,
            "folder": str(place),
            "brings": project.names,
            "files": list(files),
            "next": steps,
        }
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{place}: {len(files)} files")
    for path in files:
        click.echo(f"  {path}")
    click.echo("\nNext, perhaps in an environment of its own:")
    for step in steps:
        click.echo(f"  {step}")


def _quoted(place: Path) -> str:
    import shlex

    return shlex.quote(str(place))
