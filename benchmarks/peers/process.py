"""The coordinator's side of the protocol: a contender's process, which stands still while others are measured."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE = 900.0  # seconds until an answer: imports, compilation and a slow cycle fit in
GRACE = 10.0  # seconds to end by itself


class Failed(Exception):
    """A contender cannot go on; the text says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Process:
    """Starts a contender and asks it for chunks.

    Between two chunks the process is stopped by a signal: a thread that waits for work by spinning, or a progress display,
    would otherwise take time from whoever is measured next.

    Args:
        name: for errors. command: that starts it. folder: where it starts. environment: None: this process's.
        patience: seconds until an answer. grace: seconds to end by itself.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        patience: float = PATIENCE,
        grace: float = GRACE,
    ) -> None:
        self.name, self.memory = name, 0
        self._patience, self._grace, self._pending = patience, grace, b""
        try:
            # A group of its own: Ctrl-C is for the coordinator, and if that dies the kernel ends a stopped group.
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except OSError as error:
            raise Failed(name, f"{command[0]} could not be started ({error.strerror})") from error
        self._answers = selectors.DefaultSelector()
        assert self._process.stdout is not None
        self._answers.register(self._process.stdout, selectors.EVENT_READ)

    def wait_until_ready(self) -> dict[str, Any]:
        """What the contender says of itself once it trains.

        Raises:
            Failed: it does not get there.
        """
        ready: dict[str, Any] = self._read()["ready"]
        self._stop()
        return ready

    def chunk(self, seconds: float) -> tuple[int, float]:
        """Train for about so many seconds: images and seconds.

        Raises:
            Failed: the process ended, or told of an error.
        """
        answer = self._ask({"seconds": seconds})
        self.memory = max(self.memory, int(answer.get("memory", 0)))
        return int(answer["images"]), float(answer["seconds"])

    def tell(self) -> dict[str, Any]:
        """The contender's facts as they are now, its latest losses among them."""
        facts: dict[str, Any] = self._ask({"tell": True})["facts"]
        return facts

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process.poll() is None:
            try:
                self._process.send_signal(signal.SIGCONT)
                assert self._process.stdin is not None
                self._process.stdin.write(b'{"stop": true}\n')
                self._process.stdin.close()
                self._process.wait(self._grace)
            except (OSError, ValueError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        self._answers.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._process.send_signal(signal.SIGCONT)
            assert self._process.stdin is not None
            self._process.stdin.write((json.dumps(request) + "\n").encode())
            self._process.stdin.flush()
        except OSError as error:
            raise Failed(self.name, self._how_it_ended()) from error
        answer = self._read()
        self._stop()
        return answer

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)

    def _read(self) -> dict[str, Any]:
        line = self._read_line()
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise Failed(self.name, f"it answered {line[:100]!r}, which is not JSON") from None
        if "error" in answer:
            raise Failed(self.name, " ".join(str(answer["error"]).split())[:300])
        return answer

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        end = time.monotonic() + self._patience
        while b"\n" not in self._pending:
            if not self._answers.select(max(0.0, end - time.monotonic())):
                raise Failed(self.name, f"no answer within {self._patience:g} s")
            part = os.read(self._process.stdout.fileno(), 65_536)
            if not part:
                raise Failed(self.name, self._how_it_ended())
            self._pending += part
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(self._grace)
        except subprocess.TimeoutExpired:
            return "it closed its pipes"
        if status < 0:
            return f"it was ended by {signal.Signals(-status).name}"
        return f"it ended with exit status {status}"
