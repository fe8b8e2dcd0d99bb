"""Who a process of this machine is, by the same rules as the kit's on hosts: the kernel's name, the effective user."""

from __future__ import annotations

import pwd
import sys
from pathlib import Path

import psutil

from backends.hostkit.cgroups import owner
from backends.metrics.sample import Process
from backends.text import clean, decode

LINUX = sys.platform.startswith("linux")
COMMAND_BYTES = 512
NAME_LENGTH, USER_LENGTH, CGROUP_LENGTH = 64, 64, 400


def identify(process: psutil.Process) -> Process:
    """What stays the same while a process lives. Raises psutil.Error, OSError, ValueError or IndexError when it ended."""
    pid = process.pid
    name, started = _stat(pid) if LINUX else (process.name(), int(process.create_time() * 100))
    container, job = _owner(pid)
    return Process(
        pid=pid,
        start_ticks=started,
        user=clean(_user(process.uids().effective), USER_LENGTH),
        name=clean(name, NAME_LENGTH),
        command=_command(process),
        container=container,
        slurm_job=job,
    )


def _stat(pid: int) -> tuple[str, int]:
    """Name and field 22 of /proc/PID/stat. psutil lengthens names from the command line, which the process may rewrite."""
    raw = Path(f"/proc/{pid}/stat").read_bytes()
    close = raw.rindex(b")")
    return raw[raw.index(b"(") + 1 : close].decode("utf-8", "replace"), int(raw[close + 2 :].split()[19])


def _user(uid: int) -> str:
    """The user whose rights it has; what a set-uid program was started by does not show what it may do."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _command(process: psutil.Process) -> str:
    if LINUX:
        with Path(f"/proc/{process.pid}/cmdline").open("rb", buffering=0) as file:
            return decode(file.read(COMMAND_BYTES).replace(b"\0", b" ").strip(), COMMAND_BYTES)
    try:
        return clean(" ".join(process.cmdline()), COMMAND_BYTES)
    except psutil.AccessDenied:
        return ""


def _owner(pid: int) -> tuple[str | None, str | None]:
    """Container and Slurm job, from the longest cgroup path: on cgroup v1 some controllers say only "/"."""
    if not LINUX:
        return None, None
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None, None
    paths = [line.split(":", 2)[2] for line in lines if line.count(":") >= 2]
    return owner(clean(max(paths, key=len), CGROUP_LENGTH)) if paths else (None, None)
