"""Borg on a host that holds no credential: its RPC comes back through the one SSH channel, and the engine carries it to
`borg serve --append-only --restrict-to-repository`, beside it or through ssh on the repository's machine.

Each direction has its own thread and moves only what the other end takes, so memory is bounded and neither end can stop the
other from being heard. Whatever ends first (the host, the link, the serving Borg, a person), the serving Borg sees the end of its
input, which makes it roll back and give the lock back.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote

from backends.backups.borg.dialect import Dialect
from backends.backups.environment import FIXED, answers, inherited, serve_environment
from backends.backups.hosted import Hosted, Place
from backends.backups.listening import Listener
from backends.backups.model import BorgResult, Repository
from backends.backups.passphrases import Passphrases
from backends.backups.pump import Bucket, Drain, Stalled, widen, write_all
from backends.backups.quiet import limit
from backends.backups.runner import Build, Cancel, OnEvent, Source
from backends.backups.stages import Stages
from backends.backups.vault import relayed
from backends.clock import Clock
from backends.errors import BadInput, SkipHost
from backends.hostkit.travel import Launch, program_launch
from backends.paths import private_dir
from backends.text import clean_lines

PARTS = ("kit_text", "kit_borg")
STALL_SECONDS = 600.0
"""Without a byte taken by either end for this long, it hangs. A serving Borg on a slow disk may well be busy for minutes."""
SERVE_SECONDS = 10.0
"""For the serving Borg to roll back and end after its input has ended."""
TERMINATE_SECONDS = 3.0
TEXT_CHARACTERS = 2000

Serve = Callable[[Repository], Sequence[str]]
"""The argv that serves a repository on stdin and stdout: `Vaults.serve`."""


class RelayRunner:
    """Implements `backends.backups.runner.Runner` on one host.

    Args:
        place: the host.
        serve: what serves a repository.
        passphrases: where each repository's passphrase comes from.
        finder: finds Borg on the host. Raises SkipHost.
        folder: for the serving Borg's own memory, on this machine; made private.
        clock: injected time.
    """

    def __init__(
        self,
        place: Place,
        serve: Serve,
        passphrases: Passphrases,
        finder: Callable[[], Dialect],
        folder: Path,
        clock: Clock,
    ):
        self._place, self._serve, self._passphrases = place, serve, passphrases
        self._finder, self._folder, self._clock = finder, folder, clock
        self._found: Dialect | None = None

    @property
    def dialect(self) -> Dialect:
        """Of the Borg on the host; asked for once. Raises SkipHost, RetryLater."""
        if self._found is None:
            self._found = self._finder()
        return self._found

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
        """See `backends.backups.runner.Runner.run`; `directory` is one of the host's. Raises BadInput for `stdin`."""
        if stdin is not None:
            raise BadInput("its stdin carries the RPC: nothing can be fed to a Borg on a host", host=self._place.host)
        began = self._clock.monotonic()
        secret = self._passphrases.of(repository)
        pump = Pump(repository, Listener(on_event, self._clock), on_stdout, self._place, self._clock)
        argv = [*self._place.prefix, self._place.program, *build(relayed(repository))[1:]]
        launch = borg_launch("borg_relay", argv, self._place, pump.hosted.token, confirm, directory)
        stages = Stages(cancel, None if timeout_seconds is None else began + timeout_seconds)
        pump.start(self._serve(repository), self._serve_environment(repository))
        try:
            pump.hosted.begin(launch, secret)
            pump.hosted.supervise(stages)
        finally:
            pump.end()
        return pump.hosted.result(stages, self._clock.monotonic() - began, pump.said)

    def _serve_environment(self, repository: Repository) -> dict[str, str]:
        if repository.remote:
            return inherited(os.environ)
        base = private_dir(private_dir(self._folder) / quote(repository.key, safe="+"))
        return serve_environment(os.environ, base)


def borg_launch(
    program: str,
    argv: Sequence[str],
    place: Place,
    token: str,
    confirm: Mapping[str, str],
    directory: str,
    **more: object,
) -> Launch:
    """The program that runs Borg on a host. The passphrase is not in it: it follows on stdin."""
    arguments = {
        "argv": list(argv),
        "env": dict(FIXED) | answers(confirm),
        "directory": directory,
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", place.host),
        "token": token,
        **more,
    }
    return program_launch(program, arguments, place.become, PARTS, apart=True)


class Pump:
    """The serving Borg, the host's channel, and what moves between them."""

    def __init__(
        self,
        repository: Repository,
        listener: Listener,
        on_stdout: Callable[[bytes], None] | None,
        place: Place,
        clock: Clock,
    ):
        self._repository = repository
        self.hosted = Hosted(place, listener, on_stdout, self._to_vault, clock)
        self._bucket = Bucket(lambda: rate(repository, clock.now()), clock)
        self._process: subprocess.Popen[bytes] | None = None
        self._drains: list[Drain] = []
        self._errors: Drain | None = None
        self._said = bytearray()
        self._writing = threading.Lock()
        """Held by whoever uses the handle of its stdin: a closed handle's number may be another file's a moment later."""

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start what serves the repository. Raises SkipHost."""
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise SkipHost(
                f"cannot start {argv[0]!r}: {error.strerror or error}", host=self._repository.host, action="serve"
            ) from error
        assert process.stdin and process.stdout and process.stderr  # noqa: S101  # all three are pipes
        self._process = process
        os.set_blocking(process.stdin.fileno(), False)
        widen(process.stdin)
        self._errors = Drain(process.stderr, self._note, "relay errors")
        self._drains = [self._errors, Drain(process.stdout, self._to_host, "relay to host", self._served)]

    @property
    def said(self) -> str:
        """The last of what the serving end said on stderr, cleaned."""
        return clean_lines(bytes(self._said).decode("utf-8", "replace")).strip()[-TEXT_CHARACTERS:]

    def end(self) -> None:
        """Leave nothing: the host's channel first, then the serving Borg, which sees the end of its input."""
        self.hosted.leaving.set()
        self._bucket.stop()
        if not self.hosted.exited:
            self.hosted.leave()
        process = self._process
        if process is None or process.stdin is None:
            return
        with self._writing:  # soon free: whoever writes sees that it is ending
            process.stdin.close()
        for drain in self._drains:
            drain.finish()
        self._collect(process)
        for drain in self._drains:
            drain.wait(1.0)

    def _collect(self, process: subprocess.Popen[bytes]) -> None:
        """Its end, by force when it takes too long; nothing of its group stays."""
        for seconds, number in ((SERVE_SECONDS, signal.SIGTERM), (TERMINATE_SECONDS, signal.SIGKILL)):
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                process.send_signal(signal.SIGCONT)  # one that was stopped can give its lock back as well
        with contextlib.suppress(OSError):  # nobody is left in it, as it should be
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    # host → vault, on the channel's thread

    def _to_vault(self, data: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or self.hosted.leaving.is_set():
            return
        self._bucket.take(len(data))
        try:
            self._write(process.stdin, data)
        except Stalled as error:
            self.hosted.broken(f"the repository's end hangs: {error}")
        except OSError:
            if not self.hosted.leaving.is_set():
                self._serve_ended()

    def _write(self, pipe: IO[bytes], data: bytes) -> None:
        with self._writing:
            if not self.hosted.leaving.is_set():
                write_all(pipe.fileno(), data, STALL_SECONDS, self.hosted.leaving)

    # vault → host, on the drain's thread

    def _to_host(self, data: bytes) -> None:
        duplex = self.hosted.duplex
        if duplex is None or self.hosted.leaving.is_set():
            return
        try:
            duplex.send(data, STALL_SECONDS)
        except TimeoutError:
            self.hosted.broken(f"the host hangs: it took nothing for {STALL_SECONDS:g} s")
        except OSError:
            return  # its end is noticed by itself

    def _served(self) -> None:
        if not self.hosted.leaving.is_set():
            self._serve_ended()

    def _serve_ended(self) -> None:
        """It never ends first unless something is wrong with it, or with what it was sent."""
        process = self._process
        code: int | None = None
        if process is not None:
            try:
                code = process.wait(1.0)
            except subprocess.TimeoutExpired:
                code = None
        if self._errors is not None:
            self._errors.finish()
            self._errors.wait(1.0)  # its last words may still be in the pipe
        lines = self.said.splitlines()
        said = f": {lines[-1][:300]}" if lines else ""
        self.hosted.broken(f"the repository's end closed the connection (status {code}){said}")

    def _note(self, data: bytes) -> None:
        self._said += data
        del self._said[: -TEXT_CHARACTERS * 4]


def rate(repository: Repository, now: float) -> float:
    """Bytes a second that may go to the repository at `now`; 0: no limit."""
    local = datetime.fromtimestamp(now, tz=UTC).astimezone()
    return limit(repository.upload_kib_per_second, repository.quiet_hours, local) * 1024.0
