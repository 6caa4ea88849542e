"""`ganzoo evaluate`: figures of a run or of a folder of samples, each with its protocol."""

from __future__ import annotations

import json
from typing import Any, Literal

import rich_click as click

from ganzoo.cli.table import print_table
from ganzoo.errors import UsageError


@click.command("evaluate")
@click.argument("place", metavar="RUN|FOLDER")
@click.option(
    "--reference", metavar="WHAT", help="Data that samples are held against [default: held-out data of the run]."
)
@click.option("--metrics", metavar="NAMES", help="With commas: fd,kid,prdc. ganzoo list metrics shows all.")
@click.option("--extractor", metavar="NAME", help="Of features of pictures [default: lite0].")
@click.option(
    "--samples", "fake", type=click.IntRange(min=2), metavar="N", help="Of the run [default: as many as real]."
)
@click.option("--real", type=click.IntRange(min=2), metavar="N", help="Real samples [default: all, at most 10,000].")
@click.option("--size", metavar="PX", help="Bring both sides to 64, or height x width 48x64, pixels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the samples.")
@click.option("--weights", type=click.Choice(["ema", "raw"]), default="ema", show_default=True, help="Of the run.")
@click.option(
    "--of",
    type=click.Choice(["samples", "reconstructions"]),
    default="samples",
    show_default=True,
    help="Of the run: what it makes, or held-out samples through its encoder and back.",
)
@click.option(
    "--checkpoint", type=click.Choice(["newest", "best"]), default="newest", show_default=True, help="Of the run."
)
@click.option(
    "--draws", type=click.IntRange(min=0), default=20, show_default=True, help="Halves for intervals; 0: none."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="METRIC.OPTION=VALUE",
    help="An option of a metric; also extractor.OPTION and sampling.OPTION, as in sampling.truncation=0.5.",
)
@click.option("--json", "as_json", is_flag=True, help="One object with all rows on stdout.")
def command(
    place: str,
    reference: str | None,
    metrics: str | None,
    extractor: str | None,
    fake: int | None,
    real: int | None,
    size: str | None,
    seed: int,
    weights: str,
    of: Literal["samples", "reconstructions"],
    checkpoint: str,
    draws: int,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure how good samples are: those of a run, or pictures in a folder.

    Every figure comes with its protocol, and those of a run are kept in its folder for `ganzoo compare` and
    `ganzoo report`. Two folders of pictures need no run. The run itself is not changed.

    \b
    Examples:
      ganzoo evaluate runs/wgan-gp-0001
      ganzoo evaluate runs/photos --metrics fd,kid,prdc,authenticity --samples 5000 --json
      ganzoo evaluate samples/ --reference photos/ --size 64
      ganzoo evaluate runs/photos --extractor classifier --set extractor.data=fashion-12k
      ganzoo evaluate runs/ring --metrics modes-captured,reverse-kl
      ganzoo evaluate runs/vqgan-0001 --of reconstructions
    """
    from ganzoo.config import Choice
    from ganzoo.evaluation.evaluate import EXTRACTOR, evaluate
    from ganzoo.evaluation.subject import Wanted, choices_of

    options = _options(assignments)
    own, sampling = options.pop("extractor", {}), options.pop("sampling", {})
    with _Bar(quiet=as_json) as bar:
        rows = evaluate(
            place,
            metrics=choices_of(metrics, options),
            wanted=Wanted(reference, fake, real, size, seed, weights, checkpoint, sampling, of),
            extractor=Choice(name=extractor or EXTRACTOR, options=own) if extractor or own else None,
            draws=draws,
            say=lambda text: click.echo(text, err=True),
            progress=bar.told,
        )
    if as_json:
        print(json.dumps({"rows": rows}, indent=2))
        return
    _print(rows)


def _options(assignments: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Options by metric, of METRIC.OPTION=VALUE."""
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        metric, dot, option = name.partition(".")
        if not (equals and dot and metric and option):
            raise UsageError(f"--set {assignment}: wanted METRIC.OPTION=VALUE, such as prdc.k=3")
        try:
            found.setdefault(metric, {})[option] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {assignment}: {text!r} is no value") from error
    return found


def _print(rows: list[dict[str, Any]]) -> None:
    table = []
    for row in rows:
        interval = f"{row['interval'][0]:.4g} to {row['interval'][1]:.4g}" if row["interval"] else ""
        better = "higher" if row["higher_is_better"] else "lower"
        table.append((row["metric"], f"{row['value']:.5g}", interval, better, row["extractor"] or ""))
    print_table(("figure", "value", "95 % interval", "better", "features"), table)
    if not rows:
        return
    first = rows[0]
    counts = {side: next((row[side] for row in rows if row[side]), None) for side in ("fake", "real")}
    facts = [f"{counts['fake']:,} samples" if counts["fake"] else "", first["arch"] or first["run"]]
    facts += [f"at {first['images']:,} images" if first["images"] else ""]
    facts += [f"made of {first['made_of']}" if first["made_of"] else ""]
    facts += [f"against {counts['real']:,} of {first['reference']}" if counts["real"] else ""]
    facts += [f"{first['size']} px" if first["size"] else "", "averaged weights" if first["ema"] else ""]
    facts += [f"seed {first['seed']}" if first["seed"] is not None else ""]
    click.echo("\n" + ", ".join(fact for fact in facts if fact) + f"; {sum(row['seconds'] for row in rows):.1f} s")


class _Bar:
    """Progress on stderr; drawn only on a terminal."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bar.stop()

    def told(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
