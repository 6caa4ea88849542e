"""A contender's process: `python -m benchmarks.peers.child WORKLOAD CONTENDER [--threads N] [--keep-freed-memory]`.

What the contender prints goes to a terminal that nobody reads, so that progress displays cost what they cost a user; the
protocol has the process's own stdin and stdout.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import traceback
from typing import Any, TextIO

from benchmarks.peers.gate import Gate, Stopped, memory
from benchmarks.peers.workloads import find

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # mallopt's names
ALLOCATOR = ((MMAP_THRESHOLD, 1 << 30), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 64 << 20))
"""What ganzoo/engine/device.py sets; written again because a peer's interpreter has no ganzoo."""

TOLD = ("threads", "allocator", "versions", "parameters", "resident", "reasons")


def told(facts: dict[str, Any]) -> dict[str, Any]:
    """What the coordinator learns. `losses` may be numbers, one-element tensors, or a function that gives them."""
    known = {name: facts[name] for name in TOLD if name in facts}
    losses = facts.get("losses")
    if callable(losses):
        losses = losses()
    if losses is not None:
        known["losses"] = [float(loss) for loss in losses]
    return known


def keep_freed_memory() -> bool:
    """Give the process ganzoo's settings of glibc's allocator; whether that could be done."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(option, value) == 1 for option, value in ALLOCATOR)


def take_stdout() -> TextIO:
    """The process's stdout for the protocol alone; what is printed from now on goes to a terminal that is emptied."""
    answers = os.fdopen(os.dup(1), "w")
    cat = shutil.which("cat")
    if cat is None:
        sink = os.open(os.devnull, os.O_WRONLY)
    else:
        master, sink = pty.openpty()
        # A process of its own empties it: a thread would take time from the contender's interpreter.
        subprocess.Popen([cat], stdin=master, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(master)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    os.environ.setdefault("COLUMNS", "100")
    return answers


def main() -> int:
    """Train until the coordinator has enough; the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("contender")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--keep-freed-memory", action="store_true")
    parser.add_argument("--folder", help="an empty folder for what the trainer writes; the coordinator removes it")
    asked = parser.parse_args()
    answers = take_stdout()
    folder = asked.folder or tempfile.mkdtemp(prefix="ganzoo-peers-")
    workload = find(asked.workload)
    contender = workload.contender(asked.contender)
    facts: dict[str, Any] = {"threads": None, "allocator": "as shipped"}
    try:
        if asked.keep_freed_memory:
            facts["allocator"] = "keeps freed memory" if keep_freed_memory() else "could not be set"
        adapter = importlib.import_module(f"benchmarks.peers.adapters.{contender.adapter}")
        os.chdir(folder)  # some trainers write logs and checkpoints where they stand
        gate = Gate(sys.stdin, answers, lambda: told(facts), updates=workload.d_steps)
        facts["resident"] = memory("VmRSS")
        adapter.train(workload, contender, gate, facts, asked.threads)
    except Stopped:
        return 0
    except BaseException as error:
        text = f"{type(error).__name__}: {error}".strip()
        answers.write(json.dumps({"error": text, "traceback": traceback.format_exc()}) + "\n")
        answers.flush()
        return 1
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    answers.write(json.dumps({"error": "it ended its training by itself"}) + "\n")
    answers.flush()
    return 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a trainer's threads and exit handlers have nothing left to do
