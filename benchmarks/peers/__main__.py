"""Measure ganzoo against its peers, print a table for each workload, and write a page."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.check import check
from benchmarks.peers.contest import Contest, Outcome
from benchmarks.peers.page import page, table
from benchmarks.peers.process import Failed, Process
from benchmarks.peers.workloads import SETTINGS, WORKLOADS, Contender, Settings, Workload, find

ROOT = Path(__file__).resolve().parents[2]
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0, or 1 if a workload has no result at all."""
    asked = parser().parse_args(words)
    workloads = [find(name) for name in asked.workload] if asked.workload else list(WORKLOADS)
    notes = []
    if "OMP_NUM_THREADS" in os.environ:
        notes.append(
            f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']} was set: no contender had threads of its own choice."
        )
        _say(notes[0])
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="ganzoo-peers-") as folder:
        start = Starter(asked.peers_python, Path(folder))
        if asked.check:
            return 1 if check(workloads, start, asked.seconds, _say) else 0
        contest = Contest(start, asked.rounds, asked.seconds, say=_say)
        for workload in workloads:
            outcomes.append(contest.run(workload, asked.settings or SETTINGS))
            print(table(outcomes[-1]), end="\n\n", flush=True)
            if asked.out is not None:  # after each workload, so that nothing measured is lost
                asked.out.write_text(page(outcomes, asked.rounds, asked.seconds, notes), encoding="utf-8")
    return 0 if all(outcome.results for outcome in outcomes) else 1


class Starter:
    """Starts contenders: ganzoo with this interpreter, peers with theirs.

    Args:
        peers_python: the peers' interpreter. folder: where each gets an empty folder.
    """

    def __init__(self, peers_python: Path, folder: Path) -> None:
        self._peers_python, self._folder, self._count = peers_python, folder, 0

    def __call__(self, workload: Workload, contender: Contender, settings: Settings, threads: int | None) -> Process:
        """The process of a contender.

        Raises:
            Failed: it could not be started.
        """
        if not contender.own and not self._peers_python.exists():
            raise Failed(contender.name, f"no interpreter {self._peers_python}; make bench-peers makes one")
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        python = sys.executable if contender.own else str(self._peers_python)
        words = [python, "-m", "benchmarks.peers.child", workload.id, contender.name, "--folder", str(folder)]
        if settings == "equal":
            words += ["--keep-freed-memory", *(("--threads", str(threads)) if threads else ())]
        return Process(contender.name, words, ROOT)


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    names = [workload.id for workload in WORKLOADS]
    made.add_argument(
        "--workload", nargs="+", metavar="ID", choices=names, help=f"some of {', '.join(names)}; default all"
    )
    made.add_argument("--settings", nargs="+", choices=SETTINGS, help="of the peers; default both")
    made.add_argument("--rounds", type=int, default=7, metavar="N", help="for each group of contenders; default 7")
    made.add_argument("--seconds", type=float, default=0.6, metavar="S", help="of a chunk, at least; default 0.6")
    made.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, metavar="PATH", help="the peers' interpreter")
    made.add_argument("--check", action="store_true", help="measure nothing: see that each contender runs and learns")
    made.add_argument("--out", type=Path, metavar="FILE.md", help="write a dated page there")
    return made


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
