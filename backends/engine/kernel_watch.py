"""The kernel logs of all hosts, followed for as long as they are connected: nothing is lost or told twice over lost links,
reboots and the end of this engine.

Each connected host runs one small program that ends with its link. What it says is stored together with the place where
reading goes on, and only then told; so what was stored but not told when the engine was killed is in `events` all the same.
Opening a channel may block, so it is done on a few threads; whatever a program says comes on its channel's own.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from backends.alerts.subjects import KernelEvent
from backends.clock import Clock
from backends.engine.kernel_book import KernelBook
from backends.engine.kernel_follow import Follow
from backends.engine.kernel_news import KernelNews
from backends.errors import AskOperator, SkipHost, SwarmError
from backends.execution import Channels
from backends.hostkit.kernel_log import Batch, log_launch
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.hostkit.travel import Become
from backends.ssh.backoff import Backoff
from backends.ssh.failures import ChannelRefused
from backends.states import HostState, Severity
from backends.updates.workers import Workers

OPENED_AT_ONCE = 8
STEP_SECONDS = 1.0
SPREAD_SECONDS = 1.0
"""Within which a host that is back is asked: its samples come first."""
BEGUN_A_SECOND = 5.0
"""Hosts of a large fleet that are begun with."""
SILENT_SECONDS = 60.0
"""Without a sign of life, of which there is one every 15 s, the program hangs."""
STEADY_SECONDS = 60.0
"""A program that lived so long did not fail: the next wait is short again."""
REFUSED_SECONDS = 600.0
"""Until a host is asked again that cannot, or may not, or has no channel left for this: others need them more."""
TEXT_SECONDS = 60.0
"""Between two looks at what can only be read as a whole."""
STOP_SECONDS = 0.3
_CONNECTED = frozenset({HostState.UP, HostState.STALE, HostState.DRIVER_HUNG})
_STANDING = "no permission"
"""A gap that begins so does not pass: it is no event."""

NOT_READ = "not read yet"
"""What is said of a log that nobody has read so far."""
OnNew = Callable[[str, tuple[Message, ...]], None]


class Crew(Protocol):
    """Runs tasks on other threads, a few at a time."""

    def do(self, task: Callable[[], None]) -> None:
        """Run `task` as soon as there is a place."""

    def stop(self) -> None:
        """Begin nothing more."""


class KernelWatch:
    """Calls may come from any thread.

    Args:
        folder: where `kernel.db` is; None keeps everything in memory only.
        channels: the way to hold programs on a host. Raises BadInput, SkipHost.
        become: how a host's commands get to be root.
        clock: injected time.
        on_new: called with each batch of new messages, after it was stored; on a channel's thread, for one host one after the
            other.
        tell: puts an event on the timeline: kind, text, host, actor, severity.
        on_bug: told what should not happen, with the host.
        crew: runs what may block.
    """

    def __init__(
        self,
        folder: Path | None,
        channels: Callable[[str], Channels],
        become: Callable[[str], Become],
        clock: Clock,
        *,
        on_new: OnNew,
        tell: Callable[[str, str, str, str, Severity], None],
        on_bug: Callable[[str, Exception], None],
        crew: Crew | None = None,
    ):
        self._channels, self._become, self._clock = channels, become, clock
        self._on_new, self._on_bug = on_new, on_bug
        self._book = KernelBook(folder, clock, tell)
        self._news = KernelNews(clock, tell)
        self._crew = crew or Workers(OPENED_AT_ONCE, "kernel log")
        self._random = random.Random()  # noqa: S311 - spreading, not secrecy
        self._lock = threading.Lock()
        self._desks: dict[str, _Desk] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read what is stored, and begin. Hosts that were said to be up before are asked now."""
        self._book.open()
        self._thread = threading.Thread(target=self._loop, name="kernel-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within half a second; what was read is written down."""
        self._stopping.set()
        self._wake.set()
        self._crew.stop()
        with self._lock:
            follows = [follow for desk in self._desks.values() if (follow := desk.release()) is not None]
        self._news.step(last=True)
        self._book.close()
        closer = threading.Thread(target=_leave, args=(follows,), name="kernel-watch close", daemon=True)
        closer.start()
        closer.join(STOP_SECONDS)

    def keep(self, hosts: Iterable[str]) -> None:
        """Exactly these are watched from now on."""
        wanted = tuple(hosts)
        with self._lock:
            gone = [self._desks.pop(host) for host in set(self._desks).difference(wanted)]
            for host in wanted:
                self._desks.setdefault(host, _Desk(host))
            follows = [follow for desk in gone if (follow := desk.release()) is not None]
        self._book.keep(wanted)
        if follows:
            self._crew.do(lambda: _leave(follows))

    def state(self, host: str, state: HostState) -> None:
        """The way to a host changed; returns at once."""
        up = state in _CONNECTED
        with self._lock:
            desk = self._desks.get(host)
            if desk is None:
                return
            desk.state = state
            if desk.up == up:
                return
            desk.up, desk.why, desk.between = up, "", False
            desk.due = self._clock.monotonic() + self._random.uniform(0.0, self._spread())
            follow = None if up else desk.release()
        if follow is not None:
            self._crew.do(follow.leave)
        self._wake.set()

    def events(self, host: str) -> tuple[KernelEvent, ...]:
        """What the rules look at: the last three days, oldest first; the same object while nothing changed."""
        return self._book.events(host)

    def raw(self, host: str) -> tuple[Message, ...]:
        """The same messages as they were decoded, on the host's own clock."""
        return self._book.raw(host)

    def trouble(self, host: str) -> str:
        """Why a host's log is not known up to now; "" when it is."""
        with self._lock:
            desk = self._desks.get(host)
            return desk.trouble if desk is not None else "no such host in the fleet"

    def gap(self, host: str) -> str:
        """Why something may be missing in what is read of a host; "" when nothing is."""
        with self._lock:
            desk = self._desks.get(host)
            return desk.gap if desk is not None else ""

    def _spread(self) -> float:
        """A large fleet that comes up at once is begun with one after the other."""
        return max(SPREAD_SECONDS, len(self._desks) / BEGUN_A_SECOND)

    def step(self) -> None:
        """Ask whoever is due, let go of whoever hangs, tell and write what waited."""
        now = self._clock.monotonic()
        with self._lock:
            due = [desk for desk in self._desks.values() if desk.is_due(now)]
            for desk in due:
                desk.opening = True
            hung = [
                desk.follow for desk in self._desks.values() if desk.follow is not None and _hangs(desk.follow, now)
            ]
        for desk in due:
            self._crew.do(lambda desk=desk: self._begin(desk))  # type: ignore[misc]
        for follow in hung:
            self._over(follow, f"the program there says nothing for {SILENT_SECONDS:g} s", refused=False)
        self._news.step()
        self._book.step()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - without it no host would be asked any more
                self._on_bug("", error)
            self._clock.wait(self._wake, STEP_SECONDS)
            self._wake.clear()

    # beginning and ending

    def _begin(self, desk: _Desk) -> None:
        """On one of the crew's threads."""
        with desk.telling:  # a batch that is being stored still counts
            follow = Follow(desk.host, self._book.position(desk.host), self._clock, self._batch, self._ended)
            with self._lock:
                desk.opening = False
                if self._stopping.is_set() or not desk.up or self._desks.get(desk.host) is not desk:
                    return
                desk.follow = follow
        try:
            launch = log_launch(follow.position, self._become(desk.host), follow=True)
            follow.start(self._channels(desk.host), launch)
        except SwarmError as error:
            refused = isinstance(error, SkipHost | AskOperator | ChannelRefused)
            self._over(follow, error.message, refused=refused)
        except Exception as error:  # noqa: BLE001 - one host's matter
            self._on_bug(desk.host, error)
            self._over(follow, f"internal error: {error!r}", refused=True)

    def _ended(self, follow: Follow) -> None:
        """On the channel's thread."""
        if follow.bug is not None:
            self._on_bug(follow.host, follow.bug)
        text, refused = follow.why()
        self._over(follow, text, refused=refused)

    def _over(self, follow: Follow, why: str, *, refused: bool) -> None:
        """It is asked again later, unless it was let go of on purpose."""
        now = self._clock.monotonic()
        with self._lock:
            desk = self._desks.get(follow.host)
            if desk is None or desk.follow is not follow:
                return
            desk.follow = None
            desk.between = follow.read_whole
            desk.why = "" if desk.between else why
            if now - follow.started >= STEADY_SECONDS:
                desk.backoff.reset()
            desk.due = now + self._delay(desk, refused)
        self._crew.do(follow.leave)

    def _delay(self, desk: _Desk, refused: bool) -> float:
        if refused or desk.between:
            seconds = REFUSED_SECONDS if refused else TEXT_SECONDS
            return self._random.uniform(0.9 * seconds, 1.1 * seconds)
        return desk.backoff.next_delay()

    # what they say, on the channels' threads

    def _batch(self, follow: Follow, batch: Batch) -> None:
        with self._lock:
            desk = self._desks.get(follow.host)
        if desk is None:
            return
        with desk.telling:
            if desk.follow is not follow:
                return
            events = self._book.take(desk.host, batch, follow.shift)
            if events is None:
                return
            if not follow.settled:
                self._settled(desk, follow)
            self._news.take(desk.host, batch.events, events, follow.began if follow.first else 0.0)
            self._news.dropped(desk.host, batch.dropped)
            if batch.events:
                self._new(desk.host, batch.events)

    def _settled(self, desk: _Desk, follow: Follow) -> None:
        gap, standing = follow.gap, follow.gap.startswith(_STANDING)
        with self._lock:
            follow.settled, desk.gap = True, gap
        if gap and not standing:
            self._news.gap(desk.host, gap)

    def _new(self, host: str, messages: tuple[Message, ...]) -> None:
        try:
            self._on_new(host, messages)
        except Exception as error:  # noqa: BLE001 - whoever listens must not end the reading
            self._on_bug(host, error)


class _Desk:
    """What is known of one host. Changed under the watch's lock only."""

    def __init__(self, host: str):
        self.host = host
        self.state = HostState.CONNECTING
        self.up = self.opening = self.between = False
        """`between`: what can only be read as a whole was, and will be again."""
        self.follow: Follow | None = None
        self.due = 0.0
        self.why = self.gap = ""
        self.backoff = Backoff()
        self.telling = threading.Lock()
        """Held while a batch is stored and told: the next program begins behind it."""

    def is_due(self, now: float) -> bool:
        return self.up and self.follow is None and not self.opening and self.due <= now

    def release(self) -> Follow | None:
        """What follows it, which counts no longer."""
        follow, self.follow = self.follow, None
        return follow

    @property
    def trouble(self) -> str:
        if not self.up:
            return f"not read: {self.state}"
        if self.between or (self.follow is not None and self.follow.settled):
            return ""
        return self.why or NOT_READ


def _hangs(follow: Follow, now: float) -> bool:
    return now - follow.heard >= SILENT_SECONDS


def _leave(follows: Iterable[Follow]) -> None:
    for follow in follows:
        follow.leave()
