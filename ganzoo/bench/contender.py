"""The other end of the pipe: a process that trains one architecture in chunks, as a contender of `timing.in_turn`. No torch."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from ganzoo.bench.request import Request
from ganzoo.errors import GanzooError, UsageError

COMMAND = (sys.executable, "-m", "ganzoo.bench.child")  # and the folder that its runs go to
SECONDS_TO_END = 20.0


class Contender:
    """One process that answers JSON lines; use it in a `with`, which ends it.

    Args:
        command: its program and arguments; None: ganzoo's own, which runs architectures in a folder that is removed.
        environment: further variables.

    Raises:
        GanzooError: in any call, what went wrong in the process, or that it died. UsageError: the request was wrong.
    """

    def __init__(self, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ganzoo-bench-")
        self.spawned = time.time()
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by close
        # A session of its own: Ctrl-C reaches the coordinator, and that ends this process.
        self._process = subprocess.Popen(
            command or (*COMMAND, self._folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(at_once=kind is not None)

    def ask(self, do: str, **details: Any) -> Any:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **details}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise GanzooError(self._obituary(do))
        answer = json.loads(line)
        if "error" in answer:
            raise (UsageError if answer["error"]["kind"] == "usage" else GanzooError)(answer["error"]["text"])
        return answer["ok"]

    def open(self, request: Request) -> dict[str, Any]:
        """Build the run and take its first step; what it is."""
        opened: dict[str, Any] = self.ask("open", request=replace(request, spawned=self.spawned).to_dict())
        return opened

    def train(self, seconds: float) -> tuple[int, float]:
        """A chunk of training: images, seconds."""
        units, took = self.ask("train", seconds=seconds)
        return units, took

    def sample(self, seconds: float) -> tuple[int, float]:
        """A chunk of sampling: samples, seconds."""
        units, took = self.ask("sample", seconds=seconds)
        return units, took

    def close(self, at_once: bool = False) -> None:
        """End the process."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(0.0 if at_once else SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._said.close()
        self._folder.cleanup()

    def _obituary(self, doing: str) -> str:
        """How the process ended and the last line that it said."""
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            status = None
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        how = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
        last = f": {lines[-1][:300]}" if lines else ""
        return f"its process ended at `{doing}` with {how}{last}"
