"""The kit's hello → `HostFacts` and the GPU vendors that it found; every text sanitised, every wrong type dropped."""

from __future__ import annotations

from typing import Any, Literal

from backends.metrics.sample import HostFacts
from backends.text import clean

_LIMITS = {
    "hostname": 255,
    "boot_id": 64,
    "kernel": 128,
    "system": 128,
    "architecture": 32,
    "cpu_model": 128,
    "python": 32,
    "user": 64,
    "kit_version": 32,
    "machine_id": 64,
    "virtualisation": 32,
}


def host_facts(values: dict[str, Any]) -> HostFacts:
    """Facts from a hello; what is missing or of the wrong type stays at its default."""
    texts = {name: clean(value, limit) for name, limit in _LIMITS.items() if isinstance(value := values.get(name), str)}
    return HostFacts(
        **texts,
        cpu_count=_whole(values.get("cpu_count"), 1 << 20),
        memory_total_bytes=_whole(values.get("memory_total_bytes"), 1 << 60),
    )


def gpu_vendors(values: dict[str, Any]) -> tuple[Literal["nvidia", "amd"], ...]:
    """Vendors with a device that can be read."""
    found = values.get("gpus")
    names = found if isinstance(found, list) else []
    return tuple(vendor for vendor in ("nvidia", "amd") if vendor in names)


def driverless_gpus(values: dict[str, Any]) -> int:
    """NVIDIA devices on the PCI bus of a host on which no driver is loaded."""
    count = _whole(values.get("nvidia_pci"), 1 << 10) or 0
    return 0 if "nvidia" in gpu_vendors(values) else count


def _whole(value: object, limit: int) -> int | None:
    return value if type(value) is int and 0 < value <= limit else None
