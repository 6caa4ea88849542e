"""`python -m ganzoo`, and so `torchrun -m ganzoo`: the command line under its other name."""

from ganzoo.cli.main import main

if __name__ == "__main__":
    main(prog_name="ganzoo")
