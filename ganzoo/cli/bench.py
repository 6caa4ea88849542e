"""`ganzoo bench`: how fast architectures train and sample here, where the time goes, and what the machine could do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ganzoo.cli.table import print_table
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import Arch
from ganzoo.registry import preset_of, registry

if TYPE_CHECKING:
    from ganzoo.bench.baseline import Baseline, Pair
    from ganzoo.bench.request import Request

CEILING_SECONDS = 16.0  # of --machine


@click.command("bench")
@click.option("--arch", "archs", multiple=True, metavar="NAME", help="Architecture; repeatable [default: all].")
@click.option("--preset", metavar="NAME", help="A named configuration of each architecture: see ganzoo show.")
@click.option("--data", metavar="WHAT", help="Data set, folder of pictures or file [default: fashion-12k].")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Samples an update.")
@click.option("--size", metavar="PX", help="Size of the pictures: 64, or height x width: 48x64.")
@click.option("--set", "assignments", multiple=True, metavar="FIELD=VALUE", help="Any other option; repeatable.")
@click.option("--device", metavar="NAME", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Of timing, for each.",
)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.option("--out", metavar="FOLDER", help="Write bench.json, roofline.svg and phases.svg there.")
@click.option("--against", metavar="FILE", help="A bench.json of before: print ratios; fail where training is slower.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    default=0.9,
    show_default=True,
    metavar="R",
    help="Lowest ratio to --against that passes.",
)
@click.option("--any-machine", is_flag=True, help="Compare with another machine's figures.")
@click.option("--trace", metavar="FILE", help="Write a trace of one architecture's steps, for Perfetto.")
@click.option("--machine", "machine_only", is_flag=True, help="Measure the machine's ceilings and nothing else.")
def command(
    archs: tuple[str, ...],
    preset: str | None,
    data: str | None,
    batch: int | None,
    size: str | None,
    assignments: tuple[str, ...],
    device: str,
    precision: str,
    threads: int | None,
    seconds: float,
    as_json: bool,
    out: str | None,
    against: str | None,
    tolerance: float,
    any_machine: bool,
    trace: str | None,
    machine_only: bool,
) -> None:
    """Measure how fast architectures train and sample here, and where the time goes.

    Each architecture runs in a process of its own, one after the other, as `ganzoo train` runs it. Rates are medians of
    chunks beside a calibration; chunks during which the machine was busy with something else are thrown away.

    \b
    Examples:
      ganzoo bench --arch dcgan --arch wgan-gp
      ganzoo bench --arch dcgan --size 64 --batch 64 --precision float32
      ganzoo bench --out before; ...; ganzoo bench --against before/bench.json
      ganzoo bench --arch dcgan --trace trace.json
      ganzoo bench --machine
    """
    if machine_only:
        _machine(device, threads, as_json)
        return
    ids = _ids(archs)
    if trace is not None:
        _check_trace(Path(trace), len(ids))

    from ganzoo.bench import baseline, document
    from ganzoo.bench.machine import identity
    from ganzoo.bench.request import Request
    from ganzoo.bench.subject import choose

    # All that can be refused is refused before minutes of measuring.
    choose(device, precision, threads, "image")
    here = identity(device)
    before = baseline.read(Path(against)) if against is not None else None
    if before is not None and not any_machine:
        before.check_machine(here)
    if out is not None:
        document.write(Path(out), ())
    own = {name: (*preset_of(registry().find(Arch, name), preset), *assignments) for name in ids}
    asked = [Request(name, data, batch, size, device, precision, threads, own[name], seconds) for name in ids]
    rows, machine = _measure(asked, Path(trace) if trace else None, quiet=as_json)
    if out is not None:
        _write(Path(out), rows, machine)
    if as_json:
        click.echo(document.text_of({"rows": rows, "machine": machine}), nl=False)
    elif len(rows) > 1:
        from ganzoo.bench import report

        click.echo()
        print_table(*report.summary(rows))
    _judge(rows, before, tolerance, as_json)


def _ids(names: Sequence[str]) -> list[str]:
    """The ids of the architectures that were named, each once; without names all that are installed.

    Raises:
        UsageError: a name is unknown, or nothing is installed.
    """
    found = registry()
    if names:
        return list(dict.fromkeys(found.find(Arch, name).id for name in names))
    if found.problems:
        sources = ", ".join(sorted({problem.source for problem in found.problems}))
        click.echo(f"Plugins with problems: {sources}. `ganzoo plugins` says more.", err=True)
    ids = [entry.id for entry in found.entries(Arch)]
    if not ids:
        raise UsageError("no architecture is installed. The project's own: pip install 'ganzoo[zoo]'")
    return ids


def _check_trace(file: Path, archs: int) -> None:
    if archs != 1:
        raise UsageError(f"--trace is of one architecture, and {archs} were asked for; name it with --arch")
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UsageError(f"--trace {file}: wanted a file in a folder that exists")


def _measure(asked: Sequence[Request], trace: Path | None, quiet: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from ganzoo.bench import report
    from ganzoo.bench.suite import MACHINE_SECONDS, Suite

    rows: list[dict[str, Any]] = []
    with _bar(len(asked)) as bar:
        suite = Suite(bar.told, min(MACHINE_SECONDS, asked[0].seconds))
        for request in asked:
            bar.begin(request.arch)
            try:
                row = suite.row(request, trace)
            except UsageError as error:
                if len(asked) == 1:
                    raise
                row = suite.failed(request, str(error))
            rows.append(row)
            bar.end()
            if not quiet:
                click.echo(report.of_row(row) + "\n")
        first = asked[0]
        machine = suite.machine or suite.machine_for(first.device, first.threads)
    return rows, machine.to_dict()


def _write(folder: Path, rows: Sequence[dict[str, Any]], machine: dict[str, Any]) -> None:
    from ganzoo.bench import document, pictures

    whole = document.document(rows, machine)
    drawings = {"roofline.svg": pictures.roofline(rows, machine), "phases.svg": pictures.phases(rows, machine)}
    document.write(folder, [("bench.json", document.text_of(whole)), *drawings.items()])
    click.echo(f"wrote {', '.join(str(folder / name) for name in ('bench.json', *drawings))}", err=True)


def _judge(rows: Sequence[dict[str, Any]], before: Baseline | None, tolerance: float, as_json: bool) -> None:
    """Say what is wrong with the rows, and fail if anything is."""
    from ganzoo.bench import report

    faults = []
    failed = [row["arch"] for row in rows if row["status"] != "ok"]
    if failed:
        faults.append(f"{len(failed)} of {len(rows)} architectures failed: {', '.join(failed)}")
        if as_json:
            faults += [f"{row['arch']}: {row['reason']}" for row in rows if row["status"] != "ok"]
    if before is not None:
        comparison = before.compare(rows)
        click.echo(f"\n{report.of_comparison(comparison, str(before.path))}", err=as_json)
        slower = comparison.slower(tolerance)
        faults += [_slower(pair, tolerance) for pair in slower]
        if not comparison.pairs:
            faults.append(f"no row has a partner in {before.path}, so nothing was compared")
    if faults:
        raise GanzooError("\n".join(faults))


def _slower(pair: Pair, tolerance: float) -> str:
    text = f"{pair.arch} trains at {pair.train:.2f} of the baseline's rate; {tolerance:g} was wanted"
    if pair.machine is not None and pair.machine < tolerance:
        text += f" (the machine itself ran at {pair.machine:.2f} of its speed then: measure again when it is free)"
    return text


def _machine(device: str, threads: int | None, as_json: bool) -> None:
    from ganzoo.bench import machine, report

    with _bar(1) as bar:
        bar.begin("ceilings")
        found = machine.measure(device, threads, CEILING_SECONDS, lambda share: bar.told("measuring", share)).to_dict()
    click.echo(json.dumps(found, indent=2) if as_json else report.of_machine(found))


class _Bar:
    """Progress on stderr: on a terminal a bar with the time left, elsewhere a line for each architecture."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        terminal = Console(stderr=True)
        self._shown = terminal.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=terminal, disable=not self._shown, transient=True)
        self._total, self._done, self._name = total, 0, ""
        self._task = self._progress.add_task("", total=total)

    def begin(self, name: str) -> None:
        self._name = name
        if not self._shown:
            click.echo(f"{self._done + 1}/{self._total} {name}", err=True)
        self._progress.start()

    def told(self, what: str, share: float) -> None:
        at = f"{self._done + 1}/{self._total} {self._name}: {what}"
        self._progress.update(self._task, description=at, completed=self._done + share)

    def end(self) -> None:
        """Take the bar away, so that the row can be printed where it was."""
        self._done += 1
        self._progress.update(self._task, completed=self._done)
        self._progress.stop()

    def stop(self) -> None:
        self._progress.stop()


@contextmanager
def _bar(total: int) -> Iterator[_Bar]:
    bar = _Bar(total)
    try:
        yield bar
    finally:
        bar.stop()
