"""Whatever goes wrong is one clear message on stderr and an exit status, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from backends import paths
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError
from swarm_tui import exits
from swarm_tui.cli import root
from tests.unit.cli.conftest import Run


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes every subcommand raise."""

    def use(error: BaseException) -> None:
        @click.command()
        def broken() -> None:
            raise error

        monkeypatch.setattr(root.LazyGroup, "get_command", lambda self, ctx, name: broken)

    return use


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadInput("wrong", hint="next"), 64),
        (RetryLater("wrong", hint="next"), 3),
        (AskOperator("wrong", hint="next"), 2),
        (SkipHost("wrong", hint="next"), 2),
        (Stop("wrong", hint="next"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_each_kind_of_error_has_its_status(
    error: BaseException, status: int, run: Run, raising: Callable[[BaseException], None]
) -> None:
    raising(error)
    ran = run("status")
    assert (ran.status, ran.out) == (status, "")
    assert ran.err.strip() == ("error: wrong\n  → next" if isinstance(error, SwarmError) else "")


def test_host_and_action_are_told_and_escape_sequences_are_not(
    run: Run, raising: Callable[[BaseException], None]
) -> None:
    raising(Stop("bad \x1b[2J", host="gpu01", action="look"))
    assert run("status").err == "error: gpu01: bad  (while: look)\n"


def test_a_bug_is_one_line_and_the_traceback_is_kept(run: Run, raising: Callable[[BaseException], None]) -> None:
    raising(ZeroDivisionError("oops"))
    ran = run("status")
    assert ran.status == 2
    assert "Traceback" not in ran.err
    assert "this is a bug in swarm-tui: ZeroDivisionError: oops" in ran.err
    assert "Traceback" in (paths.state_dir() / "crash.log").read_text()


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    script = f"{sys.executable} -m swarm_tui config sample | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")  # 0: everything fitted into the pipe before it was closed


def test_the_statuses_are_the_public_ones() -> None:
    assert (exits.OK, exits.FAILED, exits.UNKNOWN, exits.USAGE, exits.INTERRUPTED) == (0, 2, 3, 64, 130)
