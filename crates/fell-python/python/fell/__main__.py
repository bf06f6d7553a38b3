"""The command line: ``python -m fell``, and the script ``fell``."""

from __future__ import annotations

import signal
import sys

from fell import _fell


def main() -> None:
    """Do what the command line says, and exit."""
    # As a program that is not Python's finds them, and its commands after it.
    for number in (signal.SIGINT, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    sys.exit(_fell.main(["fell", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
