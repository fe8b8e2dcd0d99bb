"""The pack's limits of processors, memory and processes. Data, in the order of the reference's table."""

from __future__ import annotations

from backends.alerts.measures import (
    MEMORY_LEAST,
    cpu_beside_gpus,
    cpu_busy,
    cpu_without_gpus,
    iowait,
    load_per_core,
    load_words,
    memory_stall,
    memory_used,
    memory_words,
    steal,
    swap_used,
    top_of,
    zombies,
)
from backends.alerts.model import RuleTimes
from backends.alerts.rules import Limit, Rule
from backends.alerts.subjects import Subject
from backends.alerts.thresholds import MINUTE, number_rule, waited
from backends.units import percent

USED_WARN, USED_CRIT = Limit(90, 80), Limit(98, 90)
_NETDATA = "Netdata stock alarms"

_CPU = Limit(85, 75), Limit(95, 85)
_WAIT, _LOAD, _STEAL = Limit(40, 20), Limit(2.0, 1.75), Limit(10, 5)
_STALL = Limit(20, 10), Limit(40, 20)
_ZOMBIES = Limit(1000, 900), Limit(2000, 1800)


def busy(subject: Subject) -> bool:
    """Whether anything below may be bad: one look that spares nine."""
    sample = subject.sample
    if sample is None:
        return False
    memory = sample.memory
    if memory is not None:
        free, total = memory.available_bytes, memory.total_bytes
        if free is not None and total and (free < MEMORY_LEAST or 100.0 * free < (100.0 - USED_WARN.fire) * total):
            return True
        if memory.swap_used_bytes and (swap_used(subject) or 0.0) > USED_WARN.fire:
            return True
        if (memory_stall(subject) or 0.0) > _STALL[0].fire:
            return True
    if (cpu_busy(subject) or 0.0) > _CPU[0].fire or (iowait(subject) or 0.0) > _WAIT.fire:
        return True
    if (load_per_core(subject) or 0.0) > _LOAD.fire or (steal(subject) or 0.0) > _STEAL.fire:
        return True
    return (zombies(subject) or 0.0) > _ZOMBIES[0].fire


def _cpu_words(subject: Subject, thing: str, value: float) -> str:
    return f"processors {percent(value)} busy"


_PROCESSORS = (
    number_rule(
        "cpu.busy",
        "Processors are busy",
        cpu_without_gpus,
        warn=_CPU[0],
        crit=_CPU[1],
        times=waited(10 * MINUTE, 15 * MINUTE),
        say=_cpu_words,
        tell=lambda subject, thing: top_of(subject, "cpu_percent"),
        advice="See who uses them: the processes tab of the host, or top -o %CPU.",
        source=f"{_NETDATA}: 10min_cpu_usage",
        gate=busy,
    ),
    number_rule(
        "cpu.busy_gpu_node",
        "Processors of a GPU node are busy",
        cpu_beside_gpus,
        warn=_CPU[0],
        crit=_CPU[1],
        times=RuleTimes(for_seconds=10 * MINUTE, keep_seconds=15 * MINUTE, info=True),
        say=_cpu_words,
        advice="Nothing to do while the GPUs are fed.",
        source=f"{_NETDATA}: 10min_cpu_usage; on GPU nodes for information only",
        gate=busy,
    ),
    number_rule(
        "cpu.iowait",
        "Processors wait for disks",
        iowait,
        warn=_WAIT,
        times=waited(10 * MINUTE, 30 * MINUTE),
        say=lambda subject, thing, value: f"{percent(value)} of the CPU time waits for disks",
        advice="See which disk is slow: the disk tab of the host, or iostat -x 5.",
        source=f"{_NETDATA}: 10min_cpu_iowait",
        gate=busy,
    ),
    number_rule(
        "cpu.load",
        "Load is high",
        load_per_core,
        warn=_LOAD,
        times=waited(5 * MINUTE, 15 * MINUTE),
        say=load_words,
        tell=lambda subject, thing: top_of(subject, "cpu_percent"),
        advice="See who runs and who waits: ps -eo state,pid,comm --sort=state.",
        source=f"{_NETDATA}: load_average_15; node mixin",
        gate=busy,
        unit="per core",
    ),
    number_rule(
        "cpu.steal",
        "The hypervisor takes CPU time",
        steal,
        warn=_STEAL,
        times=waited(10 * MINUTE, 15 * MINUTE),
        say=lambda subject, thing, value: f"{percent(value)} of the CPU time is taken by the hypervisor",
        advice="Ask whoever runs the hypervisor: the machine under this one is overcommitted.",
        source="awesome-prometheus-alerts (H09)",
        gate=busy,
    ),
)

_MEMORY = (
    number_rule(
        "memory.used",
        "Memory is used up",
        memory_used,
        warn=USED_WARN,
        crit=USED_CRIT,
        times=waited(5 * MINUTE, 15 * MINUTE),
        say=memory_words,
        tell=lambda subject, thing: top_of(subject, "resident_bytes"),
        advice="End or limit the largest process before the kernel picks one.",
        source=f"{_NETDATA}: ram_in_use; gpud: 100 MiB available",
        gate=busy,
    ),
    number_rule(
        "memory.swap",
        "Swap is used up",
        swap_used,
        warn=USED_WARN,
        crit=USED_CRIT,
        times=waited(5 * MINUTE, 15 * MINUTE),
        say=lambda subject, thing, value: f"swap {percent(value)} used",
        tell=lambda subject, thing: top_of(subject, "resident_bytes"),
        advice="See what was swapped out: the memory tab of the host, or smem -s swap.",
        source=f"{_NETDATA}: used_swap",
        gate=busy,
    ),
    number_rule(
        "memory.pressure",
        "Tasks stall on memory",
        memory_stall,
        warn=_STALL[0],
        crit=_STALL[1],
        times=waited(MINUTE, 5 * MINUTE),
        say=lambda subject, thing, value: f"some task stalled on memory for {percent(value)} of the last minute",
        tell=lambda subject, thing: top_of(subject, "resident_bytes"),
        advice="Free memory: the host is slow already, whatever the share in use says.",
        source="own (H08; no shipped tool has a default)",
        gate=busy,
    ),
    number_rule(
        "process.zombies",
        "Zombie processes",
        zombies,
        warn=_ZOMBIES[0],
        crit=_ZOMBIES[1],
        times=waited(5 * MINUTE, 5 * MINUTE),
        say=lambda subject, thing, value: f"{value:.0f} zombie processes",
        advice="Find the parent that does not collect them: ps -eo ppid,stat | grep Z | sort | uniq -c.",
        source="gpud (fallback limits)",
        gate=busy,
        unit="",
    ),
)

PROCESSOR_RULES: tuple[Rule, ...] = (*_PROCESSORS, *_MEMORY)
