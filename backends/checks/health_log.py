"""What the kernel log says: XID, SXid, OOM kills, hung tasks, memory and disk errors, silent servers. XID, SXID, H01, H02, H05,
H14, H16. Thresholds and look-back: monitoring §2a, §2d.

Events stand until evidence settles them: a reboot (where that cures), a newer "OK", or somebody who clears them.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_history import settled
from backends.checks.health_look import Look, XidNote
from backends.hostkit.kernel_message import KernelEvent
from backends.metrics.sample import Record
from backends.states import Severity
from backends.units import span

HALF_HOUR, HOUR, DAY = 1800.0, 3600.0, 86400.0
XID_SECONDS = 3 * DAY
"""gpud keeps events for three days."""
DISK_SECONDS = 14 * DAY
"""gpud looks back 14 days for disk errors."""
BUCKET_SECONDS = 300.0
"""The same XID of the same GPU within five minutes is one (monitoring §2a)."""
OOM_CRITICAL = 3
"""Kills in half an hour (default rule pack)."""
CORRECTED_MOST = 9
"""Corrected machine checks in a day (NHC)."""
SILENT_SECONDS = 300.0


class Seen(Record, frozen=True, kw_only=True):
    """One kind of event of one thing."""

    first: KernelEvent
    last: KernelEvent
    times: int
    """Buckets of five minutes in which it came."""


def _unreadable(look: Look, check: str) -> Finding | None:
    return unknown(check, f"the kernel log is not known: {look.log_trouble}") if look.log_trouble else None


def _grouped(events: list[KernelEvent], by: tuple[str, ...]) -> dict[tuple[object, ...], Seen]:
    """Events by these fields, repeats within a bucket counted once."""
    found: dict[tuple[object, ...], Seen] = {}
    for event in sorted(events, key=lambda each: each.time):
        key = tuple(getattr(event, name) for name in by)
        seen = found.get(key)
        if seen is None:
            found[key] = Seen(first=event, last=event, times=1)
        else:
            new = event.time - seen.last.time >= BUCKET_SECONDS
            found[key] = Seen(first=seen.first, last=event, times=seen.times + new)
    return found


def xids(look: Look) -> Iterator[Finding]:
    """XID: what the driver reports of its GPUs, judged by the site's policy; GPUs that fell off the bus without one."""
    if (finding := _unreadable(look, "XID")) is not None:
        yield finding
    told = []
    for (device, code), seen in _grouped(look.recent(("xid",), XID_SECONDS), ("device", "code")).items():
        if seen.last.time > settled(look.history, "XID", f"{device} {code}"):
            told.append(_xid(look, str(device), seen))
    for (device,), seen in _grouped(look.recent(("gpu-lost",), XID_SECONDS), ("device",)).items():
        if _since_boot(look, seen.last) and seen.last.time > settled(look.history, "XID", f"{device} lost"):
            text = f"GPU {device or 'of no told address'} has fallen off the bus"
            told.append(critical("XID", text, f"{device} lost", evidence=(seen.last.text,), action=Action.REBOOT))
    yield from told
    if not told and not look.log_trouble and look.gpus:
        yield ok("XID", "no XID in three days")


def _xid(look: Look, device: str, seen: Seen) -> Finding:
    code = seen.last.code or 0
    note = look.policy(code) if look.policy is not None else None
    note = note or XidNote(Severity.WARNING, Action.CHECK_APP, "")
    cured = not _since_boot(look, seen.last) and note.action in (Action.REBOOT, Action.RESET_GPU, Action.CHECK_APP)
    who = f", process {seen.last.pid} {seen.last.process}".rstrip() if seen.last.pid else ""
    text = f"XID {code} on GPU {device}{f': {note.meaning}' if note.meaning else ''}"
    evidence = (seen.last.text, f"{seen.times} times, last {span(look.now - seen.last.time)} ago{who}")
    thing = f"{device} {code}"
    if cured or note.severity is Severity.OK:
        return ok("XID", text + (" (rebooted since)" if cured else ""), thing, evidence)
    make = critical if note.severity is Severity.CRITICAL else warning
    return make("XID", text, thing, evidence=evidence, action=note.action, value=float(code))


def _since_boot(look: Look, event: KernelEvent) -> bool:
    """It was said since the last boot, or it is not known when that was."""
    boot = look.facts.boot if look.facts else None
    current = (boot.boot_id if boot else look.identity.boot_id if look.identity else "").replace("-", "")
    return not current or not event.boot or event.boot.replace("-", "") == current


def sxids(look: Look) -> Iterator[Finding]:
    """SXID: what NVSwitches report; "Fatal" is the driver's own word."""
    for (device, code), seen in _grouped(look.recent(("sxid",), XID_SECONDS), ("device", "code")).items():
        if not _since_boot(look, seen.last) or seen.last.time <= settled(look.history, "SXID", f"{device} {code}"):
            continue
        fatal = seen.last.grade == "fatal"
        text = f"SXid {code} on NVSwitch {device}{', fatal' if fatal else ''}"
        make = critical if fatal else warning
        action = Action.REBOOT if fatal else Action.NONE
        yield make("SXID", text, f"{device} {code}", evidence=(seen.last.text, f"{seen.times} times"), action=action)


def kills(look: Look) -> Iterator[Finding]:
    """H01: processes killed for want of memory in the last half hour."""
    if (finding := _unreadable(look, "H01")) is not None:
        yield finding if not _counted(look) else _by_count(look)
        return
    found = [e for e in look.recent(("oom",), HALF_HOUR) if e.time > settled(look.history, "H01", "")]
    if not found:
        yield ok("H01", "nothing was killed for want of memory in half an hour")
        return
    names = ", ".join(dict.fromkeys(event.process or "a process" for event in found))
    evidence = tuple(f"{e.process} ({e.pid}){f' in {e.group}' if e.group else ''}" for e in found[-4:])
    make = critical if len(found) >= OOM_CRITICAL else warning
    text = f"killed for want of memory: {names[:120]}"
    yield make("H01", text, evidence=evidence, action=Action.CHECK_APP, value=float(len(found)))


def _counted(look: Look) -> int:
    """Kills between two looks, as the kernel counts them: without the victims' names."""
    if look.pair is None or look.pair[0].memory is None or look.pair[1].memory is None:
        return 0
    return max(0, look.pair[1].memory.events.get("oom_kill", 0) - look.pair[0].memory.events.get("oom_kill", 0))


def _by_count(look: Look) -> Finding:
    text = f"{_counted(look)} processes were killed for want of memory"
    return warning("H01", text, evidence=(f"which, is not known: {look.log_trouble}",), action=Action.CHECK_APP)


def hung(look: Look) -> Iterator[Finding]:
    """H02: tasks that hang in the kernel, processors that do."""
    if (finding := _unreadable(look, "H02")) is not None:
        yield finding
        return
    found = [e for e in look.recent(("hung-task", "lockup", "panic"), DAY) if _since_boot(look, e)]
    found = [event for event in found if event.time > settled(look.history, "H02", "")]
    if not found:
        yield ok("H02", "no task hung in a day")
        return
    last = found[-1]
    gpu = any(event.process.startswith("nvidia") for event in found)
    make = critical if gpu or any(event.kind != "hung-task" for event in found) else warning
    text = f"{last.process or 'the kernel'} hung: {last.text[:120]}"
    evidence = tuple(event.text for event in found[-3:])
    yield make("H02", text, evidence=evidence, action=Action.REBOOT, value=float(len(found)))


def machine_checks(look: Look) -> Iterator[Finding]:
    """H05: errors that the hardware reports of itself: corrected beyond nine in a day, any other at once (NHC, NPD)."""
    if (finding := _unreadable(look, "H05")) is not None:
        yield finding
        return
    found = [e for e in look.recent(("machine-check",), DAY) if e.time > settled(look.history, "H05", "")]
    bad = [event for event in found if event.grade in ("fatal", "uncorrected")]
    mild = [event for event in found if event.grade == "corrected"]
    if bad:
        text = f"{len(bad)} uncorrected hardware errors"
        yield critical(
            "H05", text, evidence=tuple(e.text for e in bad[-3:]), action=Action.INSPECT, value=float(len(bad))
        )
    elif len(mild) > CORRECTED_MOST:
        text = f"{len(mild)} corrected hardware errors in a day"
        yield warning(
            "H05", text, evidence=tuple(e.text for e in mild[-3:]), action=Action.INSPECT, value=float(len(mild))
        )
    else:
        yield ok("H05", f"{len(mild)} corrected hardware errors in a day")


def disks(look: Look) -> Iterator[Finding]:
    """H14: disk errors in 14 days; H12's events of file systems since boot."""
    if (finding := _unreadable(look, "H14")) is not None:
        yield finding
        return
    groups = _grouped(look.recent(("disk", "nvme"), DISK_SECONDS), ("device",))
    told = False
    for (device,), seen in groups.items():
        if seen.last.time <= settled(look.history, "H14", str(device)):
            continue
        told = True
        text = f"disk {device or 'of no told name'} reports errors"
        evidence = (seen.last.text, f"{seen.times} times, last {span(look.now - seen.last.time)} ago")
        yield critical(
            "H14", text, str(device), evidence=evidence, action=Action.INSPECT, advice="smartctl -a; replace it"
        )
    if not told:
        yield ok("H14", "no disk error in 14 days")


def filesystem_errors(look: Look) -> Iterator[Finding]:
    """H12 in the log: file systems that found errors or went read-only since boot."""
    groups = _grouped([e for e in look.recent(("filesystem",), DISK_SECONDS) if _since_boot(look, e)], ("device",))
    for (device,), seen in groups.items():
        if seen.last.time > settled(look.history, "H12", f"log {device}"):
            text = f"the file system on {device} {'went read-only' if seen.last.grade == 'read-only' else 'has errors'}"
            advice = "save what can be saved, then fsck it unmounted"
            yield critical(
                "H12", text, f"log {device}", evidence=(seen.last.text,), action=Action.INSPECT, advice=advice
            )


def pci_errors(look: Look) -> Iterator[Finding]:
    """G19 in the log: PCIe errors that were not corrected, links that vanished."""
    groups = _grouped([e for e in look.recent(("pcie",), DAY) if _since_boot(look, e)], ("device", "grade"))
    for (device, grade), seen in groups.items():
        thing = f"log {device} {grade}"
        if grade in ("uncorrected", "fatal", "down") and seen.last.time > settled(look.history, "G19", thing):
            make = critical if grade in ("fatal", "down") else warning
            yield make(
                "G19", f"PCIe device {device}: {grade}", thing, evidence=(seen.last.text,), action=Action.INSPECT
            )


def servers(look: Look) -> Iterator[Finding]:
    """H16: file servers that stopped answering and did not come back; mounts that gave no numbers."""
    last: dict[str, KernelEvent] = {}
    for event in look.recent(("nfs",), DAY):
        if _since_boot(look, event):
            last[event.device] = event
    for server, event in last.items():
        if event.grade == "silent":
            text = f"file server {server} does not answer since {span(look.now - event.time)}"
            make = critical if look.now - event.time >= SILENT_SECONDS else warning
            yield make(
                "H16", text, server, evidence=(event.text,), advice=f"showmount -e {server}; df hangs on its mounts"
            )
    mounts = look.sample.filesystems if look.sample else ()
    silent = [one for one in mounts if one.reason is not None]
    for one in silent:
        yield warning(
            "H16", f"{one.mount}: {one.reason}", one.mount, advice=f"umount -l {one.mount} once nothing needs it"
        )
    if mounts and not silent:
        yield ok("H16", f"{len(mounts)} file systems answer")
