"""Borg as a child of the engine: against a repository on this machine, or over ssh against one on another.

One run is one Borg with a private base directory, a passphrase that only it can read (a pipe that is empty afterwards), its own
process group, and a guard that ends it when the engine is gone.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from backends.backups.borg.dialect import Dialect
from backends.backups.environment import environment
from backends.backups.listening import Listener
from backends.backups.model import BorgResult, Repository
from backends.backups.orphans import Guard
from backends.backups.passphrases import Passphrases
from backends.backups.pump import Drain, Feed
from backends.backups.runner import Build, Cancel, OnEvent, Source
from backends.backups.stages import NUMBERS, Stages
from backends.clock import Clock
from backends.errors import SkipHost, SwarmError
from backends.paths import private_dir
from backends.text import clean

KEPT_BYTES = 64 << 20
"""Of stdout, when nobody takes it as it comes."""
TICK_SECONDS = 0.1
"""How soon a cancel is seen."""
DRAIN_SECONDS = 2.0
"""For the last words of a Borg that had to be killed."""

Rsh = Callable[[Repository], Sequence[str]]
"""How the machine of a repository is reached; () for one on this machine."""


class LocalRunner:
    """Implements `backends.backups.runner.Runner`.

    Args:
        passphrases: where each repository's passphrase comes from.
        folder: for Borg's caches, one directory a repository; made private.
        rsh: the remote shell for ssh:// locations.
        finder: finds Borg here. Raises SkipHost.
        clock: injected time.
        program: Borg.
    """

    def __init__(
        self,
        passphrases: Passphrases,
        folder: Path,
        rsh: Rsh,
        finder: Callable[[], Dialect],
        clock: Clock,
        *,
        program: str = "borg",
    ):
        self._passphrases, self._folder, self._rsh = passphrases, folder, rsh
        self._finder, self._clock, self._program = finder, clock, program
        self._prefix: tuple[str, ...] = ()
        self._found: Dialect | None = None

    def behind(self, prefix: Sequence[str]) -> LocalRunner:
        """The same, with words before Borg: what replaces itself with it."""
        other = copy.copy(self)
        other._prefix = tuple(prefix)
        return other

    @property
    def dialect(self) -> Dialect:
        """Of the Borg here; asked for once. Raises SkipHost."""
        if self._found is None:
            self._found = self._finder()
        return self._found

    def base(self, repository: Repository) -> Path:
        """Where Borg keeps its caches and its memory of `repository`. Raises AskOperator."""
        return private_dir(private_dir(self._folder) / quote(repository.key, safe="+"))

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        """See `backends.backups.runner.Runner.run`. What `on_event` or `on_stdout` raises ends Borg and comes out here."""
        if self._found is None:
            self._found = self.dialect
        argv = [*self._prefix, self._program, *build(repository.location)[1:]]
        base = self.base(repository)
        began = self._clock.monotonic()
        child, guard = self._start(repository, argv, base, confirm, stdin is not None, directory)
        run = _Run(child, guard, Listener(on_event, self._clock), on_stdout, stdin)
        deadline = None if timeout_seconds is None else began + timeout_seconds
        stages = Stages(cancel, deadline)
        try:
            run.supervise(stages, self._clock)
        finally:
            run.end(stages)
        return run.result(stages, self._clock.monotonic() - began)

    def _start(
        self,
        repository: Repository,
        argv: Sequence[str],
        base: Path,
        confirm: Mapping[str, str],
        feeding: bool,
        directory: str,
    ) -> tuple[subprocess.Popen[bytes], Guard]:
        read, write = os.pipe()
        try:
            surroundings = environment(
                repository,
                os.environ,
                base=base,
                passphrase_fd=read,
                rsh=self._rsh(repository) if repository.remote else (),
                confirm=confirm,
            )
            # fits into the pipe (`passphrases.LIMIT_BYTES`), so nobody has to read it yet
            os.write(write, self._passphrases.of(repository))
            os.close(write)
            write = -1
            return _guarded(
                argv,
                stdin=subprocess.PIPE if feeding else subprocess.DEVNULL,
                env=surroundings,
                cwd=directory or str(base),
                pass_fds=(read,),
            )
        except OSError as error:
            raise SkipHost(
                f"cannot start {argv[0]!r}: {error.strerror or error}",
                host=repository.host,
                action="run Borg",
                hint="is it installed, and is the directory there?",
            ) from error
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)


class _Run:
    """One child with its streams."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        guard: Guard,
        listener: Listener,
        on_stdout: Callable[[bytes], None] | None,
        stdin: Source | None,
    ):
        assert child.stdout and child.stderr  # noqa: S101  # both are pipes
        self._child, self._listener = child, listener
        self._guard = guard
        self._wake = threading.Event()
        self._closed = itertools.count(1)
        self._kept = Kept()
        self._err = Drain(child.stderr, listener.feed, "borg stderr", self._err_over)
        self._out = Drain(child.stdout, on_stdout or self._kept.add, "borg stdout", self._over)
        self._feed = Feed(child.stdin, stdin, self._wake) if child.stdin and stdin else None

    # on the threads of the streams

    def _err_over(self) -> None:
        try:
            self._listener.close()
        finally:
            self._over()

    def _over(self) -> None:
        if next(self._closed) == 2:  # both streams: it has ended, or is about to
            self._wake.set()

    # on the caller's thread

    def supervise(self, stages: Stages, clock: Clock) -> None:
        """Wait for its end, and bring it about when that is asked for."""
        while not self._over_in(0.0):
            send = stages.next(clock.monotonic(), self._listener.commits, self._listener.busy, self._broken)
            if send == "give up":
                return
            if send is not None:
                self._send(send)
            elif clock.wait(self._wake, TICK_SECONDS) and self._over_in(TICK_SECONDS):
                return

    def end(self, stages: Stages) -> None:
        """Leave nothing behind: no process of its group, no thread that still reads."""
        with contextlib.suppress(OSError):  # nobody is left in it, as it should be
            os.killpg(self._child.pid, signal.SIGKILL)
        self._over_in(DRAIN_SECONDS)
        self._guard.over()
        if self._feed is not None:
            self._feed.stop()
        for drain in (self._err, self._out):
            drain.finish()
        self._err.wait(DRAIN_SECONDS)
        if stages.begun:
            self._out.wait(DRAIN_SECONDS)
            return
        # whoever takes the output may be slower than Borg was, so they are waited for, until somebody cancels
        while not self._out.wait(TICK_SECONDS) and not stages.wanted and not self._broken:
            pass

    def result(self, stages: Stages, seconds: float) -> BorgResult:
        """What it left. Raises what a callback raised."""
        for error in (self._err.error, self._out.error, self._source_error()):
            if error is not None:
                raise error
        code = self._child.returncode
        ended_by_us = stages.begun and code != 0
        lost = self._lost(stages, code, ended_by_us)
        return BorgResult(
            exit_status=code if code is not None and code >= 0 and not lost else None,
            stdout=self._kept.data,
            messages=self._listener.messages,
            text=self._listener.text,
            cancelled=ended_by_us,
            seconds=seconds,
            lost=lost,
        )

    def _lost(self, stages: Stages, code: int | None, ended_by_us: bool) -> str:
        failure = self._feed.error if self._feed else None
        if failure is not None:
            said = failure.message if isinstance(failure, SwarmError) else f"{type(failure).__name__}: {failure}"
            return f"what was to be archived broke off: {clean(said, 300)}"
        if self._kept.over:
            return f"it printed more than {KEPT_BYTES >> 20} MiB"
        if code is None:
            return "it does not end, not even when killed: it hangs in the kernel"
        if stages.timed_out and ended_by_us:
            return "it did not end in time"
        if code < 0 and not ended_by_us:
            return f"it was killed by signal {-code}"
        return ""

    def _source_error(self) -> Exception | None:
        """A bug in a source comes out; a source that says why it broke off is part of the result."""
        failure = self._feed.error if self._feed else None
        return None if isinstance(failure, SwarmError | OSError) else failure

    @property
    def _broken(self) -> bool:
        """Going on is of no use."""
        source = self._feed is not None and self._feed.failed.is_set()
        flood = self._kept.over
        return bool(source or flood or self._err.error or self._out.error)

    def _over_in(self, seconds: float) -> bool:
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _send(self, name: str) -> None:
        """SIGINT and SIGTERM to Borg alone: its ssh must live on for a checkpoint and to give the locks back."""
        with contextlib.suppress(OSError):
            if name == "KILL":
                os.killpg(self._child.pid, signal.SIGKILL)
            else:
                self._child.send_signal(NUMBERS[name])


def _guarded(
    argv: Sequence[str], *, stdin: int, env: Mapping[str, str], cwd: str, pass_fds: tuple[int, ...]
) -> tuple[subprocess.Popen[bytes], Guard]:
    """Borg in a group of its own, and who ends it when this process is gone. Raises OSError."""
    guard = Guard()
    try:
        child = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
            bufsize=0,
        )
    except BaseException:
        guard.over()
        raise
    guard.watch(child.pid)
    return child, guard


class Kept:
    """Stdout, bounded."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.over = False

    def add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > KEPT_BYTES:
            self.over = True
            self._parts.clear()
        else:
            self._parts.append(data)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)
