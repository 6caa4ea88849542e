"""The page: its parts, each guarded, put together and written as one file of HTML that needs nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from ganzoo.errors import GanzooError, UsageError
from ganzoo.report import curves, facts, film, grids, manifold, neighbours
from ganzoo.report.blocks import Block, LeftOut, Part, Text, environment
from ganzoo.report.conclusions import conclusion
from ganzoo.report.material import Material
from ganzoo.report.svg import shortened

Say = Callable[[str], None]
FILE = "report.html"
_LONGEST = 400  # characters of an error in the page

# anchor, heading, what makes it.
PARTS: tuple[tuple[str, str, Callable[[Material], Sequence[Block]]], ...] = (
    ("run", "What the run is", facts.facts),
    ("samples", "Samples over the run", lambda material: grids.over_run(material.folder.samples)),
    ("classes", "Samples class by class", lambda material: grids.class_table(material.run, material.seed)),
    ("reconstructions", "Reconstructions", grids.reconstructions),
    ("interpolation", "From one sample to another", lambda material: film.interpolation(material.run, material.seed)),
    ("curves", "How training went", lambda material: curves.training(material.metrics)),
    ("health", "Health", lambda material: curves.health(material.metrics)),
    ("figures", "Figures over the run", lambda material: curves.figures(material.metrics)),
    ("evaluations", "Evaluations", facts.evaluations),
    ("overlap", "Precision and recall", manifold.plane),
    ("points", "Real and fake points", manifold.points),
    ("neighbours", "Nearest training pictures", neighbours.sheet),
)


def write(
    run: str | Path,
    out: str | Path | None = None,
    *,
    data: str | None = None,
    seed: int = 0,
    say: Say = lambda text: None,
) -> Path:
    """Write the page of a run; where it is. Nothing else in the run's folder changes.

    Args:
        run: its folder.
        out: an .html file; None: report.html in the run's folder.
        data: what to compare with instead of the run's own data.
        seed: of the samples that are drawn, and of which real ones they are compared with.
        say: told each part as it begins, and what went wrong.

    Raises:
        UsageError: the folder is no run, `out` is no place for a page, or `data` cannot be compared with.
        GanzooError: config.yaml cannot be read, or the page cannot be written.
    """
    material = Material(Path(run), data, seed)
    place = material.folder.path / FILE if out is None else Path(out)
    # Also so that no file of a run is overwritten by a slip.
    if place.suffix.lower() not in (".html", ".htm") or place.is_dir():
        raise UsageError(f"--out {place}: wanted a file whose name ends in .html")
    if data is not None:
        _check_data(material, data)
    page = render(material, say)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(page, encoding="utf-8")
            os.replace(part, place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise GanzooError(f"{place} cannot be written ({error.strerror}); choose another place with --out") from error
    return place


def render(material: Material, say: Say = lambda text: None) -> str:
    """The page's text."""
    with _one_thread():
        parts = []
        for anchor, heading, make in PARTS:
            say(heading)
            parts.append(made(anchor, heading, partial(make, material), say))
        words = conclusion(material)
    notes = [Text(note, "note") for note in dict.fromkeys(material.notes)]
    if notes:
        parts[0] = Part("run", parts[0].heading, (*parts[0].blocks, *notes), parts[0].reason, parts[0].failed)
    folder = shortened(material.folder.path.resolve().name, 80)
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            title=f"{material.arch}: {folder}",
            conclusion=words,
            parts=parts,
            version=_version(),
            seed=material.seed,
            made=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        )
    )


def made(anchor: str, heading: str, make: Callable[[], Sequence[Block]], say: Say = lambda text: None) -> Part:
    """A part, or the reason why it is not there: whatever goes wrong in it stays in it."""
    try:
        return Part(anchor, heading, tuple(make()))
    except LeftOut as reason:
        return Part(anchor, heading, reason=shortened(str(reason), _LONGEST))
    except GanzooError as error:
        return Part(anchor, heading, reason=shortened(str(error), _LONGEST))
    except Exception as error:
        cause = shortened(f"{type(error).__name__}: {error}", _LONGEST)
        say(f"{heading} failed: {cause}")
        return Part(anchor, heading, reason=cause, failed=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, whatever else the machine does: a run has one page. For small pictures more threads gain little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _check_data(material: Material, data: str) -> None:
    """What was asked for must be there; without a run that can be loaded nothing is compared, and the page says so."""
    try:
        _ = material.run
    except Exception:
        return
    try:
        _ = material.source
    except LeftOut as error:
        raise UsageError(f"--data {data}: {error}") from error


def _version() -> str:
    try:
        return importlib.metadata.version("ganzoo")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
