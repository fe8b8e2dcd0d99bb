"""The small protocol through which a domain reaches a host: run an argv, get bounded bytes back.

Implemented over SSH (`backends.ssh`), on this machine, and by in-memory fakes in tests. Where a command is to be talked
with while it runs (Borg's RPC, a tar stream) there is `Channels` beside `Exec`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

Stream = Literal["out", "err"]
OnOutput = Callable[[Stream, bytes], None]
"""Called with each piece of output as it arrives, on the transport's thread; must return quickly."""


class ExecResult(msgspec.Struct, frozen=True):
    """What one command left behind."""

    exit_status: int | None
    """The exit status; None when the command was ended by a signal or the link was lost."""
    stdout: bytes = b""
    stderr: bytes = b""
    signal: str | None = None
    """The signal's name without SIG, when one ended it."""
    truncated: bool = False
    """Output beyond the limit was read and thrown away."""
    duration_seconds: float = 0.0


class Exec(Protocol):
    """One host, as far as running commands on it goes."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        """Run `argv` (never a shell string) and wait for it.

        Args:
            argv: program and arguments; quoted by the implementation where a shell is in the way.
            stdin: given to the program, then end of file.
            timeout_seconds: after this the channel is closed and RetryLater raised.
            limit_bytes: of stdout and of stderr that are kept.
            become: use the host's configured way to root, if any.
            on_output: sees every piece as it comes.

        Raises:
            RetryLater: not connected, link lost, timed out.
            AskOperator: the way to root was refused.
        """


class Duplex(Protocol):
    """A program that runs on a host, with its three streams open. Safe to use from several threads."""

    @property
    def ended(self) -> threading.Event:
        """Set when both of its output streams have ended and its exit status is known, or the way to it is lost."""

    @property
    def exit_status(self) -> int | None:
        """Known after `ended`; None when a signal or the loss of the link ended it."""

    def send(self, data: bytes, timeout_seconds: float) -> None:
        """Write to its stdin, waiting while it takes nothing. Raises OSError (TimeoutError when it does not go on)."""

    def end_input(self) -> None:
        """End of file on its stdin."""

    def close(self) -> None:
        """Let go of it without waiting: its streams end, `ended` comes."""


class Channels(Protocol):
    """One host, as far as holding programs there with their streams goes."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""

    def open(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        timeout_seconds: float = 30.0,
    ) -> Duplex:
        """Start `command` and return at once.

        Args:
            command: for the login shell there, made by `backends.hostkit.travel` (nothing of a host or of a configuration
                is in it).
            on_out: takes its stdout piece by piece. It may wait: what is not taken is not read, which stops the program.
            on_err: the same for stderr. Each is called on a thread of its own.
            on_end: called once, after the last piece of both.
            timeout_seconds: to open the channel, its turn included.

        Raises:
            RetryLater: not connected, no channel free in time.
            SkipHost: programs cannot be held there.
        """
