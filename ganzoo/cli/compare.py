"""`ganzoo compare`: figures of several runs beside each other, if they were measured alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ganzoo.cli.table import print_table
from ganzoo.errors import UsageError

if TYPE_CHECKING:
    from ganzoo.evaluation.compare import Line


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--metrics", metavar="NAMES", help="Only these figures, with commas between.")
@click.option("--plot", metavar="FILE", help="Write the figures with their intervals as an .svg.")
@click.option("--json", "as_json", is_flag=True, help="One object on stdout.")
def command(runs: tuple[str, ...], metrics: str | None, plot: str | None, as_json: bool) -> None:
    """Compare the newest figures of runs that `ganzoo evaluate` measured.

    Figures whose protocols differ (features, numbers of samples, reference, size, weights, ...) are refused, and the
    difference is named. The best of each line is marked with *.

    \b
    Examples:
      ganzoo compare runs/dcgan-0001 runs/wgan-gp-0001
      ganzoo compare runs/* --metrics fd,precision,recall --plot figures.svg
    """
    from ganzoo.evaluation.compare import compare
    from ganzoo.evaluation.drawing import drawn

    if len(set(runs)) < 2:
        raise UsageError("one run is not compared with anything: name two or more")
    names = [name.strip() for name in metrics.split(",")] if metrics else None
    lines = compare([Path(run) for run in runs], names)
    if plot is not None:
        _write(Path(plot), drawn(lines, runs))
    if as_json:
        rows = [{"metric": line.metric, "best": line.best, "rows": line.rows} for line in lines]
        print(json.dumps({"runs": runs, "rows": rows}, indent=2))
        return
    print_table(("figure", "better", *_short(runs)), [_row(line) for line in lines])


def _row(line: Line) -> list[str]:
    cells = [line.metric, "higher" if line.higher_is_better else "lower"]
    for i, row in enumerate(line.rows):
        if row is None:
            cells.append("-")
            continue
        half = f" ±{(row['interval'][1] - row['interval'][0]) / 2:.2g}" if row.get("interval") else ""
        cells.append(f"{row['value']:.4g}{half}{' *' if i == line.best else ''}")
    return cells


def _short(runs: tuple[str, ...]) -> list[str]:
    """Names of the folders, whole paths only where two have one name."""
    names = [Path(run).name or run for run in runs]
    return names if len(set(names)) == len(names) else list(runs)


def _write(file: Path, svg: str) -> None:
    if file.suffix.lower() != ".svg":
        raise UsageError(f"--plot {file}: wanted a file that ends in .svg")
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--plot {file} cannot be written ({error.strerror})") from error
    click.echo(f"wrote {file}", err=True)
