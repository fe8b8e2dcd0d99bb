"""Runs what apt's modules want to know on a host and gives back safe text: the one place where they touch an `Exec`."""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import SkipHost
from backends.execution import Exec
from backends.updates.answers import LIMIT_BYTES, NO_SUCH_PROGRAM, Answer, answer
from backends.updates.base import ENVIRONMENT

TIMEOUT_SECONDS = 120.0
"""A simulation takes 1–3 s; on a busy host with many packages, ten times that."""


def ask(host: Exec, argv: Sequence[str], *, become: bool = False) -> Answer:
    """Run `argv` with untranslated output.

    Raises:
        SkipHost: there is no such program, or the answer is longer than any honest one.
        RetryLater, AskOperator: as `Exec.run`.
    """
    result = host.run((*ENVIRONMENT, *argv), timeout_seconds=TIMEOUT_SECONDS, limit_bytes=LIMIT_BYTES, become=become)
    if result.exit_status == NO_SUCH_PROGRAM:
        raise SkipHost(f"there is no {argv[0]} here", host=host.host, action="ask apt", hint="not a Debian or Ubuntu?")
    if result.truncated:
        raise SkipHost(f"the answer of {argv[0]} is too long", host=host.host, action="ask apt")
    return answer(result)
