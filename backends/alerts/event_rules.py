"""Rules about what happened: out-of-memory kills, reboots, and what else the kernel log tells. Pure.

They end by evidence alone (the host rebooted, memory is free again, it stays up), or by hand; a silent log is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from backends.alerts.measures import memory_used
from backends.alerts.model import RuleTimes, Truth
from backends.alerts.rules import Finding, Rule
from backends.alerts.subjects import MOST_EVENTS, Held, KernelEvent, Subject
from backends.alerts.thresholds import found, nodata, short
from backends.states import Severity

OOM, REBOOT, ERROR = "memory.oom", "host.reboot", "disk.fs_error"
OOM_SECONDS, OOM_GRAVE, OOM_CLEAR = 1800.0, 3, 80.0
"""Kills within so long; so many are critical (Netdata: oom_kill); memory in use below which there is enough again."""
UP_SECONDS = 3600.0
"""A host that stays up for an hour after a reboot is well again (own reasoning)."""

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING


class Kinds(NamedTuple):
    """Lines of the kernel log that one rule counts, on one object of the host."""

    rule: str
    title: str
    kinds: frozenset[str]
    severity: Severity
    """Of so many lines (`least`) within `seconds`."""
    least: int
    seconds: float
    grave: frozenset[str]
    """Grades of which one line is critical."""
    advice: str
    source: str


_DAY = 86_400.0
_UNCORRECTED = frozenset({"fatal", "uncorrected"})
KINDS: tuple[Kinds, ...] = (
    Kinds(
        ERROR, "Filesystem error", frozenset({"filesystem"}), _CRITICAL, 1, _DAY, frozenset(),
        "See what the disk says: dmesg | grep -iE 'error|reset'; smartctl -a; check before more is written.", "gpud (H12)",
    ),
    Kinds(
        "disk.io_error", "Disk error", frozenset({"disk", "nvme"}), _CRITICAL, 1, _DAY, frozenset(),
        "Save what is on it and look at the disk: smartctl -a, nvme smart-log.", "gpud (H14)",
    ),
    Kinds(
        "kernel.lockup", "Kernel hangs", frozenset({"hung-task", "lockup"}), _WARNING, 1, 1800.0, frozenset(),
        "See what it waits for: dmesg | grep -A 20 'blocked for more'; a disk, NFS or the GPU driver.",
        "gpud, node problem detector (H02)",
    ),
    Kinds(
        "kernel.oops", "Kernel fault", frozenset({"panic"}), _CRITICAL, 1, _DAY, frozenset(),
        "Save the lines (journalctl -k), then drain and reboot.", "node problem detector",
    ),
    Kinds(
        "hardware.error", "Hardware errors", frozenset({"machine-check"}), _WARNING, 10, _DAY, _UNCORRECTED,
        "Find the module: ras-mc-ctl --summary, dmesg | grep -iE 'edac|hardware error'; replace it when drained.",
        "NHC: more than 9 corrected, any uncorrected (H05, H06)",
    ),
    Kinds(
        "hardware.pcie", "PCIe errors", frozenset({"pcie"}), _WARNING, 480, 900.0, frozenset({"fatal", "down"}),
        "Find the device: lspci -vv -s ADDRESS; reseat it or its riser.", "DCGM: 480 in 15 minutes (G19)",
    ),
    Kinds(
        "nfs.silent", "NFS server does not answer", frozenset({"nfs"}), _WARNING, 1, _DAY, frozenset(),
        "Look at the server and the way to it: rpcinfo -t SERVER nfs; processes in state D wait for it.", "gpud (H16)",
    ),
    Kinds(
        "gpu.sxid", "NVSwitch fault", frozenset({"sxid"}), _WARNING, 1, _DAY, frozenset({"fatal"}),
        "Drain the host; restart nvidia-fabricmanager, or reboot.", "gpud: NVSwitch fatal errors",
    ),
    Kinds(
        "net.hca", "Network adapter complains", frozenset({"mlx5"}), _WARNING, 1, _DAY, frozenset(),
        "See what it says: dmesg | grep mlx5; power of the slot, heat of the module.", "gpud (N06)",
    ),
)  # fmt: skip
CURES = frozenset({"ok", "up"})
"""Grades that say that it is over."""


def _kind_rule(kinds: Kinds) -> Rule:
    def scan(subject: Subject) -> Sequence[str]:
        return list(dict.fromkeys(each.object for each in subject.events[-MOST_EVENTS:] if each.kind in kinds.kinds))

    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        alive = [each for each in _unsettled(subject, kinds.rule, thing, held) if each.kind in kinds.kinds]
        if alive and alive[-1].grade in CURES:
            return found(Severity.OK, None, alive[-1].text)._replace(time=alive[-1].time)
        fresh = [each for each in alive if subject.now - each.time <= kinds.seconds and not cured(subject, each)]
        fresh = [each for each in fresh if each.grade not in CURES]
        grave = any(each.grade in kinds.grave for each in fresh)
        if not grave and len(fresh) < kinds.least:
            return _over(subject, held)
        return _happened(kinds, thing, fresh, Severity.CRITICAL if grave else kinds.severity)

    return _rule(kinds.rule, kinds.title, scan, judge, kinds.advice, kinds.source)


def _happened(kinds: Kinds, thing: str, lines: list[KernelEvent], severity: Severity) -> Finding:
    text = f"{kinds.title}{f' on {thing}' if thing else ''}: {lines[-1].text or lines[-1].kind}"
    if len(lines) > 1:
        text = f"{text} ({len(lines)}×)"
    evidence = tuple(dict.fromkeys(each.text for each in reversed(lines) if each.text))
    return Finding(Truth.TRUE, severity, float(len(lines)), text, evidence, time=lines[-1].time)


def _unsettled(subject: Subject, rule: str, thing: str, held: Held) -> list[KernelEvent]:
    settled = max(held.settled, subject.settled.get((rule, thing), 0.0))
    return [each for each in subject.events[-MOST_EVENTS:] if each.object == thing and each.time > settled]


def cured(subject: Subject, event: KernelEvent) -> bool:
    """Whether the host rebooted since."""
    if this_boot(subject, event.boot_id):
        return False
    booted = subject.booted
    return booted is not None and event.time < booted


def this_boot(subject: Subject, boot_id: str) -> bool:
    """Whether it is of the boot that runs: its id proves more than a clock that was set."""
    now = subject.facts.boot_id if subject.facts is not None else ""
    return bool(now) and boot_id.replace("-", "") == now.replace("-", "")


def _over(subject: Subject, held: Held) -> Finding:
    """Over only when a reboot came after it."""
    booted = subject.booted
    if held.since and booted is not None and booted > held.since:
        return found(Severity.OK, None, "the host rebooted since")._replace(time=booted)
    return nodata("nothing new")


# Out of memory -------------------------------------------------------------------------------------------------------


def _oom_scan(subject: Subject) -> Sequence[str]:
    if subject.recent is not None and subject.recent.oom_times:
        return ("",)
    return ("",) if any(each.kind == "oom" for each in subject.events[-MOST_EVENTS:]) else ()


def _oom(subject: Subject, thing: str, held: Held) -> Finding:
    """By the log, or by the kernel's counter where the log may not be read; both count the same kills."""
    since = max(held.settled, subject.settled.get((OOM, ""), 0.0), subject.now - OOM_SECONDS)
    kills = [each for each in subject.events[-MOST_EVENTS:] if each.kind == "oom" and each.time > since]
    counted = [each for each in (subject.recent.oom_times if subject.recent is not None else ()) if each > since]
    number = max(len(kills), len(counted))
    if not number:
        return _enough_memory(subject, held)
    severity = _CRITICAL if number >= OOM_GRAVE else _WARNING
    times = f"{number} processes" if number > 1 else "a process"
    text = f"the kernel killed {times} for want of memory within half an hour"
    evidence = tuple(each.text for each in reversed(kills) if each.text)
    last = max([each.time for each in kills] + counted)
    return Finding(Truth.TRUE, severity, float(number), text, evidence, time=last)


def _enough_memory(subject: Subject, held: Held) -> Finding:
    """Half an hour without a kill, and memory that was measured: that is evidence."""
    used = memory_used(subject) if not subject.no_sample else None
    if held.since and used is not None and used <= OOM_CLEAR and subject.now - held.since > OOM_SECONDS:
        return found(Severity.OK, used, f"no kill for half an hour and memory {used:.0f}% used")
    return _over(subject, held)


# Reboots -------------------------------------------------------------------------------------------------------------


def _reboot_scan(subject: Subject) -> Sequence[str]:
    return ("",) if any(not boot.planned for boot in subject.boots) else ()


def _reboot(subject: Subject, thing: str, held: Held) -> Finding:
    settled = max(held.settled, subject.settled.get((REBOOT, ""), 0.0))
    told = [boot for boot in subject.boots if not boot.planned and boot.time > settled]
    recent = [boot for boot in told if subject.now - max(boot.time, boot.noticed) < UP_SECONDS]
    if recent:
        boot = recent[-1]
        count = f" ({len(recent)} times)" if len(recent) > 1 else ""
        text = f"it rebooted outside any maintenance window {short(subject.now - boot.time)} ago{count}"
        return Finding(Truth.TRUE, _CRITICAL, float(len(recent)), text, _last_words(subject, boot.time), time=boot.time)
    up = subject.sample.uptime_seconds if subject.sample is not None and not subject.no_sample else None
    if held.since and up is not None and up >= UP_SECONDS:
        return found(Severity.OK, up, f"it stays up for {short(up)}")
    return nodata("not up for an hour yet" if up is not None else subject.no_sample or "not measured")


def _last_words(subject: Subject, booted: float) -> tuple[str, ...]:
    """What the kernel said in the hour before."""
    before = [each.text for each in subject.events if booted - 3600.0 <= each.time < booted and each.text]
    return tuple(before[-3:])


# The rules -----------------------------------------------------------------------------------------------------------


def _rule(
    id: str,
    title: str,
    scan: Callable[[Subject], Sequence[str]],
    judge: Callable[[Subject, str, Held], Finding],
    advice: str,
    source: str,
) -> Rule:
    times = RuleTimes(event=True)
    return Rule(id=id, title=title, times=times, needs="events", scan=scan, judge=judge, advice=advice, source=source)


_OOM_RULE = _rule(
    OOM,
    "Processes are killed for want of memory",
    _oom_scan,
    _oom,
    "See who grew: journalctl -k -g 'Out of memory'; limit the job's memory.",
    "Netdata: oom_kill (H01)",
)
_REBOOT_RULE = _rule(
    REBOOT,
    "Unplanned reboot",
    _reboot_scan,
    _reboot,
    "See why before its traces are gone: journalctl -b -1 -e; last -x; the controller's event log.",
    "default rule pack",
)
EVENT_RULES: tuple[Rule, ...] = (_OOM_RULE, _REBOOT_RULE, *map(_kind_rule, KINDS))
