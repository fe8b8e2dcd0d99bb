"""The edge of the command line: exit statuses, and errors as messages on stderr, never as a traceback.

0 ok · 1 warning · 2 critical or failed · 3 unknown (nothing could be learned) · 64 usage · 130 interrupted
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

import click

from backends import paths
from backends.errors import BadInput, RetryLater, SwarmError
from backends.text import clean_lines
from swarm_tui.cli.root import swarm_tui
from swarm_tui.exits import FAILED, INTERRUPTED, OK, UNKNOWN, USAGE

PIPE_CLOSED = 128 + signal.SIGPIPE
"""What a shell reports for a program whose reader has gone."""


def guarded(arguments: list[str]) -> int:
    """Run the command line; whatever happens becomes an exit status."""
    try:
        result = swarm_tui.main(arguments, prog_name="swarm-tui", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return USAGE
    except SwarmError as error:
        tell(error)
        return status_of(error)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered has no reader
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 — the last boundary: the traceback goes into a file
        return _bug(error)
    return result if isinstance(result, int) else OK


def status_of(error: SwarmError) -> int:
    """Wrong input is usage; what may work later leaves the state unknown; the rest failed."""
    if isinstance(error, BadInput):
        return USAGE
    return UNKNOWN if isinstance(error, RetryLater) else FAILED


def tell(error: SwarmError) -> None:
    """The error on stderr: what is wrong, where, and the next step."""
    place = f"{error.host}: " if error.host else ""
    doing = f" (while: {error.action})" if error.action and "\n" not in error.message else ""
    click.echo(f"{click.style('error', fg='red')}: {clean_lines(place + error.message + doing)}", err=True)
    if error.hint:
        click.echo(f"  → {clean_lines(error.hint)}", err=True)


def _bug(error: Exception) -> int:
    """Something that should not happen: keep the traceback for a report, show one line."""
    text = "".join(traceback.format_exception(error))
    try:
        file: Path | None = paths.state_dir() / "crash.log"
        paths.write_atomic(paths.state_dir() / "crash.log", text.encode())
    except (OSError, SwarmError):
        file = None
    last = clean_lines(f"{type(error).__name__}: {error}", 400)
    click.echo(f"{click.style('error', fg='red')}: this is a bug in swarm-tui: {last}", err=True)
    click.echo(f"  → report it with {file}" if file else text, err=True)
    return FAILED
