"""What a measurement says: a table of 80 columns, and a dated page in Markdown."""

from __future__ import annotations

import datetime
import os
import platform
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.contest import Outcome, Result
from benchmarks.peers.workloads import SETTINGS, Contender, Settings
from ganzoo.bench.timing import Spread

WORDS: dict[Settings, str] = {"shipped": "as shipped", "equal": "equal settings"}
WIDTH = 125  # of the page's paragraphs
MEMORY = ("peak memory", "of it before training")

PROTOCOL = """One process a contender, which stands still, stopped by a signal, while others are measured; at most 5 in memory.
Chunks of {seconds:g} s or more ({least}) in rotating order, {rounds} rounds a group; before them two updates or one
cycle, and a whole chunk, that do not count: compilation and the first choice of kernels lie there. A calibration
convolution before and after each round; rounds below 70 % of its best are thrown away. Ratios are medians of the
rounds' own ratios (least to most); ganzoo's own rates are those of its first group. An image is a real sample that
the discriminator or critic was shown.

ganzoo runs as `ganzoo train` does with default settings: progress display, rows of measurements, averaged weights,
finite check. Its runs are planned for 10^10 images: for a short run it would not compile. "As shipped" is a peer with
its own threads and glibc's allocator as it is; "equal settings" is the same peer with ganzoo's number of threads and
ganzoo's allocator settings. All contenders have random samples of one seed in memory: peers ready float batches,
ganzoo 8-bit pictures that it converts itself, or its own data set for points. Pictures and checkpoints of a run are
left out on all sides. Each contender's numbers of parameters were checked, and its losses are finite. "Ready after"
is the time from the start of the process to the end of its first steps: imports, data, networks and compilation, if
it is not cached."""


def table(outcome: Outcome) -> str:
    """The outcome of one workload, 80 columns wide."""
    mine = own_names(outcome)
    whole = len(mine) <= 2  # else there is no room for the least and the most
    width = 21 if whole else 42 // len(mine)
    lines = [f"{outcome.workload.id}  {outcome.workload.title}"]
    lines.append("under ganzoo's names: how many times faster it is, the median" + " (least-most)" * whole)
    lines.append(
        f"{'contender':<18}{'peer is':<9}{'images/s':>11}{''.join(f'{_short(name):>{width}}' for name in mine)}"
    )
    for contender, kind in _rows(outcome):
        label = f"{contender.name:<18}{'' if contender.own else kind:<9}"
        result = outcome.of(contender.name, kind)
        if result is None:
            lines.append(f"{label}  {outcome.missing.get((contender.name, kind), 'not run')}"[:80])
            continue
        ratios = [_ratio(result.over.get(name)) for name in mine]
        cells = "".join(f"{ratio if whole else ratio.split(' ')[0]:>{width}}" for ratio in ratios)
        lines.append(f"{label}{_rate(result.rate[0]):>11}{'' if contender.own else cells}".rstrip())
    return "\n".join(lines)


def page(outcomes: Sequence[Outcome], rounds: int, seconds: float, notes: Sequence[str] = ()) -> str:
    """The whole measurement as a dated page."""
    today = datetime.datetime.now().date().isoformat()
    least = "two updates at least, for WGAN-GP a whole cycle of five critic steps and one of the generator"
    protocol = PROTOCOL.format(seconds=seconds, rounds=rounds, least=least)
    parts = [f"# {today}, peers, {_cores()}", _wrapped(f"Machine: {machine()}. {versions(outcomes)}."), *notes]
    parts += ["## Protocol", *(_wrapped(paragraph) for paragraph in protocol.split("\n\n"))]
    parts += [_section(outcome) for outcome in outcomes]
    return "\n\n".join(parts) + "\n"


def _section(outcome: Outcome) -> str:
    workload = outcome.workload
    mine = own_names(outcome)
    lines = [f"## {workload.id}: {workload.title}", ""]
    generator, discriminator = workload.parameters
    lines += [f"Parameters: {generator:,} in the generator, {discriminator:,} in the discriminator.", ""]
    own_columns = ["threads", "images/s", "best", *MEMORY, "ready after", "rounds (thrown away)"]
    lines += [_line(["ganzoo", *own_columns]), _rule(len(own_columns) + 1)]
    for contender in (c for c in workload.contenders if c.own):
        result = outcome.of(contender.name, "shipped")
        cells = _own_cells(result) if result else [outcome.missing.get((contender.name, "shipped"), "not run")]
        lines.append(_line([contender.name, *cells, *[""] * (len(own_columns) - len(cells))]))
    columns = ["threads", "images/s", *(f"{name} over it" for name in mine), *MEMORY, "ready after"]
    for kind in SETTINGS:
        rows = [contender for contender, its_kind in _rows(outcome) if its_kind == kind and not contender.own]
        if not rows:
            continue
        lines += ["", _line([f"peer, {WORDS[kind]}", *columns]), _rule(len(columns) + 1)]
        for contender in rows:
            result = outcome.of(contender.name, kind)
            if result is None:
                cells = [f"not measured: {outcome.missing.get((contender.name, kind), 'not run')}"]
                cells += [""] * (len(columns) - 1)
            else:
                cells = _peer_cells(result, mine)
            lines.append(_line([contender.name, *cells]))
    said = [f"{contender.name}: {contender.note}." for contender in workload.contenders if contender.note]
    reasons = _reasons(outcome)
    lines += ["", _wrapped(" ".join(said))] if said else []
    lines += ["", _wrapped(f"ganzoo's choices: {'; '.join(reasons)}.")] if reasons else []
    return "\n".join(lines)


def _own_cells(result: Result) -> list[str]:
    low, high = result.rate[1:]
    return [
        str(result.facts.get("threads", "?")),
        f"**{_rate(result.rate[0])}** ({_rate(low)} to {_rate(high)})",
        _rate(result.best),
        _size(result.memory),
        _size(result.facts.get("resident", 0)),
        f"{result.facts.get('seconds to start', 0):.0f} s",
        f"{result.rounds} ({result.discarded})",
    ]


def _peer_cells(result: Result, mine: Sequence[str]) -> list[str]:
    low, high = result.rate[1:]
    return [
        str(result.facts.get("threads", "?")),
        f"{_rate(result.rate[0])} ({_rate(low)} to {_rate(high)})",
        *(_ratio(result.over.get(name), "**") for name in mine),
        _size(result.memory),
        _size(result.facts.get("resident", 0)),
        f"{result.facts.get('seconds to start', 0):.0f} s",
    ]


def own_names(outcome: Outcome) -> list[str]:
    """ganzoo's contenders in the workload."""
    return [contender.name for contender in outcome.workload.contenders if contender.own]


def _short(name: str) -> str:
    """ "ganzoo 16 seeds" as a heading."""
    return name.removeprefix("ganzoo ")


def _rows(outcome: Outcome) -> list[tuple[Contender, Settings]]:
    """Each contender with the settings that it was to run with: ganzoo once, peers with each that anything is known of."""
    known = {(result.name, result.settings) for result in outcome.results} | set(outcome.missing)
    rows: list[tuple[Contender, Settings]] = []
    for contender in outcome.workload.contenders:
        kinds: Sequence[Settings] = ("shipped",) if contender.own else SETTINGS
        rows += [(contender, kind) for kind in kinds if contender.own or (contender.name, kind) in known]
    return rows


def _reasons(outcome: Outcome) -> list[str]:
    """What ganzoo chose by itself, each line once; all but the precision, which differs and is in the name."""
    said: dict[str, None] = {}
    for result in outcome.results:
        said |= dict.fromkeys(r for r in result.facts.get("reasons", []) if not r.startswith("precision"))
    return list(said)


def versions(outcomes: Sequence[Outcome]) -> str:
    """Python and every package that a contender named."""
    found: dict[str, None] = {f"Python {platform.python_version()}": None}
    for outcome in outcomes:
        for result in outcome.results:
            found |= dict.fromkeys(f"{name} {version}" for name, version in result.facts.get("versions", {}).items())
    return ", ".join(found)


def machine() -> str:
    """Cores, their model and the memory, as far as Linux tells."""
    parts = [_cores()]
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    parts[0] += f" of {model[1].strip()}" if model else ""
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    parts += [f"{round(int(memory[1]) / 2**20)} GiB"] if memory else []
    return ", ".join([*parts, platform.system(), "no GPU used"])


def _cores() -> str:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return "one core" if count == 1 else "two cores" if count == 2 else f"{count} cores"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return f"|{'---|' * columns}"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 1_000 else f"{value:,.0f}"


def _ratio(spread: Spread | None, mark: str = "") -> str:
    if spread is None:
        return "-"
    middle, low, high = spread
    return f"{mark}{middle:.2f}{mark} ({low:.2f}-{high:.2f})"


def _size(value: Any) -> str:
    return f"{int(value) / 2**20:,.0f} MiB" if value else "?"
