"""Rules about GPUs as the driver shows them. The object is the GPU's UUID (its index where there is none). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.gpu_look import (
    HOT,
    MARGIN,
    MEMORY_HOT,
    doubtful,
    gpu_rule,
    gpus_of,
    hot_bad,
    idle_bad,
    key,
    name_of,
    not_measured,
    nvlink_bad,
    pcie_bad,
    remap_bad,
)
from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import HOUR, MINUTE, found, nodata, waited
from backends.metrics.sample import Gpu
from backends.metrics.throttle import BUSY_PERCENT, HW_THERMAL, REMAPPED_ROWS_LIMIT, SW_THERMAL
from backends.states import Severity
from backends.units import percent, size

VERY_HOT = Limit(95, 90)
"""Where the driver names no margin (VESSL)."""
SLOWED = Limit(0.6, 0.3)
"""Slowdown events a minute (gpud)."""
MOST_LINES = 4

_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK


# Memory --------------------------------------------------------------------------------------------------------------


def _remap(subject: Subject, gpu: Gpu, held: Held) -> Finding:
    rows = gpu.remapped_rows_uncorrected
    if gpu.remap_failed is None and gpu.remap_pending is None and rows is None:
        return not_measured(gpu, "remap_failed")
    evidence = (f"{rows} rows remapped for uncorrected errors",) if rows is not None else ()
    if gpu.remap_failed:
        advice = "Take it out of service: it qualifies for replacement."
        return found(_CRITICAL, None, f"{name_of(gpu)} could not remap a row of its memory", evidence, advice)
    if gpu.remap_pending:
        advice = "Running work is safe; reset the GPU or reboot when it is drained."
        return found(_WARNING, None, f"{name_of(gpu)} waits for a reset to remap a row of its memory", evidence, advice)
    if rows is not None and rows >= REMAPPED_ROWS_LIMIT:
        return found(_WARNING, float(rows), f"{name_of(gpu)} has remapped {rows} rows of its memory", evidence)
    return found(_OK, None, f"{name_of(gpu)} has no row to remap", evidence)


# Heat and clocks -----------------------------------------------------------------------------------------------------


def _hot(subject: Subject, gpu: Gpu, held: Held) -> Finding:
    celsius, memory = gpu.temperature_celsius, gpu.memory_temperature_celsius
    if celsius is None and memory is None:
        return not_measured(gpu, "temperature_celsius")
    evidence = (f"HBM {memory:.0f}°C",) if memory is not None else ()
    severity, why = _heat(gpu, held.level)
    text = f"{name_of(gpu)} is at {celsius:.0f}°C{why}" if celsius is not None else f"{name_of(gpu)}{why or ' is cool'}"
    return found(severity, celsius, text, evidence)


def _heat(gpu: Gpu, held: Severity) -> tuple[Severity, str]:
    celsius, margin, memory = gpu.temperature_celsius, gpu.temperature_margin_celsius, gpu.memory_temperature_celsius
    slow = (gpu.throttle_bits or 0) > 0 and bool((gpu.throttle_bits or 0) & (HW_THERMAL | SW_THERMAL))
    if margin is not None and margin <= 0 and slow:  # without the bit such a margin is unreliable (gpud)
        return _CRITICAL, ", at its slowdown temperature"
    if memory is not None and memory > (MEMORY_HOT.clear if held is _CRITICAL else MEMORY_HOT.fire):
        return _CRITICAL, f", its memory at {memory:.0f}°C"
    if margin is None and celsius is not None and celsius > (VERY_HOT.clear if held is _CRITICAL else VERY_HOT.fire):
        return _CRITICAL, ""
    firing = held.rank >= _WARNING.rank
    if margin is not None and 0 < margin <= (MARGIN.clear if firing else MARGIN.fire):
        return _WARNING, f", {margin:.0f}° below its slowdown"
    if celsius is not None and celsius > (HOT.clear if firing else HOT.fire):
        return _WARNING, ""
    return _OK, ""


def _slowed_scan(subject: Subject) -> Sequence[str]:
    recent = subject.recent
    if recent is None or not recent.slowed:
        return ()
    return [gpu for gpu, (short, _) in recent.slowed.items() if short >= SLOWED.fire]


def _slowed(subject: Subject, thing: str, held: Held) -> Finding:
    recent = subject.recent
    if recent is None or subject.now - recent.slowed_from < 10 * MINUTE:
        return nodata("not measured for ten minutes")
    short, long = recent.slowed.get(thing, (0.0, 0.0))
    least = SLOWED.clear if held.level is not _OK else SLOWED.fire
    grave = SLOWED.clear if held.level is _CRITICAL else SLOWED.fire
    whole = subject.now - recent.slowed_from >= 30 * MINUTE
    severity = _CRITICAL if whole and long >= grave else _WARNING if short >= least else _OK
    gpu = next((gpu for gpu in gpus_of(subject) if key(gpu) == thing), None)
    name = name_of(gpu) if gpu is not None else thing
    text = f"the hardware slows {name} down {short:.1f} times a minute (ten minutes), {long:.1f} (thirty)"
    return found(severity, short, text)


# Links ---------------------------------------------------------------------------------------------------------------


def _nvlink_scan(subject: Subject) -> Sequence[str]:
    wanted = subject.expected.nvlinks
    if wanted is None:
        return [key(gpu) for gpu in gpus_of(subject) if nvlink_bad(gpu)]
    return [key(gpu) for gpu in gpus_of(subject) if gpu.nvlinks_up is not None and gpu.nvlinks_up < wanted]


def _nvlink(subject: Subject, gpu: Gpu, held: Held) -> Finding:
    wanted = subject.expected.nvlinks if subject.expected.nvlinks is not None else gpu.nvlinks_total
    if gpu.nvlinks_up is None or wanted is None:
        return not_measured(gpu, "nvlinks_up")
    text = f"{name_of(gpu)}: {gpu.nvlinks_up} of {wanted} NVLinks are up"
    return found(_WARNING if gpu.nvlinks_up < wanted else _OK, float(gpu.nvlinks_up), text)


def _pcie(subject: Subject, gpu: Gpu, held: Held) -> Finding:
    if gpu.pcie_width is None and gpu.pcie_generation is None:
        return not_measured(gpu, "pcie_width")
    idle = (gpu.utilisation_percent or 0.0) < BUSY_PERCENT
    narrow = bool(gpu.pcie_width and gpu.pcie_width_max and gpu.pcie_width < gpu.pcie_width_max)
    if idle and held.level is not _OK and not narrow and gpu.pcie_generation != gpu.pcie_generation_max:
        return nodata("the GPU is idle, and idle links shift down")
    link = f"PCIe gen {gpu.pcie_generation} x{gpu.pcie_width} of gen {gpu.pcie_generation_max} x{gpu.pcie_width_max}"
    return found(_WARNING if pcie_bad(gpu) else _OK, None, f"{name_of(gpu)} runs at {link}")


# Use -----------------------------------------------------------------------------------------------------------------


def _idle(subject: Subject, gpu: Gpu, held: Held) -> Finding:
    if gpu.utilisation_percent is None or gpu.memory_used_bytes is None:
        return not_measured(gpu, "utilisation_percent")
    pids = ", ".join(f"pid {each.pid}" for each in (gpu.processes or ())[:MOST_LINES])
    text = f"{name_of(gpu)} does nothing and holds {size(gpu.memory_used_bytes)}{f' ({pids})' if pids else ''}"
    if not idle_bad(gpu):
        return found(_OK, gpu.utilisation_percent, f"{name_of(gpu)} is {percent(gpu.utilisation_percent)} used")
    return found(_WARNING, 0.0, text)


GPU_RULES: tuple[Rule, ...] = (
    gpu_rule(
        "gpu.remap",
        "Memory rows are remapped",
        remap_bad,
        _remap,
        times=RuleTimes(),
        advice="Keep an eye on it: replace it when the remapping fails.",
        source="gpud, DCGM (G05–G07)",
    ),
    gpu_rule(
        "gpu.temperature",
        "GPU is hot",
        hot_bad,
        _hot,
        times=waited(2 * MINUTE, 10 * MINUTE),
        advice="Check fans, air flow and the inlet temperature; nvidia-smi -q -d TEMPERATURE.",
        source="default rule pack; margin as gpud (G14, G15)",
        warn=HOT,
        crit=MEMORY_HOT,
        unit="°C",
    ),
    Rule(
        id="gpu.slowdown",
        title="GPU is slowed down by its hardware",
        times=waited(0, 10 * MINUTE),
        gate=doubtful,
        scan=_slowed_scan,
        judge=_slowed,
        advice="Check power supplies, cables and cooling: nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE.",
        source="gpud (G12); the ten minutes are in the value",
        warn=SLOWED,
        crit=SLOWED,
        unit="a minute",
    ),
    Rule(
        id="gpu.nvlink",
        title="NVLink is down",
        times=waited(4 * MINUTE, 10 * MINUTE),
        gate=doubtful,
        scan=_nvlink_scan,
        judge=gpu_rule("", "", nvlink_bad, _nvlink, times=RuleTimes(), advice="", source="").judge,
        advice="See which: nvidia-smi nvlink -s; reset the GPUs together, then have the board inspected.",
        source="gpud, DCGM (G20)",
    ),
    gpu_rule(
        "gpu.pcie",
        "PCIe link is degraded",
        pcie_bad,
        _pcie,
        times=waited(5 * MINUTE, 5 * MINUTE),
        advice="Reseat the GPU or the riser: lspci -vv -s BUS | grep LnkSta.",
        source="sichek, NVSentinel (G18)",
    ),
    gpu_rule(
        "gpu.idle_held",
        "GPU does nothing and is held",
        idle_bad,
        _idle,
        times=RuleTimes(for_seconds=2 * HOUR, info=True),
        advice="Ask whose it is: the processes of the GPU on the host's tab.",
        source="default rule pack",
    ),
)
