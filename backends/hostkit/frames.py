"""The kit's frames as typed records. The order of fields is the wire format that `programs/probe.py` writes."""

from __future__ import annotations

from typing import Any

import msgspec

from backends import decoding
from backends.metrics.raw import (
    Cost,
    CpuTicks,
    DiskCounters,
    IbPort,
    Link,
    MemoryKib,
    NicCounters,
    PressureAverages,
    VmCounters,
)

Text = str


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Base: one JSON array, whose first item is the tag."""


class Hello(Frame, frozen=True, tag="h"):
    facts: dict[str, Any]


class Names(Frame, frozen=True, tag="n"):
    kind: str
    names: list[str]


class Counters(Frame, frozen=True, tag="s"):
    sequence: int
    monotonic: float
    wall: float
    uptime: float | None
    cost: Cost | None
    cpu: CpuTicks | None
    cores: list[float | None] | None
    running: int | None
    blocked: int | None
    load: tuple[float, float, float] | None
    cpu_pressure: PressureAverages | None
    memory_pressure: PressureAverages | None
    io_pressure: PressureAverages | None
    memory: MemoryKib | None
    vm: VmCounters | None
    disks: list[DiskCounters | None] | None
    nics: list[NicCounters] | None


class ProcessNames(msgspec.Struct, frozen=True, array_like=True):
    """Sent once while a process stays in the table."""

    uid: int | None
    name: str
    command: str
    cgroup: str


class ProcessRow(msgspec.Struct, frozen=True, array_like=True):
    pid: int
    start_ticks: int
    state: str
    cpu_percent: float | None
    resident_bytes: int
    nice: int | None
    names: ProcessNames | int


class Table(Frame, frozen=True, tag="t"):
    monotonic: float
    total: int
    running: int
    blocked: int
    zombies: int
    rows: list[ProcessRow]


class FilesystemRow(msgspec.Struct, frozen=True, array_like=True):
    mount: str
    device: str
    kind: str
    read_only: bool | None
    total: int | None = None
    free: int | None = None
    available: int | None = None
    files: int | None = None
    files_free: int | None = None
    reason: str | None = None


class Filesystems(Frame, frozen=True, tag="f"):
    rows: list[FilesystemRow] | None
    reason: str | None = None


class Links(Frame, frozen=True, tag="l"):
    rows: list[Link]


class Infiniband(Frame, frozen=True, tag="i"):
    monotonic: float
    ports: tuple[IbPort, ...]


class SensorRow(msgspec.Struct, frozen=True, array_like=True):
    """Millidegrees."""

    name: str
    value: int | None = None
    high: int | None = None
    critical: int | None = None


class Temperatures(Frame, frozen=True, tag="x"):
    rows: list[SensorRow]


class Frequency(Frame, frozen=True, tag="q"):
    mhz: float


class User(Frame, frozen=True, tag="u"):
    uid: int
    name: str


class Absent(Frame, frozen=True, tag="a"):
    reasons: dict[str, str]


class PongFrame(Frame, frozen=True, tag="p"):
    token: int
    wall: float


class GpuLine(Frame, frozen=True, tag="g"):
    line: Any


class GpuState(Frame, frozen=True, tag="G"):
    state: str
    text: str = ""


class Failure(Frame, frozen=True, tag="e"):
    text: str


AnyFrame = (
    Counters
    | Table
    | GpuLine
    | PongFrame
    | Hello
    | Names
    | Filesystems
    | Links
    | Infiniband
    | Temperatures
    | Frequency
    | User
    | Absent
    | GpuState
    | Failure
)

decode = decoding.json_decoder(AnyFrame).decode
"""One line → its frame. Raises msgspec.MsgspecError on anything else."""
