"""Runs what the rpm and pacman modules want to know on a host and gives back safe text: their one place with an `Exec`."""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import SkipHost
from backends.execution import Exec, ExecResult
from backends.updates.answers import LIMIT_BYTES, NO_SUCH_PROGRAM, Answer, answer, safe
from backends.updates.base import ENVIRONMENT

__all__ = ("Answer", "ask", "fetch", "safe")

UNTRANSLATED = (*ENVIRONMENT, "TZ=UTC0")
"""dnf writes its history in the host's own time zone."""
TIMEOUT_SECONDS = 180.0
"""dnf takes about a second a call here; with a large distribution's lists on a busy host, a minute."""


def ask(host: Exec, argv: Sequence[str]) -> Answer:
    """What `argv` says, as safe text. Raises as `fetch`."""
    return answer(fetch(host, argv))


def fetch(host: Exec, argv: Sequence[str]) -> ExecResult:
    """Run `argv` as root (root's lists are the ones that count) with untranslated output; nothing is decoded yet.

    Raises:
        SkipHost: there is no such program, or the answer is longer than any honest one.
        RetryLater, AskOperator: as `Exec.run`.
    """
    result = host.run((*UNTRANSLATED, *argv), timeout_seconds=TIMEOUT_SECONDS, limit_bytes=LIMIT_BYTES)
    if result.exit_status == NO_SUCH_PROGRAM:
        raise SkipHost(f"there is no {argv[0]} here", host=host.host, action=f"run {argv[0]}")
    if result.truncated:
        raise SkipHost(f"the answer of {argv[0]} is too long", host=host.host, action=f"run {argv[0]}")
    return result
