"""The Overview tab: the whole host in one glance, from GPUs to the busiest processes."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Disk, Nic, Sample
from swarm_tui.present import host_processes
from swarm_tui.present.host_cpu import load_spans
from swarm_tui.present.host_disk import fullness, latency
from swarm_tui.present.host_gpu import gpu_head, gpu_line, gpu_notice, gpus_line
from swarm_tui.present.host_graph import Points, spark
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, cell, dimmed, heading, line
from swarm_tui.present.host_memory import swap_spans
from swarm_tui.present.host_network import traffic
from swarm_tui.present.host_value import (
    FULL_BAD_PERCENT,
    FULL_WARN_PERCENT,
    MEMORY_BAD_PERCENT,
    MEMORY_WARN_PERCENT,
    WAIT_BAD_PERCENT,
    WAIT_WARN_PERCENT,
    above,
    meter,
    pressure,
    share,
)
from swarm_tui.present.line import Line, Piece, crop

_LABEL = 6
_MORE = 2
"""Filesystems, disks and interfaces shown when there is little room; the tabs have them all."""


def overview_panel(detail: HostDetail, frame: Frame, known: Tracks) -> list[Line]:
    """The whole tab."""
    sample = detail.sample
    if sample is None:
        return []
    rows = [*_gpus(sample, frame, known), *_cpu(detail, sample, frame, known), *_memory(sample, frame, known)]
    room = max(_MORE, (frame.height - len(rows) - 5) // 3)
    rows += _filesystems(sample, frame.width, room)
    rows += [_disks(sample.disks, sample, frame.width), *_nics(sample.nics, frame, known, room)]
    return rows + _processes(sample, frame.width, max(3, frame.height - len(rows) - 2))


def _gpus(sample: Sample, frame: Frame, known: Tracks) -> list[Line]:
    rows = gpu_notice(sample.gpu_status, sample.missing.get("gpu", ""), frame.width)
    if not sample.gpus:
        return rows
    table = [gpus_line(sample.gpu_status, sample.gpus, frame.width)] if frame.height >= 24 else []
    table.append(gpu_head(frame.width))
    table += [gpu_line(gpu, frame.width, find(known, f"gpu.{gpu.index}.utilisation_percent")) for gpu in sample.gpus]
    hung = sample.gpu_status is not None and sample.gpu_status.hung
    return [*rows, *(dimmed(table) if hung else table), ()]


def _gauge(
    label: str, percent: float | None, role_bar: Sequence[Span], points: Points, rest: Sequence[Piece], width: int
) -> Line:
    drawn = Span(spark(points, 30 if width >= 140 else 18), "heat1") if width >= 100 else Span("")
    parts: list[Piece | str] = [
        cell(label, _LABEL, "head"),
        *role_bar,
        cell(units.percent(percent), 5, "strong", "right"),
        "  ",
    ]
    return crop(line(*parts, drawn, "  " if drawn.text else "", *rest), width)


def _bar_cells(width: int) -> int:
    return 12 if width < 100 else 20


def _cpu(detail: HostDetail, sample: Sample, frame: Frame, known: Tracks) -> list[Line]:
    cpu = sample.cpu
    if cpu is None:
        return [line(cell("cpu", _LABEL, "head"), Span(f"n/a  {sample.missing.get('cpu', '')}", "dim"))]
    count = detail.row.cpu_count or len(cpu.cores) or None
    rest = [
        Span("iowait ", "dim"),
        Span(units.percent(cpu.iowait_percent), above(cpu.iowait_percent, WAIT_WARN_PERCENT, WAIT_BAD_PERCENT)),
        Span("  psi ", "dim"),
        pressure(cpu.pressure, brief=True),
        Span("  load ", "dim"),
        *load_spans(cpu, count),
    ]
    bar = meter(cpu.busy_percent, _bar_cells(frame.width))
    return [_gauge("cpu", cpu.busy_percent, bar, find(known, "cpu.busy_percent"), rest, frame.width)]


def _memory(sample: Sample, frame: Frame, known: Tracks) -> list[Line]:
    memory = sample.memory
    if memory is None:
        return [line(cell("mem", _LABEL, "head"), Span(f"n/a  {sample.missing.get('memory', '')}", "dim"))]
    used = share(memory.used_bytes, memory.total_bytes)
    rest = [
        Span(f"{units.size(memory.used_bytes)} of {units.size(memory.total_bytes)}"),
        Span("  swap ", "dim"),
        *swap_spans(memory, share(memory.swap_used_bytes, memory.swap_total_bytes)),
        Span("  psi ", "dim"),
        pressure(memory.pressure, brief=True),
        Span(f"  OOM kills {memory.oom_kills}" if memory.oom_kills else "", "warn"),
    ]
    bar = meter(used, _bar_cells(frame.width), above(used, MEMORY_WARN_PERCENT, MEMORY_BAD_PERCENT, "gauge"))
    return [_gauge("mem", used, bar, find(known, "memory.used_percent"), rest, frame.width)]


def _filesystems(sample: Sample, width: int, room: int) -> list[Line]:
    ranked = sorted(sample.filesystems, key=lambda item: (item.reason is None, -(fullness(item) or 0.0)))
    rows = []
    for index, item in enumerate(ranked[:room]):
        role = above(fullness(item), FULL_WARN_PERCENT, FULL_BAD_PERCENT, "gauge")
        mark = Span("READ-ONLY " if item.read_only else "", "bad")
        reason = Span(item.reason or "", "warn")
        size = f"{units.size(item.available_bytes)} free of {units.size(item.total_bytes)}  "
        rows.append(
            crop(
                line(
                    cell("" if index else "disk", _LABEL, "head"),
                    *meter(item.used_percent, _bar_cells(width), role),
                    cell(units.percent(item.used_percent), 5, "text", "right"),
                    "  ",
                    Span(item.mount),
                    "  ",
                    mark,
                    reason if item.reason else Span(size, "dim"),
                    Span(f"+{len(ranked) - room} more" if index == room - 1 and len(ranked) > room else "", "faint"),
                ),
                width,
            )
        )
    return rows


def _disks(disks: Sequence[Disk], sample: Sample, width: int) -> Line:
    if not disks:
        return line(cell("io", _LABEL, "head"), Span(f"n/a  {sample.missing.get('disk', '')}", "dim"))
    busiest = max(disks, key=lambda disk: disk.busy_percent or 0.0)
    read = sum(disk.read_bytes_per_second or 0.0 for disk in disks)
    write = sum(disk.write_bytes_per_second or 0.0 for disk in disks)
    return crop(
        line(
            cell("io", _LABEL, "head"),
            *meter(busiest.busy_percent, _bar_cells(width)),
            cell(units.percent(busiest.busy_percent), 5, "text", "right"),
            "  ",
            Span(f"read {units.rate(read)} write {units.rate(write)}"),
            Span(f"  {busiest.name} {latency(busiest)}", "dim"),
            Span("  psi ", "dim"),
            pressure(sample.io_pressure, brief=True),
        ),
        width,
    )


def _nics(nics: Sequence[Nic], frame: Frame, known: Tracks, room: int) -> list[Line]:
    alive = sorted(
        (nic for nic in nics if nic.up is not False and nic.name != "lo"), key=lambda nic: (-traffic(nic), nic.name)
    )
    chosen = sorted(alive[:room], key=lambda nic: nic.name)
    return [crop(_nic(nic, index, frame.width), frame.width) for index, nic in enumerate(chosen)]


def _nic(nic: Nic, index: int, width: int) -> Line:
    speed = nic.speed_bits_per_second
    load = share(max(nic.rx_bytes_per_second or 0.0, nic.tx_bytes_per_second or 0.0) * 8, speed)
    errors = (nic.rx_errors or 0) + (nic.tx_errors or 0)
    return line(
        cell("" if index else "net", _LABEL, "head"),
        *meter(load, _bar_cells(width)),
        cell(units.percent(load) if speed else "", 5, "text", "right"),
        "  ",
        Span(f"↓{units.rate(nic.rx_bytes_per_second)} ↑{units.rate(nic.tx_bytes_per_second)}"),
        Span(f"  {nic.name}", "dim"),
        Span(f"  {errors} errors since boot" if errors else "", "dim"),
    )


def _processes(sample: Sample, width: int, room: int) -> list[Line]:
    listing = host_processes.Listing()
    found = host_processes.listed(sample.processes, listing)
    if sample.processes is None:
        return [(), line(cell("procs", _LABEL, "head"), Span(f"n/a  {sample.missing.get('processes', '')}", "dim"))]
    table = sample.processes
    note = f"{table.total} in all, {table.blocked or 0} blocked, {table.zombies or 0} zombies"
    rows = [heading("processes", note, width), host_processes.head(listing, width)]
    return rows + [host_processes.row(process, width) for process in found[: max(1, room - 1)]]
