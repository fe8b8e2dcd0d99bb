"""What a program with all its children has cost: CPU to the nanosecond from the scheduler, memory from the page tables.

Ticks (10 ms) are far too coarse for a program that uses two milliseconds a second, so CPU is the first number of every
thread's `schedstat`. Only children that ended in between are counted by their parent's ticks; threads that ended are
lost, which favours peers that start and end threads.
"""

from __future__ import annotations

import os
from pathlib import Path

from backends.metrics.sample import Record
from tests.lab.userlab import descendants

TICKS = os.sysconf("SC_CLK_TCK")
MEBI = 1 << 20


class Reading(Record, frozen=True, kw_only=True):
    """CPU so far of a process and all below it."""

    threads: dict[tuple[int, int], int]
    """(pid, thread) → nanoseconds on a core."""
    reaped: dict[int, int]
    """pid → ticks of children that ended and were waited for."""


class Memory(Record, frozen=True, kw_only=True):
    """Bytes of a process and all below it."""

    resident: int
    """The sum of what each has in memory: shared pages count in every process."""
    proportional: int
    """Shared pages divided among those that share them."""


def kept(value: float | None, budget: float) -> str:
    """How a budget that is an upper bound is reported; None: it never came to an end."""
    return "kept" if value is not None and value <= budget else "MISSED"


def run_nanoseconds(schedstat: str) -> int:
    """Time on a core, from the text of /proc/PID/task/TID/schedstat. Raises ValueError for anything else."""
    fields = schedstat.split()
    if len(fields) != 3:
        raise ValueError(f"not a schedstat: {schedstat!r}")
    return int(fields[0])


def reaped_ticks(stat: str) -> int:
    """User and system time of ended children, from the text of /proc/PID/stat; names may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[13]) + int(fields[14])


def rollup_bytes(rollup: str) -> Memory:
    """What the text of /proc/PID/smaps_rollup says; zeros for a process without memory of its own."""
    found = {"Rss": 0, "Pss": 0}
    for line in rollup.splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0]) << 10
    return Memory(resident=found["Rss"], proportional=found["Pss"])


def seconds_between(before: Reading, after: Reading) -> float:
    """CPU seconds from one reading to the next."""
    alive = {pid for pid, _ in after.threads}
    nanoseconds = sum(spent - before.threads.get(key, 0) for key, spent in after.threads.items())
    ticks = sum(spent - before.reaped.get(pid, 0) for pid, spent in after.reaped.items())
    if ticks:  # those counted above as a whole had spent a part of it before
        nanoseconds -= sum(spent for (pid, _), spent in before.threads.items() if pid not in alive)
        ticks -= sum(spent for pid, spent in before.reaped.items() if pid not in alive)
    return max(0.0, nanoseconds / 1e9 + ticks / TICKS)


def read(pid: int) -> Reading:
    """CPU so far of `pid` and all below it; what ends meanwhile is left out."""
    threads: dict[tuple[int, int], int] = {}
    reaped: dict[int, int] = {}
    for each in descendants(pid):
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                threads[each, int(task.name)] = run_nanoseconds((task / "schedstat").read_text())
            reaped[each] = reaped_ticks(Path(f"/proc/{each}/stat").read_text())
        except OSError:
            continue
    return Reading(threads=threads, reaped=reaped)


def memory(pid: int) -> Memory:
    """Memory now of `pid` and all below it."""
    found = []
    for each in descendants(pid):
        try:
            found.append(rollup_bytes(Path(f"/proc/{each}/smaps_rollup").read_text()))
        except OSError:
            continue
    return Memory(resident=sum(one.resident for one in found), proportional=sum(one.proportional for one in found))
