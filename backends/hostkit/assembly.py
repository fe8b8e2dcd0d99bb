"""Frames of one host → samples: keeps the newest of each group and takes rates when counters arrive."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from backends import decoding
from backends.hostkit import frames
from backends.hostkit.gpu_frames import GpuFrames
from backends.hostkit.table import ProcessTables
from backends.metrics.rates import rates
from backends.metrics.raw import IbPort, IbReading, Link, Raw
from backends.metrics.sample import Filesystem, GpuStatus, ProcessTable, Sample, Sensor
from backends.text import clean

T = TypeVar("T")
MAX_ROWS = 256
MAX_CORES = 8192
"""CONFIG_NR_CPUS of the largest kernels."""
MALFORMED = "malformed value from the host"
NOTHING_MISSING: dict[str, str] = {}
_FIELD_GROUPS = {
    "cpu": "cpu",
    "cores": "cpu",
    "load": "load",
    "memory": "memory",
    "vm": "vmstat",
    "disks": "disk",
    "nics": "network",
    "uptime": "uptime",
    "cost": "cost",
    "cpu_pressure": "psi cpu",
    "memory_pressure": "psi memory",
    "io_pressure": "psi io",
}


class Assembly:
    """The newest of everything that one host's probe said."""

    def __init__(self) -> None:
        self.boot_id = ""
        self.clock_offset: float | None = None
        self.gpu = GpuFrames()
        self.gpu_seen = False
        self.status: GpuStatus | None = None
        self.tables = ProcessTables()
        self._raw: Raw | None = None
        self._names: dict[str, list[str]] = {"disks": [], "nics": []}
        self._links: dict[str, Link] = {}
        self._ib: IbReading | None = None
        self._ib_before: IbReading | None = None
        self._filesystems: tuple[Filesystem, ...] = ()
        self._sensors: tuple[Sensor, ...] = ()
        self._table: ProcessTable | None = None
        self._table_at: float | None = None
        self._mhz: float | None = None
        self._absent: dict[str, str] = {}
        self._bad: dict[str, str] = {}
        self._missing = NOTHING_MISSING

    def malformed(self, group: str, reason: str = MALFORMED) -> None:
        """A group could not be read: it is absent until it can."""
        if self._bad.get(group) != reason:
            self._bad[group] = reason
            self._missing = {**self._absent, **self._bad}

    def fine(self, group: str) -> None:
        """A group that was malformed is right again."""
        if self._bad and group in self._bad:
            del self._bad[group]
            self._missing = {**self._absent, **self._bad}

    def take(self, frame: frames.Frame) -> None:
        """Keep what a frame other than counters says."""
        _TAKE[type(frame)](self, frame)

    def names(self, frame: frames.Names) -> None:
        if frame.kind in self._names:
            self._names[frame.kind] = [clean(name, 64) for name in frame.names[:MAX_ROWS]]

    def table(self, frame: frames.Table) -> None:
        self._table = self.tables.table(frame, self.gpu.gpus)
        self._table_at = frame.monotonic
        self.fine("processes")

    def filesystems(self, frame: frames.Filesystems) -> None:
        if frame.rows is None:
            self._filesystems = ()
            self.malformed("filesystems", clean(frame.reason or "cannot be read", 120))
            return
        self._filesystems = tuple([_filesystem(row) for row in frame.rows[:MAX_ROWS]])
        self.fine("filesystems")

    def links(self, frame: frames.Links) -> None:
        self._links = {clean(link.name, 64): link for link in frame.rows[:MAX_ROWS]}
        self.fine("links")

    def infiniband(self, frame: frames.Infiniband) -> None:
        ports = tuple([_port(port) for port in frame.ports[:MAX_ROWS]])
        self._ib_before, self._ib = self._ib, IbReading(frame.monotonic, ports)
        self.fine("infiniband")

    def temperatures(self, frame: frames.Temperatures) -> None:
        self._sensors = tuple([_sensor(row) for row in frame.rows[:MAX_ROWS]])
        self.fine("temperatures")

    def frequency(self, frame: frames.Frequency) -> None:
        self._mhz = frame.mhz if 0 < frame.mhz < 1e5 else None

    def user(self, frame: frames.User) -> None:
        self.tables.user(frame.uid, frame.name)
        if self._table is not None:
            self._table = self.tables.named(self._table)

    def absent(self, frame: frames.Absent) -> None:
        pairs = list(frame.reasons.items())[:64]
        self._absent = {clean(group, 40): _plain(group, clean(reason, 200)) for group, reason in pairs}
        self._missing = {**self._absent, **self._bad}

    def salvage_reasons(self, fields: list[Any]) -> None:
        """Reasons from a line of which some are no text."""
        if fields and isinstance(fields[0], dict):
            reasons = {group: reason for group, reason in fields[0].items() if isinstance(reason, str)}
            self.absent(frames.Absent(reasons=reasons))

    def gpu_line(self, frame: frames.GpuLine) -> None:
        self.gpu_seen = True
        self.status, _ = self.gpu.feed(frame.line)

    def salvage(self, fields: list[Any]) -> frames.Counters | None:
        """Counters from a line of which some groups have wrong types; None when not even its times are right."""
        values: dict[str, Any] = {}
        bad = set()
        given = [*fields[1:], *[_CUT_OFF] * len(_COUNTER_FIELDS)]
        for (name, kind), value in zip(_COUNTER_FIELDS, given, strict=False):
            try:
                values[name] = decoding.convert(value, kind)
            except msgspec.ValidationError:
                if name in _TIMES:
                    return None
                values[name] = None
                bad.add(_FIELD_GROUPS.get(name, "cpu"))
        for group in _FIELD_GROUPS.values():
            (self.malformed if group in bad else self.fine)(group)
        return frames.Counters(**values)

    def sample(self, frame: frames.Counters, time: float, whole: bool = True) -> Sample | None:
        """The sample that a counters frame completes; None when its clock is nonsense."""
        if not math.isfinite(frame.monotonic) or frame.monotonic < 0:
            return None
        if whole and self._bad:
            for group in _FIELD_GROUPS.values():
                self.fine(group)
        disks = {name: row for name, row in self._named("disks", "disk", frame.disks) if row is not None}
        nics = dict(self._named("nics", "network", frame.nics))
        raw = Raw(
            time=time,
            monotonic=frame.monotonic,
            boot_id=self.boot_id,
            uptime_seconds=frame.uptime if frame.uptime is not None and frame.uptime >= 0 else None,
            clock_offset_seconds=self.clock_offset,
            cost=frame.cost,
            cpu=frame.cpu,
            cores=tuple(frame.cores[:MAX_CORES]) if frame.cores else (),
            frequency_mhz=self._mhz,
            load=frame.load,
            cpu_pressure=frame.cpu_pressure,
            memory_pressure=frame.memory_pressure,
            io_pressure=frame.io_pressure,
            memory=frame.memory,
            vm=frame.vm,
            disks=disks,
            nics=nics,
            links=self._links,
            infiniband=self._ib,
            filesystems=self._filesystems,
            sensors=self._sensors,
            processes=self._table,
            processes_monotonic=self._table_at,
            gpus=self.gpu.gpus,
            gpu_status=self.status,
            missing=self._missing,
        )
        before, self._raw = self._raw, raw
        return rates(before, raw, self._ib_before)

    def _named(self, kind: str, group: str, rows: list[T] | None) -> list[tuple[str, T]]:
        """Rows with the names that were sent for them; none when these are not theirs (a line was lost)."""
        names, rows = self._names[kind], (rows or [])[:MAX_ROWS]
        if len(rows) == len(names):
            return list(zip(names, rows, strict=True))
        if rows:
            self.malformed(group)
        return []


_CUT_OFF = "cut off"
"""Stands where a line ended too early; fits no counter, since none is text."""
_TIMES = ("sequence", "monotonic", "wall")
_COUNTER_FIELDS = [(field.name, field.type) for field in msgspec.structs.fields(frames.Counters)]

_TAKE: dict[type[frames.Frame], Callable[[Assembly, Any], None]] = {
    frames.Names: Assembly.names,
    frames.Table: Assembly.table,
    frames.Filesystems: Assembly.filesystems,
    frames.Links: Assembly.links,
    frames.Infiniband: Assembly.infiniband,
    frames.Temperatures: Assembly.temperatures,
    frames.Frequency: Assembly.frequency,
    frames.User: Assembly.user,
    frames.Absent: Assembly.absent,
    frames.GpuLine: Assembly.gpu_line,
}


def _plain(group: str, reason: str) -> str:
    """The kernel's errno text in words that say what it means here."""
    if group.startswith("psi") and ("No such file" in reason or "not supported" in reason):
        return "this kernel has no pressure information (4.20 and newer, psi=1)"
    return reason


def _size(value: int | None) -> int | None:
    return value if value is not None and 0 <= value < 1 << 70 else None


def _filesystem(row: frames.FilesystemRow) -> Filesystem:
    total, free, available = _size(row.total), _size(row.free), _size(row.available)
    used = None if total is None or free is None or free > total else total - free
    shown = None if used is None or available is None else used + available
    files, files_free = _size(row.files) or None, _size(row.files_free)
    return Filesystem(
        mount=clean(row.mount, 256),
        device=clean(row.device, 256),
        kind=clean(row.kind, 32),
        total_bytes=total,
        used_bytes=used,
        available_bytes=available,
        used_percent=100.0 * used / shown if shown and used is not None else None,
        inodes_total=files,
        inodes_used_percent=None
        if files is None or files_free is None or files_free > files
        else 100.0 * (files - files_free) / files,
        read_only=row.read_only,
        reason=clean(row.reason, 120) if row.reason else None,
    )


def _sensor(row: frames.SensorRow) -> Sensor:
    return Sensor(
        name=clean(row.name, 80),
        celsius=_celsius(row.value),
        high_celsius=_celsius(row.high),
        critical_celsius=_celsius(row.critical),
    )


def _celsius(milli: int | None) -> float | None:
    """None for the 0, −273 and 65261 with which boards say "nothing here"."""
    return milli / 1000.0 if milli is not None and -100_000 < milli < 250_000 and milli != 0 else None


def _port(port: IbPort) -> IbPort:
    return msgspec.structs.replace(
        port,
        name=clean(port.name, 64),
        state=clean(port.state, 64),
        physical_state=clean(port.physical_state, 64),
        rate=clean(port.rate, 64),
    )
