"""Subjects for the tests of the rules: a GPU host that is well, and the same with one thing different."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from backends.alerts.model import Reading
from backends.alerts.pack import rules
from backends.alerts.rules import judge
from backends.alerts.subjects import NOT_HELD, Clock, Health, Held, Pending, Recent, Subject
from backends.metrics.sample import (
    Cpu,
    Disk,
    Filesystem,
    Gpu,
    GpuStatus,
    HostFacts,
    InfinibandPort,
    Memory,
    Nic,
    Pressure,
    ProcessTable,
    Sample,
)
from backends.states import Severity

NOW = 1_800_000_000.0
BOOT = NOW - 100_000.0
GIB = 1 << 30
UUID, BUS = "GPU-1111", "0000:05:00"
BOOT_ID = "00000000-0000-4000-8000-000000000001"
PACK = rules()
WARNED, GRAVE = Held(level=Severity.WARNING, since=NOW - 60), Held(level=Severity.CRITICAL, since=NOW - 60)


def gpu(**different: Any) -> Gpu:
    fields: dict[str, Any] = {
        "index": 0,
        "uuid": UUID,
        "bus_id": "00000000:05:00.0",
        "utilisation_percent": 90.0,
        "memory_used_bytes": 40 * GIB,
        "memory_total_bytes": 80 * GIB,
        "temperature_celsius": 60.0,
        "temperature_margin_celsius": 25.0,
        "memory_temperature_celsius": 70.0,
        "throttle_bits": 0,
        "ecc_uncorrected_volatile": 0,
        "remapped_rows_uncorrected": 0,
        "remap_failed": False,
        "remap_pending": False,
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "nvlinks_up": 18,
        "nvlinks_total": 18,
    }
    return Gpu(**fields | different)


def disk(**different: Any) -> Disk:
    fields: dict[str, Any] = {"name": "sda", "latency_seconds": 0.002, "busy_percent": 10.0}
    return Disk(**fields | different)


def mount(**different: Any) -> Filesystem:
    fields: dict[str, Any] = {
        "mount": "/data",
        "device": "/dev/sda1",
        "kind": "ext4",
        "total_bytes": 100 * GIB,
        "used_percent": 50.0,
        "available_bytes": 50 * GIB,
        "inodes_used_percent": 10.0,
        "read_only": False,
    }
    return Filesystem(**fields | different)


def nic(**different: Any) -> Nic:
    fields: dict[str, Any] = {
        "name": "eth0",
        "up": True,
        "speed_bits_per_second": 8e9,
        "rx_bytes_per_second": 1e8,
        "tx_bytes_per_second": 1e8,
    }
    return Nic(**fields | different)


def port(**different: Any) -> InfinibandPort:
    fields: dict[str, Any] = {
        "name": "mlx5_0/1",
        "state": "4: ACTIVE",
        "physical_state": "5: LinkUp",
        "rate_bits_per_second": 4e11,
    }
    return InfinibandPort(**fields | different)


def cpu(**different: Any) -> Cpu:
    fields = {"busy_percent": 20.0, "iowait_percent": 1.0, "steal_percent": 0.0, "load_15": 4.0}
    return Cpu(**fields | different)


def memory(**different: Any) -> Memory:
    fields: dict[str, Any] = {
        "total_bytes": 100 * GIB,
        "available_bytes": 70 * GIB,
        "swap_total_bytes": 10 * GIB,
        "swap_used_bytes": 0,
        "pressure": Pressure(some_avg60_percent=0.0),
    }
    return Memory(**fields | different)


def used(percent: float) -> Memory:
    return memory(available_bytes=int((100 - percent) * GIB))


def sample(**different: Any) -> Sample:
    fields: dict[str, Any] = {
        "time": NOW,
        "interval_seconds": 1.0,
        "uptime_seconds": NOW - BOOT,
        "clock_offset_seconds": 0.01,
        "cpu": cpu(),
        "memory": memory(),
        "filesystems": (mount(),),
        "disks": (disk(),),
        "nics": (nic(),),
        "infiniband": (port(),),
        "processes": ProcessTable(zombies=0),
        "gpus": (gpu(),),
        "gpu_status": GpuStatus(way="nvml", driver="550"),
    }
    return Sample(**fields | different)


def health(**different: Any) -> Health:
    fields: dict[str, Any] = {
        "time": NOW - 60,
        "failed_units": (),
        "unit_states": {"nvidia-fabricmanager.service": "active"},
        "arrays": {"md0": ""},
        "disks": {"sda": ""},
        "clock": Clock(synchronised=True, offset_seconds=0.001),
        "stuck": (),
        "pci_gpus": 1,
        "nvswitch": True,
    }
    return Health(**fields | different)


RECENT = Recent(
    slowed_from=NOW - 7200, drops_percent={"eth0": 0.0}, errors_percent={"eth0": 0.0}, cpu_busy_percent=20.0
)


def subject(**different: Any) -> Subject:
    """A GPU host that is well; keywords of `Subject`, and `recent` as a dictionary of what differs."""
    recent = different.pop("recent", {})
    fields: dict[str, Any] = {
        "host": "gpu01",
        "now": NOW,
        "sample": sample(),
        "facts": HostFacts(boot_id=BOOT_ID, cpu_count=8),
        "health": health(),
        "recent": replace(RECENT, **recent) if isinstance(recent, dict) else recent,
        "known_gpus": {BUS: UUID},
        "concerns": (),
        "looks": (),
        "pending": Pending(security=0),
    }
    return Subject(**fields | different)


WELL = subject()


def on(thing: str = "", /, **different: Any) -> Subject:
    """The same with another sample."""
    return subject(sample=sample(**different))


def read(rule: str, about: Subject, thing: str = "", held: Held = NOT_HELD) -> Reading:
    """What the rule says of the object."""
    found = PACK.get(rule)
    assert found is not None, rule
    return judge(about, found, thing, held)


def told(about: Subject) -> set[str]:
    """Rules that would begin an alert."""
    return {reading.rule for reading in PACK.evaluate([about], {}) if reading.truth == "true"}
