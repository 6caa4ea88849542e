"""`ganzoo sample`: pictures or arrays from a trained run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ganzoo.errors import GanzooError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.runs import Run

INTERPOLATION_STEPS = 8
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FILMS = (".gif", ".mp4")


@click.command("sample")
@click.argument("run")
@click.option("-n", "count", type=click.IntRange(min=1), default=64, show_default=True, metavar="N", help="Samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the latents.")
@click.option("--labels", metavar="LIST", help="Class names or indices, repeated to N: 0,1,2 or 0-9 or Bag,Dress.")
@click.option(
    "--interpolate", is_flag=True, help=f"A path: every {INTERPOLATION_STEPS} samples lead to the next latent."
)
@click.option(
    "--by-class", is_flag=True, help="A row a class, with its name beside it in a picture; N is shared by the rows."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Of the architecture's sampling: truncation=0.5.",
)
@click.option(
    "--out",
    metavar="WHERE",
    default="samples.png",
    show_default=True,
    help="grid.png, a folder, or .npz; with --interpolate also film.gif or film.mp4.",
)
@click.option(
    "--weights", type=click.Choice(["ema", "raw"]), default="ema", show_default=True, help="Averaged or trained."
)
@click.option(
    "--checkpoint", type=click.Choice(["newest", "best"]), default="newest", show_default=True, help="Of the run."
)
def command(
    run: str,
    count: int,
    seed: int,
    labels: str | None,
    interpolate: bool,
    by_class: bool,
    assignments: tuple[str, ...],
    out: str,
    weights: str,
    checkpoint: str,
) -> None:
    """Draw samples from a RUN that `ganzoo train` made.

    \b
    Examples:
      ganzoo sample runs/wgan-gp-0001 -n 64 --seed 3 --out grid.png
      ganzoo sample runs/wgan-gp-0001 -n 1000 --out pictures/
      ganzoo sample runs/wgan-gp-0001 -n 1000 --out samples.npz
      ganzoo sample runs/wgan-gp-0001 -n 96 --interpolate --out film.gif
      ganzoo sample runs/wgan-gp-0001 --by-class --out classes.png
      ganzoo sample runs/biggan-0001 -n 64 --set truncation=0.5
    """
    from ganzoo.runs import load

    check_film(Path(out), interpolate, by_class)
    loaded = load(run, weights=weights, checkpoint_of=checkpoint)
    chosen = parse_labels(labels, loaded.spec.class_names, loaded.spec.classes) if labels else None
    options: dict[str, Any] = sampling_options(assignments)
    if interpolate:
        options["interpolate"] = INTERPOLATION_STEPS
    try:
        if by_class:
            where, count = write_by_class(loaded, count, seed, chosen, options, Path(out))
        else:
            if Path(out).suffix.lower() in FILMS:
                chosen = chosen or one_class(loaded)
            samples = loaded.sample(count, seed=seed, labels=chosen, **options)
            where = write(loaded, samples, loaded.labels(count, seed, chosen), Path(out))
    except OSError as error:
        raise GanzooError(f"{out} could not be written ({error.strerror})") from error
    click.echo(f"{count} samples of {loaded.arch} at {loaded.images:,} images: {where}", err=True)


def sampling_options(assignments: tuple[str, ...]) -> dict[str, Any]:
    """The options of `--set`, by name.

    Raises:
        UsageError: one of them has no "=".
    """
    from ganzoo.config import parse_value

    found = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"--set {assignment!r}: wanted OPTION=VALUE, for example --set truncation=0.5")
        found[name.strip()] = parse_value(text)
    return found


def check_film(out: Path, interpolate: bool, by_class: bool) -> None:
    """Raise a UsageError, before anything is loaded, for a film of samples that do not lead from one to another."""
    if out.suffix.lower() in FILMS and (by_class or not interpolate):
        instead = "leave --by-class out" if by_class else "add --interpolate"
        raise UsageError(f"--out {out}: a film is one path of samples, so {instead}, or write a .png")


def one_class(run: Run) -> list[int] | None:
    """The first class, for a film: with a class of its own each frame would be of something else."""
    from ganzoo.report.grids import class_name, obeys_labels

    if not obeys_labels(run):
        return None
    click.echo(f"the film stays in one class, {class_name(run, 0)}: --labels names another", err=True)
    return [0]


def write_by_class(
    run: Run, count: int, seed: int, labels: list[int] | None, options: dict[str, Any], out: Path
) -> tuple[Path, int]:
    """Write about `count` samples, a row a class, each row of the same latents; where, and how many they are.

    Raises:
        UsageError: the run's samples have no classes to choose from.
    """
    import torch

    from ganzoo.report.blocks import LeftOut
    from ganzoo.report.grids import by_class, class_name, labelled

    rows = len(set(labels)) if labels else run.spec.classes
    columns = -(-count // max(1, rows))
    try:
        found = by_class(run, columns, seed=seed, labels=labels, **options)
    except LeftOut as reason:
        raise UsageError(f"--by-class: {reason}") from reason
    if found[0][1].dim() == 4 and out.suffix.lower() in PICTURES:
        out.parent.mkdir(parents=True, exist_ok=True)
        labelled([(class_name(run, label), samples) for label, samples in found]).save(out)
        return out, len(found) * columns
    used = torch.tensor([label for label, samples in found for _ in samples])
    return write(run, torch.cat([samples for _, samples in found]), used, out), len(used)


def parse_labels(text: str, names: tuple[str, ...], classes: int) -> list[int]:
    """Class indices from names, indices and ranges, separated by commas.

    Raises:
        UsageError: a part is none of these.
    """
    found: list[int] = []
    for part in (part.strip() for part in text.split(",")):
        span = re.fullmatch(r"(\d+)-(\d+)", part)
        if part in names:
            found.append(names.index(part))
        elif part.isdigit():
            found.append(int(part))
        elif span and int(span[1]) <= int(span[2]) < max(classes, 1):
            found += range(int(span[1]), int(span[2]) + 1)
        else:
            known = ", ".join(names) if names else f"0 to {classes - 1}" if classes else "none: the data has no classes"
            raise UsageError(f"--labels {text!r}: {part!r} is no class; known: {known}")
    return found


def write(run: Run, samples: Tensor, labels: Tensor | None, out: Path) -> Path:
    """Write samples as one picture (.png, .jpg, .webp), a film (.gif, .mp4), arrays (.npz), or one file each into a folder.

    Arrays: `images` uint8 (N, H, W) or (N, H, W, C), or `points` float32 (N, F); `labels` int64 (N,) if there are classes.
    """
    import numpy as np

    from ganzoo.tracking.pictures import as_pillow, to_uint8, write_picture

    out.parent.mkdir(parents=True, exist_ok=True)
    pictures = samples.dim() == 4
    if out.suffix.lower() == ".npz":
        if pictures:
            images = to_uint8(samples, (-1.0, 1.0)).permute(0, 2, 3, 1).numpy()
            arrays: dict[str, Any] = {"images": images[..., 0] if images.shape[-1] == 1 else images}
        else:
            arrays = {"points": samples.numpy()}
        if labels is not None:
            arrays["labels"] = labels.numpy()
        np.savez_compressed(out, **arrays)
        return out
    if out.suffix.lower() in FILMS:
        from ganzoo.report.film import write_film

        write_film(samples, out)
        return out
    if out.suffix:
        if out.suffix.lower() not in PICTURES:
            raise UsageError(
                f"--out {out}: wanted a picture (.png, .jpg, .webp), a film (.gif, .mp4), arrays (.npz), or a folder without "
                "a suffix"
            )
        write_picture(samples, out)
        return out
    out.mkdir(exist_ok=True)
    if not pictures:
        np.savetxt(out / "points.csv", samples.flatten(1).numpy(), delimiter=",")
        return out
    for i, image in enumerate(to_uint8(samples, (-1.0, 1.0))):
        suffix = f"-{int(labels[i])}" if labels is not None else ""
        as_pillow(image).save(out / f"{i:06d}{suffix}.png")
    return out
