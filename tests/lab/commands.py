"""Runs this machine's programs for the lab, so that every failure says what was run and what it answered."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from backends.errors import RetryLater, Stop


def run(
    argv: Sequence[str], *, stdin: str | None = None, timeout_seconds: float = 60.0, action: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and return what it left; output is text.

    Raises:
        Stop: it could not be started, or ended with another status than 0.
        RetryLater: it was still running after `timeout_seconds`.
    """
    done = attempt(argv, stdin=stdin, timeout_seconds=timeout_seconds)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise Stop(f"`{' '.join(argv[:6])} …` ended with {done.returncode}: {words}", action=action or argv[0])
    return done


def attempt(
    argv: Sequence[str], *, stdin: str | None = None, timeout_seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Like `run`, for commands whose failure is an answer. Raises RetryLater and, when it cannot be started, Stop."""
    try:
        return subprocess.run(
            list(argv), input=stdin or "", text=True, errors="replace", capture_output=True, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired as error:
        raise RetryLater(
            f"`{' '.join(argv[:6])} …` took longer than {timeout_seconds:.0f} s", action=argv[0]
        ) from error
    except OSError as error:
        raise Stop(f"cannot start {argv[0]}: {error.strerror}", action=argv[0], hint="run scripts/setup") from error
