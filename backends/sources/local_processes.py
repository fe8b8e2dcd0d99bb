"""This machine's process table through psutil: a cheap look at all, details only for those that are shown."""

from __future__ import annotations

import heapq
import time

import msgspec
import psutil

from backends.clock import Clock
from backends.hostkit.gpu_processes import held_by_pid
from backends.metrics.sample import Gpu, Process, ProcessTable
from backends.sources.local_identity import identify

TOP = 10
MAX_ROWS = 64
FULL_EVERY = 12
"""Tables until names are read again: a process may call exec, or be given another cgroup."""
_LETTERS = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X",
    psutil.STATUS_IDLE: "I",
    psutil.STATUS_PARKED: "P",
    psutil.STATUS_WAKING: "W",
}


class _Seen(msgspec.Struct):
    """One process as the cheap look shows it."""

    process: psutil.Process
    cpu_seconds: float
    resident: int
    state: str
    read_at: float
    percent: float | None = None


class LocalProcesses:
    """Keeps CPU times between tables. One thread."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._seen: dict[tuple[int, float], _Seen] = {}
        self._details: dict[tuple[int, float], Process] = {}
        self._tables = 0
        self.cost_seconds = 0.0
        """CPU time that the last table took."""

    def table(self, gpus: tuple[Gpu, ...]) -> ProcessTable:
        """The table now; per cent since the table before."""
        started = time.thread_time()
        if self._tables % FULL_EVERY == 0:
            self._details = {}
        self._tables += 1
        self._look()
        held = held_by_pid(gpus)
        shown = self._pick(set(held))
        details = {key: self._detail(key, self._seen[key]) for key in shown}
        self._details = {key: detail for key, detail in details.items() if detail is not None}
        rows = []
        for key, detail in self._details.items():
            seen, memory = self._seen[key], held.get(key[0])
            rows.append(
                msgspec.structs.replace(
                    detail,
                    state=seen.state,
                    nice=_nice(seen.process),
                    cpu_percent=seen.percent,
                    resident_bytes=seen.resident,
                    gpu_memory_bytes=memory[0] if memory else None,
                    gpus=memory[1] if memory else (),
                )
            )
        states = [seen.state for seen in self._seen.values()]
        self.cost_seconds = time.thread_time() - started
        return ProcessTable(
            total=len(states),
            running=states.count("R"),
            blocked=states.count("D"),
            zombies=states.count("Z"),
            top=tuple(rows),
        )

    def _look(self) -> None:
        before, after = self._seen, {}
        for process in psutil.process_iter():
            try:
                with process.oneshot():
                    key = (process.pid, process.create_time())
                    times = process.cpu_times()
                    state = _LETTERS.get(process.status(), "")
                    resident = process.memory_info().rss
            except psutil.Error:
                continue  # it ended meanwhile, or is not ours to see (macOS)
            now, spent = self._clock.monotonic(), times.user + times.system
            seen = after[key] = _Seen(process, spent, resident, state, now)
            old = before.get(key)
            if old is not None and now > old.read_at:
                seen.percent = max(0.0, 100.0 * (spent - old.cpu_seconds) / (now - old.read_at))
        self._seen = after

    def _pick(self, wanted: set[int]) -> list[tuple[int, float]]:
        """The same choice as the kit makes: top by CPU, top by memory, GPU holders, blocked ones."""
        seen = self._seen
        busy = heapq.nlargest(TOP, (key for key in seen if seen[key].percent), key=lambda key: seen[key].percent or 0.0)
        large = heapq.nlargest(TOP, (key for key in seen if seen[key].resident), key=lambda key: seen[key].resident)
        holders = [key for key in seen if key[0] in wanted]
        blocked = [key for key in seen if seen[key].state == "D"][:TOP]
        return list(dict.fromkeys([*busy, *large, *holders, *blocked]))[:MAX_ROWS]

    def _detail(self, key: tuple[int, float], seen: _Seen) -> Process | None:
        """What stays the same while a process lives; read seldom."""
        known = self._details.get(key)
        if known is not None:
            return known
        try:
            return identify(seen.process)
        except (psutil.Error, OSError, ValueError, IndexError):
            return None  # it ended meanwhile


def _nice(process: psutil.Process) -> int | None:
    try:
        return int(process.nice())
    except psutil.Error:
        return None
