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


@click.command("sample")
@click.argument("run")
@click.option("-n", "count", type=click.IntRange(min=1), default=64, show_default=True, metavar="N", help="Samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the latents.")
@click.option("--labels", metavar="LIST", help="Class names or indices, repeated to N: 0,1,2 or 0-9 or Bag,Dress.")
@click.option(
    "--interpolate", is_flag=True, help=f"A path: every {INTERPOLATION_STEPS} samples lead to the next latent."
)
@click.option("--out", metavar="WHERE", default="samples.png", show_default=True, help="grid.png, a folder, or .npz.")
@click.option(
    "--weights", type=click.Choice(["ema", "raw"]), default="ema", show_default=True, help="Averaged or trained."
)
def command(run: str, count: int, seed: int, labels: str | None, interpolate: bool, out: str, weights: str) -> None:
    """Draw samples from a RUN that `ganzoo train` made.

    \b
    Examples:
      ganzoo sample runs/wgan-gp-0001 -n 64 --seed 3 --out grid.png
      ganzoo sample runs/wgan-gp-0001 -n 1000 --out pictures/
      ganzoo sample runs/wgan-gp-0001 -n 1000 --out samples.npz
    """
    from ganzoo.runs import load

    loaded = load(run, weights=weights)
    chosen = parse_labels(labels, loaded.spec.class_names, loaded.spec.classes) if labels else None
    samples = loaded.sample(count, seed=seed, labels=chosen, interpolate=INTERPOLATION_STEPS if interpolate else None)
    used = loaded.labels(count, seed, chosen)
    try:
        where = write(loaded, samples, used, Path(out))
    except OSError as error:
        raise GanzooError(f"{out} could not be written ({error.strerror})") from error
    click.echo(f"{count} samples of {loaded.arch} at {loaded.images:,} images: {where}", err=True)


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
    """Write samples as one picture (.png, .jpg, .webp), as arrays (.npz), or as one file each into a folder.

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
    if out.suffix:
        if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
            raise UsageError(
                f"--out {out}: wanted a picture (.png, .jpg, .webp), arrays (.npz), or a folder without a suffix"
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
