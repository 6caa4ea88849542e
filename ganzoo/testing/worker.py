"""One of the two processes of `processes`: takes lines "id, data, file" from its input, and answers each with a line."""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
import torch.distributed as dist

from ganzoo import plugin
from ganzoo.discovery import describe
from ganzoo.engine.processes import Processes, see_joined_batches
from ganzoo.registry import registry
from ganzoo.testing.processes import recorded
from ganzoo.testing.subject import ArchSubject


def main() -> None:
    """Serves until its input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plugin prints is no answer
    torch.set_num_threads(1)
    processes = Processes.from_environment()
    processes.join(torch.device("cpu"))
    for line in sys.stdin:
        arch, data, out = line.rstrip("\n").split("\t")
        answer = "done"
        try:
            subject = ArchSubject(registry().find(plugin.Arch, arch), data)
            found: dict[str, Any] = dict(recorded(subject, processes))
            found["left"] = see_joined_batches(subject.game(), processes)
            if processes.leads:
                torch.save(found, out)
        except Exception as error:
            answer = describe(error)
        print(answer, file=answers, flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    os._exit(0)  # as ganzoo.__main__ does, and for its reason: its streams are flushed line by line
