"""A healthy GPU host for the health checks, of which each spec changes what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from backends.checks.health_finding import Finding
from backends.checks.health_look import Look
from backends.hostkit.health_model import Boot, HealthFacts, Said
from backends.hostkit.kernel_message import KernelEvent
from backends.metrics.sample import Gpu, GpuStatus, Sample

OUTPUTS = Path(__file__).parents[2] / "outputs/health"
NOW = 1_800_000_000.0
BOOT = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
FIRST, SECOND = "GPU-00000000-0000-0000-0000-000000000000", "GPU-11111111-1111-1111-1111-111111111111"


def gpu(index: int = 0, **fields: Any) -> Gpu:
    values: dict[str, Any] = {
        "index": index,
        "uuid": f"GPU-{index}",
        "name": "NVIDIA H100 80GB HBM3",
        "bus_id": f"00000000:{index + 1:02x}:00.0",
        "utilisation_percent": 90.0,
        "memory_used_bytes": 60 << 30,
        "memory_total_bytes": 80 << 30,
        "temperature_celsius": 60.0,
        "power_watts": 600.0,
        "power_limit_watts": 700.0,
        "sm_clock_mhz": 1900.0,
        "throttle_bits": 0,
        "performance_state": 0,
        "persistence": True,
        "ecc_enabled": True,
        "ecc_corrected_volatile": 0,
        "ecc_uncorrected_volatile": 0,
        "remapped_rows_uncorrected": 0,
        "remap_pending": False,
        "remap_failed": False,
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "pcie_replays": 0,
        "nvlinks_up": 18,
        "nvlinks_total": 18,
        "mig_enabled": False,
    }
    return Gpu(**{**values, **fields})


def sample(*gpus: Gpu, at: float = NOW, **fields: Any) -> Sample:
    status = fields.pop("gpu_status", GpuStatus(way="nvml", driver="570.133.20"))
    return Sample(time=at, gpus=gpus, gpu_status=status, **fields)


def samples(make: Callable[[int], Sample], count: int = 16, step: float = 60.0) -> tuple[Sample, ...]:
    """Ending now; `make` is given the number of each."""
    return tuple(msgspec.structs.replace(make(n), time=NOW - step * (count - 1 - n)) for n in range(count))


def facts(*, at: float = NOW, boot: str = BOOT, **fields: Any) -> HealthFacts:
    return HealthFacts(time=at, boot=Boot(boot_id=boot, kernel="6.8.0", uptime=90_000.0), **fields)


def said(name: str, status: int = 0) -> Said:
    """What a command answers, from a file."""
    return Said(status=status, lines=tuple(line for line in (OUTPUTS / name).read_text().split("\n") if line.strip()))


def event(kind: str, ago: float = 60.0, boot: str = BOOT, **fields: Any) -> KernelEvent:
    return KernelEvent(kind=kind, time=NOW - ago, boot=boot.replace("-", ""), **{"text": f"some {kind}", **fields})


def look(*things: Gpu, **fields: Any) -> Look:
    values: dict[str, Any] = {"host": "h", "now": NOW, "facts": facts(), "log_trouble": ""}
    if things:
        values["samples"] = (sample(*things),)
    return Look(**{**values, **fields})


def told(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """(severity, action) of each."""
    return [(finding.severity.value, finding.action.value) for finding in findings]


def worst(findings: Iterable[Finding]) -> str:
    """The worst severity, "" for nothing."""
    found = sorted(findings, key=lambda each: -each.severity.rank)
    return found[0].severity.value if found else ""
