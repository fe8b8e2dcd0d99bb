"""Lines of a kernel log → what happened. Only what the kernel itself wrote counts, and only at the start of its message.

A process may be called "x): NVRM: Xid 79", and anybody may write to the journal with `logger`: neither makes an event here.
Line shapes: reference of the triage bundle, step 2.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from backends.metrics.sample import Record

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_JOURNAL = re.compile(rf"(?P<stamp>{_STAMP}) \S+ kernel: (?P<said>.*)")
_DMESG = re.compile(rf"(?P<stamp>{_STAMP}) (?P<said>.*)")
_RAW = re.compile(r"\[\s*(?P<since>\d{1,10}\.\d{1,9})\] (?P<said>.*)")
_BUS = r"(?:PCI:)?(?P<device>[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.\d)?)"

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("xid", rf"NVRM: Xid \({_BUS}\): (?P<number>\d{{1,4}})\b(?P<rest>.*)"),
        ("sxid", rf"nvidia-nvswitch\d*: SXid \({_BUS}\): (?P<number>\d{{1,6}})\b(?P<rest>.*)"),
        ("off-bus", rf"NVRM: (?:GPU (?:at )?{_BUS}:?.*)?.*fallen off the bus"),
        ("oom", r"(?:Memory cgroup out of memory|Out of memory): Killed process (?P<pid>\d{1,8}) \((?P<process>.*?)\)(?:,| total)"),
        ("hung-task", r"INFO: task (?P<process>.{1,60}?):(?P<pid>\d{1,8}) blocked for more than (?P<number>\d+) seconds"),
        ("lockup", r"(?:watchdog: )?BUG: soft lockup - CPU#(?P<number>\d+)"),
        ("read-only", r"(?:EXT[234]-fs|BTRFS).*\((?:device )?(?P<device>[\w.-]+)\).*(?:[Rr]emounting filesystem read-only|forced readonly)"),
        ("read-only", r"XFS \((?P<device>[\w.-]+)\): .*[Ss]hutting ?down"),
        ("fs-error", r"(?:EXT[234]-fs error \(device (?P<device>[\w.-]+)\)|XFS \([\w.-]+\): (?:Metadata )?[Cc]orruption)"),
        ("disk", r"(?:blk_update_request: |print_req_error: )?(?:critical medium|critical target|I/O) error, dev (?P<device>[\w.-]+), "),
        ("disk", r"Buffer I/O error on dev(?:ice)? (?P<device>[\w.-]+), "),
        ("disk", r"nvme (?P<device>nvme\d+): .*(?:timeout|reset controller|controller is down|Disabling device)"),
        ("disk", r"md/raid[^:]*:(?P<device>[\w-]+): Disk failure"),
        ("memory-error", r"EDAC (?P<device>MC\d+): (?P<number>\d+) (?P<rest>CE|UE)\b"),
        ("machine-check", r"mce: \[Hardware Error\]|\{\d+\}\[Hardware Error\]"),
        ("pcie", r"(?:pcieport|nvidia|mlx5_core) (?P<device>[0-9a-f:.]+): (?:AER|PCIe Bus Error)"),
        ("link", r"(?:mlx\w+|bnxt_en|ixgbe|i40e|ice|igb|tg3|e1000e) [0-9a-f:.]+ (?P<device>[\w.-]+): .*[Ll]ink (?:is )?[Dd]own(?=[,.;]|\s*$)"),
        ("link", r"(?:bond\w*|[\w.-]+): .*[Ll]ink (?:status )?(?:definitely |is )?[Dd]own(?=[,.;]|\s*$)|[\w.-]+: lost carrier\s*$"),
        ("nfs", r"nfs: server (?P<device>\S+) not responding"),
    )
)  # fmt: skip
_PID = re.compile(r"pid='?(?P<pid>\d{1,8})")
_NAME = re.compile(r"name=(?P<name>[^,]{1,64})")


class KernelEvent(Record, frozen=True, kw_only=True):
    """One line that tells of trouble."""

    kind: str
    """ "xid", "sxid", "off-bus", "oom", "hung-task", "lockup", "read-only", "fs-error", "disk", "memory-error",
    "machine-check", "pcie", "link", "nfs"."""
    time: float | None
    """By the host's clock; None when the line has none."""
    text: str
    number: int | None = None
    """XID, SXid, CPU, seconds or count."""
    device: str = ""
    """PCI address in lower case without domain zeros beyond four digits, disk, port or server."""
    process: str = ""
    pid: int | None = None


def events(text: str, boot_time: float | None = None) -> tuple[KernelEvent, ...]:
    """What happened, in the order of the log.

    Args:
        text: of the section "kernel.log"; its first line says which program printed it.
        boot_time: for logs that count from the boot, epoch seconds.
    """
    shape = _JOURNAL if text.startswith("# journalctl") else _DMESG
    found = (_event(line, shape, boot_time) for line in text.split("\n"))
    return tuple(event for event in found if event is not None)


def bus_id(text: str) -> str:
    """A PCI address as sysfs writes it, without its function: "0000:1b:00" of "00000000:1B:00.0"."""
    head = text.lower().partition(".")[0]
    domain, _, rest = head.partition(":")
    return f"{domain[-4:]}:{rest}" if rest.count(":") == 1 else head


def _event(line: str, shape: re.Pattern[str], boot_time: float | None) -> KernelEvent | None:
    match = shape.fullmatch(line)
    if match is not None:
        time = stamp_seconds(match["stamp"])
    else:
        match = _RAW.fullmatch(line)
        if match is None:
            return None
        time = None if boot_time is None else boot_time + float(match["since"])
    for kind, pattern in _KINDS:
        if (found := pattern.match(match["said"])) is not None:
            return _made(kind, time, match["said"], found.groupdict())
    return None


def _made(kind: str, time: float | None, said: str, parts: dict[str, str | None]) -> KernelEvent:
    rest = parts.get("rest") or ""
    pid = parts.get("pid") or ((found := _PID.search(rest)) and found["pid"])
    name = parts.get("process") or ((found := _NAME.search(rest)) and found["name"]) or ""
    device = parts.get("device") or ""
    number = parts.get("number")
    return KernelEvent(
        kind=kind,
        time=time,
        text=said[:300],
        number=int(number) if number else None,
        device=bus_id(device) if kind in ("xid", "sxid", "off-bus") else device,
        process=name.strip()[:60],
        pid=int(pid) if pid else None,
    )


def stamp_seconds(text: str) -> float | None:
    """Epoch seconds of an ISO stamp with its zone; None when it is no time."""
    try:
        when = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return when.astimezone(UTC).timestamp() if when.tzinfo is not None and 1970 < when.year < 9999 else None
