"""The numbers of a host that rules compare; None where they were not measured. Pure."""

from __future__ import annotations

from backends.alerts.subjects import Subject
from backends.metrics.sample import Nic
from backends.units import percent, size

MEMORY_LEAST = 100 << 20
"""Bytes available below which memory is gone whatever the share says (gpud, from the Kubernetes eviction limit)."""


def cpu_busy(subject: Subject) -> float | None:
    """Of the last minute; a rule that lasts ten must not begin anew for one idle second."""
    if subject.recent is not None and subject.recent.cpu_busy_percent is not None:
        return subject.recent.cpu_busy_percent
    cpu = subject.sample.cpu if subject.sample is not None else None
    return cpu.busy_percent if cpu is not None else None


def cpu_without_gpus(subject: Subject) -> float | None:
    """Of a host without GPUs."""
    sample = subject.sample
    return cpu_busy(subject) if sample is not None and not sample.gpus else None


def cpu_beside_gpus(subject: Subject) -> float | None:
    """Of a GPU node, which may be busy."""
    sample = subject.sample
    return cpu_busy(subject) if sample is not None and sample.gpus else None


def iowait(subject: Subject) -> float | None:
    """Of the last minute."""
    if subject.recent is not None and subject.recent.iowait_percent is not None:
        return subject.recent.iowait_percent
    cpu = subject.sample.cpu if subject.sample is not None else None
    return cpu.iowait_percent if cpu is not None else None


def load_per_core(subject: Subject) -> float | None:
    """The load of fifteen minutes."""
    cpu = subject.sample.cpu if subject.sample is not None else None
    if cpu is None or cpu.load_15 is None:
        return None
    cores = (subject.facts.cpu_count if subject.facts is not None else None) or len(cpu.cores)
    return cpu.load_15 / cores if cores else None


def steal(subject: Subject) -> float | None:
    """Per cent of CPU time that the hypervisor took."""
    cpu = subject.sample.cpu if subject.sample is not None else None
    return cpu.steal_percent if cpu is not None else None


def swap_used(subject: Subject) -> float | None:
    """Per cent; None without any swap."""
    memory = subject.sample.memory if subject.sample is not None else None
    if memory is None or not memory.swap_total_bytes or memory.swap_used_bytes is None:
        return None
    return 100.0 * memory.swap_used_bytes / memory.swap_total_bytes


def memory_stall(subject: Subject) -> float | None:
    """Per cent of the last minute in which some task waited for memory."""
    memory = subject.sample.memory if subject.sample is not None else None
    return memory.pressure.some_avg60_percent if memory is not None and memory.pressure is not None else None


def zombies(subject: Subject) -> float | None:
    """How many."""
    table = subject.sample.processes if subject.sample is not None else None
    return float(table.zombies) if table is not None and table.zombies is not None else None


def memory_used(subject: Subject) -> float | None:
    """Per cent; 100 when less than the least is available."""
    memory = subject.sample.memory if subject.sample is not None else None
    if memory is None or memory.available_bytes is None or not memory.total_bytes:
        return None
    if memory.available_bytes < MEMORY_LEAST <= memory.total_bytes:
        return 100.0
    return 100.0 * (1.0 - memory.available_bytes / memory.total_bytes)


def nic_use(nic: Nic) -> float | None:
    """Per cent of the link's speed in the busier direction."""
    if not nic.speed_bits_per_second or nic.speed_bits_per_second <= 0:
        return None
    both = [each for each in (nic.rx_bytes_per_second, nic.tx_bytes_per_second) if each is not None]
    return 800.0 * max(both) / nic.speed_bits_per_second if both else None


def top_of(subject: Subject, by: str) -> tuple[str, ...]:
    """The three processes that use most of `by` (an attribute)."""
    table = subject.sample.processes if subject.sample is not None else None
    known = [each for each in (table.top if table is not None else ()) if getattr(each, by) is not None]
    known.sort(key=lambda each: -getattr(each, by))
    shown = size if by == "resident_bytes" else percent
    return tuple(f"{each.name} (pid {each.pid}, {each.user}) {shown(getattr(each, by))}" for each in known[:3])


def load_words(subject: Subject, thing: str, value: float) -> str:
    """The sentence about the load."""
    cpu = subject.sample.cpu if subject.sample is not None else None
    return f"load {cpu.load_15 if cpu is not None and cpu.load_15 else 0:.1f} over 15 minutes, {value:.1f} a core"


def memory_words(subject: Subject, thing: str, value: float) -> str:
    """The sentence about memory in use."""
    memory = subject.sample.memory if subject.sample is not None else None
    if memory is None:
        return f"memory {percent(value)} used"
    return f"memory {percent(value)} used, {size(memory.available_bytes)} of {size(memory.total_bytes)} available"
