"""A process of its own that makes a pack of 128 pictures of 4x4, each filled with its number.

`python packing_process.py CACHE AT GATE`: before it makes picture AT, it waits until the file GATE exists. Prints a line for
each report and each progress, then the digest. Imports no torch, so it starts fast.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from ganzoo.data.packed import Made, Work, pack

COUNT = 128


def made(numbers: range) -> Made:
    if int(sys.argv[2]) in numbers:
        while not Path(sys.argv[3]).exists():
            time.sleep(0.01)
    return np.repeat(np.array(numbers, np.uint8), 16).reshape(-1, 4, 4, 1), {}


def say(*words: object) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    found = pack(
        "numbers",
        COUNT,
        lambda: Work((4, 4, 1), made),
        Path(sys.argv[1]),
        report=say,
        progress=lambda *it: say("done", *it),
        workers=2,
    )
    assert (found.images[:, 0, 0, 0] == np.arange(COUNT)).all()
    say("torch", "torch" in sys.modules)
    say("digest", found.digest)
