"""`ganzoo report`: a page on a run, which needs nothing else to be read."""

from __future__ import annotations

import rich_click as click


@click.command("report")
@click.argument("run")
@click.option("--out", metavar="FILE", help="An .html file [default: RUN/report.html].")
@click.option("--data", metavar="DATA", help="Compare with these instead of the run's own data.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of what is drawn.")
def command(run: str, out: str | None, data: str | None, seed: int) -> None:
    """Write one HTML page on a RUN that `ganzoo train` made: how it went, what it makes, and how near that is to the data.

    The page has its pictures in it and loads nothing. What cannot be shown is left out with the reason. Nothing else in the
    run's folder changes.

    \b
    Examples:
      ganzoo report runs/wgan-gp-0001
      ganzoo report runs/wgan-gp-0001 --out wgan-gp.html --seed 3
    """
    from ganzoo.report.page import write

    place = write(run, out, data=data, seed=seed, say=lambda text: click.echo(text, err=True))
    click.echo(f"report of {run}: {place}", err=True)
