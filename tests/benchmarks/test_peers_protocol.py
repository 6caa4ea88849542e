"""The coordinator of benchmarks/peers with contenders that only pretend to train; no peer is installed for it."""

from __future__ import annotations

import ast
import ctypes
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import child, contest, page
from benchmarks.peers.check import check
from benchmarks.peers.contest import Contest, Outcome, Result, groups
from benchmarks.peers.gate import Gate, Stopped
from benchmarks.peers.process import Failed, Process
from benchmarks.peers.workloads import SETTINGS, WORKLOADS, Contender, Settings, Workload, find
from ganzoo.engine import device

ROOT = Path(__file__).resolve().parents[2]
TRAINS = "step = 0\nwhile True:\n    time.sleep({pause})\n    step += 1\n    gate.passed(10)\n"
CONTENDER = """
import sys, time
from benchmarks.peers.gate import Gate, Stopped
facts = {facts}
gate = Gate(sys.stdin, sys.stdout, lambda: facts)
try:
{body}
except Stopped:
    pass
"""

WORKLOAD = Workload(
    "T",
    "nothing",
    (1, 2, 2),
    10,
    1,
    (3, 4),
    (Contender("own", "none", own=True), Contender("fast", "none"), Contender("slow", "none")),
)


def script(body: str, facts: dict[str, Any] | None = None) -> list[str]:
    """A contender's command."""
    known = {"threads": 3, "parameters": [3, 4], "losses": [0.5, 0.7]} | (facts or {})
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return [sys.executable, "-c", CONTENDER.format(facts=known, body=indented)]


def process(body: str, facts: dict[str, Any] | None = None, patience: float = 30.0) -> Process:
    """A contender's process, which is given little time to end."""
    return Process("pretender", script(body, facts), ROOT, patience=patience, grace=0.3 if patience < 1 else 10)


@contextmanager
def closing(started: Process) -> Iterator[Process]:
    try:
        yield started
    finally:
        started.close()


class Starts:
    """Starts pretenders by the pause of their steps, and remembers how they were started."""

    def __init__(self, **bodies: str) -> None:
        self.bodies = bodies
        self.asked: list[tuple[str, Settings, int | None]] = []
        self.alive: list[Process] = []
        self.most = 0

    def __call__(self, workload: Workload, contender: Contender, settings: Settings, threads: int | None) -> Process:
        self.asked.append((contender.name, settings, threads))
        started = Process(contender.name, script(self.bodies[contender.name]), ROOT, patience=30)
        self.alive.append(started)
        self.most = max(self.most, sum(p._process.poll() is None for p in self.alive))
        return started


def run(starts: Callable[..., Process], workload: Workload = WORKLOAD, **options: Any) -> Outcome:
    return Contest(starts, 3, 0.03, calibrate=lambda: 1.0).run(workload, **options)


# The contender's side.


def gate_over(lines: list[dict[str, Any]], ticks: list[float], updates: int = 1) -> tuple[Gate, io.StringIO]:
    answers = io.StringIO()
    asked = io.StringIO("".join(json.dumps(line) + "\n" for line in lines))
    clock = iter(ticks)
    return Gate(asked, answers, lambda: {"threads": 1}, updates=updates, clock=lambda: next(clock)), answers


def answers_of(answers: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_gate_counts_the_steps_of_a_chunk_alone() -> None:
    # The clock is read when a chunk is asked for, after each step that may be its last, and once more for the answer.
    gate, answers = gate_over([{"seconds": 1.0}, {"stop": True}], [10.0, 10.4, 11.2, 11.2])
    for _ in range(4):
        gate.passed(7)  # two before it is ready, two in the chunk: the first of these is too few to end it
    with pytest.raises(Stopped):
        gate.passed(7)
    ready, chunk = answers_of(answers)
    assert ready == {"ready": {"threads": 1}}
    assert chunk["images"] == 21
    assert chunk["seconds"] == pytest.approx(1.2)


def test_a_chunk_is_two_updates_at_least_however_short_it_should_be() -> None:
    gate, answers = gate_over([{"seconds": 0.0}, {"stop": True}], [0.0, 5.0, 5.0])
    for _ in range(3):
        gate.passed(1)
    with pytest.raises(Stopped):
        gate.passed(1)
    assert answers_of(answers)[1]["images"] == 2


def test_a_cycle_of_five_updates_is_enough_for_a_chunk() -> None:
    gate, answers = gate_over([{"seconds": 0.0}, {"stop": True}], [0.0, 5.0, 5.0], updates=5)
    gate.passed(320)
    with pytest.raises(Stopped):
        gate.passed(320)
    assert answers_of(answers)[1]["images"] == 320


def test_what_is_still_computed_belongs_to_the_chunk() -> None:
    now = [0.0]
    answers = io.StringIO()
    gate = Gate(io.StringIO('{"seconds": 1}\n'), answers, clock=lambda: now[0])
    gate.passed(1)
    gate.passed(1)
    gate.settle = lambda: now.__setitem__(0, now[0] + 3.0)
    gate.passed(1)
    now[0] = 2.0
    with pytest.raises(Stopped):  # the coordinator has gone
        gate.passed(1)
    assert answers_of(answers)[1]["seconds"] == 5.0


def test_told_losses_may_be_numbers_or_a_function() -> None:
    assert child.told({"losses": (1, 2.5)}) == {"losses": [1.0, 2.5]}
    assert child.told({"losses": lambda: [3], "threads": 2, "networks": object()}) == {"losses": [3.0], "threads": 2}


def test_the_allocator_settings_are_those_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: object) -> None:
            pass

        @staticmethod
        def mallopt(option: int, value: int) -> int:
            calls.append((option, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("GANZOO_ALLOCATOR", raising=False)
    assert device.keep_freed_memory()
    of_engine = sorted(calls)
    calls.clear()
    assert child.keep_freed_memory()
    assert sorted(calls) == of_engine != []


# The coordinator's side.


def test_a_process_trains_in_chunks_and_tells_its_facts() -> None:
    with closing(process(TRAINS.format(pause=0.005))) as pretender:
        assert pretender.wait_until_ready()["threads"] == 3
        images, seconds = pretender.chunk(0.05)
        assert 0.05 <= seconds < 5
        assert 0 < images <= 10 * seconds / 0.005
        assert pretender.memory > 2**20 or not sys.platform.startswith("linux")
        assert pretender.tell()["losses"] == [0.5, 0.7]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_process_stands_still_between_chunks() -> None:
    with closing(process(TRAINS.format(pause=0.001))) as pretender:
        pretender.wait_until_ready()
        pretender.chunk(0.01)
        status = Path(f"/proc/{pretender._process.pid}/stat")
        end = time.monotonic() + 5
        while (state := status.read_text().rpartition(")")[2].split()[0]) != "T" and time.monotonic() < end:
            time.sleep(0.01)
        assert state == "T"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
        ("print('hello', flush=True)", "not JSON"),
        ('print(\'{"error": "ImportError: no\\\\n module"}\', flush=True)', "ImportError: no module"),
        ("time.sleep(60)", "no answer within"),
    ],
)
def test_a_process_that_fails_says_why(body: str, reason: str) -> None:
    patience = 0.5 if reason == "no answer within" else 30
    with closing(process(body, patience=patience)) as pretender, pytest.raises(Failed, match=reason):
        pretender.wait_until_ready()


def test_a_missing_interpreter_is_a_reason() -> None:
    with pytest.raises(Failed, match="could not be started"):
        Process("pretender", ["/nowhere/python"])


def test_close_ends_a_process_that_does_not_listen() -> None:
    deaf = "print('{\"ready\": {}}', flush=True)\nwhile True: time.sleep(1)"
    pretender = process(deaf, patience=0.9)
    pretender._patience = 30
    pretender.wait_until_ready()
    pretender.close()
    assert pretender._process.poll() == -9


# The contest.


def test_ratios_are_of_ganzoo_over_the_peer() -> None:
    starts = Starts(own=TRAINS.format(pause=0.002), fast=TRAINS.format(pause=0.001), slow=TRAINS.format(pause=0.02))
    outcome = run(starts)
    assert not outcome.missing
    assert {(r.name, r.settings) for r in outcome.results} == {
        ("own", "shipped"),
        *((name, kind) for name in ("fast", "slow") for kind in SETTINGS),
    }
    for kind in SETTINGS:
        slow, fast = outcome.of("slow", kind), outcome.of("fast", kind)
        assert slow is not None
        assert fast is not None
        assert slow.over["own"][0] > 2 > 1.2 > fast.over["own"][0]
        assert slow.over["own"][1] <= slow.over["own"][0] <= slow.over["own"][2]
        assert slow.rounds == 3


def test_equal_settings_give_peers_the_threads_of_ganzoo() -> None:
    quick = TRAINS.format(pause=0.001)
    starts = Starts(own=quick, fast=quick, slow=quick)
    run(starts)
    assert ("own", "shipped", None) in starts.asked
    assert ("fast", "shipped", None) in starts.asked
    assert ("fast", "equal", 3) in starts.asked
    assert [name for name, _, _ in starts.asked].count("own") == 1


def test_no_more_than_five_processes_are_in_memory() -> None:
    quick = TRAINS.format(pause=0.001)
    peers = [f"peer{i}" for i in range(6)]
    workload = Workload(
        "T",
        "nothing",
        (2,),
        10,
        1,
        (3, 4),
        (Contender("own", "none", own=True), *(Contender(name, "none") for name in peers)),
    )
    starts = Starts(own=quick, **dict.fromkeys(peers, quick))
    outcome = run(starts, workload, settings=["shipped"])
    assert len(outcome.results) == 7
    assert starts.most <= contest.RESIDENT
    assert all(p._process.poll() is not None for p in starts.alive)


def test_a_peer_that_dies_leaves_the_others_their_figures() -> None:
    quick = TRAINS.format(pause=0.001)
    # Its first chunk is thrown away; it dies when it is asked for the second of those that count.
    asked = "lines = iter(sys.stdin.readline, '')\nclass Asked:\n    n = 0\n    def readline(self):\n"
    asked += "        self.n += 1\n        return next(lines) if self.n < 3 else sys.exit(4)\ngate._asked = Asked()\n"
    dies = asked + quick
    starts = Starts(own=quick, fast=quick, slow=dies)
    outcome = run(starts, settings=["shipped"])
    assert outcome.missing == {("slow", "shipped"): "it ended with exit status 4"}
    assert outcome.of("fast", "shipped") is not None
    assert outcome.of("own", "shipped") is not None


def test_ganzoo_failing_is_a_row_and_peers_have_rates() -> None:
    quick = TRAINS.format(pause=0.001)
    outcome = run(Starts(own="raise SystemExit(2)", fast=quick, slow=quick), settings=["shipped"])
    fast = outcome.of("fast", "shipped")
    assert fast is not None
    assert fast.over == {}
    assert "exit status 2" in page.table(outcome)


def test_losses_that_are_not_finite_are_no_result() -> None:
    quick = TRAINS.format(pause=0.001)

    def start(workload: Workload, contender: Contender, settings: Settings, threads: int | None) -> Process:
        facts = {"losses": [1.0, 1e400]} if contender.name == "fast" else {}
        command = script(quick, facts)
        return Process(contender.name, [command[0], "-c", "inf = float('inf')\n" + command[2]], ROOT, patience=30)

    outcome = run(start, settings=["shipped"])
    assert "not finite" in outcome.missing["fast", "shipped"]
    assert outcome.of("slow", "shipped") is not None


def test_groups_are_few_and_even() -> None:
    contenders = [Contender(str(i), "none") for i in range(4)]
    assert [[c.name for c in group] for group in groups(contenders, 3)] == [["0", "1"], ["2", "3"]]
    assert groups([], 3) == []
    assert len(groups(contenders, 4)) == 1


def test_check_finds_wrong_networks_and_losses_that_do_not_fall() -> None:
    falls = "import itertools\n"
    falls += "numbers = itertools.count()\ngate._facts = lambda: facts | {'losses': [-next(numbers), 0.0]}\n"

    def start(workload: Workload, contender: Contender, settings: Settings, threads: int | None) -> Process:
        facts: dict[str, Any] = {"slow": {"parameters": [3, 5]}}.get(contender.name, {})
        body = (falls if contender.name == "own" else "") + TRAINS.format(pause=0.001)
        return Process(contender.name, script(body, facts), ROOT, patience=30)

    faults = check([WORKLOAD], start, 0.01)
    assert len(faults) == 2
    assert faults[0].startswith("T fast: the discriminator's loss did not fall")
    assert "[3, 5] parameters" in faults[1]


# What is written.


def outcome_of_two() -> Outcome:
    facts = {
        "threads": 2,
        "resident": 2**29,
        "versions": {"torch": "9.9"},
        "seconds to start": 41.7,
        "reasons": ["device cpu: none other"],
    }
    found = find("W2")
    outcome = Outcome(found)
    mine = [c.name for c in found.contenders if c.own]
    for name in mine:
        outcome.results.append(Result(name, "shipped", (150.0, 140.0, 160.0), 160.0, {}, 2**30, 5, 1, facts))
    over = {mine[0]: (1.5, 1.4, 1.6), mine[1]: (12.25, 11.0, 13.0)}
    outcome.results.append(Result("pytorch/examples", "shipped", (100.0, 90.0, 110.0), 110.0, over, 2**30, 5, 1, facts))
    outcome.missing["torchgan", "shipped"] = "ModuleNotFoundError: No module named 'torchgan'" + " and so on" * 9
    return outcome


def test_the_table_has_eighty_columns_and_each_ratio() -> None:
    text = page.table(outcome_of_two())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "1.50 (1.40-1.60)" in text
    assert "12.25 (11.00-13.00)" in text
    assert "No module named 'torchgan'" in text


def test_three_of_ganzoo_fit_into_the_table() -> None:
    found = find("W4")
    mine = [c.name for c in found.contenders if c.own]
    over = {name: (20.125 + i, 10.0, 30.0) for i, name in enumerate(mine)}
    slow = Result("Lightning", "equal", (1e6, 1e6, 1e6), 1e6, over, 0, 5, 0)
    text = page.table(Outcome(found, [slow]))
    assert len(mine) == 3
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(f" {20.125 + i:.2f}" in text for i in range(3))


def test_the_page_says_what_was_measured_and_what_was_not() -> None:
    text = page.page([outcome_of_two()], 5, 0.5)
    assert "| pytorch/examples | 2 | 100.0 (90.0 to 110.0) | **1.50** (1.40-1.60) | **12.25** (11.00-13.00) |" in text
    assert "not measured: ModuleNotFoundError" in text
    assert "5 rounds" in text
    assert "torch 9.9" in text
    assert "| 42 s |" in text
    assert "3,576,704" in text
    columns = {line.count("|") for line in text.splitlines() if line.startswith(("| peer", "| pytorch", "| torchgan"))}
    assert len(columns) == 1  # rows are as wide as their heading


def test_peers_that_cannot_be_had_are_rows(tmp_path: Path) -> None:
    found = find("W4")
    own = next(c for c in found.contenders if c.own)
    starter = command.Starter(tmp_path / "no" / "python", tmp_path)

    def start(workload: Workload, contender: Contender, settings: Settings, threads: int | None) -> Process:
        if contender.own:
            return Process(own.name, script(TRAINS.format(pause=0.001)), ROOT, patience=30)
        return starter(workload, contender, settings, threads)

    outcome = run(start, found, settings=["shipped"])
    assert outcome.of(own.name, "shipped") is not None
    assert all("make bench-peers" in reason for reason in outcome.missing.values())
    assert len(outcome.missing) == sum(not c.own for c in found.contenders)
    assert page.table(outcome).count("no interpreter") == len(outcome.missing)


# The workloads.


def test_every_contender_has_an_adapter_and_a_name_of_its_own() -> None:
    folder = ROOT / "benchmarks" / "peers" / "adapters"
    for workload in WORKLOADS:
        names = [contender.name for contender in workload.contenders]
        assert len(set(names)) == len(names)
        assert any(contender.own for contender in workload.contenders)
        for contender in workload.contenders:
            tree = ast.parse((folder / f"{contender.adapter}.py").read_text(encoding="utf-8"))
            functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert [a.arg for a in functions["train"].args.args] == [
                "workload",
                "contender",
                "gate",
                "facts",
                "threads",
            ]


def test_no_adapter_of_a_peer_imports_ganzoo() -> None:
    for file in [*(ROOT / "benchmarks" / "peers" / "adapters").glob("*.py"), *_child_files()]:
        if file.name == "ganzoo_run.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "ganzoo" for name in names), file


def _child_files() -> list[Path]:
    return [ROOT / "benchmarks" / "peers" / f"{name}.py" for name in ("child", "gate", "workloads", "data", "networks")]


@pytest.mark.parametrize("workload_id", ["W1", "W2", "W3", "W4", "W4b"])
def test_the_networks_of_the_loops_have_the_published_numbers_of_parameters(workload_id: str) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.peers.networks import Networks, numbers_of_parameters

    workload = find(workload_id)
    networks = Networks(workload)
    assert numbers_of_parameters(networks.generator, networks.discriminator) == workload.parameters
    made = networks.generator(torch.randn(2, workload.latent))
    assert made.shape == (2, *workload.shape)
    assert networks.discriminator(made).shape == (2,)


def test_batches_are_the_bytes_in_the_range_of_tanh() -> None:
    from benchmarks.peers.data import float_batches, pictures

    workload = find("W1")
    first, last = float_batches(workload), float_batches(workload, "channels last")
    assert first[0].shape == (256, 1, 28, 28)
    assert first[0].min() == -1.0
    assert first[0].max() == 1.0
    assert (first[0].transpose(0, 2, 3, 1) == last[0]).all()
    assert round(float((first[0][3, 0, 4, 5] + 1) * 127.5)) == pictures(workload)[3, 4, 5, 0]


def test_an_unknown_workload_is_an_error() -> None:
    with pytest.raises(ValueError, match="W3b"):
        find("W9")
