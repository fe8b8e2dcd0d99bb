"""What the host itself is short of: processors, memory, storage.

Rules: reference monitoring §5 and H07–H09, H16, H17 with the sources named there; thresholds that the newest
sample alone is judged by are shared with `glance`, here over a minute.
"""

from __future__ import annotations

from backends.checks import glance, signs
from backends.checks.figures import mean
from backends.checks.outcome import Gap, Outcome
from backends.checks.signs import Confidence
from backends.checks.verdict import Verdict
from backends.checks.window import Window
from backends.states import Severity
from backends.units import percent, rate


def host_verdict(
    kind: str,
    text: str,
    evidence: list[str] | tuple[str, ...],
    next_step: str,
    confidence: Confidence = "high",
    severity: Severity = Severity.WARNING,
) -> Verdict:
    """A verdict about the host."""
    return Verdict(
        subject="host",
        kind=kind,
        text=text,
        evidence=tuple(evidence),
        confidence=confidence,
        next_step=next_step,
        severity=severity,
    )


def processors(window: Window, alone: bool) -> Outcome:
    """Too much to run, or one saturated core; `alone` when no GPU job explains that one already."""
    total = window.values("cpu.busy_percent")
    if total is None:
        return Gap("cpu", ("cpu.busy_percent",))
    busy = f"CPU {percent(mean(total))} busy"
    steal = window.values("cpu.steal_percent")
    if steal and mean(steal) > glance.STEAL_WARNING:
        taken = [f"steal {percent(mean(steal))}", busy]
        return host_verdict("cpu", "loses its processors to other virtual machines", taken, "vmstat 1 5")
    crowded = _crowded(window)
    if crowded:
        return host_verdict("cpu", "has more to run than its processors can take", [*crowded, busy], "top -b -n 1")
    if everything := signs.cores_busy(window):
        return host_verdict("cpu", "uses its processors fully", [everything], "top -b -n 1", severity=Severity.OK)
    if alone and (one := signs.one_core_busy(window)):
        text = "one core is saturated while others are free: a single thread limits"
        return host_verdict("cpu", text, [one], "top -H -b -n 1", "low", Severity.OK)
    return None


def _crowded(window: Window) -> list[str]:
    found = []
    stalls, load = window.values("cpu.pressure.some_avg60_percent"), window.values("cpu.load_1")
    cores = (window.facts.cpu_count if window.facts else None) or _cores(window)
    if stalls and mean(stalls) > glance.STALL_WARNING:
        found.append(f"tasks wait for a processor {percent(mean(stalls))} of the time")
    if load and cores and cores > 0 and mean(load) > glance.LOAD_PER_CORE * cores:
        found.append(f"load {mean(load):.0f} on {cores} cores")
    return found


def _cores(window: Window) -> int:
    return len(window.newest.cpu.cores) if window.newest.cpu is not None else 0


def memory(window: Window) -> Outcome:
    """Little is left, tasks stall on it, pages go to and fro, or processes were killed for it."""
    total, left = window.values("memory.total_bytes"), window.values("memory.available_bytes")
    if not total or not total[-1] or left is None:
        return Gap("memory-pressure", ("memory.total_bytes", "memory.available_bytes"))
    free = 100 * mean(left) / total[-1]
    found = [f"{percent(free)} of memory left"] if free < glance.MEMORY_WARNING else []
    stalls = window.values("memory.pressure.some_avg60_percent")
    if stalls and mean(stalls) > glance.PRESSURE_WARNING:
        found.append(f"tasks stall on memory {percent(mean(stalls))} of the time")
    found += _swapping(window) + _killed(window)
    if not found:
        return None
    worst = free < glance.MEMORY_CRITICAL or bool(stalls and mean(stalls) > glance.PRESSURE_CRITICAL)
    severity = Severity.CRITICAL if worst else Severity.WARNING
    agreed: Confidence = "high" if len(found) > 1 else "medium"
    command = "ps -eo pid,user,rss,args --sort=-rss"
    return host_verdict("memory-pressure", "runs short of memory", found, command, agreed, severity)


def _swapping(window: Window) -> list[str]:
    incoming = window.values("memory.swap_in_bytes_per_second")
    outgoing = window.values("memory.swap_out_bytes_per_second")
    if incoming and outgoing and min(mean(incoming), mean(outgoing)) > glance.SWAP_STORM:
        return [f"swaps {rate(mean(incoming))} in and {rate(mean(outgoing))} out"]
    return []


def _killed(window: Window) -> list[str]:
    kills = window.values("memory.oom_kills")
    risen = kills[-1] - kills[0] if kills else 0.0
    return [f"{risen:.0f} processes killed for want of memory"] if 0 < risen < 1e6 else []


def storage(window: Window) -> Outcome:
    """Tasks wait for disks or mounts."""
    found = signs.agreeing(signs.disk_evidence(window))
    if found is not None:
        text = "waits for storage"
        return host_verdict("storage", text, found.evidence, "iostat -xz 1 5", found.confidence)
    lacking = signs.disks_lacking(window)
    return Gap("storage", lacking) if lacking else None
