"""Who holds a repository, from the files that Borg leaves in it: `lock.exclusive/HOST.PID-THREAD` and `lock.roster`."""

from __future__ import annotations

import re

from backends.backups.borg.documents import load
from backends.metrics.sample import Record
from backends.text import clean

EXCLUSIVE, ROSTER = "lock.exclusive", "lock.roster"
"""The directory and the file in a repository (and in Borg's cache of it)."""
_NAME = re.compile(r"(?P<host>.{1,200})\.(?P<pid>\d{1,10})-(?P<thread>[0-9a-f]{1,16})", re.DOTALL)
_MOST_PID = 1 << 22
_LIMIT = 64
_ROSTER_BYTES = 1 << 20


class Holder(Record, frozen=True, kw_only=True):
    """One Borg that holds a lock."""

    id: str
    """ "host@mac": BORG_HOST_ID of whoever runs the Borg that took the lock; for an SSH repository that is `borg serve`."""
    pid: int
    thread: int = 0
    exclusive: bool = True

    @property
    def name(self) -> str:
        """As Borg writes it."""
        return f"{self.id}.{self.pid}-{self.thread:x}"

    @property
    def host(self) -> str:
        """Without the address of its network card."""
        return self.id.rpartition("@")[0] or self.id


def parse_name(name: str) -> Holder | None:
    """The name of a file in `lock.exclusive`. None: it is no holder's."""
    match = _NAME.fullmatch(name)
    return _holder(match["host"], int(match["pid"]), int(match["thread"], 16), exclusive=True) if match else None


def parse_roster(data: bytes) -> tuple[Holder, ...]:
    """The roster, each holder once, at most 64; what is damaged is passed over."""
    found = load(data) if len(data) <= _ROSTER_BYTES else None
    holders: dict[Holder, None] = {}
    for kind in ("exclusive", "shared"):
        rows = found.get(kind) if isinstance(found, dict) else None
        for row in rows[:_LIMIT] if isinstance(rows, list) else ():
            if (holder := _of_row(row, kind == "exclusive")) is not None:
                holders[holder] = None
    return tuple(holders)[:_LIMIT]


def _of_row(row: object, exclusive: bool) -> Holder | None:
    if not isinstance(row, list) or len(row) != 3:
        return None
    host, pid, thread = row
    if not isinstance(host, str) or type(pid) is not int or type(thread) is not int:
        return None
    return _holder(host[:200], pid, thread, exclusive=exclusive)


def _holder(host: str, pid: int, thread: int, *, exclusive: bool) -> Holder | None:
    if not 0 < pid <= _MOST_PID or not 0 <= thread < 1 << 64:
        return None
    return Holder(id=clean(host, 200), pid=pid, thread=thread, exclusive=exclusive)
