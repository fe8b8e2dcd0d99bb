"""What is wrong with everything but the GPUs: reboot, memory, disks, units, links, clock."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from backends.states import Severity
from backends.triage.context import Context
from backends.triage.facts import Facts, Full
from backends.triage.kernel_lines import KernelEvent
from backends.triage.model import Finding
from backends.units import size, span

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING
RECENT_SECONDS = 6 * 3600.0
"""Of the kernel log and of reboots; older ones are history."""
FULL_WARNING, FULL_CRITICAL = 95.0, 97.0
"""Per cent used (H10, H11: the node mixin's 5 % and 3 % free)."""
MEMORY_WARNING = 10.0
"""Per cent available (H07)."""
PRESSURE_WARNING = 40.0
"""Per cent of the last minute (H08)."""
CLOCK_WARNING_SECONDS = 0.05
"""Offset (H18)."""
RESTARTS_WARNING = 5
"""Since the boot; H20 counts 5 an hour, which one look cannot."""
WAITING_MANY = 10
VITAL = (
    "nvidia-persistenced",
    "nvidia-fabricmanager",
    "docker",
    "containerd",
    "kubelet",
    "slurmd",
    "ssh",
    "sshd",
    "chronyd",
    "chrony",
)
"""Units without which the host is of no use (H20)."""
FULL_BY_NATURE = ("iso9660", "squashfs", "erofs", "udf")
"""Full by nature."""

_EVENTS: dict[str, tuple[Severity, int, str, str]] = {
    "oom": (_WARNING, 55, "out of memory: killed {process} (pid {pid})", "see who used the memory; give the job less or the host more"),
    "hung-task": (_WARNING, 50, "{process} (pid {pid}) waited in the kernel for more than {number} s", "look at the disk or server that it waits for"),
    "lockup": (_CRITICAL, 58, "a CPU was locked up", "drain and reboot the host; keep the log for the kernel's maker"),
    "read-only": (_CRITICAL, 78, "the filesystem on {device} went read-only", "stop writers; check the disk, then fsck after unmounting"),
    "fs-error": (_CRITICAL, 72, "filesystem errors on {device}", "check the disk; fsck after unmounting"),
    "disk": (_CRITICAL, 74, "I/O errors on {device}", "smartctl -a; replace the disk"),
    "memory-error": (_WARNING, 52, "memory errors reported by EDAC on {device}", "watch the count; replace the DIMM when it grows"),
    "machine-check": (_CRITICAL, 68, "hardware errors reported by the CPU", "drain; read them with ras-mc-ctl --errors"),
    "pcie": (_WARNING, 48, "PCIe errors at {device}", "reseat the card at the next drain when they go on"),
    "link": (_WARNING, 46, "a network link went down", "check cable and switch port"),
    "nfs": (_WARNING, 54, "NFS server {device} does not answer", "check the server and the way to it"),
}  # fmt: skip
"""Kind of kernel event → severity, weight, text, next step."""


def host_findings(facts: Facts, context: Context) -> Iterator[Finding]:
    """Everything about the host itself, in no order."""
    for look in (_reboot, _kernel, _disks, _read_only, _units, _load, _network, _pending):
        yield from look(facts, context)


def _reboot(facts: Facts, context: Context) -> Iterator[Finding]:
    up = facts.uptime_seconds
    if up is None or up > RECENT_SECONDS or context.planned_reboot:
        return
    sudden = facts.orderly is False
    how = (
        "without a shutdown before it"
        if sudden
        else "not by us"
        if facts.orderly
        else "whether on purpose is not known"
    )
    yield Finding(
        kind="reboot",
        step=1,
        severity=_CRITICAL if sudden else _WARNING,
        text=f"rebooted {span(up)} ago, {how}",
        evidence=(f"boot id {facts.boot_id}",) if facts.boot_id else (),
        next_step="journalctl -b -1 -n 200; look at power, BMC log and /sys/fs/pstore",
        confidence="high" if sudden else "low",
        time=facts.begin - up,
        weight=82,
    )


def _kernel(facts: Facts, context: Context) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[KernelEvent]] = {}
    for event in facts.events:
        if event.kind in _EVENTS and (event.time is None or facts.begin - event.time <= RECENT_SECONDS):
            groups.setdefault((event.kind, event.device), []).append(event)
    for (kind, _), events in groups.items():
        severity, weight, text, step = _EVENTS[kind]
        last = events[-1]
        if kind == "memory-error" and any(" UE" in each.text for each in events):
            severity = _CRITICAL
        said = text.format(
            process=last.process or "a process",
            pid=last.pid or "?",
            number=last.number or "?",
            device=last.device or "a device",
        )
        yield Finding(
            kind=kind,
            step=2,
            severity=severity,
            text=said + (f", {len(events)} times" if len(events) > 1 else ""),
            evidence=tuple(each.text for each in events[-3:]),
            next_step=step,
            time=events[0].time,
            weight=weight,
        )


def _disks(facts: Facts, context: Context) -> Iterator[Finding]:
    yield from _full(facts.space, "disk-full", "full", 62, lambda each: f", {size(each.free_bytes)} left")
    yield from _full(facts.inodes, "inodes", "out of inodes", 61, lambda each: "")


def _full(found: tuple[Full, ...], kind: str, word: str, weight: int, left: Callable[[Full], str]) -> Iterator[Finding]:
    for each in found:
        if each.percent >= FULL_WARNING and each.kind not in FULL_BY_NATURE:
            yield Finding(
                kind=kind,
                step=6,
                severity=_CRITICAL if each.percent >= FULL_CRITICAL else _WARNING,
                text=f"{each.mount} is {each.percent:.0f} % {word}{left(each)}",
                next_step=f"du -xh {shlex.quote(each.mount)} | sort -h | tail",
                weight=weight + (each.mount == "/"),
            )  # fmt: skip


def _read_only(facts: Facts, context: Context) -> Iterator[Finding]:
    for each in facts.mounts:
        named = each.device.startswith("/dev/") and not each.device.startswith("/dev/loop")
        if each.read_only and named and each.kind not in FULL_BY_NATURE and each.mount not in facts.wanted_read_only:
            yield Finding(
                kind="read-only",
                step=6,
                severity=_CRITICAL if each.mount in facts.wanted else _WARNING,
                text=f"{each.mount} is mounted read-only",
                evidence=(f"{each.device} {each.kind}",),
                next_step="dmesg | grep -i -E 'error|remount'; check the disk before mounting it again",
                confidence="high" if each.mount in facts.wanted else "medium",
                weight=79,
            )  # fmt: skip
    mounted = {each.mount for each in facts.mounts}
    for mount in facts.wanted if mounted else ():
        if mount not in mounted:
            text = f"{mount} is in fstab and not mounted"
            yield Finding(
                kind="mount", step=6, severity=_WARNING, text=text, next_step=f"mount {shlex.quote(mount)}", weight=44
            )


def _units(facts: Facts, context: Context) -> Iterator[Finding]:
    failed = facts.failed_units
    if failed:
        vital = [name for name in failed if name.removesuffix(".service") in VITAL]
        shown = ", ".join((*vital, *(name for name in failed if name not in vital))[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        yield Finding(
            kind="unit",
            step=7,
            severity=_CRITICAL if vital else _WARNING,
            text=f"failed: {shown}{more}",
            evidence=failed[:20],
            next_step=f"systemctl status {shlex.quote((vital or failed)[0])}",
            weight=57 if vital else 35,
        )
    for name, count in facts.restarts.items():
        if count > RESTARTS_WARNING:
            text = f"{name} was restarted {count} times"
            yield Finding(
                kind="unit",
                step=7,
                severity=_WARNING,
                text=text,
                next_step=f"journalctl -u {shlex.quote(name)} -n 50",
                weight=34,
            )


def _load(facts: Facts, context: Context) -> Iterator[Finding]:
    held = [
        each for each in facts.waiting if each.state == "D" and each.parent != 2 and not each.name.startswith("nvidia")
    ]
    if held:
        names = ", ".join(dict.fromkeys(f"{each.name} in {each.where}" for each in held))[:200]
        yield Finding(
            kind="waiting",
            step=5,
            severity=_WARNING,
            text=f"{len(held)} processes wait in the kernel (D): {names}",
            evidence=tuple(f"pid {each.pid} {each.name} state=D in {each.where}, {span(each.age_seconds)} old" for each in held[:10]),
            next_step="look at the disk or server that they wait for",
            confidence="high" if len(held) >= WAITING_MANY else "low",
            weight=43 if len(held) >= WAITING_MANY else 20,
        )  # fmt: skip
    if facts.memory_percent is not None and facts.memory_percent < MEMORY_WARNING:
        text = f"{facts.memory_percent:.0f} % of the memory is available"
        yield Finding(
            kind="memory",
            step=5,
            severity=_WARNING,
            text=text,
            next_step="ps -eo rss,comm --sort=-rss | head",
            weight=41,
        )
    for name in ("memory some", "io some"):
        if (stalled := facts.pressure.get(name, 0.0)) > PRESSURE_WARNING:
            text = f"tasks stalled on {name.split()[0]} for {stalled:.0f} % of the last minute"
            yield Finding(kind="pressure", step=5, severity=_WARNING, text=text, confidence="medium", weight=25)


def _network(facts: Facts, context: Context) -> Iterator[Finding]:
    ports = {name: state for name, state in facts.links.items() if "/" in name}
    down = [name for name, state in ports.items() if state == "down"]
    if down and len(down) < len(ports):
        yield Finding(
            kind="ib-port",
            step=8,
            severity=_WARNING,
            text=f"{len(down)} of {len(ports)} InfiniBand ports down: {', '.join(down[:4])}",
            next_step="check cable and switch port",
            confidence="medium",
            weight=47,
        )
    offset = facts.clock_offset_seconds
    if offset is not None and abs(offset) > CLOCK_WARNING_SECONDS:
        text = f"the clock is {abs(offset):.3f} s {'fast' if offset > 0 else 'slow'}"
        yield Finding(kind="clock", step=8, severity=_WARNING, text=text, next_step="chronyc sources -v", weight=22)


def _pending(facts: Facts, context: Context) -> Iterator[Finding]:
    if facts.reboot_required:
        text = "an update waits for a reboot"
        yield Finding(kind="pending", step=9, severity=_WARNING, text=text, next_step="plan a reboot", weight=5)
