"""What the filter can ask of a row of the fleet: the names, their units and where their values stand.

The rows are those of the engine's API (`HostRow`), read by attribute: the inventory stands below the engine and must not
know its types. The tables are also what the help screen shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from backends.states import HostState, Severity

Kind = Literal["percent", "bytes", "rate", "seconds", "celsius", "watts", "count"]
_WHATS: dict[Kind, str] = {
    "percent": "percentage", "bytes": "size", "rate": "rate", "seconds": "duration",
    "celsius": "temperature", "watts": "power", "count": "number",
}  # fmt: skip
_EXAMPLES: dict[Kind, str] = {
    "percent": "90", "bytes": "64G", "rate": "100M", "seconds": "30s, 5m, 2h, 3d",
    "celsius": "80", "watts": "250, 1.2kW", "count": "8",
}  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """A number that can be compared."""

    name: str
    kind: Kind
    description: str
    read: Callable[[object, float], float | None]
    """Row and present time → the value, None when it was not measured."""

    @property
    def what(self) -> str:
        """The kind in words: "percentage"."""
        return _WHATS[self.kind]

    @property
    def example(self) -> str:
        """How a value is written."""
        return _EXAMPLES[self.kind]

    @property
    def rounded(self) -> bool:
        """Whether `=` compares what is shown (whole numbers) instead of the exact value."""
        return self.kind in ("percent", "celsius", "watts", "seconds")


class Words(msgspec.Struct, frozen=True):
    """A text that can be matched: NAME:WORD."""

    name: str
    description: str
    read: Callable[[object], Iterable[str]]
    choices: tuple[str, ...] = ()
    """All possible values; () when they are free."""
    whole: bool = False
    """Whether the whole value must match instead of a part of it."""


def _get(attribute: str) -> Callable[[object, float], float | None]:
    return lambda row, now: _real(getattr(row, attribute, None))


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _since(attribute: str) -> Callable[[object, float], float | None]:
    def read(row: object, now: float) -> float | None:
        moment = _real(getattr(row, attribute, None))
        return None if not moment else max(0.0, now - moment)

    return read


def _cells(attribute: str, pick: Callable[[Iterable[float]], float]) -> Callable[[object, float], float | None]:
    def read(row: object, now: float) -> float | None:
        values = [
            value for cell in getattr(row, "gpus", ()) if (value := _real(getattr(cell, attribute, None))) is not None
        ]
        return pick(values) if values else None

    return read


def _gpu_count(row: object, now: float) -> float | None:
    return float(len(getattr(row, "gpus", ())))


_ALL = (
    Field("gpu", "percent", "GPU utilisation, mean over the host's GPUs", _get("gpu_percent")),
    Field("gpu.max", "percent", "utilisation of the busiest GPU", _cells("utilisation_percent", max)),
    Field("gpu.min", "percent", "utilisation of the idlest GPU", _cells("utilisation_percent", min)),
    Field("gpumem", "percent", "GPU memory in use", _get("gpu_memory_percent")),
    Field("gpus", "count", "number of GPUs", _gpu_count),
    Field("temp", "celsius", "temperature of the hottest GPU", _get("gpu_temperature_celsius")),
    Field("power", "watts", "power of all GPUs of the host", _get("gpu_power_watts")),
    Field("cpu", "percent", "CPU busy", _get("cpu_percent")),
    Field("cores", "count", "number of CPUs", _get("cpu_count")),
    Field("iowait", "percent", "CPU time spent waiting for disks", _get("iowait_percent")),
    Field("load", "count", "load average over one minute", _get("load_1")),
    Field("mem", "percent", "memory in use", _get("memory_percent")),
    Field("mem.total", "bytes", "memory installed", _get("memory_total_bytes")),
    Field("swap", "percent", "swap in use", _get("swap_percent")),
    Field("disk", "percent", "use of the fullest filesystem", _get("disk_percent")),
    Field("disk.busy", "percent", "busy time of the busiest disk", _get("disk_busy_percent")),
    Field("disk.read", "rate", "bytes read a second", _get("disk_read_bytes_per_second")),
    Field("disk.write", "rate", "bytes written a second", _get("disk_write_bytes_per_second")),
    Field("net.rx", "rate", "bytes received a second", _get("net_rx_bytes_per_second")),
    Field("net.tx", "rate", "bytes sent a second", _get("net_tx_bytes_per_second")),
    Field("procs", "count", "number of processes", _get("process_count")),
    Field("uptime", "seconds", "time since boot", _get("uptime_seconds")),
    Field("rtt", "seconds", "SSH round trip (rtt>200ms)", _get("round_trip_seconds")),
    Field("age", "seconds", "age of the newest sample", _since("sample_time")),
    Field("since", "seconds", "time in the present state", _since("since")),
    Field("alerts", "count", "open alerts", _get("alerts")),
    Field("updates", "count", "pending updates", _get("updates_pending")),
    Field("backup", "seconds", "age of the newest backup", _since("backup_time")),
)

FIELDS: dict[str, Field] = {field.name: field for field in _ALL}
"""Numbers: NAME with > >= < <= = != and a value."""


def _words(attribute: str) -> Callable[[object], Iterable[str]]:
    return lambda row: (str(getattr(row, attribute, "") or ""),)


def _states(row: object) -> Iterable[str]:
    state = str(getattr(row, "state", "") or "")
    return (state,) if state == HostState.UP else (state, "down")


def _flags(row: object) -> Iterable[str]:
    return [flag for cell in getattr(row, "gpus", ()) if (flag := str(getattr(cell, "flag", "") or ""))]


def _run(row: object) -> Iterable[str]:
    """Nothing for a host that no run has, so that `run:*` means those that one has."""
    run = str(getattr(row, "run", "") or "")
    return (run, str(getattr(row, "run_stage", "") or "")) if run else ()


WORDS: dict[str, Words] = {
    field.name: field
    for field in (
        Words("state", "down (anything but up) or one state", _states, ("down", *(state.value for state in HostState))),
        Words("severity", "how bad the host is", _words("severity"), tuple(level.value for level in Severity)),
        Words("tag", "a tag of the host; tag:rack* for several", lambda row: getattr(row, "tags", ()), whole=True),
        Words("name", "part of the name", _words("name")),
        Words("model", "part of the GPU model", _words("gpu_model")),
        Words("reason", "part of the reason for the state", _words("reason")),
        Words("worst", "part of the worst thing about the host", _words("worst")),
        Words("verdict", "part of the bottleneck verdict", _words("verdict")),
        Words("flag", "what is wrong with a GPU: ecc, thermal, nvlink, …", _flags),
        Words("run", "part of the maintenance run that has the host, or what it does there; run:* for any", _run),
        Words("kernel", "part of the kernel version", _words("kernel")),
        Words("system", "part of the operating system's name", _words("system")),
    )
}
"""Texts: NAME:WORD, where * and ? stand for anything."""
