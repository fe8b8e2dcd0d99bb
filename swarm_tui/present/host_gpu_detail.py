"""Everything about one GPU: values in the order in which one asks, MIG instances, processes with their owners."""

from __future__ import annotations

from collections.abc import Mapping

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Gpu, Process
from backends.metrics.throttle import link_degraded
from swarm_tui.present import host_throttle
from swarm_tui.present.host_gpu import heat_role, known_role, links_down, watts
from swarm_tui.present.host_line import Span, cell, heading, line, wrap
from swarm_tui.present.host_table import Column, Pair, grid, table
from swarm_tui.present.host_value import NOTHING, count, meter, number, of, share
from swarm_tui.present.line import Line, crop


def _yes(value: bool | None, bad: bool | None = None) -> Span:
    if value is None:
        return NOTHING
    return Span("yes" if value else "no", "bad" if bad is not None and value is bad else "text")


def _number(value: float | None, unit: str = "", bad: float | None = None) -> Span:
    if value is None:
        return NOTHING
    return Span(number(value, unit), "bad" if bad is not None and value >= bad else "text")


def pairs(gpu: Gpu) -> list[Pair]:
    """Everything about one GPU, in the order in which one asks."""
    memory = share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    power = share(gpu.power_watts, gpu.power_limit_watts)
    return [
        (
            "utilisation",
            [
                _number(gpu.utilisation_percent, "%"),
                Span(f"  memory bus {number(gpu.memory_utilisation_percent, '%')}", "dim"),
            ],
        ),
        (
            "memory",
            [Span(of(gpu.memory_used_bytes, gpu.memory_total_bytes)), Span(f"  {units.percent(memory)}", "dim")],
        ),
        ("temperature", _temperature(gpu)),
        ("power", [Span(watts(gpu), known_role(gpu.power_watts)), Span(f"  {units.percent(power)} of limit", "dim")]),
        ("clocks", [Span(_clocks(gpu)), Span(f" mem {number(gpu.memory_clock_mhz)} MHz", "dim")]),
        ("throttled by", host_throttle.words(gpu.throttle_bits)),
        ("P-state", [_number(gpu.performance_state, ""), Span("  persistence ", "dim"), _yes(gpu.persistence)]),
        ("ECC", [_yes(gpu.ecc_enabled), *_ecc(gpu)]),
        ("ECC lifetime", _errors(gpu.ecc_corrected_aggregate, gpu.ecc_uncorrected_aggregate, None)),
        ("remapped", _remapped(gpu)),
        (
            "remap state",
            [
                Span("pending ", "dim"),
                _yes(gpu.remap_pending, True),
                Span("  failed ", "dim"),
                _yes(gpu.remap_failed, True),
            ],
        ),
        ("PCIe", _pcie(gpu)),
        (
            "PCIe traffic",
            [
                Span(f"↓{units.rate(gpu.pcie_rx_bytes_per_second)} ↑{units.rate(gpu.pcie_tx_bytes_per_second)}"),
                Span(f"  replays {count(gpu.pcie_replays)}", "dim"),
            ],
        ),
        ("NVLink", _nvlink(gpu)),
        ("fan", [_number(gpu.fan_percent, "%")]),
        (
            "MIG",
            [
                Span("n/a", "dim")
                if gpu.mig_enabled is None
                else Span(f"on, {len(gpu.mig)} instances" if gpu.mig_enabled else "off")
            ],
        ),
    ]


def _temperature(gpu: Gpu) -> list[Span]:
    spans = [Span(number(gpu.temperature_celsius, "°"), heat_role(gpu))]
    if gpu.temperature_margin_celsius is not None and gpu.temperature_margin_celsius > 0:
        spans.append(Span(f" margin {gpu.temperature_margin_celsius:.0f}°", heat_role(gpu)))
    return [*spans, Span(f" memory {number(gpu.memory_temperature_celsius, '°')}", "dim")]


def _clocks(gpu: Gpu) -> str:
    top = f"/{gpu.sm_clock_max_mhz:.0f}" if gpu.sm_clock_max_mhz else ""
    return f"SM {number(gpu.sm_clock_mhz)}{top}"


def _errors(corrected: int | None, uncorrected: int | None, bad: int | None) -> list[Span]:
    return [Span("corr ", "dim"), _number(corrected), Span(" uncorr ", "dim"), _number(uncorrected, bad=bad)]


def _ecc(gpu: Gpu) -> list[Span]:
    return [Span("  ", "dim"), *_errors(gpu.ecc_corrected_volatile, gpu.ecc_uncorrected_volatile, 1)]


def _remapped(gpu: Gpu) -> list[Span]:
    return [*_errors(gpu.remapped_rows_corrected, gpu.remapped_rows_uncorrected, 1), Span(" rows", "dim")]


def _pcie(gpu: Gpu) -> list[Span]:
    if gpu.pcie_generation is None and gpu.pcie_width is None:
        return [NOTHING]
    now = f"gen{number(gpu.pcie_generation)} x{number(gpu.pcie_width)}"
    top = f"  of gen{number(gpu.pcie_generation_max)} x{number(gpu.pcie_width_max)}"
    return [Span(now, "warn" if link_degraded(gpu) else "text"), Span(top, "dim")]


def _nvlink(gpu: Gpu) -> list[Span]:
    if gpu.nvlinks_total is None:
        return [NOTHING]
    up = "n/a" if gpu.nvlinks_up is None else str(gpu.nvlinks_up)
    return [Span(f"{up} of {gpu.nvlinks_total} up", "bad" if links_down(gpu) else "text")]


def gpu_detail(gpu: Gpu, detail: HostDetail, width: int) -> list[Line]:
    """The selected GPU in full."""
    identity = "  ".join(text for text in (gpu.bus_id, gpu.uuid) if text)
    rows = [heading(f"GPU {gpu.index} {gpu.name}", identity, width)]
    if gpu.lost:
        rows.append(
            line(
                Span(
                    "✖ The driver says that this GPU is lost: it fell off the bus. Drain the host and reboot it.", "bad"
                )
            )
        )
    for meaning in host_throttle.meanings(gpu.throttle_bits):
        rows += wrap(f"▲ {meaning}", width, 2, "warn")
    rows += grid(pairs(gpu), width)
    rows += _mig_rows(gpu, width)
    return rows + _process_rows(gpu, detail, width)


def _mig_rows(gpu: Gpu, width: int) -> list[Line]:
    rows = []
    for instance in gpu.mig:
        percent = share(instance.memory_used_bytes, instance.memory_total_bytes)
        used = of(instance.memory_used_bytes, instance.memory_total_bytes)
        rows.append(
            crop(
                line(
                    Span("  mig "),
                    cell(instance.name, 18),
                    " ",
                    *meter(percent, 12),
                    f" {used}  ",
                    Span(instance.uuid, "dim"),
                ),
                width,
            )
        )
    return rows


_PROCESS_COLUMNS = (
    Column("pid", 8, "right"),
    Column("user", 10),
    Column("memory", 6, "right"),
    Column("kind", 8, wide=100),
    Column("job", 10, wide=100),
    Column("command"),
)


def _process_rows(gpu: Gpu, detail: HostDetail, width: int) -> list[Line]:
    if gpu.processes is None:
        return [line(Span("processes    ", "dim"), NOTHING, Span(f"  {gpu.missing.get('processes', '')}", "dim"))]
    if not gpu.processes:
        return [line(Span("processes    ", "dim"), "none")]
    known = _known_processes(detail)
    rows = []
    for process in gpu.processes:
        owner = known.get(process.pid)
        cells = [
            Span(str(process.pid)),
            Span(owner.user, "text") if owner else NOTHING,
            Span(units.size(process.memory_bytes)),
            Span(process.kind, "dim"),
            Span(_job(owner), "dim"),
            Span(owner.command or owner.name) if owner else Span("not among the processes that were read", "dim"),
        ]
        rows.append(cells)
    return [(), *table(_PROCESS_COLUMNS, rows, width)]


def _known_processes(detail: HostDetail) -> Mapping[int, Process]:
    processes = detail.sample.processes if detail.sample else None
    return {process.pid: process for process in processes.top} if processes else {}


def _job(process: Process | None) -> str:
    if process is None:
        return ""
    return f"job {process.slurm_job}" if process.slurm_job else process.container or ""
