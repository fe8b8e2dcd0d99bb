"""Which work holds which GPUs: processes gathered by Slurm job, else by container or pod, else each for itself."""

from __future__ import annotations

from collections.abc import Iterable

from backends.checks.commands import folded
from backends.checks.figures import Column, mean, measured, number
from backends.checks.window import GpuWindow, Window
from backends.metrics.sample import Process, Sample

TICKS_PER_SECOND = 100.0
"""Of a process's start time: Linux shows them so on every architecture that carries these GPUs (USER_HZ)."""
IN_USE_PERCENT = 10.0
"""Mean utilisation from which a GPU without a known process counts as in use all the same (`throttle.BUSY_PERCENT`)."""
HELD_SHARE = 0.05
"""Of a GPU's memory: below it nothing is loaded (own reasoning; an idle context and the driver take less)."""

Key = tuple[str, str]
"""What kind of owner ("job", "container", "pod", "pid", "gpu") and its name."""


class Job:
    """The GPUs and processes of one owner."""

    def __init__(self, key: Key, gpus: Iterable[GpuWindow], pids: Iterable[int], window: Window):
        self.kind, self.name = key
        self.subject = f"{self.kind} {self.name}"
        self.gpus = tuple(gpus)
        self.pids = frozenset(pids)
        self.window = window
        self.busy = _busy(self.gpus)
        """Utilisation in each sample, the mean of its GPUs; None where one of them has none."""

    @property
    def shown(self) -> str:
        """Its GPUs, for a sentence."""
        numbers = folded(sorted(gpu.index for gpu in self.gpus))
        return f"gpu {numbers}" if len(self.gpus) == 1 else f"gpus {numbers}"

    def means(self, field: str) -> list[float] | None:
        """The mean of `field` for each GPU; None when it is not measured on every one."""
        columns = [gpu.values(field) for gpu in self.gpus]
        return [mean(column) for column in columns if column] if columns and all(columns) else None

    def lacking(self, *fields: str) -> tuple[str, ...]:
        """Those fields that are not measured on every GPU, each with the reason where one is told."""
        found = []
        for field in fields:
            without = [gpu for gpu in self.gpus if gpu.values(field) is None]
            if without:
                reason = without[0].newest.missing.get(field, "")
                found.append(f"{field} ({reason[:60]})" if reason else field)
        return tuple(found)

    def age_seconds(self) -> float | None:
        """How long the oldest of its processes runs; None when no process tells."""
        up = number(self.window.newest.uptime_seconds)
        starts = [row.start_ticks for row in _rows(self.window.newest) if row.pid in self.pids]
        known = [start for start in starts if 0 < start <= (up or 0.0) * TICKS_PER_SECOND]
        return up - min(known) / TICKS_PER_SECOND if up is not None and known else None

    def hottest_process(self) -> list[float] | None:
        """CPU use of its busiest process in each process table, in per cent of one core; None when it is in too few."""
        column: Column = []
        for sample in self.window.samples:
            loads = [number(row.cpu_percent) for row in _rows(sample) if self._owns(row)]
            column.append(max((load for load in loads if load is not None), default=None))
        return measured(column)

    def blocked_share(self) -> float:
        """In how many samples (0–1) one of its processes was blocked in the kernel (state D)."""
        samples = self.window.samples
        return sum(any(row.state == "D" and self._owns(row) for row in _rows(one)) for one in samples) / len(samples)

    def _owns(self, row: Process) -> bool:
        return row.pid in self.pids or owner(row) == (self.kind, self.name)


def _rows(sample: Sample) -> tuple[Process, ...]:
    return sample.processes.top if sample.processes is not None else ()


def _busy(gpus: tuple[GpuWindow, ...]) -> Column:
    columns = [gpu.column("utilisation_percent") for gpu in gpus]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*columns, strict=True)
    return [None if None in row else sum(row) / len(row) for row in rows]


def owner(process: Process) -> Key:
    """Who a process belongs to."""
    if process.slurm_job:
        return "job", process.slurm_job
    if process.container:
        kind, _, name = process.container.rpartition(" ")
        return ("pod" if kind == "pod" else "container"), name
    return "pid", str(process.pid)


def jobs_of(window: Window) -> tuple[Job, ...]:
    """The work on the host's GPUs, in the order of their first GPU.

    A GPU that several owners share, or that is in use by nobody known, is judged as itself: its numbers cannot be
    divided. A free GPU is no job.
    """
    rows = {row.pid: row for row in _rows(window.newest)}
    held: dict[Key, tuple[list[GpuWindow], set[int]]] = {}
    for gpu in window.gpus.values():
        pids = _holders(gpu, rows)
        keys = {owner(rows[pid]) if pid in rows else ("pid", str(pid)) for pid in pids}
        if not keys and not _in_use(gpu):
            continue
        key = keys.pop() if len(keys) == 1 else ("gpu", str(gpu.index))
        gpus, all_pids = held.setdefault(key, ([], set()))
        gpus.append(gpu)
        all_pids.update(pids)
    return tuple(Job(key, gpus, pids, window) for key, (gpus, pids) in held.items())


def _holders(gpu: GpuWindow, rows: dict[int, Process]) -> list[int]:
    """Who computes on the GPU: the driver's list, or the process table's where the driver gives none (a lost GPU)."""
    if gpu.newest.processes is not None:
        return [process.pid for process in gpu.newest.processes if process.kind == "compute"]
    return [pid for pid, row in rows.items() if gpu.index in row.gpus]


def _in_use(gpu: GpuWindow) -> bool:
    """Whether a GPU without a known process works or may be held; what is not measured may be."""
    busy = gpu.values("utilisation_percent")
    if gpu.newest.lost or busy is None or mean(busy) >= IN_USE_PERCENT:
        return True
    if gpu.newest.processes is not None:
        return False
    used, total = gpu.latest("memory_used_bytes"), gpu.latest("memory_total_bytes")
    return used is None or not total or used >= HELD_SHARE * total
