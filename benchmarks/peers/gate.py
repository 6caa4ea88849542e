"""The contender's side of the protocol: a gate in its training loop that opens when a chunk is asked for.

A trainer that owns its loop cannot be called for some seconds of training. So the loop runs as it likes and passes the gate
after every step: `passed(images)` counts, and between two chunks it does not return.

Lines of JSON: first {"ready": {...}} from here; then {"seconds": s} from the coordinator is answered by
{"images": n, "seconds": t, "memory": bytes}, and {"tell": true} by {"facts": {...}}, which costs no chunk anything;
{"stop": true} or a closed pipe ends the process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

LEAST_UPDATES = 2  # of the discriminator in a chunk, however slow they are


class Stopped(BaseException):
    """No more chunks are wanted. Not an Exception, so that no trainer takes it for a failure of its own."""


class Gate:
    """Counts images between the chunks that are asked for.

    Args:
        asked: lines from the coordinator. answers: lines to it. facts: of the contender, told when it is ready and when it is asked.
        updates: of the discriminator in a step. clock: seconds.
    """

    def __init__(
        self,
        asked: TextIO,
        answers: TextIO,
        facts: Callable[[], dict[str, Any]] = dict,
        *,
        updates: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._asked, self._answers, self._facts, self._clock = asked, answers, facts, clock
        self._least_steps = -(-LEAST_UPDATES // updates)
        self._steps = self._images = 0
        self._ready = False
        self._start, self._seconds = 0.0, 0.0
        self.settle: Callable[[], object] = lambda: None
        """Called at the end of a chunk, inside its time: waits for what is still being computed."""

    def passed(self, images: int) -> None:
        """One more step of training is done, which has used so many real samples.

        Raises:
            Stopped: no more chunks are wanted.
        """
        self._steps += 1
        self._images += images
        if not self._ready:
            if self._steps >= self._least_steps:
                self.settle()
                self._ready = True
                self._say({"ready": self._facts()})
                self._wait()
        elif self._steps >= self._least_steps and self._clock() - self._start >= self._seconds:
            self.settle()
            seconds = self._clock() - self._start
            self._say({"images": self._images, "seconds": seconds, "memory": memory("VmHWM")})
            self._wait()

    def _wait(self) -> None:
        while True:
            line = self._asked.readline()
            request = json.loads(line) if line.strip() else {"stop": True}
            if request.get("stop"):
                raise Stopped
            if "seconds" in request:
                break
            self._say({"facts": self._facts()})
        self._seconds = float(request["seconds"])
        self._steps = self._images = 0
        self._start = self._clock()

    def _say(self, answer: dict[str, Any]) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def memory(field: str) -> int:
    """Bytes: VmRSS, those of this process in memory now, or VmHWM, the most there ever were; 0 without Linux's /proc."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
