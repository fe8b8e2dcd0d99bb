"""Who holds a package manager's lock, from the kernel's table of locks and from ps. A lock is never tried and never deleted."""

from __future__ import annotations

import re

from backends.updates.model import Holder

_ENTRY = re.compile(r"\d+: (?:POSIX|FLOCK|OFDLCK) +\S+ +WRITE +(\d+) +[0-9a-f]+:[0-9a-f]+:(\d+) .*")


def from_kernel(text: str) -> int | None:
    """The process that holds one of the files, the first file first: lines "inode N", then the kernel's table of locks."""
    lines = [line.strip() for line in text.splitlines()]
    entries = [entry for line in lines if (entry := _ENTRY.fullmatch(line)) and int(entry[1])]
    by_inode = {entry[2]: int(entry[1]) for entry in entries}
    inodes = (line.removeprefix("inode ") for line in lines if line.startswith("inode "))
    return next((by_inode[inode] for inode in inodes if inode in by_inode), None)


def from_process(pid: int, text: str, now: float) -> Holder:
    """The holder with its name and age, from `ps -o etimes=,comm=`; what ps does not tell stays out."""
    seconds, _, command = text.strip().partition(" ")
    age = float(seconds) if seconds.isdigit() and len(seconds) < 12 else None
    return Holder(pid=pid, command=command.strip(), since=None if age is None else now - age)


def words(holder: Holder) -> str:
    """ "apt-get (process 512)"."""
    if holder.pid is None:
        return holder.command or "another process"
    return f"{holder.command or 'a program'} (process {holder.pid})"
