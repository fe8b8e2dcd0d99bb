"""The host itself: waiting and dead processes, memory, processors. H03, H04, H06–H09. Thresholds: monitoring §2d."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from backends.checks.figures import mean
from backends.checks.health_finding import Action, Finding, critical, graded, ok, unknown, warning
from backends.checks.health_history import History
from backends.checks.health_look import Look, grown
from backends.hostkit.health_model import HealthFacts
from backends.metrics.sample import Sample
from backends.units import percent, size, span

LOOKS = 5
"""Looks in a row in which a process waits in the kernel (gpud); it is told at first sight, since nodes froze before."""
WAITING_SECONDS = 300.0
"""Age from which gcm counts such a process."""
ZOMBIES_WARNING, ZOMBIES_CRITICAL = 1000, 2000
"""gpud's numbers where the limit of open files is not known."""
LARGE_BLOCKS = 10
"""Free blocks of order 8 and larger, below which memory is fragmented (gcm)."""
FAULTS = 500.0
"""Major page faults a second (monitoring H07)."""
MISSING_SHARE = 0.05
"""Of the expected memory that may be missing (NHC's tolerance)."""
FREE_WARNING, FREE_CRITICAL = 10.0, 2.0
"""Per cent of memory left (awesome-prometheus-alerts; netdata)."""
STALL_WARNING, STALL_CRITICAL = 20.0, 40.0
"""Per cent of time in which some task stalls (own reasoning; no shipped tool has a default)."""
LOAD, STEAL, IOWAIT = 2.0, 10.0, 40.0
"""Load over cores (node mixin), per cent of steal (awesome-prometheus-alerts) and of iowait (netdata)."""


def count_waiting(history: History, facts: HealthFacts) -> History:
    """The history with one more look at the processes that wait in the kernel; one missed look is forgiven."""
    if facts.processes is None:
        return history
    now = {f"{one.pid}:{one.ticks}" for one in facts.processes.waiting}
    kept = {name: history.waiting.get(name, 0) + 1 for name in now}
    return msgspec.structs.replace(history, waiting=kept)


def waiting(look: Look) -> Iterator[Finding]:
    """H03: processes that wait in the kernel; one of NVIDIA's means that only a reboot helps."""
    processes = look.facts.processes if look.facts else None
    if processes is None:
        return
    told = []
    for one in processes.waiting[:16]:
        looks = look.history.waiting.get(f"{one.pid}:{one.ticks}", 1)
        nvidia = one.name.startswith("nvidia")
        text = f"{one.name} ({one.pid}) waits in the kernel{f', in {one.where}' if one.where not in ('', '0') else ''}"
        evidence = (f"seen {looks} times in a row", f"runs for {span(one.age)}")
        if nvidia and looks > 1:
            told.append(critical("H03", text, one.name, evidence=evidence, action=Action.REBOOT, value=float(looks)))
        elif nvidia or looks >= LOOKS:
            told.append(warning("H03", text, one.name, evidence=evidence, action=Action.REBOOT, value=float(looks)))
    yield from {finding.object: finding for finding in reversed(told)}.values()
    if not told:
        yield ok("H03", f"{processes.waiting_total} processes wait in the kernel at this moment")


def dead(look: Look) -> Iterator[Finding]:
    """H04: processes that ended and are not collected, with the parent that should."""
    processes = look.facts.processes if look.facts else None
    if processes is None:
        return
    old = [parent for parent in processes.parents if parent.oldest > WAITING_SECONDS and parent.count > 10]
    names = tuple(f"{parent.name or '?'} ({parent.pid}): {parent.count}" for parent in processes.parents[:4])
    text = f"{processes.dead} processes ended and are not collected"
    if processes.dead >= ZOMBIES_WARNING:
        make = critical if processes.dead >= ZOMBIES_CRITICAL else warning
        yield make("H04", text, evidence=names, action=Action.RESTART_APP, value=float(processes.dead))
    elif old:
        yield warning("H04", text, evidence=names, action=Action.RESTART_APP, value=float(processes.dead))
    else:
        yield ok("H04", text)


def modules(look: Look) -> Iterator[Finding]:
    """H06: errors of memory modules, and memory that is missing altogether."""
    facts = look.facts
    rows = (facts.edac or ()) if facts else ()
    before = {row.name: row for row in (look.pair[0].edac or ())} if look.pair else {}
    bad = [row for row in rows if row.uncorrected]
    named = [row for row in bad if row.module] or bad
    for row in named[:8]:
        text = f"{row.name}: {row.uncorrected} uncorrected memory errors"
        yield critical(
            "H06",
            text,
            row.name,
            action=Action.INSPECT,
            advice="replace that module",
            value=float(row.uncorrected or 0),
        )
    rising = [
        (row, rise) for row in rows if row.name in before and (rise := grown(before[row.name].corrected, row.corrected))
    ]
    for row, rise in sorted(rising, key=lambda pair: not pair[0].module)[:4]:
        yield warning("H06", f"{row.name}: {rise} corrected memory errors more", row.name, action=Action.INSPECT)
    yield from _memory_size(look)
    if rows and not bad and not rising:
        yield ok("H06", "no memory module reports errors")
    elif facts is not None and facts.edac is None and "edac" not in facts.missing:
        virtual = look.identity is not None and look.identity.virtualisation
        if not virtual:
            yield unknown("H06", "no EDAC driver is loaded: memory errors are not counted")


def _memory_size(look: Look) -> Iterator[Finding]:
    wanted = look.expected.memory_bytes
    total = look.identity.memory_total_bytes if look.identity else None
    if wanted and total and total < wanted * (1 - MISSING_SHARE):
        text = f"{size(total)} of memory, {size(wanted)} expected"
        yield critical("H06", text, "size", action=Action.INSPECT, advice="a module was not found at boot")


def memory(look: Look) -> Iterator[Finding]:
    """H07: memory that is left, fragmentation, faults."""
    sample = look.sample
    if (
        sample is not None
        and sample.memory is not None
        and sample.memory.total_bytes
        and sample.memory.available_bytes is not None
    ):
        left = 100.0 * sample.memory.available_bytes / sample.memory.total_bytes
        text = f"{percent(left)} of memory is left"
        low = left < FREE_CRITICAL or sample.memory.available_bytes < 100 << 20
        make = critical if low else warning if left < FREE_WARNING else ok
        advice = "ps -eo pid,user,rss,args --sort=-rss | head"
        if make is ok:
            yield ok("H07", text)
        else:
            yield (critical if low else warning)("H07", text, action=Action.CHECK_APP, advice=advice, value=left)
    else:
        yield unknown("H07", "memory was not read")
    facts = look.facts.memory if look.facts else None
    if facts is not None and facts.large_blocks is not None and facts.large_blocks < LARGE_BLOCKS:
        text = f"memory is fragmented: {facts.large_blocks} blocks of 1 MiB or larger are free"
        yield warning("H07", text, "blocks", advice="echo 1 > /proc/sys/vm/compact_memory")
    rate = _faults(look)
    if rate is not None and rate > FAULTS:
        yield warning("H07", f"{rate:.0f} major page faults a second", "faults", action=Action.CHECK_APP, value=rate)


def _faults(look: Look) -> float | None:
    if look.pair is None or look.pair[0].memory is None or look.pair[1].memory is None:
        return None
    rise = grown(look.pair[0].memory.events.get("pgmajfault"), look.pair[1].memory.events.get("pgmajfault"))
    return None if rise is None else rise / look.pair[2]


def stalls(look: Look) -> Iterator[Finding]:
    """H08: pressure stall information."""
    sample = look.sample
    if sample is None:
        return
    memory = sample.memory.pressure if sample.memory else None
    for name, found in (("memory", memory), ("io", sample.io_pressure)):
        value = found.some_avg60_percent if found is not None else None
        reason = sample.missing.get(f"psi {name}", "not read")
        if value is None and "no pressure information" in reason:
            continue
        if value is None:
            yield unknown("H08", f"stalls on {name}: {reason}", name)
        else:
            text = f"tasks stall on {name} {percent(value)} of a minute"
            limits = (STALL_WARNING, STALL_CRITICAL) if name == "memory" else (STALL_CRITICAL, None)
            yield graded("H08", value, limits, text, name, action=Action.CHECK_APP)


def processors(look: Look) -> Iterator[Finding]:
    """H09: load, steal, iowait, governor."""
    sample, found = look.sample, []
    cpu = sample.cpu if sample else None
    cores = (look.identity.cpu_count if look.identity else None) or (len(cpu.cores) if cpu else 0)
    if cpu is not None and cpu.load_15 is not None and cores and cpu.load_15 > LOAD * cores:
        found.append(
            warning("H09", f"load {cpu.load_15:.0f} on {cores} cores for 15 minutes", "load", value=cpu.load_15)
        )
    for field, limit, words in (("steal_percent", STEAL, "is stolen"), ("iowait_percent", IOWAIT, "waits for IO")):
        values = _cpu_values(look.samples, field)
        if len(values) > 1 and mean(values) > limit:
            found.append(warning("H09", f"{percent(mean(values))} of CPU time {words}", field[:6], value=mean(values)))
    governors = (look.facts.governors or {}) if look.facts else {}
    other = {name: count for name, count in governors.items() if name != "performance"}
    if other and look.gpus:
        told = ", ".join(f"{name} on {count} cores" for name, count in other.items())
        found.append(warning("H09", f"CPU governor {told}", "governor", advice="cpupower frequency-set -g performance"))
    yield from found
    if not found:
        yield ok("H09", "processors are as they should be") if cpu is not None else unknown("H09", "no CPU numbers")


def _cpu_values(samples: tuple[Sample, ...], field: str) -> list[float]:
    values = [getattr(sample.cpu, field) for sample in samples if sample.cpu is not None]
    return [value for value in values if value is not None]
