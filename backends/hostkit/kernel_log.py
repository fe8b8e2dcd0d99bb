"""The stream of `programs/kernel_log.py` → kernel events, each told once: a batch counts when its position has arrived.

What came before a lost link without a position is forgotten here and read again from the position before it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from backends import decoding
from backends.hostkit.kernel_message import KernelEvent, Messages, number
from backends.hostkit.travel import MAGIC, Become, Launch, program_launch
from backends.metrics.sample import Record
from backends.text import clean

PARTS = ("kit_text", "kit_ask", "kit_log_sieve", "kit_log_journal", "kit_log_ring")
BACK_SECONDS = 3 * 86400
"""How far the first look goes back (gpud keeps events for three days)."""
LINE_LIMIT = 1 << 18
HEAD_LIMIT = 1 << 16
"""Of what a login shell may print before the program speaks."""
BATCH_LIMIT = 4096
LATEST = 253_000_000_000.0


class Position(Record, frozen=True, kw_only=True):
    """Where reading goes on; to be stored together with the events that came with it."""

    way: str = ""
    """ "journal", "kmsg", "dmesg"; "" before the first time."""
    after: str = ""
    """A journal cursor, or the boot and a number."""
    boot: str = ""
    """Boot id of the last event, 32 hex digits."""
    monotonic: float = 0.0
    """Seconds since that boot, of the last event."""
    time: float = 0.0
    """The host's wall clock of the last event."""


class Batch(msgspec.Struct, frozen=True):
    """Events that are new, and where reading goes on after them."""

    position: Position
    events: tuple[KernelEvent, ...] = ()
    dropped: dict[str, int] = {}
    """Kind → messages that were thrown away on the host, since too many came; "overwritten" before anybody read them."""


def log_launch(position: Position, become: Become, *, follow: bool, back_seconds: int = BACK_SECONDS) -> Launch:
    """What starts the program.

    Args:
        position: where it was read last; `Position()` for the first time.
        become: how to get root first; without it most hosts show a member of no group nothing.
        follow: go on until stdin ends, instead of ending with the log.
        back_seconds: how far to look back without a position.
    """
    arguments = {"way": position.way, "after": position.after, "back": back_seconds, "follow": follow}
    return program_launch("kernel_log", arguments, become, PARTS)


class KernelLogReader:
    """One connection's stream. Feed it bytes as they come; it never raises for what a host says."""

    def __init__(self, position: Position) -> None:
        self.position = self._told = position
        self.gap = ""
        """Why something may be missing: "the journal no longer knows …", "no permission: …"."""
        self.refused = ""
        """Why nothing can be read at all; then UNKNOWN, never "clean"."""
        self.ended: str | None = None
        """Set when the program has ended: its reason, "" for none."""
        self.bad_lines = 0
        self.host_time: float | None = None
        """The host's wall clock when the program began to speak; None before, or when it did not say."""
        self._rest = b""
        self._begun = self._greeted = self._skipping = False
        self._resumed = True
        self._way = ""
        self._boots: dict[str, float] = {}
        self._waiting: list[KernelEvent] = []
        self._messages = Messages()
        self._lost = 0

    @property
    def greeted(self) -> bool:
        """The program itself has spoken, if only to refuse."""
        return self._greeted

    def feed(self, data: bytes) -> list[Batch]:
        """Batches that `data` completes."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LINE_LIMIT:
            self._rest, self._skipping = b"", True
            self.bad_lines += 1
        found = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif (batch := self._line(line)) is not None:
                found.append(batch)
        return found

    def _line(self, line: bytes) -> Batch | None:
        if not self._begun:
            self._begun = line == MAGIC + b"answer"
            return None
        value = _decoded(line)
        if not self._greeted:
            self._greet(value)
            return None
        match value:
            case ["e", str(kind), dict(entry)]:
                self._entry(kind, entry)
            case ["p", str(after), dict(losses)]:
                return self._commit(after, losses)
            case ["end", str(reason)]:
                self.ended = clean(reason, 200)
            case _:
                self.bad_lines += 1
        return None

    def _greet(self, value: Any) -> None:
        self._greeted = True
        if not isinstance(value, dict) or value.get("ok") is not True:
            text = value.get("text") if isinstance(value, dict) else None
            self.refused = clean(text if isinstance(text, str) else "its answer was not understood", 200)
            return
        self._way = clean(str(value.get("way", "")), 16)
        self.gap = clean(str(value.get("gap", "")), 200)
        self._resumed = value.get("resumed") is True
        now, up, boot = number(value.get("now")), number(value.get("uptime")), value.get("boot")
        self.host_time = now
        if now is not None and up is not None and isinstance(boot, str):
            self._boots[boot] = now - up

    def _entry(self, kind: str, entry: dict[str, Any]) -> None:
        if entry.get("_TRANSPORT") != "kernel" or str(entry.get("SYSLOG_FACILITY")) != "0":
            self.bad_lines += 1  # user space wrote it
            return
        boot = clean(str(entry.get("_BOOT_ID", "")), 32)
        monotonic = (number(entry.get("_SOURCE_MONOTONIC_TIMESTAMP")) or 0.0) / 1e6
        wall = number(entry.get("__REALTIME_TIMESTAMP"))
        when = wall / 1e6 if wall is not None else self._boots.get(boot, 0.0) + monotonic
        when = min(max(when, 0.0), LATEST)
        if not self._resumed and self._was_told(boot, monotonic, when):
            return
        event = self._messages.event(_message(entry.get("MESSAGE")), kind, when, boot, monotonic)
        if event is None:
            return
        if len(self._waiting) < BATCH_LIMIT:
            self._waiting.append(event)
        else:
            self._lost += 1

    def _was_told(self, boot: str, monotonic: float, when: float) -> bool:
        """Told before this connection, when reading could not go on where it stopped. Processors stamp their messages
        each by itself, so within one reading a later message may be older."""
        last = self._told
        return monotonic <= last.monotonic if boot == last.boot else when <= last.time

    def _commit(self, after: str, losses: dict[str, Any]) -> Batch:
        events, self._waiting = tuple(self._waiting), []
        dropped = {clean(str(kind), 24): count for kind, count in list(losses.items())[:32] if _is_count(count)}
        if self._lost:
            dropped["batch"], self._lost = self._lost, 0
        last = events[-1] if events else None
        self.position = Position(
            way=self._way,
            after=clean(after, 512),
            boot=last.boot if last else self.position.boot,
            monotonic=last.monotonic if last else self.position.monotonic,
            time=last.time if last else self.position.time,
        )
        return Batch(position=self.position, events=events, dropped=dropped)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 60


def _decoded(line: bytes) -> Any:
    try:
        return decoding.json(line, type=object)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _message(value: Any) -> str:
    """journalctl writes what is no UTF-8 as a list of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(type(each) is int and 0 <= each < 256 for each in value[:4096]):
        return bytes(value[:4096]).decode("utf-8", "replace")
    return ""
