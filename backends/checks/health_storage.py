"""Storage: room, inodes, read-only, disks' own health, arrays, latency. H10–H13, H15, H17. Thresholds: monitoring §2d."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from backends import decoding
from backends.checks.figures import mean
from backends.checks.glance import DISK_BUSY, DISK_LATENCY, FULL_CRITICAL, FULL_WARNING
from backends.checks.health_finding import Action, Finding, critical, graded, ok, unknown, warning
from backends.checks.health_look import Look
from backends.hostkit.health_model import Raid, Smart
from backends.text import clean
from backends.units import percent, size

ROOT_LEAST = 500 << 20
"""Bytes that must be free on / (gpud)."""
CELSIUS_WARNING, CELSIUS_CRITICAL = 60.0, 70.0
"""Of a disk (gcm, awesome-prometheus-alerts)."""
QUEUE = 10.0
MISMATCHES = 1024
"""Sectors of an array that differed at its last check (netdata)."""
_ARRAY = re.compile(r"(md\S{1,32}) : (\S+)(?: \(\S+\))? (.*)")
_MEMBERS = re.compile(r"\[(\d{1,4})/(\d{1,4})\]")
_DESIGNED = ("/usr", "/nix", "/snap", "/media", "/run", "/boot")


def space(look: Look) -> Iterator[Finding]:
    """H10: room for ordinary users."""
    for one in look.sample.filesystems if look.sample else ():
        if one.used_percent is None or one.read_only:
            continue
        text = f"{one.mount} is {percent(one.used_percent)} full, {size(one.available_bytes)} left"
        advice = f"du -xh --max-depth=2 {one.mount} | sort -h | tail"
        if one.mount == "/" and one.available_bytes is not None and one.available_bytes < ROOT_LEAST:
            yield critical("H10", text, one.mount, advice=advice, value=one.used_percent)
        else:
            yield graded("H10", one.used_percent, (FULL_WARNING, FULL_CRITICAL), text, one.mount, advice=advice)


def inodes(look: Look) -> Iterator[Finding]:
    """H11: inodes, where the file system has a table of them."""
    for one in look.sample.filesystems if look.sample else ():
        if one.inodes_used_percent is not None and not one.read_only:
            text = f"{percent(one.inodes_used_percent)} of the inodes of {one.mount} are in use"
            yield graded("H11", one.inodes_used_percent, (FULL_WARNING, FULL_CRITICAL), text, one.mount)


def mounts(look: Look) -> Iterator[Finding]:
    """H12: what fstab wants writable and is not, and what it wants and is not there."""
    facts = look.facts.mounts if look.facts else None
    if facts is None:
        return
    wanted = {one.mount: one for one in facts.wanted}
    told = 0
    for one in facts.mounted:
        options = wanted[one.mount].options.split(",") if one.mount in wanted else []
        designed = one.mount not in wanted and (one.mount.startswith(_DESIGNED) or not one.device.startswith("/dev/"))
        if one.read_only and "ro" not in options and not designed:
            told += 1
            text = f"{one.mount} is read-only"
            advice = "the kernel log says why; do not remount it before it was checked"
            yield critical("H12", text, one.mount, evidence=(one.device,), action=Action.INSPECT, advice=advice)
    for want in facts.wanted:
        optional = {"noauto", "nofail", "x-systemd.automount"} & set(want.options.split(",")) or want.kind == "swap"
        if not want.mounted and not optional:
            told += 1
            yield critical("H12", f"{want.mount} is not mounted", want.mount, advice=f"mount {want.mount}")
    if not told:
        yield ok("H12", f"{len(facts.mounted)} file systems are mounted as they should be")


def disks(look: Look) -> Iterator[Finding]:
    """H13: what each disk says of itself, and how many there are."""
    facts = look.facts
    if facts is None:
        return
    for name, smart in facts.smart.items():
        yield _smart(name, smart)
    for name, reason in facts.missing.items():
        if name.startswith("smart "):
            yield unknown("H13", f"disk {name[6:]}: {reason}", name[6:])
    wanted = look.expected.nvme_disks
    found = len([device for device in facts.pci or () if device.kind == "nvme"])
    if wanted is not None and facts.pci is not None and found < wanted:
        yield critical("H13", f"{found} of {wanted} NVMe disks are there", "count", action=Action.INSPECT)


def _smart(name: str, smart: Smart) -> Finding:
    values = _json(smart.text)
    if values is None:
        reason = smart.error or f"{smart.tool or 'its tool'} gave nothing to read"
        return unknown("H13", f"disk {name}: {clean(reason, 120)}", name)
    log = values.get("nvme_smart_health_information_log", values if smart.tool == "nvme" else {})
    log = log if isinstance(log, dict) else {}
    bad, celsius = _grave(values, log), _celsius(values, log)
    if bad:
        return critical(
            "H13", f"disk {name}: {bad[0]}", name, evidence=tuple(bad), action=Action.INSPECT, advice="replace it"
        )
    if celsius is None and "smart_status" not in values and not log:
        return unknown("H13", f"disk {name} does not say how it is", name)
    text = f"disk {name} is well" + (f", {celsius:.0f}°C" if celsius is not None else "")
    if celsius is not None and celsius >= CELSIUS_WARNING:
        return graded("H13", celsius, (CELSIUS_WARNING, CELSIUS_CRITICAL), f"disk {name} has {celsius:.0f}°C", name)
    return ok("H13", text, name)


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = decoding.json(text, type=object)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _grave(values: dict[str, Any], log: dict[str, Any]) -> list[str]:
    status = values.get("smart_status")
    bad = ["its self-assessment failed"] if isinstance(status, dict) and status.get("passed") is False else []
    flags, errors = _whole(log.get("critical_warning")), _whole(log.get("media_errors"))
    spare = _whole(log.get("available_spare", log.get("avail_spare")))
    least = _whole(log.get("available_spare_threshold", log.get("spare_thresh")))
    bad += [f"critical warning {flags:#x}"] if flags else []
    bad += [f"{errors} media errors"] if errors else []
    bad += [f"{spare}% spare, {least}% needed"] if spare is not None and least is not None and spare < least else []
    return bad


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 62 else None


def _celsius(values: dict[str, Any], log: dict[str, Any]) -> float | None:
    stated = values.get("temperature")
    found = _whole(stated.get("current")) if isinstance(stated, dict) else _whole(log.get("temperature"))
    if found is not None and found > 200:
        found -= 273  # nvme-cli gives kelvin
    return float(found) if found is not None and 0 < found < 150 else None


def arrays(look: Look) -> Iterator[Finding]:
    """H15: software RAID with failed or missing members."""
    raid = look.facts.raid if look.facts else None
    for name, (state, failed, want, have) in read_arrays(raid).items() if raid else ():
        text = f"array {name}: {have} of {want} members work" if want else f"array {name} is {state}"
        advice = f"mdadm --detail /dev/{name}"
        if failed or have < want or state != "active":
            evidence = tuple(failed[:4])
            yield critical("H15", text, name, evidence=evidence, action=Action.INSPECT, advice=advice)
        elif raid and raid.mismatches.get(name, 0) > MISMATCHES:
            yield warning("H15", f"array {name}: {raid.mismatches[name]} sectors differ", name, advice=advice)
        else:
            yield ok("H15", text, name)


def read_arrays(raid: Raid) -> dict[str, tuple[str, list[str], int, int]]:
    """Array → (state, failed members, members wanted, members at work), from /proc/mdstat."""
    found: dict[str, tuple[str, list[str], int, int]] = {}
    name = ""
    for line in raid.lines:
        if match := _ARRAY.match(line):
            name = match[1]
            failed = [word.partition("[")[0] for word in match[3].split() if word.endswith("(F)")]
            found[name] = (match[2], failed, 0, 0)
        elif name and (counts := _MEMBERS.search(line)):
            state, failed, _, _ = found[name]
            found[name] = (state, failed, int(counts[1]), int(counts[2]))
            name = ""
    return found


def latency(look: Look) -> Iterator[Finding]:
    """H17: disks that are slow or never idle."""
    if look.span < 60.0 or look.sample is None:
        return
    for disk in look.sample.disks:
        rows = [other for sample in look.samples for other in sample.disks if other.name == disk.name]
        waits = [row.latency_seconds for row in rows if row.latency_seconds is not None]
        queues = [row.queue_length for row in rows if row.queue_length is not None]
        busy = [row.busy_percent for row in rows if row.busy_percent is not None]
        slow = bool(waits) and mean(waits) > DISK_LATENCY
        full = bool(busy) and mean(busy) > DISK_BUSY and bool(queues) and mean(queues) > QUEUE
        if slow or full:
            told = f"{1000 * mean(waits):.0f} ms a request" if slow else f"{mean(queues):.0f} requests wait"
            yield warning("H17", f"disk {disk.name}: {told}", disk.name, advice="iostat -xz 1 5")
        elif busy:
            yield ok("H17", f"disk {disk.name} answers in time", disk.name)
