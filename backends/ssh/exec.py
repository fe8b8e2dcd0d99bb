"""Runs commands on a host over its open session: argv in, bounded bytes out, whatever the login shell is."""

from __future__ import annotations

import contextlib
import re
import shlex
import threading
import time
from collections.abc import Callable, Sequence

from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import ExecResult, OnOutput, Stream
from backends.ssh.session import Command, Session
from backends.ssh.target import Target

FLOOD_PAUSE_SECONDS = 0.005
"""Pause for each piece (≤ 32 KB) beyond the limit: what is thrown away costs this machine at most about 6 MB/s."""

AS_ROOT = ("/bin/sh", "-c", 'if [ "$(id -u)" -eq 0 ]; then exec "$@"; fi; exec sudo -n -- "$@"', "sh")
"""Goes before an argv: root needs no sudo, and often has none."""

_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]+")
_QUOTABLE = re.compile(r"[^'!\\\x00-\x1f\x7f]*", re.ASCII)
_SUDO_SAYS_NO = (b"sudo:", b"Sorry, user ", b"sorry, you must have a tty")


def command_line(argv: Sequence[str]) -> str:
    """`argv` as a command line that sh, bash, dash, zsh, csh, tcsh and fish all read alike.

    These shells differ in how they read quotes, !, backslashes and line breaks; where one of those occurs, the line is
    sent in octal and decoded by /bin/sh. Raises BadInput for an empty argv or a NUL.
    """
    if not argv or any("\0" in word for word in argv):
        raise BadInput("an empty command or a NUL byte cannot be run", action="run a command")
    first = _PLAIN.fullmatch(argv[0]) and "=" not in argv[0]
    if first and all(_QUOTABLE.fullmatch(word) for word in argv):
        return "exec " + " ".join(
            word if _PLAIN.fullmatch(word) and not word.startswith(("~", "=")) else f"'{word}'" for word in argv
        )
    script = f"exec {shlex.join(argv)}".encode("utf-8", "surrogateescape")
    octal = "".join(f"\\0{byte:03o}" for byte in script)
    return f"""exec /bin/sh -c 'eval "$(printf %b "{octal}")"'"""


class SshExec:
    """Implements `backends.execution.Exec`. `session` gives the host's session now, or None while it is down."""

    def __init__(self, target: Callable[[], Target | None], session: Callable[[], Session | None], host: str):
        self._target = target
        self._session = session
        self._host = host

    @property
    def host(self) -> str:
        return self._host

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
        """See `backends.execution.Exec.run`."""
        session, target = self._session(), self._target()
        if session is None or target is None or not session.link.alive:
            raise RetryLater("not connected", host=self._host, action=f"run {argv[0] if argv else '?'}")
        raised = become and target.become == "sudo"
        line = command_line([*AS_ROOT, *argv] if raised else list(argv))
        started = time.monotonic()
        output = _Output(limit_bytes, on_output)
        with session.work(timeout_seconds):
            left = timeout_seconds - (time.monotonic() - started)
            command = session.start_work(line, on_out=output.out, on_err=output.err, timeout_seconds=max(0.1, left))
            _give(command, stdin, timeout_seconds - (time.monotonic() - started))
            over = command.ended.wait(max(0.0, timeout_seconds - (time.monotonic() - started)))
            if not over:
                command.close()
        if not over:
            raise self._timed_out(argv, timeout_seconds)
        if command.exit_status is None and command.signal is None and not session.link.alive:
            raise RetryLater("connection lost", host=self._host, action=f"run {argv[0]}")
        result = output.result(command.exit_status, command.signal, time.monotonic() - started)
        if raised:
            _check_sudo(result, target)
        return result

    def _timed_out(self, argv: Sequence[str], seconds: float) -> RetryLater:
        return RetryLater(
            f"no end within {seconds:g} s; the channel was closed",
            host=self._host,
            action=f"run {argv[0]}",
            hint="it may still run on the host; give it more time with --timeout",
        )


def _give(command: Command, data: bytes, seconds: float) -> None:
    """Write its input. A command that closed it early, as `head` does, or takes it too slowly, is judged by its end."""
    with contextlib.suppress(OSError, EOFError):
        if data:
            command.send(data, seconds)
    with contextlib.suppress(OSError, EOFError):
        command.end_input()


def _check_sudo(result: ExecResult, target: Target) -> None:
    """Raises AskOperator when sudo itself, not the command, said no (its words are translated, its name is not)."""
    words = result.stderr.lstrip()
    missing = result.exit_status == 127 and b"sudo" in words
    if missing or (result.exit_status == 1 and words.startswith(_SUDO_SAYS_NO)):
        first = words.split(b"\n")[0][:200].decode("utf-8", "replace")
        raise AskOperator(
            f"sudo refused: {first}",
            host=target.name,
            action="become root",
            hint=f"as root on {target.name}: echo '{target.user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/swarm-tui",
        )


class _Output:
    """Collects both streams, bounded; called in the transport's thread."""

    def __init__(self, limit: int, on_output: OnOutput | None):
        self._limit = limit
        self._on_output = on_output
        self._kept: dict[Stream, bytearray] = {"out": bytearray(), "err": bytearray()}
        self._truncated = False
        self._lock = threading.Lock()

    def out(self, data: bytes) -> None:
        self._take("out", data)

    def err(self, data: bytes) -> None:
        self._take("err", data)

    def _take(self, stream: Stream, data: bytes) -> None:
        with self._lock:
            kept = self._kept[stream]
            room = self._limit - len(kept)
            kept += data[: max(0, room)]
            over = len(data) > room
            self._truncated = self._truncated or over
        if over:
            time.sleep(FLOOD_PAUSE_SECONDS)
        if self._on_output and room > 0:
            self._on_output(stream, data[:room])

    def result(self, status: int | None, signal: str | None, seconds: float) -> ExecResult:
        with self._lock:
            return ExecResult(
                exit_status=status,
                stdout=bytes(self._kept["out"]),
                stderr=bytes(self._kept["err"]),
                signal=signal,
                truncated=self._truncated,
                duration_seconds=seconds,
            )
