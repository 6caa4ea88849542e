"""`python -m ganzoo`, and so `torchrun -m ganzoo`: the command line under its other name."""

import os
import sys

from ganzoo.cli.main import main


def run() -> None:
    """The command line. One of several processes ends without Python's own clean-up: threads of gloo outlive the group, and
    one that wants Python's lock while the interpreter goes down aborts the process, after all was done and written."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        main(prog_name="ganzoo")
    try:
        main(prog_name="ganzoo")
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code or 0)


if __name__ == "__main__":
    run()
