"""One Borg that runs on a host, as seen from the engine: heard, signalled, judged. How it reaches its repository is another
matter (`relay`, `push`).

The program there (`programs/kit_borg.py`) speaks on stderr: Borg's lines as they are, its own ones marked with a word that was
made up for this run. Signals go through a second command, since SSH channels here carry none.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from backends import decoding
from backends.backups.channels import Channels, Duplex, Greeting, begin, let_go
from backends.backups.listening import Listener
from backends.backups.model import BorgResult
from backends.backups.process import KEPT_BYTES, TICK_SECONDS, Kept
from backends.backups.pump import Bucket
from backends.backups.stages import NUMBERS, Send, Stages
from backends.clock import Clock
from backends.errors import SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.answer import read_answer
from backends.hostkit.travel import Become, Launch, program_launch
from backends.metrics.sample import Record
from backends.text import clean

ACTION = "run Borg"
LINE_BYTES = 128 << 10
"""Of a line on stderr; the host's program cuts what is longer."""
SIGNAL_SECONDS = 15.0
LEAVE_SECONDS = 15.0
"""From closing the channel to its end."""
OUTSTAY_SECONDS = 3.0
"""From Borg's end to that of the program which ran it: it has only to tidy up."""
ERROR_BYTES_PER_SECOND = 8 << 20
"""Of stderr. A first backup that lists every file stays below; a host that floods waits."""


class Place(Record, frozen=True, kw_only=True):
    """A host on which Borg is run."""

    host: str
    channels: Channels
    way: Exec
    become: Become
    program: str = "borg"
    """Of Borg there."""
    prefix: tuple[str, ...] = ()
    """Words before the program: what replaces itself with it."""


class _Said(msgspec.Struct, frozen=True):
    type: str
    pid: int = 0
    ticks: int = 0
    rc: int | None = None
    data: bytes = b""
    kind: str = ""
    text: str = ""


class Marked:
    """Splits stderr into the program's own lines and all else, whatever is sent and however it is cut."""

    def __init__(self, token: str, own: Callable[[bytes], None], other: Callable[[bytes], None]):
        self._mark = f"swarm-{token} ".encode()
        self._own, self._other = own, other
        self._rest = b""
        self._inside = False
        """A line that was too long is going on."""

    def feed(self, data: bytes) -> None:
        """More of stderr."""
        *lines, rest = (self._rest + data).split(b"\n")
        others: list[bytes] = []
        for line in lines:
            if not self._inside and line.startswith(self._mark):
                self._hand_over(others)
                self._own(line[len(self._mark) :])
            else:
                others.append(line + b"\n")
            self._inside = False
        if len(rest) > LINE_BYTES:
            others.append(rest)
            rest, self._inside = b"", True
        self._rest = rest
        self._hand_over(others)

    def close(self) -> None:
        """The end: what has no line break counts as a line of somebody else."""
        if self._rest:
            self._other(self._rest + b"\n")
            self._rest = b""

    def _hand_over(self, others: list[bytes]) -> None:
        if others:
            self._other(b"".join(others))
            others.clear()


class Hosted:
    """One run.

    Args:
        place: the host.
        listener: hears Borg.
        on_stdout: takes Borg's stdout; None keeps it, bounded.
        on_rpc: takes the program's stdout beyond its greeting; called on the channel's thread.
        clock: injected time.
    """

    def __init__(
        self,
        place: Place,
        listener: Listener,
        on_stdout: Callable[[bytes], None] | None,
        on_rpc: Callable[[bytes], None],
        clock: Clock,
    ):
        self._place, self._listener, self._clock = place, listener, clock
        self._kept = Kept()
        self._on_stdout = on_stdout or self._kept.add
        self._on_rpc = on_rpc
        self.token = secrets.token_hex(8)
        self._marked = Marked(self.token, self._own, self._others)
        self._greeting = Greeting("borg", place.host, ACTION)
        self._errors = Bucket(lambda: ERROR_BYTES_PER_SECOND, clock)
        self._begun = threading.Event()
        self._over = threading.Event()
        self._refused: SwarmError | None = None
        self._bug: Exception | None = None
        self._problem = ""
        self._started: _Said | None = None
        self._status: int | None = None
        self._exited = False
        self._left: float | None = None
        self._terminating = False
        self.leaving = threading.Event()
        """Nobody waits for its RPC any more."""
        self.duplex: Duplex | None = None

    def begin(self, launch: Launch, *given: bytes) -> None:
        """Start it; what is secret follows the program on stdin. Raises RetryLater, SkipHost."""
        try:
            self.duplex = begin(
                self._place.channels,
                launch,
                on_out=self._out,
                on_err=self._err,
                on_end=self._end,
                then=b"".join(b"%d\n%b" % (len(each), each) for each in given),
            )
        finally:
            self._begun.set()

    def broken(self, why: str) -> None:
        """Going on is of no use; the first reason stays. From any thread.

        Not once it is being ended: a Borg that SIGTERM meets while it writes says half a sentence twice, and its other end is
        right not to understand that.
        """
        if not (self._problem or self._exited or self._terminating):
            self._problem = why

    def supervise(self, stages: Stages) -> None:
        """Wait for its end, and bring it about when that is asked for."""
        while not self._over.is_set():
            now = self._clock.monotonic()
            send = stages.next(now, self._listener.commits, self._listener.busy, bool(self._problem or self._failed))
            if send is not None:
                self._send(send)
            elif self._outstayed(now):
                self.leave()
                return
            else:
                self._clock.wait(self._over, TICK_SECONDS)

    def leave(self) -> None:
        """Let go of the host: the program there ends Borg when it sees that."""
        self.leaving.set()
        self._errors.stop()
        let_go(self.duplex)
        if self.duplex is not None:
            self._over.wait(LEAVE_SECONDS)

    def result(self, stages: Stages, seconds: float, further: str = "") -> BorgResult:
        """What it left; `further` is what the other end of its RPC said.

        Raises:
            SkipHost, AskOperator, RetryLater: it never began.
            Exception: what a callback raised.
        """
        if self._bug is not None:
            raise self._bug
        if self._refused is not None:
            raise self._refused
        lost = self._lost(stages)
        status = self._status if self._status is not None and self._status >= 0 and not lost else None
        cancelled = stages.begun and status != 0
        return BorgResult(
            exit_status=status,
            stdout=self._kept.data,
            messages=self._listener.messages,
            text="\n".join(part for part in (self._listener.text, further) if part),
            cancelled=cancelled,
            seconds=seconds,
            lost=lost,
        )

    @property
    def exited(self) -> bool:
        """Borg's end was reported."""
        return self._exited

    @property
    def _failed(self) -> bool:
        return self._bug is not None or self._refused is not None or self._kept.over

    def _lost(self, stages: Stages) -> str:
        if self._problem:
            return self._problem
        if self._kept.over:
            return f"it printed more than {KEPT_BYTES >> 20} MiB"
        if not self._exited:
            if stages.timed_out:
                return "it did not end in time"
            return "" if stages.begun else self._why_unknown()
        if self._status is not None and self._status < 0 and not stages.begun:
            return f"it was killed by signal {-self._status}"
        return ""

    def _why_unknown(self) -> str:
        status = self.duplex.exit_status if self.duplex is not None else None
        if status is None:
            return "the link to the host was lost"
        said = clean(self._listener.text[-300:], 300)
        return f"the program on the host ended with {status} before Borg did{': ' if said else ''}{said}"

    def _outstayed(self, now: float) -> bool:
        """Borg has ended, and the program has not."""
        if not self._exited:
            return False
        self._left = self._left if self._left is not None else now
        return now - self._left >= OUTSTAY_SECONDS

    # signals

    def _send(self, send: Send) -> None:
        self._terminating = self._terminating or send != "INT"
        if send == "give up" or not self._signal(send):
            self.leave()
            self._over.set()

    def _signal(self, send: Send) -> bool:
        """Whether the signal was sent, or is not needed any more."""
        if self._started is None or send == "give up":
            return False
        number = NUMBERS[send]
        return signalled(self._place, self._started.pid, self._started.ticks, number) or self._over.is_set()

    # on the channel's threads

    def _out(self, data: bytes) -> None:
        try:
            piece = self._greeting.feed(data)
        except SwarmError as error:
            self._refused = error
            return
        if piece and not self._problem:
            self._on_rpc(piece)

    def _err(self, data: bytes) -> None:
        self._errors.take(len(data))
        self._guarded(lambda: self._marked.feed(data))

    def _end(self) -> None:
        self._begun.wait(LEAVE_SECONDS)
        self._guarded(self._marked.close)
        self._guarded(self._listener.close)
        if not self._greeting.done and not (self._refused or self._problem or self.leaving.is_set()):
            self._refused = self._greeting.missing(self._listener.text[-300:])
        self._over.set()

    def _guarded(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - a callback's error ends the run and comes out of `result`
            self._bug = self._bug or error

    def _others(self, data: bytes) -> None:
        self._listener.feed(data)

    def _own(self, line: bytes) -> None:
        try:
            said = decoding.json(line, type=_Said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.broken(f"the program on the host says what is not understood: {clean(str(error), 200)}")
            return
        if said.type == "swarm_out":
            self._on_stdout(said.data)
        elif said.type == "swarm_started":
            self._started = said
        elif said.type == "swarm_exit":
            self._exited, self._status = True, said.rc
        elif said.type == "swarm_failed":
            self._refused = self._failure(said)

    def _failure(self, said: _Said) -> SwarmError:
        hint = (
            "install it there: apt-get install borgbackup | dnf install borgbackup" if said.kind == "missing" else None
        )
        return SkipHost(clean(said.text, 300), host=self._place.host, action=ACTION, hint=hint)


def signalled(place: Place, pid: int, ticks: int, number: signal.Signals) -> bool:
    """Whether the signal reached the very process that was started (or that one has ended already)."""
    arguments = {"pid": pid, "start_ticks": ticks, "signal": int(number)}
    launch = program_launch("process", arguments, place.become)
    with suppress(SwarmError):
        result = place.way.run(
            ["/bin/sh", "-c", launch.command],
            stdin=launch.payload,
            timeout_seconds=SIGNAL_SECONDS,
            become=False,  # the launcher itself becomes root, after it has found python3
        )
        answer = read_answer(result.stdout, host=place.host, action="end Borg")
        return answer.ok or answer.kind == "gone"
    return False
