"""`ganzoo train`: a new run, or the rest of one."""

from __future__ import annotations

import math
import os
import re
from typing import Any

import rich_click as click

from ganzoo.errors import UsageError


def count(text: str) -> int:
    """A number of images: 50000, 50_000, 50k, 2M or 1.5M."""
    match = re.fullmatch(r"([0-9][0-9_]*(?:\.[0-9]+)?)([kKmM]?)", text.strip())
    number = float(match[1].replace("_", "")) * {"": 1, "k": 1000, "m": 1_000_000}[match[2].lower()] if match else 0
    if not math.isfinite(number) or number < 1 or number != int(number):
        raise click.BadParameter(f"{text!r} is no number of images; wanted something like 50000, 200k or 2M")
    return int(number)


class TrainCommand(click.RichCommand):
    """Its --help shows the options of the architecture that --arch names, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["ganzoo.arch"] = _named_arch(args)
        return super().parse_args(ctx, args)


def _named_arch(args: list[str]) -> str | None:
    for i, arg in enumerate(args):
        if arg.startswith("--arch="):
            return arg.removeprefix("--arch=")
        if arg == "--arch" and i + 1 < len(args):
            return args[i + 1]
    return None


def _help(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    arch = ctx.meta["ganzoo.arch"]
    if arch is not None:  # before the general help, so that a wrong name is the only thing said
        from ganzoo.build import configure, find_arch

        entry = find_arch(arch)
        config = configure(entry)
    click.echo(ctx.get_help())
    if arch is not None:
        from ganzoo.cli.fields import field_rows
        from ganzoo.cli.table import print_table

        click.echo(f"\nOptions of {entry.id}, each --set FIELD=VALUE:\n")
        print_table(("field", "default", "meaning"), list(field_rows(config)))
    ctx.exit(0)


@click.command("train", cls=TrainCommand, add_help_option=False)
@click.option(
    "--help", "-h", is_flag=True, is_eager=True, expose_value=False, callback=_help, help="Show this and exit."
)
@click.option("--arch", metavar="NAME", help="Architecture, by name or id. Add --help for its own options.")
@click.option("--preset", metavar="NAME", help="One of the architecture's named configurations: see ganzoo show.")
@click.option("--data", metavar="WHAT", help="Data set, folder of pictures, .npz, .npy or .csv [default: fashion-12k].")
@click.option("--images", type=count, metavar="N", help="Total of real samples, also on a resume: 50000, 200k, 2M.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="Time to train from now.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of weights, data order and chance [default: 0].")
@click.option("--seeds", type=click.IntRange(min=1, max=256), metavar="N", default=1, help="Runs at once, of N seeds.")
@click.option("--out", metavar="FOLDER", help="The run's folder [default: the next free one below runs/].")
@click.option("--resume", metavar="RUN", help="Go on with this run's folder.")
@click.option("--loss", metavar="NAME", help="Adversarial loss instead of the architecture's.")
@click.option(
    "--penalty", multiple=True, metavar="NAME", help="Penalty instead of the architecture's; repeatable; or none."
)
@click.option("--augment", metavar="NAME", help="Augmentation of real and fake samples.")
@click.option("--set", "assignments", multiple=True, metavar="FIELD=VALUE", help="Any other option; repeatable.")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Real samples an update.")
@click.option("--size", metavar="PX", help="Size of the pictures: 64, or height x width: 48x64.")
@click.option("--resize", type=click.Choice(["crop", "fit", "pad"]), help="How pictures are brought to that size.")
@click.option("--channels", type=click.Choice(["auto", "grey", "rgb"]), help="Channels of the pictures.")
@click.option("--strict-data", is_flag=True, help="Stop at a picture that cannot be read.")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="Of the networks.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.")
@click.option(
    "--evaluate-every", type=count, metavar="N", help="Images from one evaluation to the next: 50k; keeps the best."
)
@click.option("--quiet", is_flag=True, help="No progress display.")
def command(
    arch: str | None,
    preset: str | None,
    data: str | None,
    images: int | None,
    minutes: float | None,
    seed: int | None,
    seeds: int,
    out: str | None,
    resume: str | None,
    loss: str | None,
    penalty: tuple[str, ...],
    augment: str | None,
    assignments: tuple[str, ...],
    batch: int | None,
    size: str | None,
    resize: str | None,
    channels: str | None,
    strict_data: bool,
    device: str | None,
    precision: str | None,
    threads: int | None,
    evaluate_every: int | None,
    quiet: bool,
) -> None:
    """Train an architecture, or go on with a run.

    \b
    Examples:
      ganzoo train --arch wgan-gp --minutes 5
      ganzoo train --arch dcgan --data photos/ --size 64 --images 2M --seed 5
      ganzoo train --arch wgan-gp --loss hinge --penalty r1 --set penalty.weight=5
      ganzoo train --arch gan-2d --data ring --seeds 16
      ganzoo train --resume runs/wgan-gp-0001 --images 4M
    """
    if arch is None and resume is None:
        raise UsageError("no architecture was given: ganzoo train --arch NAME; ganzoo list shows them")
    data_options = {"size": size, "resize": resize, "channels": channels, "strict": strict_data or None}
    settings = {"device": device, "precision": precision, "threads": threads, "evaluate_every": evaluate_every}
    if batch is not None:
        assignments = (*assignments, f"batch={batch}")

    from ganzoo import api

    reading = _Reading()
    run = api.train(
        arch,
        preset=preset,
        data=data,
        images=images,
        minutes=minutes,
        seed=seed,
        seeds=seeds,
        out=out,
        resume=resume,
        loss=loss,
        penalty=_penalties(penalty),
        augment=augment,
        set=assignments,
        data_options={name: value for name, value in data_options.items() if value is not None},
        settings={name: value for name, value in settings.items() if value is not None},
        trackers=("jsonl",) if quiet else ("jsonl", "console"),
        say=_say,
        progress=None if quiet else reading,
    )
    if run.interrupted:
        _say(f"interrupted; go on with: ganzoo train --resume {run.folder}")
        raise SystemExit(130)
    _say(f"sample it with: ganzoo sample {run.folder} -n 64 --out grid.png")


class _Reading:
    """A bar on stderr while pictures are read for the first time; drawn only on a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            columns = (TextColumn("reading pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), disable=not Console(stderr=True).is_terminal)
            self._bar.start()
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=done)
        if done >= total:
            self._bar.stop()


def _say(text: str) -> None:
    """On stderr, by the first process alone."""
    if os.environ.get("RANK", "0") == "0":
        click.echo(text, err=True)


def _penalties(names: tuple[str, ...]) -> list[str] | None:
    if names == ("none",):
        return []
    if "none" in names:
        raise UsageError(f"--penalty none stands alone; given {', '.join(names)}")
    return list(names) or None
