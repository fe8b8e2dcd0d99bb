"""A small fleet in which every state occurs once, as the engine would report it; nothing in it is random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from backends.engine.wire import FleetSummary, GpuCell, HostRow
from backends.states import STATE_SEVERITY, HostState, Severity
from swarm_tui.glyphs import UNICODE
from swarm_tui.present.cells import Scene

NOW = 1_800_000_000.0
SCENE = Scene(NOW, UNICODE)


def cell(percent: float | None = 90.0, **fields: Any) -> GpuCell:
    """A busy, healthy GPU."""
    values: dict[str, Any] = {
        "utilisation_percent": percent,
        "memory_percent": 75.0,
        "temperature_celsius": 61.0,
        "power_watts": 640.0,
    }
    return GpuCell(**(values | fields))


def row(name: str, state: HostState = HostState.UP, **fields: Any) -> HostRow:
    """A host that was measured a second ago; its severity is that of its state unless given."""
    values: dict[str, Any] = {
        "name": name,
        "state": state,
        "since": NOW - 7200.0,
        "sample_time": NOW - 1.0,
        "tags": ("rack1",),
        "severity": STATE_SEVERITY[state],
        "cpu_percent": 37.0,
        "iowait_percent": 0.5,
        "load_1": 4.2,
        "cpu_count": 64,
        "memory_percent": 42.0,
        "swap_percent": 0.0,
        "disk_percent": 55.0,
        "disk_mount": "/",
        "disk_read_bytes_per_second": 3.2e6,
        "disk_write_bytes_per_second": 100.0,
        "net_rx_bytes_per_second": 1.2e7,
        "net_tx_bytes_per_second": 5.0e6,
        "uptime_seconds": 12 * 86400.0,
        "kernel": "6.8.0-45-generic",
        "system": "Ubuntu 24.04.1 LTS",
        "round_trip_seconds": 0.012,
    }
    return HostRow(**(values | fields))


def gpu_row(name: str, *cells: GpuCell, **fields: Any) -> HostRow:
    """A host with GPUs; the row's means are those of its cells."""
    gpus = cells or tuple(cell(10.0 * index + 15.0) for index in range(8))
    values: dict[str, Any] = {
        "gpus": gpus,
        "gpu_model": "NVIDIA H100 80GB HBM3",
        "gpu_percent": _mean(each.utilisation_percent for each in gpus),
        "gpu_memory_percent": _mean(each.memory_percent for each in gpus),
        "gpu_temperature_celsius": max((each.temperature_celsius or 0.0 for each in gpus), default=None),
        "gpu_power_watts": sum(each.power_watts or 0.0 for each in gpus),
        "tags": ("h100", "rack1"),
    }
    return row(name, **(values | fields))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def away(name: str, state: HostState, reason: str, hint: str = "", **fields: Any) -> HostRow:
    """A host that cannot be read, and never was."""
    values: dict[str, Any] = {"since": NOW - 240.0, "severity": STATE_SEVERITY[state]}
    return HostRow(name=name, state=state, reason=reason, hint=hint, **(values | fields))


def fleet() -> tuple[HostRow, ...]:
    """Fourteen hosts: each state once, three with GPUs, one warm, one full."""
    lost = (*(cell(20.0 * index) for index in range(3)), cell(None, flag="lost"))
    hot = tuple(cell(99.0, temperature_celsius=80.0 + 2 * index) for index in range(8))
    return (
        gpu_row("dgx1"),
        gpu_row("dgx2", *hot, severity=Severity.WARNING, worst="GPU 7 at 94 °C", gpu_temperature_celsius=94.0),
        gpu_row("dgx10", *lost, severity=Severity.CRITICAL, worst="GPU 3 fell off the bus"),
        row("web1", cpu_percent=3.0, verdict="idle"),
        row("web2", severity=Severity.WARNING, worst="/ is 94 % full", disk_percent=94.0, tags=()),
        row("lag1", HostState.STALE, sample_time=NOW - 95.0, worst="stale", reason="no sample for 95 s"),
        away("away1", HostState.UNREACHABLE, "timeout (ssh) after 5 s", retry_at=NOW + 12.0, worst="unreachable"),
        away("auth1", HostState.AUTH_FAILED, "no key was accepted", "ssh-add, or set the user"),
        away("key1", HostState.HOST_KEY_UNKNOWN, "a new host key", "A accepts it after comparing"),
        away("key2", HostState.HOST_KEY_CHANGED, "the host key changed", "swarm-tui hosts accept key2"),
        away("bare1", HostState.NO_PYTHON, "python3 is missing", "apt install python3-minimal"),
        row("sudo1", HostState.NO_SUDO, reason="sudo wants a password", worst="no-sudo"),
        gpu_row("hung1", cell(None, flag="hung"), state=HostState.DRIVER_HUNG, worst="driver-hung", gpu_percent=None),
        away("new1", HostState.CONNECTING, "", worst="connecting"),
    )


def summary(rows: Iterable[HostRow]) -> FleetSummary:
    """What the header says about these hosts."""
    rows = list(rows)
    gpus = [each for row in rows for each in row.gpus]
    return FleetSummary(
        total=len(rows),
        up=sum(row.state is HostState.UP for row in rows),
        by_severity=Counter(row.severity.value for row in rows),
        gpus=len(gpus),
        gpu_percent=_mean(each.utilisation_percent for each in gpus),
        gpu_power_watts=sum(each.power_watts or 0.0 for each in gpus) if gpus else None,
    )
