"""The pack's rules about filesystems and disks as every sample shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.alerts.event_rules import cured
from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import Held, Subject, filesystem
from backends.alerts.thresholds import MINUTE, found, level, nodata, waited
from backends.metrics.sample import Disk, Filesystem
from backends.states import Severity
from backends.units import percent, size

GIB = 1 << 30
FREE_FIRE, FREE_CLEAR = 5 * GIB, 10 * GIB
"""A large disk at 98 % still has room: critical only below the first (reference), until above the second."""
BUSY_DISK = 98.0
"""Per cent busy beside a slow answer (netdata)."""
USED_WARN, USED_CRIT = Limit(90, 80), Limit(98, 90)
_LATENCY = Limit(0.1, 0.05)
_NETDATA = "Netdata stock alarms"
_FS_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "zfs", "bcachefs"})
_READ_ONLY_BY_DESIGN = ("/usr", "/nix", "/snap", "/media", "/run", "/boot")
_CRITICAL, _OK = Severity.CRITICAL, Severity.OK


def doubtful(subject: Subject) -> bool:
    """Whether anything below may be bad: one look that spares four."""
    sample = subject.sample
    if sample is None:
        return False
    most = USED_WARN.fire
    for one in sample.filesystems:
        if one.read_only or (one.used_percent or 0.0) > most or (one.inodes_used_percent or 0.0) > most:
            return True
    for disk in sample.disks:  # noqa: SIM110 - cheaper than any()
        if (disk.latency_seconds or 0.0) > _LATENCY.fire:
            return True
    return False


# Filesystems ---------------------------------------------------------------------------------------------------------


def _scan_filesystems(value: Callable[[Filesystem], float | None]) -> Callable[[Subject], Sequence[str]]:
    """Mounts that may be too full. What is mounted read-only (an image) is always full and stays so."""

    def scan(subject: Subject) -> Sequence[str]:
        sample = subject.sample
        if sample is None:
            return ()
        return [
            one.mount
            for one in sample.filesystems
            if (used := value(one)) is not None and used > USED_WARN.fire and not one.read_only
        ]

    return scan


def _space(subject: Subject, mount: str, held: Held) -> Finding:
    one = filesystem(subject, mount)
    if one is None:
        return nodata(f"{mount} is not mounted")
    used, free = one.used_percent, one.available_bytes
    if used is None:
        return nodata(one.reason or "not measured")
    if one.read_only and held.level is _OK:
        return found(_OK, used, f"{mount} is read-only, so it fills no more")
    enough = free is not None and free >= (FREE_CLEAR if held.level is Severity.CRITICAL else FREE_FIRE)
    severity = level(used, USED_WARN, None if enough else USED_CRIT, held.level)
    text = f"{mount} is {percent(used)} full, {size(free)} free"
    return found(severity, used, text, (f"{one.device} ({one.kind}), {size(one.total_bytes)}",))


def _inodes(subject: Subject, mount: str, held: Held) -> Finding:
    one = filesystem(subject, mount)
    if one is None or one.inodes_used_percent is None:
        return nodata(f"{mount} is not mounted" if one is None else one.reason or "not measured")
    used = one.inodes_used_percent
    if one.read_only and held.level is _OK:
        return found(_OK, used, f"{mount} is read-only, so it fills no more")
    severity = level(used, USED_WARN, USED_CRIT, held.level)
    return found(severity, used, f"{mount} has used {percent(used)} of its inodes")


# Mounts --------------------------------------------------------------------------------------------------------------


def turned_read_only(subject: Subject, one: Filesystem) -> bool:
    """Whether somebody or the kernel made it read-only, against its design."""
    if not one.read_only or one.kind not in _FS_KINDS or one.mount.startswith(_READ_ONLY_BY_DESIGN):
        return False
    return subject.health is None or one.mount not in subject.health.read_only_mounts


def _read_only_scan(subject: Subject) -> Sequence[str]:
    sample = subject.sample
    if sample is None:
        return ()
    return [one.mount for one in sample.filesystems if one.read_only and turned_read_only(subject, one)]


def _told(subject: Subject, one: Filesystem) -> bool:
    """Whether the kernel log told of errors of this boot on the device: that alert is the one to follow."""
    name = one.device.rpartition("/")[2]
    return any(
        event.kind == "filesystem" and name and event.object in (name, one.mount) and not cured(subject, event)
        for event in subject.events
    )


def _read_only(subject: Subject, mount: str, held: Held) -> Finding:
    one = filesystem(subject, mount)
    if one is None or one.read_only is None:
        return nodata(f"{mount} is not mounted" if one is None else one.reason or "not measured")
    if not turned_read_only(subject, one):
        return found(_OK, None, f"{mount} can be written to")
    if held.level is _OK and _told(subject, one):
        return found(_OK, None, "an error of the filesystem tells of it already")
    return found(_CRITICAL, None, f"{mount} is read-only", (f"{one.device} ({one.kind})",))


# Disks -----------------------------------------------------------------------------------------------------------------


def _busy_seconds(disk: Disk) -> float | None:
    """Seconds for a request while the disk is busy all the time; idle disks that answer late are asleep."""
    if disk.latency_seconds is None or disk.busy_percent is None:
        return None
    return disk.latency_seconds if disk.busy_percent > BUSY_DISK else 0.0


def _slow_disks(subject: Subject) -> Sequence[str]:
    disks = subject.sample.disks if subject.sample is not None else ()
    return [disk.name for disk in disks if (took := _busy_seconds(disk)) is not None and took > _LATENCY.fire]


def _disk(subject: Subject, name: str, held: Held) -> Finding:
    disks = subject.sample.disks if subject.sample is not None else ()
    took = next((_busy_seconds(disk) for disk in disks if disk.name == name), None)
    if took is None:  # no request finished
        return nodata("no request was measured")
    text = f"{name} takes {1000 * took:.0f} ms for a request and is always busy"
    return found(level(took, _LATENCY, None, held.level), took, text)


# The rules -------------------------------------------------------------------------------------------------------------

DISK_RULES: tuple[Rule, ...] = (
    Rule(
        id="disk.space",
        title="Filesystem is full",
        times=waited(MINUTE, 15 * MINUTE),
        gate=doubtful,
        scan=_scan_filesystems(lambda one: one.used_percent),
        judge=_space,
        advice="Find what fills it: du -xh --max-depth=2 MOUNT | sort -h | tail.",
        source=f"{_NETDATA}: disk_space_usage; critical also needs less than 5 GiB free",
        warn=USED_WARN,
        crit=USED_CRIT,
        unit="%",
    ),
    Rule(
        id="disk.inodes",
        title="Filesystem has no inodes left",
        times=waited(MINUTE, 15 * MINUTE),
        gate=doubtful,
        scan=_scan_filesystems(lambda one: one.inodes_used_percent),
        judge=_inodes,
        advice="Find the directory with the many small files: du --inodes -xS MOUNT | sort -n | tail.",
        source=f"{_NETDATA}: disk_inode_usage",
        warn=USED_WARN,
        crit=USED_CRIT,
        unit="%",
    ),
    Rule(
        id="disk.readonly",
        title="Filesystem turned read-only",
        times=RuleTimes(),
        gate=doubtful,
        scan=_read_only_scan,
        judge=_read_only,
        advice="See why: dmesg | grep -iE 'ext4|xfs|btrfs|I/O error'; never remount before the disk is known to be well.",
        source="gpud, node problem detector (H12)",
    ),
    Rule(
        id="disk.latency",
        title="Disk is saturated",
        times=waited(2 * MINUTE, 10 * MINUTE),
        gate=doubtful,
        scan=_slow_disks,
        judge=_disk,
        advice="See who reads and writes: iotop -o, or the processes in state D.",
        source="awesome-prometheus-alerts, Netdata (H17)",
        warn=_LATENCY,
        unit="s",
    ),
)
