"""The program `swarm-tui`: runs the command line and turns every error into one clear message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: those of the process) and return the exit status."""
    from swarm_tui.cli.failure import guarded  # late: the program's own start is part of every command

    return guarded(list(sys.argv[1:] if arguments is None else arguments))


def program() -> None:
    """The whole life of the process `swarm-tui`: `main`, then out.

    A process that was the engine leaves at once: it has closed what needs closing, and taking a thousand connections and
    their threads apart object by object would only delay its end (and the start of its successor) by a second.
    """
    status = main()
    if "backends.engine.daemon" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    program()
