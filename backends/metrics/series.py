"""A sample as flat, named numbers: the names that history, charts and alert rules use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from backends.metrics.sample import Cpu, Disk, Filesystem, Gpu, InfinibandPort, Memory, Nic, Pressure, Sample

Unit = Literal["percent", "bytes", "bytes_per_second", "celsius", "watts", "seconds", "count", "mhz", "per_second"]
Point = tuple[str, Unit, float | None]

UNITS: tuple[tuple[str, Unit], ...] = (
    ("_bytes_per_second", "bytes_per_second"),
    ("_per_second", "per_second"),
    ("_percent", "percent"),
    ("_bytes", "bytes"),
    ("_celsius", "celsius"),
    (".celsius", "celsius"),
    ("_watts", "watts"),
    ("_seconds", "seconds"),
    ("_mhz", "mhz"),
)
"""Endings of names and what they count in; everything else is a count."""


def unit_of(name: str) -> Unit:
    """The unit that a series' name says."""
    for ending, unit in UNITS:
        if name.endswith(ending):
            return unit
    return "count"


def flatten(sample: Sample) -> Iterator[Point]:
    """Every series of a sample as (name, unit, value); None stays None, so that gaps show as gaps."""
    if sample.cpu is not None:
        yield from _cpu(sample.cpu)
    if sample.memory is not None:
        yield from _memory(sample.memory)
    if sample.io_pressure is not None:
        yield from _pressure("io", sample.io_pressure)
    for disk in sample.disks:
        yield from _disk(disk)
    for nic in sample.nics:
        yield from _nic(nic)
    for port in sample.infiniband:
        yield from _infiniband(port)
    for filesystem in sample.filesystems:
        yield from _filesystem(filesystem)
    for sensor in sample.sensors:
        yield f"sensor.{sensor.name}.celsius", "celsius", sensor.celsius
    for gpu in sample.gpus:
        yield from _gpu(gpu)
    if sample.processes is not None:
        yield "processes.total", "count", sample.processes.total
        yield "processes.blocked", "count", sample.processes.blocked
        yield "processes.zombies", "count", sample.processes.zombies
    if sample.probe is not None:
        yield "probe.cpu_seconds", "seconds", sample.probe.cpu_seconds


def share(part: float | None, whole: float | None) -> float | None:
    """`part` in per cent of `whole`; None when either is unknown or there is no whole."""
    return 100.0 * part / whole if part is not None and whole else None


def _cpu(cpu: Cpu) -> Iterator[Point]:
    yield "cpu.busy_percent", "percent", cpu.busy_percent
    yield "cpu.user_percent", "percent", cpu.user_percent
    yield "cpu.system_percent", "percent", cpu.system_percent
    yield "cpu.iowait_percent", "percent", cpu.iowait_percent
    yield "cpu.steal_percent", "percent", cpu.steal_percent
    yield "cpu.max_core_percent", "percent", max([core for core in cpu.cores if core is not None], default=None)
    yield "cpu.frequency_mhz", "mhz", cpu.frequency_mhz
    yield "load.1", "count", cpu.load_1
    if cpu.pressure is not None:
        yield from _pressure("cpu", cpu.pressure)


def _pressure(group: str, pressure: Pressure) -> Iterator[Point]:
    yield f"{group}.pressure_some_percent", "percent", pressure.some_avg10_percent
    yield f"{group}.pressure_full_percent", "percent", pressure.full_avg10_percent


def _memory(memory: Memory) -> Iterator[Point]:
    yield "memory.used_percent", "percent", share(memory.used_bytes, memory.total_bytes)
    yield "memory.used_bytes", "bytes", memory.used_bytes
    yield "memory.cached_bytes", "bytes", memory.cached_bytes
    yield "swap.used_percent", "percent", share(memory.swap_used_bytes, memory.swap_total_bytes)
    yield "swap.in_bytes_per_second", "bytes_per_second", memory.swap_in_bytes_per_second
    yield "swap.out_bytes_per_second", "bytes_per_second", memory.swap_out_bytes_per_second
    if memory.pressure is not None:
        yield from _pressure("memory", memory.pressure)


def _disk(disk: Disk) -> Iterator[Point]:
    head = f"disk.{disk.name}."
    yield head + "read_bytes_per_second", "bytes_per_second", disk.read_bytes_per_second
    yield head + "write_bytes_per_second", "bytes_per_second", disk.write_bytes_per_second
    yield head + "busy_percent", "percent", disk.busy_percent
    yield head + "latency_seconds", "seconds", disk.latency_seconds
    yield head + "queue_length", "count", disk.queue_length


def _nic(nic: Nic) -> Iterator[Point]:
    head = f"net.{nic.name}."
    yield head + "rx_bytes_per_second", "bytes_per_second", nic.rx_bytes_per_second
    yield head + "tx_bytes_per_second", "bytes_per_second", nic.tx_bytes_per_second
    yield head + "errors", "count", _sum(nic.rx_errors, nic.tx_errors)
    yield head + "drops", "count", _sum(nic.rx_drops, nic.tx_drops)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _infiniband(port: InfinibandPort) -> Iterator[Point]:
    head = f"ib.{port.name}."
    yield head + "rx_bytes_per_second", "bytes_per_second", port.rx_bytes_per_second
    yield head + "tx_bytes_per_second", "bytes_per_second", port.tx_bytes_per_second
    yield head + "link_downed", "count", port.link_downed


def _filesystem(filesystem: Filesystem) -> Iterator[Point]:
    head = f"filesystem.{filesystem.mount}."
    yield head + "used_percent", "percent", filesystem.used_percent
    yield head + "inodes_used_percent", "percent", filesystem.inodes_used_percent


def _gpu(gpu: Gpu) -> Iterator[Point]:
    head = f"gpu.{gpu.index}."
    yield head + "utilisation_percent", "percent", gpu.utilisation_percent
    yield head + "memory_used_percent", "percent", share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    yield head + "memory_used_bytes", "bytes", gpu.memory_used_bytes
    yield head + "memory_utilisation_percent", "percent", gpu.memory_utilisation_percent
    yield head + "temperature_celsius", "celsius", gpu.temperature_celsius
    yield head + "memory_temperature_celsius", "celsius", gpu.memory_temperature_celsius
    yield head + "power_watts", "watts", gpu.power_watts
    yield head + "sm_clock_mhz", "mhz", gpu.sm_clock_mhz
    yield head + "pcie_rx_bytes_per_second", "bytes_per_second", gpu.pcie_rx_bytes_per_second
    yield head + "pcie_tx_bytes_per_second", "bytes_per_second", gpu.pcie_tx_bytes_per_second
