"""Hosts whose kernel log is followed, in memory: they speak what the real program was recorded to say
(tests/outputs/health/kernel-log-journal.txt), cut wherever a test wants.
"""

from __future__ import annotations

import ast
import json
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from backends.clock import Clock, ManualClock
from backends.engine.kernel_watch import KernelWatch
from backends.errors import SwarmError
from backends.execution import Channels
from backends.hostkit.kernel_log import KernelLogReader, Position
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.hostkit.travel import MAGIC, Become
from backends.states import HostState, Severity

RECORDING = Path(__file__).parents[2] / "outputs/health/kernel-log-journal.txt"
NEWEST = 1_799_990_605.3
"""When its last message was said, by the clock of its host."""
ANSWER = MAGIC + b"answer\n"


class Group(NamedTuple):
    """What the program said at once: entries, and the position after them."""

    after: str
    data: bytes
    events: int


def recorded() -> tuple[dict[str, Any], list[Group]]:
    """The greeting of the recording, and what came after it."""
    lines = RECORDING.read_bytes().partition(ANSWER)[2].splitlines(keepends=True)
    groups: list[Group] = []
    waiting: list[bytes] = []
    for line in lines[1:-1]:
        waiting.append(line)
        if line.startswith(b'["p"'):
            after = json.loads(line)[1]
            if not groups or groups[-1].after != after:
                groups.append(Group(after, b"".join(waiting), 0))
            waiting = []
    return json.loads(lines[0]), [group._replace(events=_events(group)) for group in groups]


def _events(group: Group) -> int:
    reader = KernelLogReader(Position())
    return sum(len(batch.events) for batch in reader.feed(ANSWER + b'{"ok":true}\n' + group.data))


HEAD, GROUPS = recorded()
PLACES = {group.after: number for number, group in enumerate(GROUPS, 1)}
"""Position → the group after it."""


def said(count: int = len(GROUPS)) -> list[str]:
    """The texts of all events of the first `count` groups, in order."""
    reader = KernelLogReader(Position())
    data = ANSWER + json.dumps(HEAD).encode() + b"\n" + b"".join(group.data for group in GROUPS[:count])
    return [event.text for batch in reader.feed(data) for event in batch.events]


class FakeProgram:
    """One program that was started; it reads on from where it was told to."""

    def __init__(self, host: FakeHost, on_out: Callable[[bytes], None], on_end: Callable[[], None] | None):
        self._host, self.out, self._on_end = host, on_out, on_end
        self.ended = threading.Event()
        self.exit_status: int | None = None
        self.arguments: dict[str, Any] = {}
        self._next = -1
        self._greeted = False

    def send(self, data: bytes, timeout_seconds: float) -> None:
        if self.ended.is_set():
            raise BrokenPipeError
        first = zlib.decompress(data).partition(b"\n")[0].decode()
        self.arguments = ast.literal_eval(first.partition(" = ")[2])
        self._next = PLACES.get(self.arguments["after"], 0)
        if self._host.script is not None:
            self.out(self._host.script)
            self.end()
        elif self._host.awake:
            self.speak()

    def speak(self, limit: int | None = None) -> None:
        """What the host has to say and has not said yet; with `limit`, only so many bytes of it."""
        data = b"" if self._greeted else self._greeting()
        self._greeted = True
        data += b"".join(group.data for group in GROUPS[self._next : self._host.count])
        self._next = self._host.count
        for start in range(0, len(data[:limit]), 700):
            self.out(data[start : min(start + 700, limit if limit is not None else len(data))])

    def alive(self) -> None:
        """The sign of life that comes every 15 s."""
        after = GROUPS[self._next - 1].after if self._next else ""
        self.out(json.dumps(["p", after, {}]).encode() + b"\n")

    def _greeting(self) -> bytes:
        now = self._host.clock.now() + self._host.ahead
        head = HEAD | {"now": now, "resumed": bool(self.arguments["after"]), "gap": self._host.gap}
        position = ["p", self.arguments["after"], {}]
        return b"Welcome!\n" + ANSWER + b"".join(json.dumps(each).encode() + b"\n" for each in (head, position))

    def end_input(self) -> None:
        raise AssertionError("its end would end the program")

    def close(self) -> None:
        self.end()

    def end(self) -> None:
        """The program, or the way to it, is gone."""
        if not self.ended.is_set():
            self.ended.set()
            if self._on_end is not None:
                self._on_end()


class FakeHost:
    """Implements `Channels`. `count` groups of the recording were said on it so far."""

    def __init__(self, clock: Clock, name: str = "h1"):
        self.clock, self.host = clock, name
        self.count = 0
        self.awake = True
        """Programs speak as soon as they begin."""
        self.ahead = 0.0
        """Seconds by which its clock is ahead."""
        self.gap = ""
        self.script: bytes | None = None
        """Said instead of the recording; then the program ends."""
        self.refusal: SwarmError | None = None
        self.programs: list[FakeProgram] = []

    def open(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        timeout_seconds: float = 30.0,
    ) -> FakeProgram:
        if self.refusal is not None:
            raise self.refusal
        program = FakeProgram(self, on_out, on_end)
        self.programs.append(program)
        return program

    @property
    def program(self) -> FakeProgram:
        """The newest."""
        return self.programs[-1]

    def say(self, count: int, *, cut: int | None = None) -> None:
        """`count` more groups; with `cut`, only so many bytes of them arrive."""
        self.count += count
        self.program.speak(cut)


class Inline:
    """Runs tasks at once."""

    def do(self, task: Callable[[], None]) -> None:
        task()

    def stop(self) -> None:
        """Nothing runs."""


class Room:
    """A watch over some fake hosts, and what it said."""

    def __init__(self, folder: Path | None, *names: str):
        self.clock = ManualClock(NEWEST + 60.0)
        self.folder = folder
        self.hosts = {name: FakeHost(self.clock, name) for name in names or ("h1",)}
        self.new: list[tuple[str, Message]] = []
        self.told: list[tuple[str, str, str, Severity]] = []
        self.bugs: list[tuple[str, Exception]] = []
        self.become: Become = "none"
        self.crew = Inline()
        self._old: list[KernelWatch] = []
        self.watch = self._made()

    def _made(self) -> KernelWatch:
        watch = KernelWatch(
            self.folder,
            self.channels,
            lambda host: self.become,
            self.clock,
            on_new=self.on_new,
            tell=lambda kind, text, host, actor, severity: self.told.append((kind, text, host, severity)),
            on_bug=lambda host, error: self.bugs.append((host, error)),
            crew=self.crew,
        )
        watch.keep(self.hosts)
        watch._book.open()  # `start` without its thread: a test calls `step`
        return watch

    @property
    def host(self) -> FakeHost:
        return next(iter(self.hosts.values()))

    def channels(self, host: str) -> Channels:
        return self.hosts[host]

    def on_new(self, host: str, messages: tuple[Message, ...]) -> None:
        self.new += [(host, message) for message in messages]

    def texts(self, host: str = "h1") -> list[str]:
        """Of everything that was new, in order."""
        return [message.text for name, message in self.new if name == host]

    def lines(self, kind: str) -> list[str]:
        """Texts of one kind on the timeline."""
        return [text for each, text, _, _ in self.told if each == kind]

    def wait(self, seconds: float = 2.0) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.watch.step()

    def seconds_until(self, condition: Callable[[], bool]) -> int:
        """How long it takes until something is true; an hour is too long."""
        for second in range(3600):
            if condition():
                return second
            self.wait(1.0)
        raise AssertionError("it did not happen within an hour")

    def up(self, state: HostState = HostState.UP) -> None:
        """All hosts are connected, and asked."""
        for name in self.hosts:
            self.watch.state(name, state)
        self.wait()

    def down(self) -> None:
        """All links are lost."""
        for name, host in self.hosts.items():
            for program in host.programs:
                program.end()
            self.watch.state(name, HostState.UNREACHABLE)

    def kill(self) -> None:
        """kill -9 and a new engine: nothing of the old one acts any more, but for the system, which closes its file."""
        self._old.append(self.watch)
        for host in self.hosts.values():
            for program in host.programs:
                program.ended.set()
            host.programs.clear()
        self.watch = self._made()

    def full(self, full: bool = True) -> None:
        """The disk takes nothing more, as sqlite sees it; or it does again, and what waited is written."""
        db = self.watch._book._db
        assert db is not None
        pages = db.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        db.execute(f"PRAGMA max_page_count = {pages}")
        if not full:
            self.wait(6.0)

    def close(self) -> None:
        """At the end of a test."""
        for watch in (*self._old, self.watch):
            watch.stop()
