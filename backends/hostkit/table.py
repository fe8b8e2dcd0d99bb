"""The kit's process table → `ProcessTable`. Names come once per process; numbers come with every table."""

from __future__ import annotations

import msgspec

from backends.hostkit.cgroups import owner
from backends.hostkit.frames import ProcessNames, ProcessRow, Table
from backends.hostkit.gpu_processes import Held, held_by_pid
from backends.metrics.sample import Gpu, Process, ProcessTable
from backends.text import clean

MAX_ROWS = 200
MAX_USERS = 4096
MAX_CPU_PERCENT = 100.0 * 8192
MAX_PID = 1 << 22
"""PID_MAX_LIMIT of 64-bit kernels."""
MAX_UID = (1 << 32) - 1
MAX_COUNT = 1 << 62
STATES = frozenset("RSDZTtIXPKW")


class _Known:
    """What stays the same while a process lives."""

    __slots__ = ("command", "container", "job", "name", "uid")

    def __init__(self, names: ProcessNames | None):
        self.uid = names.uid if names and names.uid is not None and 0 <= names.uid <= MAX_UID else None
        self.name = clean(names.name, 64) if names else ""
        self.command = clean(names.command, 512) if names else ""
        self.container, self.job = owner(clean(names.cgroup, 400)) if names else (None, None)


_NOBODY = _Known(None)


class ProcessTables:
    """Keeps the names of one host's processes between tables."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], _Known] = {}
        self._users: dict[int, str] = {}

    def user(self, uid: int, name: str) -> None:
        """A user id's name was looked up on the host."""
        if len(self._users) < MAX_USERS or uid in self._users:
            self._users[uid] = clean(name, 64)

    def named(self, table: ProcessTable) -> ProcessTable:
        """The newest table again, with the user names that have become known since."""
        rows = []
        for row in table.top:
            known = self._known.get((row.pid, row.start_ticks), _NOBODY)
            rows.append(msgspec.structs.replace(row, user=self._user(known.uid)))
        return msgspec.structs.replace(table, top=tuple(rows))

    def _user(self, uid: int | None) -> str:
        return "" if uid is None else self._users.get(uid) or str(uid)

    def table(self, frame: Table, gpus: tuple[Gpu, ...]) -> ProcessTable:
        """The public table of a frame, with each process's share of the GPUs."""
        known: dict[tuple[int, int], _Known] = {}
        held = held_by_pid(gpus)
        rows = []
        for row in frame.rows[:MAX_ROWS]:
            key = (row.pid, row.start_ticks)
            if key in known or not _is_process(row):
                continue
            if isinstance(row.names, ProcessNames):
                known[key] = _Known(row.names)
            else:
                known[key] = self._known.get(key, _NOBODY)
            rows.append(self._process(row, known[key], held.get(row.pid)))
        self._known = known
        return ProcessTable(
            total=_count(frame.total),
            running=_count(frame.running),
            blocked=_count(frame.blocked),
            zombies=_count(frame.zombies),
            top=tuple(rows),
        )

    def _process(self, row: ProcessRow, known: _Known, held: Held | None) -> Process:
        percent = row.cpu_percent
        return Process(
            pid=row.pid,
            start_ticks=row.start_ticks,
            user=self._user(known.uid),
            name=known.name,
            command=known.command,
            state=row.state if row.state in STATES else "",
            cpu_percent=percent if percent is not None and 0 <= percent <= MAX_CPU_PERCENT else None,
            resident_bytes=_count(row.resident_bytes),
            gpu_memory_bytes=held[0] if held else None,
            gpus=held[1] if held else (),
            container=known.container,
            slurm_job=known.job,
            nice=row.nice if row.nice is not None and -20 <= row.nice <= 19 else None,
        )


def _is_process(row: ProcessRow) -> bool:
    """False for what names no process: 0 and negative pids would mean whole groups to kill(2)."""
    return 0 < row.pid <= MAX_PID and 0 <= row.start_ticks < MAX_COUNT


def _count(value: int) -> int | None:
    return value if 0 <= value < MAX_COUNT else None
