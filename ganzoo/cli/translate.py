"""`ganzoo translate`: the pictures of a folder, made into those of another domain by a trained run."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from ganzoo.errors import GanzooError

DIRECTIONS = ("a-to-b", "b-to-a")


@click.command("translate")
@click.argument("run")
@click.argument("folder")
@click.option("--out", metavar="DIR", required=True, help="Where the PNGs go; made if it is not there.")
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    help="a-to-b makes what the run was trained to make [default: a-to-b].",
)
@click.option(
    "--resize",
    type=click.Choice(["crop", "fit", "pad"]),
    help="How other proportions are brought to the run's [default: as its data were].",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the run's noise."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option(
    "--weights", type=click.Choice(["ema", "raw"]), default="ema", show_default=True, help="Averaged or trained."
)
@click.option(
    "--checkpoint", type=click.Choice(["newest", "best"]), default="newest", show_default=True, help="Of the run."
)
@click.option("--json", "as_json", is_flag=True, help="Say what was done as JSON on stdout.")
def command(
    run: str,
    folder: str,
    out: str,
    direction: str | None,
    resize: str | None,
    seed: int,
    overwrite: bool,
    weights: str,
    checkpoint: str,
    as_json: bool,
) -> None:
    """Translate every picture of a FOLDER with a RUN of an architecture that translates, such as pix2pix or cyclegan.

    Pictures are brought to the run's size and to grey or colour as its data were. Each is written as a PNG of its name; files that
    are there are not replaced. Pictures that cannot be read are left out, and the exit status is then 1.

    \b
    Examples:
      ganzoo translate runs/pix2pix-0001 edges/ --out clothes/
      ganzoo translate runs/cyclegan-0001 horses/ --out zebras/
      ganzoo translate runs/cyclegan-0001 zebras/ --out horses/ --direction b-to-a
      ganzoo translate runs/pix2pix-0001 edges/ --out clothes/ --overwrite --json
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ganzoo.runs import load
    from ganzoo.translation import about_left_out, translate_folder

    loaded = load(run, weights=weights, checkpoint_of=checkpoint)
    console = Console(stderr=True)
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=as_json or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("pictures", total=None)
        found = translate_folder(
            loaded,
            Path(folder),
            Path(out),
            direction=direction or "",
            resize=resize,  # type: ignore[arg-type]
            seed=seed,
            overwrite=overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    channels, height, width = found.shape
    if found.resized:
        click.echo(
            f"{found.resized:,} of {len(found.written):,} pictures were brought to {height}x{width} pixels ({found.resize})",
            err=True,
        )
    if as_json:
        facts = {
            "run": run,
            "arch": loaded.arch,
            "images": loaded.images,
            "direction": found.direction,
            "size": [height, width],
            "channels": channels,
            "resize": found.resize,
            "resized": found.resized,
            "out": str(found.out),
            "written": found.written,
            "left_out": found.left_out,
        }
        print(json.dumps(facts, indent=2))
    count = len(found.written)
    click.echo(
        f"{count:,} pictures, {found.direction}, by {loaded.arch} at {loaded.images:,} images: {found.out}", err=True
    )
    if found.left_out:
        raise GanzooError(f"{len(found.left_out):,} pictures could not be read: {about_left_out(found)}")
