"""The Health tab: what the health checks found, what looks wrong at this moment, verdicts, what could not be read, temperatures."""

from __future__ import annotations

from collections.abc import Sequence

from backends.engine.wire import HostDetail
from backends.metrics.sample import Sample, Sensor
from backends.states import STATE_SEVERITY, HostState, Severity
from swarm_tui.present.host_disk import fullness
from swarm_tui.present.host_gpu import troubles
from swarm_tui.present.host_header import STATE_WORDS, verdict_lines
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Frame, Span, cell, heading, line, wrap
from swarm_tui.present.host_table import Pair, grid
from swarm_tui.present.host_value import (
    CLOCK_BAD_SECONDS,
    CLOCK_WARN_SECONDS,
    FULL_BAD_PERCENT,
    FULL_WARN_PERCENT,
    above,
    number,
    offset,
)
from swarm_tui.present.line import Line

Finding = tuple[Severity, str]


def findings(detail: HostDetail) -> list[Finding]:
    """What is wrong, worst first."""
    found: list[Finding] = []
    if detail.row.state is not HostState.UP:
        reason = f": {detail.row.reason}" if detail.row.reason else ""
        found.append((STATE_SEVERITY[detail.row.state], STATE_WORDS[detail.row.state] + reason))
    if detail.sample:
        found += _gpu_findings(detail.sample) + _storage_findings(detail.sample) + _host_findings(detail.sample)
    if detail.link:
        found += [(Severity.WARNING, f"ssh: {warning}") for warning in detail.link.warnings]
    return sorted(found, key=lambda finding: -finding[0].rank)


def _gpu_findings(sample: Sample) -> list[Finding]:
    return [
        (Severity.CRITICAL if span.role == "bad" else Severity.WARNING, f"GPU {gpu.index}: {span.text}")
        for gpu in sample.gpus
        for span in troubles(gpu)
    ]


def _storage_findings(sample: Sample) -> list[Finding]:
    found: list[Finding] = []
    for item in sample.filesystems:
        full = fullness(item)
        if item.reason is not None:
            found.append((Severity.WARNING, f"{item.mount}: {item.reason}"))
        if item.read_only and item.kind not in ("squashfs", "iso9660", "erofs"):
            found.append((Severity.CRITICAL, f"{item.mount} is read-only"))
        if full is not None and full >= FULL_WARN_PERCENT:
            bad = Severity.CRITICAL if full >= FULL_BAD_PERCENT else Severity.WARNING
            found.append((bad, f"{item.mount} is {full:.0f}% full"))
    return found


def _host_findings(sample: Sample) -> list[Finding]:
    found: list[Finding] = []
    if sample.memory and sample.memory.oom_kills:
        found.append(
            (Severity.WARNING, f"killed by the kernel for lack of memory since boot: {sample.memory.oom_kills}")
        )
    if sample.processes and sample.processes.blocked:
        found.append((Severity.UNKNOWN, f"waiting in the kernel (state D) at this moment: {sample.processes.blocked}"))
    if sample.processes and sample.processes.zombies:
        found.append((Severity.WARNING, f"zombies: {sample.processes.zombies}"))
    drift = abs(sample.clock_offset_seconds or 0.0)
    if drift >= CLOCK_WARN_SECONDS:
        severity = Severity.CRITICAL if drift >= CLOCK_BAD_SECONDS else Severity.WARNING
        found.append((severity, f"the clock is {offset(sample.clock_offset_seconds)} off"))
    return found + _network_findings(sample)


def _network_findings(sample: Sample) -> list[Finding]:
    ports = [
        (Severity.CRITICAL, f"InfiniBand {port.name} is {port.state}")
        for port in sample.infiniband
        if port.state and not port.state.upper().endswith("ACTIVE")
    ]
    errors = [(nic.name, (nic.rx_errors or 0) + (nic.tx_errors or 0)) for nic in sample.nics if nic.up is not False]
    return ports + [(Severity.UNKNOWN, f"{name}: {count} errors since boot") for name, count in errors if count]


def health_panel(detail: HostDetail, frame: Frame, checked: Sequence[Line] = ()) -> list[Line]:
    """The whole tab; `checked` is what the health checks found (`host_checks.checks_panel`)."""
    rows = [*checked, ()] if checked else []
    rows.append(heading("at a glance", "from the live sample", frame.width))
    found = findings(detail)
    for severity, text in found:
        rows += wrap(f"{SEVERITY_MARKS[severity]} {text}", frame.width, 2, SEVERITY_ROLES[severity])
    if not found and detail.sample:
        rows.append(line(Span("● nothing stands out", "ok")))
    if detail.verdicts:
        rows += [(), heading("verdicts", "what holds the work back", frame.width)]
        rows += verdict_lines(detail.verdicts, frame, evidence=True)
    rows += _missing(detail.sample, frame.width)
    return rows + _sensors(detail.sample, frame.width)


def _missing(sample: Sample | None, width: int) -> list[Line]:
    if sample is None or not sample.missing:
        return []
    rows: list[Line] = [(), heading("not readable", "unknown is not OK", width)]
    for group, reason in sorted(sample.missing.items()):
        rows.append(line(Span("? ", "dim"), cell(group, 14), Span(reason, "dim")))
    return rows


def _sensors(sample: Sample | None, width: int) -> list[Line]:
    if sample is None or not sample.sensors:
        return []
    pairs: list[Pair] = [(sensor.name, _sensor(sensor)) for sensor in sample.sensors]
    return [(), heading("temperatures", f"{len(pairs)} sensors", width), *grid(pairs, width, label_width=22)]


def _sensor(sensor: Sensor) -> list[Span]:
    high = sensor.high_celsius or sensor.critical_celsius
    role = above(sensor.celsius, high, sensor.critical_celsius or high + 10) if high else "text"
    limit = f"  of {high:.0f}" if high else ""
    return [Span(number(sensor.celsius, " °C"), role), Span(limit, "dim")]
