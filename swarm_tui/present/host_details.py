"""Key d: why values are missing, the evidence behind the verdicts, and how the host is reached and read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Gpu, Sample
from swarm_tui.present.host_header import verdict_lines
from swarm_tui.present.host_line import Frame, Span, cell, heading, line, wrap
from swarm_tui.present.host_table import Pair, grid
from swarm_tui.present.host_value import milliseconds, offset
from swarm_tui.present.line import Line

_LABEL = 22


def details_panel(detail: HostDetail, frame: Frame) -> list[Line]:
    """Everything that stands behind the numbers."""
    rows: list[Line] = []
    if detail.verdicts:
        rows += [
            heading("verdicts", "with their evidence", frame.width),
            *verdict_lines(detail.verdicts, frame, evidence=True),
            (),
        ]
    rows += [
        heading("why values are missing", "n/a is neither zero nor fine", frame.width),
        *_missing(detail.sample, frame.width),
        (),
    ]
    rows += [
        heading("way", "how it is reached", frame.width),
        *grid(_way(detail), frame.width, 16),
        *_warnings(detail, frame.width),
        (),
    ]
    return [
        *rows,
        heading("machine", "what it says about itself", frame.width),
        *grid(_machine(detail), frame.width, 16),
    ]


def reasons(sample: Sample | None) -> list[tuple[str, str]]:
    """What is missing and why, with GPUs that lack the same for the same reason in one entry."""
    if sample is None:
        return []
    found = sorted(sample.missing.items())
    if sample.gpu_status and sample.gpu_status.reason:
        found.append(("gpu", sample.gpu_status.reason))
    found += [(item.mount, item.reason) for item in sample.filesystems if item.reason]
    return found + _gpu_reasons(sample.gpus)


def absent(sample: Sample | None) -> tuple[str, ...]:
    """The groups that should be there and are not; what a GPU model never has is not among them."""
    if sample is None:
        return ()
    names = sorted(sample.missing)
    if sample.gpu_status and sample.gpu_status.reason and "gpu" not in names:
        names.append("gpu")
    return (*names, *(item.mount for item in sample.filesystems if item.reason))


def _gpu_reasons(gpus: tuple[Gpu, ...]) -> list[tuple[str, str]]:
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for gpu in gpus:
        for field, why in gpu.missing.items():
            groups[field, why].append(gpu.index)
    every = len(gpus)
    return [(_who(indices, every) + field, why) for (field, why), indices in groups.items()]


def _who(indices: list[int], every: int) -> str:
    return "gpu " if len(indices) == every else f"gpu {','.join(map(str, indices))} "


def _missing(sample: Sample | None, width: int) -> list[Line]:
    found = reasons(sample)
    if not found:
        return [
            line(Span("Nothing: every value that was asked for came." if sample else "Nothing was read yet.", "dim"))
        ]
    rows: list[Line] = []
    for what, why in found:
        first, *rest = wrap(why, max(20, width - _LABEL - 1))
        rows.append(line(cell(what, _LABEL, "strong"), " ", *first))
        rows += [line(" " * (_LABEL + 1), *more) for more in rest]
    return rows


def _pairs(values: Mapping[str, str]) -> list[Pair]:
    return [(label, [Span(text, "text") if text else Span("n/a", "dim")]) for label, text in values.items()]


def _way(detail: HostDetail) -> list[Pair]:
    link, sample = detail.link, detail.sample
    if link is None:
        return [("link", [Span("n/a", "dim")])]
    return _pairs(
        {
            "address": link.address,
            "user": link.user,
            "via": " → ".join(link.via) or "direct",
            "let in by": link.authentication,
            "cipher": link.cipher,
            "key exchange": link.key_exchange,
            "round trip": milliseconds(link.round_trip_seconds) if link.round_trip_seconds is not None else "",
            "clock offset": offset(sample.clock_offset_seconds)
            if sample and sample.clock_offset_seconds is not None
            else "",
            "parents": ", ".join(detail.parents) or "none",
        }
    )


def _warnings(detail: HostDetail, width: int) -> list[Line]:
    warnings = detail.link.warnings if detail.link else ()
    return [row for warning in warnings for row in wrap(f"▲ {warning}", width, 2, "warn")]


def _machine(detail: HostDetail) -> list[Pair]:
    facts, sample = detail.facts, detail.sample
    if facts is None:
        return [("facts", [Span("n/a", "dim")])]
    probe = sample.probe if sample else None
    return _pairs(
        {
            "host name": facts.hostname,
            "system": facts.system,
            "kernel": facts.kernel,
            "processor": facts.cpu_model,
            "architecture": facts.architecture,
            "memory": units.size(facts.memory_total_bytes) if facts.memory_total_bytes else "",
            "virtualisation": facts.virtualisation,
            "boot id": facts.boot_id,
            "python": facts.python,
            "kit": facts.kit_version,
            "kit runs as": facts.user,
            "probe memory": units.size(probe.resident_bytes) if probe and probe.resident_bytes is not None else "",
            "probe CPU": milliseconds(probe.cpu_seconds) + " a sample"
            if probe and probe.cpu_seconds is not None
            else "",
        }
    )
