"""Kernel events on the timeline: one line each while they are few, one line for many, one for what a host threw away.

The first look at a host goes back three days: that is history, and one line.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from backends.alerts.subjects import KernelEvent
from backends.alerts.xid_policy import Policies
from backends.clock import Clock, utc
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.states import Severity

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity."""
MINUTE_SECONDS, MOST_A_MINUTE, MOST_OTHERS = 60.0, 20, 14
"""Lines of one host; a flood of disk errors leaves room for an XID and a kill."""
BURST_SECONDS = 300.0
"""What a host throws away within so long is told in one line."""
LATE_SECONDS = 120.0
"""What was said longer ago carries its time."""
MOST_KINDS = 6
OTHER = "kernel-log"
KINDS = {"xid": "xid", "sxid": "xid", "gpu-lost": "xid", "oom": "oom"}
"""Kind of a message → kind on the timeline; OTHER for all others."""
_POLICIES = Policies()
_GRAVE = frozenset({"panic", "lockup", "gpu-lost"})
_PLAIN = frozenset({"gpu-log", "oom-log", "filesystem-log", "nvme-log", "link-log", "nfs-log", "other"})
_GRADES = {
    "corrected": Severity.OK,
    "up": Severity.OK,
    "ok": Severity.OK,
    "nonfatal": Severity.WARNING,
    "fatal": Severity.CRITICAL,
    "uncorrected": Severity.CRITICAL,
    "read-only": Severity.CRITICAL,
}


def severity_of(message: Message) -> Severity:
    """How a message is coloured on the timeline; what is to be done about it is the rules' matter."""
    if message.grade in _GRADES:
        return _GRADES[message.grade]
    if message.kind == "xid" and message.code is not None:
        return _POLICIES.of(message.code).severity
    if message.kind in _PLAIN:
        return Severity.OK
    return Severity.CRITICAL if message.kind in _GRAVE else Severity.WARNING


class KernelNews:
    """Calls may come from any thread, those about one host one after the other."""

    def __init__(self, clock: Clock, tell: Tell):
        self._clock, self._tell = clock, tell
        self._lock = threading.Lock()
        self._minutes: dict[str, _Count] = {}
        self._history: dict[str, _Count] = {}
        self._bursts: dict[str, _Count] = {}

    def take(
        self, host: str, messages: Iterable[Message], events: Iterable[KernelEvent], history_until: float = 0.0
    ) -> None:
        """Tell new events.

        Args:
            host: whose.
            messages: as they were decoded.
            events: the same, as the rules see them.
            history_until: epoch seconds; what was said before is history.
        """
        for message, event in zip(messages, events, strict=True):
            if event.time < history_until:
                self._count(self._history, host, {message.kind: 1})
            elif self._fits(host, kind := KINDS.get(message.kind, OTHER)):
                text = f"{_when(event.time, self._clock.now())}{event.text}"
                self._tell(kind, text, host, "", severity_of(message))
            else:
                self._count(self._minutes, host, {message.kind: 1})

    def dropped(self, host: str, losses: Mapping[str, int]) -> None:
        """What never came: too many messages for the host's program, or overwritten before it could read them."""
        if losses:
            self._count(self._bursts, host, losses)

    def gap(self, host: str, why: str) -> None:
        """Something may be missing."""
        self._tell(OTHER, f"kernel messages may be missing: {why}", host, "", Severity.WARNING)

    def step(self, *, last: bool = False) -> None:
        """Tell what was counted and is over; with `last`, all of it."""
        now = self._clock.monotonic()
        for host, count in self._over(self._history, now, MINUTE_SECONDS / 6, last):
            text = f"{count.total} kernel messages of the last days: {count.text}"
            self._tell(OTHER, text, host, "", Severity.OK)
        for host, count in self._over(self._minutes, now, MINUTE_SECONDS, last):
            self._tell(OTHER, f"and {count.total} more kernel messages: {count.text}", host, "", Severity.WARNING)
        for host, count in self._over(self._bursts, now, BURST_SECONDS, last):
            text = f"too many kernel messages came, {count.total} were left out: {count.text}"
            self._tell(OTHER, text, host, "", Severity.WARNING)

    def _fits(self, host: str, kind: str) -> bool:
        with self._lock:
            minute = self._minutes.setdefault(host, _Count(self._clock.monotonic()))
            fits = minute.told < (MOST_OTHERS if kind == OTHER else MOST_A_MINUTE)
            minute.told += fits
            return fits

    def _count(self, counts: dict[str, _Count], host: str, more: Mapping[str, int]) -> None:
        with self._lock:
            counts.setdefault(host, _Count(self._clock.monotonic())).kinds.update(more)

    def _over(self, counts: dict[str, _Count], now: float, seconds: float, last: bool) -> list[tuple[str, _Count]]:
        """Those that are over and have something to tell."""
        with self._lock:
            over = [(host, count) for host, count in counts.items() if last or now - count.began >= seconds]
            for host, _ in over:
                del counts[host]
        return [(host, count) for host, count in over if count.kinds]


class _Count:
    """What one host said since some moment and that was not told by itself."""

    def __init__(self, began: float):
        self.began = began
        self.told = 0
        self.kinds: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.kinds.total()

    @property
    def text(self) -> str:
        """ "12 disk, 3 xid", the most frequent first."""
        named = [f"{number} {kind}" for kind, number in self.kinds.most_common(MOST_KINDS)]
        rest = self.total - sum(number for _, number in self.kinds.most_common(MOST_KINDS))
        return ", ".join([*named, f"{rest} others"] if rest else named)


def _when(time: float, now: float) -> str:
    return f"{utc(time):%Y-%m-%d %H:%M:%S} UTC: " if now - time > LATE_SECONDS else ""
