"""The pipe to a process: what it answers, what goes wrong in it, and that it is gone afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ganzoo.bench.contender import Contender
from ganzoo.bench.request import Request
from ganzoo.errors import GanzooError, UsageError

ECHO = """
import json, os, sys
print("a library talks", file=sys.stderr)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "die":
        print("the last words", file=sys.stderr, flush=True)
        os._exit(7)
    if asked["do"] == "abort":
        os.abort()
    wrong = {"usage": "wrong request", "failed": "it broke"}
    kind = asked["do"]
    answer = {"error": {"kind": kind, "text": wrong[kind]}} if kind in wrong else {"ok": [asked.get("seconds"), os.getpid()]}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "echo.py").write_text(ECHO)
    return [sys.executable, str(tmp_path / "echo.py")]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_chunk(command: list[str]) -> None:
    with Contender(command) as contender:
        seconds, process = contender.train(0.25)
        assert seconds == 0.25
        assert alive(int(process))
        assert contender.sample(0.5)[0] == 0.5
    assert not alive(int(process))


def test_errors_keep_their_kind_and_the_process_goes_on(command: list[str]) -> None:
    with Contender(command) as contender:
        with pytest.raises(UsageError, match="wrong request"):
            contender.ask("usage")
        with pytest.raises(GanzooError, match="it broke") as caught:
            contender.ask("failed")
        assert not isinstance(caught.value, UsageError)
        assert contender.ask("anything")


@pytest.mark.parametrize(("how", "words"), [("die", "exit status 7: the last words"), ("abort", "signal 6")])
def test_a_process_that_dies_is_one_line(command: list[str], how: str, words: str) -> None:
    with Contender(command) as contender:
        with pytest.raises(GanzooError, match=f"ended at `{how}` with {words}"):
            contender.ask(how)
        with pytest.raises(GanzooError, match="ended"):
            contender.ask("again")


def test_an_error_here_ends_it_at_once(command: list[str]) -> None:
    found: list[int] = []

    def interrupted() -> None:
        with Contender(command) as contender:
            found.append(int(contender.train(1.0)[1]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not alive(found[0])


def test_requests_survive_the_pipe() -> None:
    request = Request("a/b", "data", 3, "48x64", "cpu", "float32", 2, ("x=1", "y=2"), 1.5, 7.0)
    assert Request.from_dict(request.to_dict()) == request


@pytest.mark.parametrize(("seconds", "rounds", "chunk"), [(10.0, 14, 0.5), (1.0, 5, 0.14), (100.0, 140, 0.5)])
def test_chunks_are_short_and_five_at_least(seconds: float, rounds: int, chunk: float) -> None:
    found = Request("a", seconds=seconds).rounds(0.7)
    assert found[0] == rounds
    assert Request("a", seconds=seconds).rounds(0.7, 7.0)[0] == max(5, seconds * 0.1)
    assert found[1] == pytest.approx(chunk)
