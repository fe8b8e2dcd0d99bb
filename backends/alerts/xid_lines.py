"""Lines of the kernel log about XIDs → numbers. Pure; never raises, whoever wrote the line.

    NVRM: Xid (PCI:0000:05:00): 79, pid=4711, name=python, GPU has fallen off the bus.

A GPU that falls off the bus may also say so without any number.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from backends.text import clean

MOST_CODE = 9999
"""Larger numbers are no XID."""


class Xid(NamedTuple):
    """One line, read."""

    code: int
    bus: str
    """PCI address, "0000:05:00"; "" when the line names none."""
    severity: Literal["", "fatal", "nonfatal"] = ""
    """NVLink 5 lines (144–150) carry it."""
    pid: str = ""
    name: str = ""


_LINE = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]{1,20})\): ([0-9]{1,5})(?![0-9])")
_FALLEN = re.compile(
    r"NVRM: .{0,80}?\b([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9])?).{0,80}?fallen off the bus"
)
_PID = re.compile(r"\bpid='?([0-9]{1,10})")
_NAME = re.compile(r"\bname=([^,]{1,64})")
_SEVERITY = re.compile(r"\b(Nonfatal|Fatal)\b")


def read(line: str) -> Xid | None:
    """The XID of a line of the kernel log; None when it has none. Never raises, whoever wrote the line."""
    text = clean(line, 1000)
    match = _LINE.search(text)
    if match is None:
        fallen = _FALLEN.search(text)
        return Xid(79, bus_of(fallen[1])) if fallen is not None else None
    code = int(match[2])
    if not 0 < code <= MOST_CODE:
        return None
    rest = text[match.end() :]
    pid, name, severity = _PID.search(rest), _NAME.search(rest), _SEVERITY.search(rest)
    return Xid(
        code,
        bus_of(match[1]),
        ("fatal" if severity[1] == "Fatal" else "nonfatal") if severity is not None and 144 <= code <= 150 else "",
        pid[1] if pid is not None else "",
        name[1].strip() if name is not None else "",
    )


def bus_of(text: str) -> str:
    """A PCI address in one spelling: "0000:05:00"; NVML says 00000000:05:00.0, the kernel 0000:05:00."""
    parts = text.strip().lower().removeprefix("pci:").partition(".")[0].split(":")
    if len(parts) == 2:
        parts = ["0", *parts]
    if len(parts) != 3:
        return ""
    try:
        domain, bus, device = (int(part, 16) for part in parts)
    except ValueError:
        return ""
    return f"{domain:04x}:{bus:02x}:{device:02x}" if domain <= 0xFFFFFFFF and bus <= 0xFF and device <= 0xFF else ""
