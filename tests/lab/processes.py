"""Finds and ends processes of the lab as this machine sees them. A pid alone is never trusted: it may be reused."""

from __future__ import annotations

import os
import signal
from pathlib import Path

DEEPEST = 5
"""systemd-nspawn forks a few times before the guest's first process."""


def alive(pid_file: Path, marker: str) -> int | None:
    """The process in `pid_file`, if it still runs and `marker` stands in its command line."""
    try:
        text = pid_file.read_text().strip()
    except FileNotFoundError:  # also while we look: the firmware takes it away when its host ends
        return None
    return int(text) if text.isdecimal() and marker in command_line(int(text)) else None


def command_line(pid: int) -> str:
    """The arguments of a process with blanks between them; "" when it is gone."""
    return _read(pid, "cmdline").replace("\0", " ")


def first_process(container: int) -> int | None:
    """The guest's process 1 below systemd-nspawn's process `container`; None before it is there."""
    outside = os.readlink("/proc/self/ns/pid")
    pid = container
    for _ in range(DEEPEST):
        children = _read(pid, f"task/{pid}/children").split()
        if not children:
            return None
        pid = int(children[0])
        if _namespace(pid) not in (outside, "") and _read(pid, "comm").strip() == "systemd":
            return pid
    return None


def kill(pid: int) -> None:
    """End a process at once; fine when it is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""
