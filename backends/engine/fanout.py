"""`exec`: one command on many hosts at once, each independent of the others, its output pushed to the client that asked.

A bounded number of threads works through the hosts. Output is cut into lines, made safe and bounded per host; what the
client does not read is dropped with the client, never waited for.
"""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from backends.engine.log import Log
from backends.engine.wire import ExecDone, ExecOutput
from backends.errors import BadInput, SwarmError
from backends.execution import Exec, Stream
from backends.text import clean

CONCURRENT_HOSTS = 64
"""Commands running at a time for one request; the hosts beyond wait for a free place."""
LIMIT_BYTES = 1 << 20
"""Output kept of a host and a stream; the rest is read and thrown away, and `truncated` says so."""
MAX_LINE = 4096
_PIECE_CHARS = 32_768
"""Lines are sent together up to this size, so that a flood of short lines is no flood of messages."""


class Listener(Protocol):
    """Who gets the output; a client's session."""

    @property
    def closed(self) -> bool:
        """Whether nobody listens any more."""

    def notify(self, method: str, params: object) -> None:
        """Push; never blocks."""


class Fanout:
    """One running `exec`."""

    def __init__(
        self,
        number: int,
        hosts: Sequence[str],
        argv: Sequence[str],
        *,
        ways: Callable[[str], Exec],
        listener: Listener,
        log: Log,
        timeout_seconds: float,
        become: bool,
        on_end: Callable[[Fanout], None],
    ):
        self.number = number
        self.hosts = tuple(hosts)
        self.argv = tuple(argv)
        self._ways, self._listener, self._log = ways, listener, log
        self._timeout, self._become = timeout_seconds, become
        self._on_end = on_end
        self._waiting = deque(hosts)
        self._running: set[str] = set()
        self._left = len(self.hosts)
        self._lock = threading.Lock()
        self._cancelled = False

    @property
    def left(self) -> int:
        """Hosts that are not done."""
        return self._left

    def start(self) -> None:
        """Begin in own threads."""
        for place in range(min(CONCURRENT_HOSTS, len(self.hosts))):
            threading.Thread(target=self._work, name=f"exec {self.number}.{place}", daemon=True).start()

    def cancel(self) -> None:
        """Begin no more hosts and report the running ones as cancelled. What already runs on a host runs on there until
        it ends or its time is up: a transport offers no way to take a command back.
        """
        with self._lock:
            self._cancelled = True
            running, self._running = list(self._running), set()
            waiting, self._waiting = list(self._waiting), deque()
        for host in waiting:
            self._done(ExecDone(id=self.number, host=host, error="cancelled before it began"))
        for host in running:
            self._done(ExecDone(id=self.number, host=host, error="cancelled; it may still run on the host"))

    def _work(self) -> None:
        while (host := self._next()) is not None:
            done = self._run(host)
            with self._lock:
                mine = host in self._running
                self._running.discard(host)
            if mine:
                self._done(done)

    def _next(self) -> str | None:
        with self._lock:
            if not self._waiting:
                return None
            host = self._waiting.popleft()
            self._running.add(host)
            return host

    def _run(self, host: str) -> ExecDone:
        if self._listener.closed:
            return ExecDone(id=self.number, host=host, error="the client that asked is gone")
        output = {stream: Lines(self._tell(host, stream)) for stream in ("out", "err")}
        try:
            result = self._ways(host).run(
                self.argv,
                timeout_seconds=self._timeout,
                limit_bytes=LIMIT_BYTES,
                become=self._become,
                on_output=lambda stream, data: output[stream].feed(data),
            )
        except SwarmError as error:
            return ExecDone(id=self.number, host=host, error=error.message)
        except Exception as error:  # noqa: BLE001 - the boundary of one host: the others go on
            self._log.failure("exec-failed", error, host=host)
            return ExecDone(id=self.number, host=host, error=f"internal error: {error!r}"[:300])
        finally:
            for lines in output.values():
                lines.finish()
        return ExecDone(
            id=self.number,
            host=host,
            exit_status=result.exit_status,
            signal=result.signal,
            truncated=result.truncated or any(lines.truncated for lines in output.values()),
            duration_seconds=round(result.duration_seconds, 3),
        )

    def _tell(self, host: str, stream: Stream) -> Callable[[str], None]:
        def tell(text: str) -> None:
            if host in self._running:  # a cancelled host is silent
                self._listener.notify("exec.output", ExecOutput(id=self.number, host=host, stream=stream, text=text))

        return tell

    def _done(self, done: ExecDone) -> None:
        with self._lock:
            self._left -= 1
            left = self._left
        values = {name: getattr(done, name) for name in done.__struct_fields__} | {"left": left}
        self._listener.notify("exec.done", ExecDone(**values))
        if left == 0:
            self._on_end(self)


class Lines:
    """Bytes of one stream in, safe whole lines out, bounded in all."""

    def __init__(self, emit: Callable[[str], None], limit_bytes: int = LIMIT_BYTES):
        self._emit = emit
        self._left = limit_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.truncated = False

    def feed(self, data: bytes) -> None:
        """Take in a piece and give out what is complete."""
        if self._left <= 0:
            self.truncated = self.truncated or bool(data)
            return
        self.truncated = self.truncated or len(data) > self._left
        text = self._held + self._decoder.decode(data[: self._left])
        self._left -= len(data)
        *whole, self._held = text.split("\n")
        if len(self._held) > 4 * MAX_LINE:
            whole.append(self._held)
            self._held = ""
        self._give(whole)

    def finish(self) -> None:
        """Give out the last line, which may have no end."""
        rest = self._held + self._decoder.decode(b"", final=True)
        self._held = ""
        if rest:
            self._give([rest])

    def _give(self, lines: Sequence[str]) -> None:
        piece: list[str] = []
        size = 0
        for line in lines:
            piece.append(clean(line.removesuffix("\r").replace("\t", "    "), MAX_LINE))
            size += len(piece[-1])
            if size > _PIECE_CHARS:
                self._emit("\n".join(piece) + "\n")
                piece, size = [], 0
        if piece:
            self._emit("\n".join(piece) + "\n")


class Fanouts:
    """All running `exec` requests."""

    def __init__(self, ways: Callable[[str], Exec], log: Log):
        self._ways, self._log = ways, log
        self._lock = threading.Lock()
        self._running: dict[int, Fanout] = {}
        self._count = 0

    def prepare(
        self, hosts: Sequence[str], argv: Sequence[str], listener: Listener, *, timeout_seconds: float, become: bool
    ) -> Fanout:
        """A run that is not started yet, so that the client can be told its number first.

        Raises:
            BadInput: nothing to run, or nowhere.
        """
        if not argv or not argv[0]:
            raise BadInput("no command given", action="exec", hint="swarm-tui exec SELECTOR -- COMMAND")
        if not hosts:
            raise BadInput("the selector means no host", action="exec")
        with self._lock:
            self._count += 1
            run = self._running[self._count] = Fanout(
                self._count,
                hosts,
                argv,
                ways=self._ways,
                listener=listener,
                log=self._log,
                timeout_seconds=timeout_seconds,
                become=become,
                on_end=self._ended,
            )
        return run

    def cancel(self, number: int) -> None:
        """Cancel a run. Raises BadInput when there is none with this number (any more)."""
        with self._lock:
            run = self._running.get(number)
        if run is None:
            raise BadInput(f"no exec {number} is running", action="cancel")
        run.cancel()

    def in_flight(self) -> list[str]:
        """One phrase for each run."""
        with self._lock:
            return [f"exec {run.argv[0]} on {run.left} of {len(run.hosts)} hosts" for run in self._running.values()]

    def _ended(self, run: Fanout) -> None:
        with self._lock:
            self._running.pop(run.number, None)
